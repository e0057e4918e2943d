"""Claims as clients send them."""

from datetime import datetime, tzinfo
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.errors import Invalid
from api.fields import (
    MAX_UNITS,
    Amount,
    AmountOrZero,
    ClaimAttributes,
    Day,
    DiagnosisCode,
    EntityId,
    Identifier,
    Modifiers,
    PlaceOfService,
    ProcedureCode,
    StatedAuthorization,
    Units,
)
from claims.claim import Claim, ClaimLine, InvalidClaim
from claims.money import format_cents
from claims.service_days import receipt_day

__all__ = ["MAX_DIAGNOSES", "MAX_LINES", "MAX_UNITS", "ClaimIn", "LineIn", "VoidIn"]

MAX_LINES = 100
MAX_DIAGNOSES = 25


class LineIn(BaseModel):
    """One billed service; the amount is for all its units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    procedure_code: ProcedureCode
    amount: Amount
    units: Units = 1
    service_date: Day | None = None
    modifiers: Modifiers = Field(
        default_factory=list, description="Modifiers of the procedure, in the order billed.", examples=[["25", "59"]]
    )
    other_payer_paid: AmountOrZero | None = Field(None, description="What other payers paid of the line.")


class ClaimIn(BaseModel):
    """A claim: either one procedure with its amount, or lines."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "member_id": "M123",
                    "provider_id": "H456",
                    "diagnosis_code": "D001",
                    "procedure_code": "P001",
                    "claim_amount": 5000,
                }
            ]
        },
    )

    member_id: EntityId
    provider_id: EntityId
    diagnosis_code: DiagnosisCode | None = Field(None, description="The principal diagnosis, with or without its dot.")
    diagnosis_codes: Annotated[list[DiagnosisCode], Field(min_length=1, max_length=MAX_DIAGNOSES)] | None = Field(
        None, description="All diagnoses; the first is the principal one unless diagnosis_code names it."
    )
    procedure_code: ProcedureCode | None = Field(None, description="Of a claim without lines.", examples=["P001"])
    claim_amount: Amount | None = Field(None, description="Required without lines; with lines it must be their sum.")
    units: Units | None = Field(None, description="Of a claim without lines. Default: 1.")
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=MAX_LINES)] | None = None
    service_from: Day | None = Field(
        None, description="First day of service. Default: of the lines, or the day of receipt."
    )
    service_to: Day | None = Field(None, description="Last day of service. Default: of the lines, or the first day.")
    place_of_service: PlaceOfService | None = Field(None, description="CMS two-digit code.")
    replaces: Identifier | None = Field(
        None, description="The claim this one corrects; it is voided when this one is stored."
    )
    other_payer_paid: AmountOrZero | None = Field(
        None, description="What other payers paid of the claim, where it is not known for its lines."
    )
    authorization_number: StatedAuthorization | None = Field(
        None,
        description="Of the prior authorization, where the member's plan requires one; without control characters.",
    )
    attributes: ClaimAttributes = Field(
        default_factory=dict,
        description="Further values that the model uses, by name: true, false, a number, a text, or null where the "
        "value is missing. A date is written as YYYY-MM-DD. Names that the model does not have are kept and not used.",
        examples=[{"police_report": False, "vehicle_age": 7, "vehicle_make": "saab", "policy_start": "2024-05-31"}],
    )

    @property
    def diagnoses(self) -> tuple[str, ...]:
        """All diagnoses, the principal one first; raises `InvalidClaim` without any."""
        listed = self.diagnosis_codes or []
        if self.diagnosis_code is None:
            if not listed:
                raise InvalidClaim("diagnosis_code", "is required, or diagnosis_codes")
            return tuple(listed)
        return (self.diagnosis_code, *(code for code in listed if code != self.diagnosis_code))

    def to_claim(
        self, claim_id: str, received_at: datetime, time_zone: tzinfo, accepted_at: datetime | None = None
    ) -> Claim:
        """The claim of the domain; raises `InvalidClaim`.

        `received_at` is its place in the order of claims. It was received on the day, in the insurer's `time_zone`, of
        `accepted_at`: when it was acknowledged, where it is decided later; default: `received_at`.
        """
        received_on = receipt_day(accepted_at or received_at, time_zone)
        days = [line.service_date for line in self.lines or () if line.service_date is not None]
        first = self.service_from or min(days, default=self.service_to or received_on)
        return Claim(
            claim_id=claim_id,
            received_at=received_at,
            received_on=received_on,
            member_id=self.member_id,
            provider_id=self.provider_id,
            diagnosis_codes=self.diagnoses,
            lines=self._claim_lines(),
            service_from=first,
            service_to=self.service_to or max([first, *days]),
            place_of_service=self.place_of_service,
            replaces=self.replaces,
            service_date_defaulted=not (self.service_from or self.service_to or days),
            attributes=self.attributes,
            other_payer_cents=self.other_payer_paid or 0,
            authorization_number=self.authorization_number,
        )

    def validated(
        self, claim_id: str, received_at: datetime, time_zone: tzinfo, accepted_at: datetime | None = None
    ) -> Claim:
        """As `to_claim`; raises `Invalid`, naming the field, where the parts of the claim contradict each other."""
        try:
            return self.to_claim(claim_id, received_at, time_zone, accepted_at)
        except InvalidClaim as error:
            raise Invalid.field(error.field, str(error)) from None

    @property
    def named_procedures(self) -> list[tuple[str, str]]:
        """Field and code of each procedure."""
        codes = [(f"lines[{at}].procedure_code", line.procedure_code) for at, line in enumerate(self.lines or ())]
        return codes if self.procedure_code is None else [("procedure_code", self.procedure_code), *codes]

    @property
    def named_diagnoses(self) -> list[tuple[str, str]]:
        """Field and code of each diagnosis."""
        codes = [(f"diagnosis_codes[{at}]", code) for at, code in enumerate(self.diagnosis_codes or ())]
        return codes if self.diagnosis_code is None else [("diagnosis_code", self.diagnosis_code), *codes]

    def _claim_lines(self) -> tuple[ClaimLine, ...]:
        if self.lines is None:
            if self.procedure_code is None:
                raise InvalidClaim("procedure_code", "is required, or lines")
            if self.claim_amount is None:
                raise InvalidClaim("claim_amount", "is required, or lines")
            return (ClaimLine(self.procedure_code, self.claim_amount, self.units or 1),)
        for name in ("procedure_code", "units"):
            if getattr(self, name) is not None:
                raise InvalidClaim(name, "must not be sent with lines: each line has its own")
        total = sum(line.amount for line in self.lines)
        if self.claim_amount not in (None, total):
            raise InvalidClaim("claim_amount", f"must be {format_cents(total)}, the sum of the lines; or leave it out")
        return tuple(_claim_line(line) for line in self.lines)


def _claim_line(line: LineIn) -> ClaimLine:
    return ClaimLine(
        line.procedure_code,
        line.amount,
        line.units,
        line.service_date,
        tuple(line.modifiers),
        line.other_payer_paid or 0,
    )


class VoidIn(BaseModel):
    """Why a claim is voided."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "billed in error"}]}
    )

    reason: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500)] | None = None
