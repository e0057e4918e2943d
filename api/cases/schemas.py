"""Requests about cases."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from api.cases.closing import MAX_FINDINGS, CaseClosing, ClaimFinding
from api.cases.records import MAX_CLAIMS, CaseDisposition, CaseSubject, LossMethod, SubjectKind
from api.cases.service import MAX_RING
from api.cases.work import MAX_CASE_TEXT, MAX_TITLE, CaseTaskKind, NewCaseTask
from api.errors import Invalid
from api.fields import CLAIM_ID_EXAMPLE, ONE_LINE, AmountOrZero, Day, EntityId, FraudKind, Identifier, PastInstant
from api.investigations import DispositionName

SubjectName = Literal["provider", "member", "ring"]
DetectionName = Literal["score", "edit", "policy", "audit_sample", "appeal", "referral", "manual"]
DispositionOfCase = Literal["substantiated_fraud", "waste", "abuse", "billing_error", "unsubstantiated", "inconclusive"]
LossMethodName = Literal["claim_review", "sample", "estimate", "none"]
NoteName = Literal["note", "contact", "education", "referral"]

_TEXT = StringConstraints(
    strict=True, min_length=1, max_length=MAX_CASE_TEXT, pattern=r"^(?:[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*)$"
)
CaseText = Annotated[str, _TEXT, Field(description="Line breaks are allowed; without a member's name.")]
ClaimIds = Annotated[list[Identifier], Field(max_length=MAX_CLAIMS)]
ExpectedVersion = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]


def _example(**values: object) -> ConfigDict:
    example: Final[JsonDict] = dict(values)  # type: ignore[arg-type]
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [example]})


class CaseIn(BaseModel):
    """The subject of a case, and claims of it."""

    model_config = _example(
        subject_kind="provider",
        subject_id="H456",
        claim_ids=[],
        detection="referral",
        detected_at="2026-03-02T10:15:00Z",
    )

    subject_kind: SubjectName
    subject_id: EntityId | None = Field(None, description="Of a provider or member. A ring has `provider_ids`.")
    provider_ids: Annotated[list[EntityId], Field(max_length=MAX_RING)] = Field(
        default_factory=list, description="Of a ring: its providers, at least two."
    )
    claim_ids: ClaimIds = Field(default_factory=list, description="Claims of the subject, which the case has then.")
    detection: DetectionName = Field("manual", description="How the suspicion arose.")
    detected_at: PastInstant | None = Field(None, description="When it arose. Default: now.")

    @property
    def subject(self) -> CaseSubject:
        """Whom it is about; raises `Invalid` where that is not said once."""
        is_ring = self.subject_kind == SubjectKind.RING.value
        if is_ring == (self.subject_id is not None):
            raise Invalid.field("subject_id", "must be the id of a provider or member; a ring has provider_ids instead")
        if is_ring != bool(self.provider_ids):
            raise Invalid.field("provider_ids", "must be the providers of a ring; of other subjects, leave it out")
        if self.subject_id is None:
            return CaseSubject.ring(self.provider_ids)
        return CaseSubject(SubjectKind(self.subject_kind), self.subject_id)


class CaseClaimsIn(BaseModel):
    """Claims that a case gets or loses."""

    model_config = _example(claim_ids=[CLAIM_ID_EXAMPLE])

    claim_ids: Annotated[list[Identifier], Field(min_length=1, max_length=MAX_CLAIMS)]


class CaseAssignmentIn(BaseModel):
    """Who has a case."""

    model_config = _example(assignee_id=None)

    assignee_id: Identifier | None = Field(
        description="Id of an active user or key that works cases; `me`: the caller; null: no one."
    )


class CaseNoteIn(BaseModel):
    """What is recorded in words."""

    model_config = _example(kind="contact", text="Called the practice manager.", on="2026-03-02")

    kind: NoteName = Field(
        "note",
        description="`contact`: someone was spoken or written to; `education`: the provider was taught how to bill; "
        "`referral`: the case was passed to an agency.",
    )
    text: CaseText
    on: Day | None = Field(None, description="The day of a contact, an education or a referral.")


class CaseTaskIn(BaseModel):
    """What is to be done until a day, or a request of records."""

    model_config = _example(
        kind="records_request", title="Records of March", due_on="2026-04-02", letter="Please send the records."
    )

    kind: Literal["task", "records_request"] = "task"
    title: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_TITLE, pattern=ONE_LINE)]
    due_on: Day
    letter: CaseText | None = Field(None, description="The text of the letter of a `records_request`, which needs one.")

    @property
    def task(self) -> NewCaseTask:
        """As the service takes it."""
        return NewCaseTask(CaseTaskKind(self.kind), self.title, self.due_on, self.letter)


class CaseTaskDoneIn(BaseModel):
    """Nothing more has to be said of a task that is done, or of records that were received."""

    model_config = _example()


class CaseFindingIn(BaseModel):
    """The disposition of a claim of the case, recorded when the case closes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claim_id: Identifier
    disposition: DispositionName = Field(description="`confirmed` needs the case's `substantiated_fraud`.")
    kind: FraudKind | None = Field(None, description="Kind of confirmed fraud.")
    amount_recovered: AmountOrZero = 0


class CaseClosingIn(BaseModel):
    """What the investigation of a case found."""

    model_config = _example(
        disposition="billing_error", loss="120.50", loss_method="claim_review", note="Wrong modifier.", findings=[]
    )

    disposition: DispositionOfCase
    loss: AmountOrZero = Field(0, description="0 exactly with the method `none`.")
    loss_method: LossMethodName = Field("none", description="How the loss was determined.")
    note: CaseText = Field(description="Why.")
    findings: Annotated[list[CaseFindingIn], Field(max_length=MAX_FINDINGS)] = Field(
        default_factory=list, description="Dispositions of claims of the case, each once."
    )

    @property
    def closing(self) -> CaseClosing:
        """As the service takes it."""
        return CaseClosing(
            disposition=CaseDisposition(self.disposition),
            loss_cents=self.loss,
            loss_method=LossMethod(self.loss_method),
            note=self.note,
            findings=tuple(
                ClaimFinding(one.claim_id, one.disposition, one.kind, one.amount_recovered) for one in self.findings
            ),
        )


class CaseClosingAnswerIn(BaseModel):
    """The answer to a closing that another person proposed."""

    model_config = _example(expected_version=7, note="Agreed.")

    expected_version: ExpectedVersion = Field(
        description="The `version` you read. If the case has another entry since, the response is 409."
    )
    note: CaseText | None = None


class CaseReopeningIn(BaseModel):
    """Why a closed case is opened again."""

    model_config = _example(note="Further claims of the same kind.")

    note: CaseText
