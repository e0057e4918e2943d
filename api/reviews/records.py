"""A claim in review as the database has it, and as the rules of `claims/review/rules.py` see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import JsonValue

from api.assessments import JsonObject
from claims.benefits import Benefit
from claims.outcome import Outcome
from claims.payment import ClaimPayment
from claims.review import REASONS, Action, Disposition, Effect, Proposal, ReviewReason, ReviewSubject


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision of a person; the fields are the columns of `decisions`."""

    decision_id: str
    claim_id: str
    number: int
    made_at: datetime
    action: str
    effect: str
    outcome: str
    pays_cents: int
    approved_cents: int
    reserved_cents: int
    reason: str
    note: str | None
    documents: list[str]
    due_on: date | None
    disposition: str | None
    kind: str | None
    answers: str | None
    assessment_id: str | None
    actor_id: str
    decided_by: str
    role: str

    @property
    def declared_reason(self) -> ReviewReason:
        """The reason with its meaning."""
        return REASONS[self.reason]


@dataclass(frozen=True, slots=True)
class ReviewedClaim:
    """The columns of a claim that a review needs."""

    claim_id: str
    member_id: str | None
    received_at: datetime
    received_on: date | None
    service_from: date
    status: str
    amount_cents: int
    approved_cents: int
    reserved_cents: int
    benefit_limit_cents: int | None
    """As of receipt."""
    line_of_business: str | None
    state_code: str | None
    payment: Mapping[str, JsonValue] | None
    """As it is stored; None: the claim is not itemized."""


@dataclass(frozen=True, slots=True)
class Review:
    """A claim in review with its decisions, assessments and findings."""

    claim: ReviewedClaim
    benefit: Benefit
    """Without this claim."""
    due: ClaimPayment | None
    """What the plan pays before the benefit limit, by the cost that other claims have shared; None: not itemized."""
    decisions: Sequence[DecisionRecord]
    """Oldest first."""
    assessments: int
    assessment_id: str | None
    """The latest."""
    disposition: str | None
    """The latest."""
    recovered_cents: int

    @property
    def version(self) -> int:
        """Incremented by every decision and every assessment; both are only added."""
        return len(self.decisions) + self.assessments

    @property
    def last(self) -> DecisionRecord | None:
        """The last decision."""
        return self.decisions[-1] if self.decisions else None

    @property
    def subject(self) -> ReviewSubject:
        """The claim as the rules see it."""
        claim = self.claim
        outcome = None if claim.status == "voided" else Outcome(claim.status)
        return ReviewSubject(
            outcome=outcome,
            amount_cents=claim.amount_cents,
            approved_cents=claim.approved_cents,
            reserved_cents=claim.reserved_cents,
            benefit=self.benefit,
            decided_by_person=self.last is not None and outcome is not Outcome.IN_REVIEW,
            disposition=None if self.disposition is None else Disposition(self.disposition),
            proposal=None if outcome is not Outcome.IN_REVIEW else self._proposal(),
            recovered_cents=self.recovered_cents,
            due_cents=None if self.due is None else self.due.paid_cents,
        )

    def _proposal(self) -> Proposal | None:
        last = self.last
        if last is None or last.effect != Effect.PROPOSED.value:
            return None
        return Proposal(
            decision_id=last.decision_id,
            action=Action(last.action),
            reason=last.reason,
            pays_cents=last.pays_cents,
            disposition=None if last.disposition is None else Disposition(last.disposition),
            kind=last.kind,
            key_id=last.actor_id,
            name=last.decided_by,
        )


@dataclass(frozen=True, slots=True)
class QueuedClaim:
    """A claim in review with its latest assessment and its last decision, each null where there is none."""

    claim_id: str
    received_at: datetime
    received_on: date | None
    provider_id: str | None
    amount_cents: int
    reserved_cents: int
    line_of_business: str | None
    state_code: str | None
    findings: Sequence[JsonObject] | None
    probability: float | None
    action: str | None
    effect: str | None
    due_on: date | None
    pays_cents: int | None
