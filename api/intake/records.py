"""Claims as the database has them, with what a response about a claim says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from api.assessments import AssessmentSummary
from claims.attributes import AttributeValue
from claims.payment import ClaimPayment


class ClaimOrder(Enum):
    """An order of claims by time of receipt and id, named as a client names it."""

    NEWEST = "-received_at"
    OLDEST = "received_at"


@dataclass(frozen=True, slots=True)
class DecisionSummary:
    """The last decision of a person on a claim; of an approved proposal, what was proposed."""

    action: str
    reason: str
    effect: str
    documents: Sequence[str] | None
    """In clear, of an earlier release."""
    due_on: date | None
    made_at: datetime
    decided_by: str
    role: str
    decision_id: str
    documents_sealed: bytes | None
    key_of: str | None
    """The member whose key is there, of sealed documents."""
    wrapped_key: bytes | None


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """A claim with its latest assessment and decision; a claim loaded as history has no assessment."""

    claim_id: str
    status: str
    member_id: str | None
    provider_id: str | None
    diagnosis_code: str | None
    procedure_code: str | None
    service_from: date
    service_to: date
    received_at: datetime
    """Its place in the order of claims."""
    received_on: date | None
    """The day of receipt in the insurer's time zone; None: that of `received_at`."""
    amount_cents: int
    approved_cents: int
    reserved_cents: int
    replaces: str | None
    voided_at: datetime | None
    attributes: Mapping[str, AttributeValue] | None
    """Further values that models use; null: none."""
    line_of_business: str | None
    """Of the member's plan at receipt."""
    state_code: str | None
    payment: ClaimPayment | None
    """None: the claim is not itemized."""
    authorization_number: str | None
    """Of the prior authorization, as it was sent."""
    replaced_by: str | None
    chain: Sequence[str]
    """This claim and those that replace or follow one another with it, newest first."""
    decision: DecisionSummary | None
    assessment: AssessmentSummary | None


@dataclass(frozen=True, slots=True)
class LineRecord:
    """One line of a claim."""

    line: int
    procedure_code: str
    units: int
    amount_cents: int
    service_date: date | None
    modifiers: Sequence[str] | None
