"""A claim in review, a requested action, and the settlement that follows from it."""

from dataclasses import dataclass
from datetime import date
from enum import Enum

from claims.benefits import Benefit
from claims.outcome import Outcome
from claims.review.reasons import Action


class ReviewState(Enum):
    """State of a claim as a reviewer sees it."""

    OPEN = "open"
    """In review without a proposal."""
    PROPOSED = "proposed"
    """In review with a proposal that awaits a second person."""
    DECIDED = "decided"
    """Decided by a person."""
    AUTOMATIC = "automatic"
    """Decided without a person: approved or rejected."""
    VOIDED = "voided"


class Effect(Enum):
    """Effect of an action."""

    SETTLED = "settled"
    PROPOSED = "proposed"
    PENDED = "pended"
    REFUSED = "refused"
    REOPENED = "reopened"


class Disposition(Enum):
    """Result of an investigation. The latest one of a claim applies."""

    CONFIRMED = "confirmed"
    """Fraud. A positive label."""
    CLEARED = "cleared"
    """Investigated; no fraud. A negative label."""
    BILLING_ERROR = "billing_error"
    """Billed wrongly without a finding of fraud. No label."""
    OVERPAYMENT = "overpayment"
    """Overpaid through an error of the payer; of an earlier release, also waste or abuse. No label."""
    WASTE = "waste"
    """Paid for services that were not needed, without a finding of fraud. No label."""
    ABUSE = "abuse"
    """Paid for a practice that is not accepted, without a finding of fraud. No label."""
    INCONCLUSIVE = "inconclusive"
    """Investigated without a conclusion. No label."""


@dataclass(frozen=True, slots=True)
class Person:
    """The person acting."""

    key_id: str
    name: str
    may_approve: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision that awaits a second person."""

    decision_id: str
    action: Action
    reason: str
    pays_cents: int
    disposition: Disposition | None
    kind: str | None
    key_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ReviewSubject:
    """The current state of a claim. `outcome=None`: voided."""

    outcome: Outcome | None
    amount_cents: int
    approved_cents: int
    reserved_cents: int
    benefit: Benefit
    """The yearly benefit excluding this claim."""
    decided_by_person: bool = False
    disposition: Disposition | None = None
    """The latest disposition of the claim."""
    proposal: Proposal | None = None
    """The open proposal of a claim in review."""
    recovered_cents: int = 0
    """Cents recovered so far."""
    due_cents: int | None = None
    """What the plan pays of the amount before its benefit limit; None: all of it."""

    @property
    def state(self) -> ReviewState:
        """The state of the claim for a reviewer."""
        if self.outcome is None:
            return ReviewState.VOIDED
        if self.outcome is Outcome.IN_REVIEW:
            return ReviewState.OPEN if self.proposal is None else ReviewState.PROPOSED
        return ReviewState.DECIDED if self.decided_by_person else ReviewState.AUTOMATIC

    @property
    def payable_cents(self) -> int:
        """Cents that a release pays: what the plan pays of the amount, limited by the unused and unreserved benefit."""
        return self.benefit.pays(self.claimable_cents)

    @property
    def claimable_cents(self) -> int:
        """What the plan pays of the amount before its benefit limit."""
        return self.amount_cents if self.due_cents is None else self.due_cents


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """A requested review action."""

    action: Action
    reason: str
    by: Person
    amount_cents: int | None = None
    documents: tuple[str, ...] = ()
    due_on: date | None = None
    disposition: Disposition | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """Settings of reviews."""

    second_approval_above_cents: int
    """Claims above this amount need two persons to decide."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """Result of a review action."""

    effect: Effect
    outcome: Outcome
    """The resulting status of the claim."""
    approved_cents: int
    reserved_cents: int
    pays_cents: int
    """Cents paid by the decision, or by the proposal once approved."""
    disposition: Disposition | None = None
    """The disposition to record."""
    kind: str | None = None
    found_by: str | None = None
    """Name of the person who made the disposition."""
