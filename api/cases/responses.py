"""Cases as the API returns them."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.cases.claims import CaseClaimState, CaseClaimTotals
from api.cases.records import CaseEvent, CaseRecord
from api.cases.schemas import DetectionName, DispositionOfCase, LossMethodName, SubjectName
from api.cases.work import CaseTask
from api.entity_tags import entity_tag
from api.fields import AmountOut, InstantOut
from api.investigations import DispositionName
from api.paging import ListPage, write_cursor
from api.responses import encode


class CaseFindingOut(BaseModel):
    """The disposition of a claim that is recorded when its case closes."""

    model_config = ConfigDict(from_attributes=True)

    claim_id: str
    disposition: DispositionName
    kind: str | None
    amount_recovered: AmountOut = Field(validation_alias="amount_recovered_cents")


class CaseOut(BaseModel):
    """A case. Its claims, tasks and history have routes of their own."""

    model_config = ConfigDict(from_attributes=True)

    case_id: str
    subject_kind: SubjectName
    subject_id: str = Field(description="Of a ring: made of the ids of its providers.")
    provider_ids: list[str] = Field(description="Of a ring: its providers.")
    status: Literal["open", "closed"]
    detection: DetectionName
    detected_at: InstantOut
    opened_at: InstantOut
    opened_by: str = Field(description="Id of the key or user.")
    assigned_to: str | None = Field(description="Id of the key or user; null: no one has it.")
    assigned_name: str | None
    is_proposed: bool = Field(description="Whether the disposition waits for a second person; the case is open then.")
    disposition: DispositionOfCase | None = Field(description="What was found, or is proposed; null: neither.")
    loss: AmountOut | None = Field(validation_alias="loss_cents")
    loss_method: LossMethodName | None
    findings: list[CaseFindingOut]
    proposed_at: InstantOut | None
    proposed_by: str | None = Field(description="Id of the key or user.")
    closed_at: InstantOut | None
    closed_by: str | None = Field(description="Id of the key or user.")
    version: int = Field(description="Number of the last entry of its history; `expected_version` of an approval.")

    @classmethod
    def of(cls, found: CaseRecord) -> "CaseOut":
        """A case."""
        return cls.model_validate(found)


def tag_of_case(found: CaseRecord) -> str:
    """The entity tag of a case, as its route gives it."""
    return entity_tag(encode(CaseOut.of(found)))


class CaseList(BaseModel):
    """A page of cases, the latest first."""

    cases: list[CaseOut]
    next_cursor: str | None = None

    @classmethod
    def of(cls, page: ListPage[CaseRecord]) -> "CaseList":
        """A page."""
        return cls(cases=[CaseOut.of(one) for one in page.items], next_cursor=write_cursor(page.next_place))


class CaseEventOut(BaseModel):
    """An entry of the history of a case, which is never changed."""

    model_config = ConfigDict(from_attributes=True)

    number: int = Field(validation_alias="event_no", description="From 1; the last is the version of the case.")
    at: InstantOut
    actor_id: str = Field(description="Id of the key or user.")
    name: str = Field(description="Of the key or user.")
    role: str
    act: str = Field(description="Such as `case.assign`.", examples=["case.note"])
    details: Mapping[str, JsonValue] = Field(description="Ids, codes, days and amounts; none of a member's data.")
    text: str | None = Field(description="What a person wrote.")

    @classmethod
    def of(cls, event: CaseEvent) -> "CaseEventOut":
        """An entry."""
        return cls.model_validate(event)


class CaseHistory(BaseModel):
    """A page of the history of a case, the latest entry first."""

    events: list[CaseEventOut]
    next_cursor: str | None = None


class CaseClaimOut(BaseModel):
    """A claim of a case. A claim that was archived has no more than its id and who added it."""

    model_config = ConfigDict(from_attributes=True)

    claim_id: str
    added_at: InstantOut
    added_by: str = Field(description="Id of the key or user.")
    received_at: InstantOut | None
    status: str | None
    claim_amount: AmountOut | None = Field(validation_alias="amount_cents")
    approved_amount: AmountOut | None = Field(validation_alias="approved_cents")
    disposition: DispositionName | None = Field(description="The latest of the claim.")


class CaseClaimList(BaseModel):
    """A page of the claims of a case in the order in which they were added, with the totals of all its claims."""

    claims: list[CaseClaimOut]
    total: int = Field(description="Claims of the case, on this page and others.")
    total_claimed: AmountOut
    total_approved: AmountOut
    next_cursor: str | None = None

    @classmethod
    def of(cls, page: ListPage[CaseClaimState], totals: CaseClaimTotals) -> "CaseClaimList":
        """A page."""
        return cls(
            claims=[CaseClaimOut.model_validate(one) for one in page.items],
            total=totals.count,
            total_claimed=totals.claimed_cents,
            total_approved=totals.paid_cents,
            next_cursor=write_cursor(page.next_place),
        )


class CaseTaskOut(BaseModel):
    """A task of a case, or a request of records."""

    model_config = ConfigDict(from_attributes=True)

    task_id: str
    case_id: str
    kind: Literal["task", "records_request"]
    title: str
    letter: str | None = Field(description="Of a request of records: the text of its letter.")
    due_on: date
    added_at: InstantOut
    added_by: str = Field(description="Id of the key or user.")
    done_at: InstantOut | None = Field(description="When it was done, or the records were received.")
    done_by: str | None = Field(description="Id of the key or user.")

    @classmethod
    def of(cls, task: CaseTask) -> "CaseTaskOut":
        """A task."""
        return cls.model_validate(task)


class CaseTaskList(BaseModel):
    """The tasks of a case: what is open first, then by due date."""

    tasks: list[CaseTaskOut]
