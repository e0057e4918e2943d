"""A decided claim as a payer's file states it, from FHIR or X12: history to learn from, not a claim to decide."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias


class HistoryStatus(StrEnum):
    """What the payer did with a claim."""

    PAID = "paid"
    """It was processed; the amount paid may be zero, such as below a deductible."""
    DENIED = "denied"
    REVERSED = "reversed"
    """It was paid and taken back."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One service line as billed."""

    number: int
    """From 1, in the order of the file."""
    procedure_code: str | None
    units: int
    amount_cents: int | None
    """Billed; `None`: the file does not state it."""
    service_date: date | None


@dataclass(frozen=True, slots=True)
class HistoryAdjustment:
    """Why less was paid than billed."""

    line: int | None
    """`None`: it applies to the claim."""
    group: str | None
    """Claim adjustment group code, such as CO; FHIR has none."""
    carc: str
    """Claim adjustment reason code."""
    amount_cents: int | None
    """Negative: it increases the payment. FHIR may not state it."""


@dataclass(frozen=True, slots=True)
class HistoryClaim:
    """A claim that could be read completely. Amounts are positive, also of a reversal."""

    claim_id: str
    """The payer's identifier."""
    claim_number: str
    """The provider's identifier, or the payer's where the file has no other."""
    where: str
    """Segment, or FHIRPath."""
    member_id: str
    provider_id: str
    status: HistoryStatus
    billed_cents: int
    paid_cents: int | None
    """`None`: the file does not state it."""
    received_on: date | None
    decided_on: date | None
    """Of the payment, or of the explanation of benefits."""
    service_from: date | None
    service_to: date | None
    lines: tuple[HistoryLine, ...]
    adjustments: tuple[HistoryAdjustment, ...]
    diagnosis_codes: tuple[str, ...] = ()
    """The principal one first."""
    place_of_service: str | None = None
    replaces: str | None = None
    """`claim_id` of the claim that this one corrects."""
    reversed_on: date | None = None
    """When it was taken back, where its own entry says so."""
    reverses: bool = False
    """It takes back a claim that another entry states, and is none itself."""
    balanced: bool = True
    """Whether billed less adjustments is the amount paid, where the format promises it."""

    @property
    def procedure_code(self) -> str | None:
        """Of the most expensive line; of the first of several."""
        coded = [line for line in self.lines if line.procedure_code is not None]
        return max(coded, key=lambda line: line.amount_cents or 0).procedure_code if coded else None


@dataclass(frozen=True, slots=True)
class HistoryProblem:
    """Why a claim is not part of the history. Never repeats a value, but the claim's number."""

    claim_number: str
    """Empty where it cannot be read."""
    where: str
    code: str
    """Stable."""
    reason: str
    remedy: str


HistoryRecord: TypeAlias = HistoryClaim | HistoryProblem
