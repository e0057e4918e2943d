"""Leads as values."""

from dataclasses import dataclass
from datetime import date
from enum import Enum


class LeadSubjectKind(Enum):
    """Whom or what a lead is about."""

    RING = "ring"
    """Providers that shared members tie together."""
    PROVIDER = "provider"
    MEMBER = "member"
    CLAIM = "claim"
    """A single claim."""


class LeadSource(Enum):
    """Why a claim needs a person, by descending precedence: a lead has the first that one of its claims has."""

    APPEAL = "appeal"
    """An appeal waits for a decision."""
    AUDIT = "audit"
    """Drawn for the random audit sample."""
    SCORE = "score"
    """Flagged by the score, or on a weekly list for its expected recovery."""
    EDITS = "edits"
    """Pended by claim edits, or by the rule that decides without a score."""
    RESCREENING = "rescreening"
    """A change of a list, price, registry or eligibility found a difference."""


class SnoozeReason(Enum):
    """Why a lead is put aside until a day."""

    AWAITING_RECORDS = "awaiting_records"
    AWAITING_PROVIDER = "awaiting_provider"
    AWAITING_OTHER_CASE = "awaiting_other_case"
    NO_CAPACITY = "no_capacity"


@dataclass(frozen=True, slots=True)
class LeadSubject:
    """The subject of a lead."""

    kind: LeadSubjectKind
    subject_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadClaim:
    """A claim that needs a person, with what a lead adds up."""

    claim_id: str
    source: LeadSource
    provider_id: str | None = None
    member_id: str | None = None
    expected_cents: int | None = None
    """Expected recoverable, less the cost of the review; None: the claim has no score."""
    low_cents: int | None = None
    high_cents: int | None = None
    """Ends of its 90 % interval."""
    paid_cents: int = 0
    """What was paid for it: to be recovered."""
    unpaid_cents: int = 0
    """What is billed and not paid yet: preventable."""
    probability: float | None = None
    indicators: tuple[str, ...] = ()
    """Codes of the risk indicators that raise its score, strongest first."""
    due_on: date | None = None
    """The day by which it has to be decided."""
