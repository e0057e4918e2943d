"""What a person may decide about a claim, and what follows for its status and its money: every rule of a review.

Pure: the claim's standing and the request come in, a `Settlement` or one of three refusals goes out.

ReviewError
├── StateConflict     the claim does not stand where this can be done (already decided, voided, another proposal)
├── NotPermitted   this person may not do it
└── InvalidField     a field is missing, does not belong to the action, or has a wrong value
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from claims.benefits import Benefit
from claims.money import format_cents
from claims.outcome import Finding, Outcome
from claims.review.reasons import REASONS, Action, codes, reasons_for

MAX_DOCUMENTS = 10
MAX_DOCUMENT_LENGTH = 120
MAX_PEND_DAYS = 180


class ReviewError(ValueError):
    """A decision that cannot be taken; the message says why and what to do."""


class StateConflict(ReviewError):
    """The claim does not stand where this can be done."""


class NotPermitted(ReviewError):
    """This person may not do it."""


class InvalidField(ReviewError):
    """One field is wrong; `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class ReviewState(Enum):
    """Where a claim stands for a reviewer."""

    OPEN = "open"
    """In review, and nothing is proposed."""
    PROPOSED = "proposed"
    """In review, and a proposal waits for a second person."""
    DECIDED = "decided"
    """Decided by a person."""
    AUTOMATIC = "automatic"
    """Decided without a person: approved or rejected."""
    VOIDED = "voided"


class Effect(Enum):
    """What came of an act."""

    SETTLED = "settled"
    PROPOSED = "proposed"
    PENDED = "pended"
    REFUSED = "refused"
    REOPENED = "reopened"


class Disposition(Enum):
    """What an investigation found of a claim. The latest of a claim holds."""

    CONFIRMED = "confirmed"
    """Fraud. A positive label."""
    CLEARED = "cleared"
    """Investigated; no fraud. A negative label."""
    BILLING_ERROR = "billing_error"
    """Billed wrongly without a finding of fraud. No label."""
    OVERPAYMENT = "overpayment"
    """Paid too much by the payer's own mistake. No label."""
    INCONCLUSIVE = "inconclusive"
    """Investigated without a conclusion. No label."""


ALLOWED: Mapping[ReviewState, frozenset[Action]] = {
    ReviewState.OPEN: frozenset({Action.RELEASE, Action.PAY_REDUCED, Action.DENY, Action.PEND}),
    ReviewState.PROPOSED: frozenset({Action.APPROVE, Action.REFUSE}),
    ReviewState.DECIDED: frozenset({Action.REOPEN}),
    ReviewState.AUTOMATIC: frozenset(),
    ReviewState.VOIDED: frozenset(),
}
"""What can be done where."""

SETTLES = frozenset({Action.RELEASE, Action.PAY_REDUCED, Action.DENY})
"""Actions that decide a claim; above an amount they need a second person."""

NEEDS_APPROVER = frozenset({Action.APPROVE, Action.REFUSE, Action.REOPEN})
"""Actions of an approver only."""

_REFUSAL = {
    ReviewState.OPEN: "the claim is in review and nothing is proposed; {allowed} can be done",
    ReviewState.PROPOSED: "a proposal waits for a second person; approve or refuse it first",
    ReviewState.DECIDED: "a person has decided the claim already; an approver can reopen it",
    ReviewState.AUTOMATIC: "the claim was decided without a review; correct it with `replaces`, or void it",
    ReviewState.VOIDED: "the claim is voided; a voided claim is not decided",
}

_FIELDS: Mapping[Action, frozenset[str]] = {
    Action.PAY_REDUCED: frozenset({"amount", "disposition"}),
    Action.RELEASE: frozenset({"disposition"}),
    Action.DENY: frozenset({"disposition", "kind"}),
    Action.PEND: frozenset({"documents", "due_on"}),
}
"""Fields that belong to an action beside reason and note."""

_STATED: Mapping[Action, frozenset[Disposition]] = {
    Action.RELEASE: frozenset({Disposition.CLEARED}),
    Action.PAY_REDUCED: frozenset({Disposition.CLEARED}),
    Action.DENY: frozenset({Disposition.CONFIRMED, Disposition.CLEARED}),
}
"""Findings that a decision may state. Stating none is not a finding: unknown is not negative."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts."""

    key_id: str
    name: str
    may_approve: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision that waits for a second person."""

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
    """A claim as it stands. `outcome=None`: voided."""

    outcome: Outcome | None
    amount_cents: int
    approved_cents: int
    reserved_cents: int
    benefit: Benefit
    """The year's benefit without this claim."""
    decided_by_person: bool = False
    disposition: Disposition | None = None
    """The latest finding on the claim."""
    proposal: Proposal | None = None
    """Of a claim in review."""
    recovered_cents: int = 0
    """Recovered of the claim so far."""

    @property
    def state(self) -> ReviewState:
        """Where the claim stands for a reviewer."""
        if self.outcome is None:
            return ReviewState.VOIDED
        if self.outcome is Outcome.IN_REVIEW:
            return ReviewState.OPEN if self.proposal is None else ReviewState.PROPOSED
        return ReviewState.DECIDED if self.decided_by_person else ReviewState.AUTOMATIC

    @property
    def payable_cents(self) -> int:
        """What releasing pays: the claim's amount, as far as the benefit not used or reserved by others goes."""
        return self.benefit.pays(self.amount_cents)


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """What a person asks for."""

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
    """What an insurer chooses."""

    second_approval_above_cents: int
    """A claim of a larger amount is decided by two persons."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What follows."""

    effect: Effect
    outcome: Outcome
    """The claim's status afterwards."""
    approved_cents: int
    reserved_cents: int
    pays_cents: int
    """What the decision, or the proposal once approved, pays."""
    disposition: Disposition | None = None
    """The finding to record with it."""
    kind: str | None = None
    found_by: str | None = None
    """Whose finding that is."""


def settle(standing: ReviewSubject, asked: DecisionRequest, *, policy: ReviewPolicy, today: date) -> Settlement:
    """What follows from an act; raises `StateConflict`, `NotPermitted`, `InvalidField`."""
    _check_state(standing, asked)
    _check_fields(asked, today)
    return _EFFECTS[asked.action](standing, asked, policy)


def allowed_actions(standing: ReviewSubject, by: Person) -> list[Action]:
    """What this person can do about the claim now, in the order of `Action`."""
    can = ALLOWED[standing.state]
    return [action for action in Action if action in can and _permitted(standing, action, by)]


def needs_second_approval(amount_cents: int, policy: ReviewPolicy) -> bool:
    """Whether a claim of this amount is decided by two persons."""
    return amount_cents > policy.second_approval_above_cents


def replaces_reviewed_claim(claim_id: str) -> Finding:
    """Of a correction whose original a person has acted on: it would undo that act, so a person decides again."""
    return Finding(
        "replaces_reviewed_claim",
        Outcome.IN_REVIEW,
        f"It replaces claim {claim_id}, which a person has reviewed; a person decides about the correction, too.",
        f"claims/{claim_id} decisions",
    )


def _check_state(standing: ReviewSubject, asked: DecisionRequest) -> None:
    if asked.action not in ALLOWED[standing.state]:
        names = ", ".join(action.value for action in Action if action in ALLOWED[standing.state])
        raise StateConflict(_REFUSAL[standing.state].format(allowed=names))
    if asked.action in NEEDS_APPROVER and not asked.by.may_approve:
        raise NotPermitted(f"only an approver may {asked.action.value}; ask a lead_investigator")
    if not _permitted(standing, asked.action, asked.by):
        raise NotPermitted("the person who proposed a decision cannot answer it; ask another approver")


def _permitted(standing: ReviewSubject, action: Action, by: Person) -> bool:
    if action in NEEDS_APPROVER and not by.may_approve:
        return False
    proposal = standing.proposal
    answers_own = proposal is not None and (by.key_id == proposal.key_id or by.name == proposal.name)
    return not (answers_own and action in (Action.APPROVE, Action.REFUSE))


def _check_fields(asked: DecisionRequest, today: date) -> None:
    reason = REASONS.get(asked.reason)
    if reason is None or asked.action not in reason.actions:
        raise InvalidField("reason", f"take one that fits {asked.action.value}: {codes(reasons_for(asked.action))}")
    given = {
        "amount": asked.amount_cents is not None,
        "documents": bool(asked.documents),
        "due_on": asked.due_on is not None,
        "disposition": asked.disposition is not None,
        "kind": asked.kind is not None,
    }
    fits = _FIELDS.get(asked.action, frozenset())
    for name, is_given in given.items():
        if is_given and name not in fits:
            raise InvalidField(name, f"does not belong to {asked.action.value}; leave it out")
    if asked.disposition is not None and asked.disposition not in _STATED[asked.action]:
        names = " or ".join(one.value for one in Disposition if one in _STATED[asked.action])
        raise InvalidField("disposition", f"with {asked.action.value} state {names}, or leave it out")
    if asked.kind is not None and asked.disposition is not Disposition.CONFIRMED:
        raise InvalidField("kind", "only confirmed fraud has a kind; leave it out")
    if asked.action is Action.PEND:
        _check_pend(asked, today)


def _check_pend(asked: DecisionRequest, today: date) -> None:
    if not 1 <= len(asked.documents) <= MAX_DOCUMENTS:
        raise InvalidField("documents", f"name 1 to {MAX_DOCUMENTS} documents")
    if not all(0 < len(document) <= MAX_DOCUMENT_LENGTH for document in asked.documents):
        raise InvalidField("documents", f"a document's name has 1 to {MAX_DOCUMENT_LENGTH} characters")
    last = today + timedelta(days=MAX_PEND_DAYS)
    if asked.due_on is None or not today < asked.due_on <= last:
        raise InvalidField("due_on", f"must be a day after today and at most {MAX_PEND_DAYS} days ahead, by {last}")


def _check_finding(standing: ReviewSubject, action: Action, reason: str, stated: Disposition | None) -> None:
    """Money does not follow confirmed fraud, and only confirmed fraud is denied as fraud."""
    found = stated or standing.disposition
    if REASONS[reason].needs_confirmed_fraud and found is not Disposition.CONFIRMED:
        raise InvalidField(
            "disposition", "denying as fraud needs confirmed fraud: state `confirmed`, or take another reason"
        )
    if action is not Action.DENY and found is Disposition.CONFIRMED:
        raise InvalidField(
            "disposition", "the claim is confirmed as fraud; deny it, or state `cleared` if that was wrong"
        )


def _decide(standing: ReviewSubject, asked: DecisionRequest, policy: ReviewPolicy) -> Settlement:
    _check_finding(standing, asked.action, asked.reason, asked.disposition)
    pays = _pays(standing, asked)
    if needs_second_approval(standing.amount_cents, policy):
        return _unchanged(standing, Effect.PROPOSED, pays)
    return _settled(standing, pays, asked.disposition, asked.kind, asked.by.name)


def _pays(standing: ReviewSubject, asked: DecisionRequest) -> int:
    payable = standing.payable_cents
    if asked.action is Action.DENY:
        return 0
    if payable == 0:
        raise StateConflict("nothing of the year's benefit is left for this claim; deny it as benefit_maximum, or wait")
    if asked.action is Action.RELEASE:
        return payable
    if asked.amount_cents is None or not 0 < asked.amount_cents < payable:
        raise InvalidField("amount", f"must be above 0.00 and below {format_cents(payable)}, which release would pay")
    return asked.amount_cents


def _settled(
    standing: ReviewSubject, pays: int, disposition: Disposition | None, kind: str | None, found_by: str
) -> Settlement:
    outcome = Outcome.APPROVED if pays == standing.amount_cents else Outcome.PARTIALLY_APPROVED
    if pays == 0:
        outcome = Outcome.DENIED
    return Settlement(
        Effect.SETTLED,
        outcome,
        approved_cents=pays,
        reserved_cents=0,
        pays_cents=pays,
        disposition=disposition,
        kind=kind,
        found_by=None if disposition is None else found_by,
    )


def _unchanged(standing: ReviewSubject, effect: Effect, pays: int = 0) -> Settlement:
    return Settlement(effect, Outcome.IN_REVIEW, 0, standing.reserved_cents, pays)


def _pend(standing: ReviewSubject, _asked: DecisionRequest, _policy: ReviewPolicy) -> Settlement:
    return _unchanged(standing, Effect.PENDED)


def _approve(standing: ReviewSubject, _asked: DecisionRequest, _policy: ReviewPolicy) -> Settlement:
    proposal = _proposed(standing)
    _check_finding(standing, proposal.action, proposal.reason, proposal.disposition)
    if proposal.pays_cents > standing.payable_cents:
        raise StateConflict(
            f"the proposal pays {format_cents(proposal.pays_cents)}, but the benefit left now pays "
            f"{format_cents(standing.payable_cents)}; refuse it, and have it proposed again"
        )
    return _settled(standing, proposal.pays_cents, proposal.disposition, proposal.kind, proposal.name)


def _refuse(standing: ReviewSubject, _asked: DecisionRequest, _policy: ReviewPolicy) -> Settlement:
    return _unchanged(standing, Effect.REFUSED, _proposed(standing).pays_cents)


def _proposed(standing: ReviewSubject) -> Proposal:
    if standing.proposal is None:
        raise StateConflict(_REFUSAL[ReviewState.OPEN].format(allowed="no approval"))
    return standing.proposal


def _reopen(standing: ReviewSubject, _asked: DecisionRequest, _policy: ReviewPolicy) -> Settlement:
    """The claim waits for another decision and reserves what it could be paid; the payment is taken back."""
    if standing.recovered_cents:
        raise StateConflict(
            f"{format_cents(standing.recovered_cents)} of the claim's payment were recovered; a claim with recoveries "
            "is not reopened, record what else is found as a disposition"
        )
    return Settlement(Effect.REOPENED, Outcome.IN_REVIEW, 0, standing.payable_cents, 0)


_EFFECTS: Mapping[Action, Callable[[ReviewSubject, DecisionRequest, ReviewPolicy], Settlement]] = {
    Action.RELEASE: _decide,
    Action.PAY_REDUCED: _decide,
    Action.DENY: _decide,
    Action.PEND: _pend,
    Action.APPROVE: _approve,
    Action.REFUSE: _refuse,
    Action.REOPEN: _reopen,
}
