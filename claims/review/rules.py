"""Review rules: what a person may decide about a claim, and what follows for its status and money.

Pure: takes the claim's state and the request, and returns a `Settlement` or raises a `ReviewError`.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from claims.money import format_cents
from claims.outcome import Finding, Outcome
from claims.review.errors import InvalidField, NotPermitted, StateConflict
from claims.review.reasons import REASONS, Action, codes, reasons_for
from claims.review.state import (
    DecisionRequest,
    Disposition,
    Effect,
    Person,
    Proposal,
    ReviewPolicy,
    ReviewState,
    ReviewSubject,
    Settlement,
)

MAX_DOCUMENTS = 10
MAX_DOCUMENT_LENGTH = 120
MAX_PEND_DAYS = 180


ALLOWED: Mapping[ReviewState, frozenset[Action]] = {
    ReviewState.OPEN: frozenset({Action.RELEASE, Action.PAY_REDUCED, Action.DENY, Action.PEND}),
    ReviewState.PROPOSED: frozenset({Action.APPROVE, Action.REFUSE}),
    ReviewState.DECIDED: frozenset({Action.REOPEN}),
    ReviewState.AUTOMATIC: frozenset(),
    ReviewState.VOIDED: frozenset(),
}
"""Actions possible in each state."""

SETTLES = frozenset({Action.RELEASE, Action.PAY_REDUCED, Action.DENY})
"""Actions that decide a claim; above an amount they need a second person."""

NEEDS_APPROVER = frozenset({Action.APPROVE, Action.REFUSE, Action.REOPEN})
"""Actions reserved for approvers."""

_REFUSAL = {
    ReviewState.OPEN: "the claim is in review without a proposal; possible actions: {allowed}",
    ReviewState.PROPOSED: "a proposal awaits a second person; approve or refuse it first",
    ReviewState.DECIDED: "the claim was already decided by a person; an approver can reopen it",
    ReviewState.AUTOMATIC: "the claim was decided without a review; correct it with `replaces`, or void it",
    ReviewState.VOIDED: "the claim is voided and cannot be decided",
}

_FIELDS: Mapping[Action, frozenset[str]] = {
    Action.PAY_REDUCED: frozenset({"amount", "disposition"}),
    Action.RELEASE: frozenset({"disposition"}),
    Action.DENY: frozenset({"disposition", "kind"}),
    Action.PEND: frozenset({"documents", "due_on"}),
}
"""Fields of each action besides reason and note."""

_DISPOSITIONS: Mapping[Action, frozenset[Disposition]] = {
    Action.RELEASE: frozenset({Disposition.CLEARED}),
    Action.PAY_REDUCED: frozenset({Disposition.CLEARED}),
    Action.DENY: frozenset({Disposition.CONFIRMED, Disposition.CLEARED}),
}
"""Dispositions a decision may state. Omitting it leaves the label unknown, not negative."""


def settle(subject: ReviewSubject, request: DecisionRequest, *, policy: ReviewPolicy, today: date) -> Settlement:
    """Apply a review action. Raises `StateConflict`, `NotPermitted` or `InvalidField`."""
    _check_state(subject, request)
    _check_fields(request, today)
    return _EFFECTS[request.action](subject, request, policy)


def allowed_actions(subject: ReviewSubject, by: Person) -> list[Action]:
    """The actions this person may take now, in the order of `Action`."""
    can = ALLOWED[subject.state]
    return [action for action in Action if action in can and _permitted(subject, action, by)]


def needs_second_approval(amount_cents: int, policy: ReviewPolicy) -> bool:
    """Whether a claim of this amount needs two persons to decide."""
    return amount_cents > policy.second_approval_above_cents


def replaces_reviewed_claim(claim_id: str) -> Finding:
    """The finding of a replacement whose original a person reviewed: a person decides the replacement as well."""
    return Finding(
        "replaces_reviewed_claim",
        Outcome.IN_REVIEW,
        f"Replaces claim {claim_id}, which was reviewed by a person; the replacement is reviewed as well.",
        f"claims/{claim_id} decisions",
    )


def _check_state(subject: ReviewSubject, request: DecisionRequest) -> None:
    if request.action not in ALLOWED[subject.state]:
        names = ", ".join(action.value for action in Action if action in ALLOWED[subject.state])
        raise StateConflict(_REFUSAL[subject.state].format(allowed=names))
    if request.action in NEEDS_APPROVER and not request.by.may_approve:
        raise NotPermitted(f"only an approver may {request.action.value}; ask a lead_investigator")
    if not _permitted(subject, request.action, request.by):
        raise NotPermitted("the person who proposed a decision cannot approve or refuse it; ask another approver")


def _permitted(subject: ReviewSubject, action: Action, by: Person) -> bool:
    if action in NEEDS_APPROVER and not by.may_approve:
        return False
    proposal = subject.proposal
    answers_own = proposal is not None and (by.key_id == proposal.key_id or by.name == proposal.name)
    return not (answers_own and action in (Action.APPROVE, Action.REFUSE))


def _check_fields(request: DecisionRequest, today: date) -> None:
    reason = REASONS.get(request.reason)
    if reason is None or request.action not in reason.actions:
        raise InvalidField(
            "reason", f"must be one of the reasons for {request.action.value}: {codes(reasons_for(request.action))}"
        )
    given = {
        "amount": request.amount_cents is not None,
        "documents": bool(request.documents),
        "due_on": request.due_on is not None,
        "disposition": request.disposition is not None,
        "kind": request.kind is not None,
    }
    fits = _FIELDS.get(request.action, frozenset())
    for name, is_given in given.items():
        if is_given and name not in fits:
            raise InvalidField(name, f"is not a field of {request.action.value}; omit it")
    if request.disposition is not None and request.disposition not in _DISPOSITIONS[request.action]:
        names = " or ".join(one.value for one in Disposition if one in _DISPOSITIONS[request.action])
        raise InvalidField("disposition", f"must be {names} with {request.action.value}, or omitted")
    if request.kind is not None and request.disposition is not Disposition.CONFIRMED:
        raise InvalidField("kind", "is only for confirmed fraud; omit it")
    if request.action is Action.PEND:
        _check_pend(request, today)


def _check_pend(request: DecisionRequest, today: date) -> None:
    if not 1 <= len(request.documents) <= MAX_DOCUMENTS:
        raise InvalidField("documents", f"must list 1 to {MAX_DOCUMENTS} documents")
    if not all(0 < len(document) <= MAX_DOCUMENT_LENGTH for document in request.documents):
        raise InvalidField("documents", f"each name must have 1 to {MAX_DOCUMENT_LENGTH} characters")
    last = today + timedelta(days=MAX_PEND_DAYS)
    if request.due_on is None or not today < request.due_on <= last:
        raise InvalidField("due_on", f"must be after today and at most {MAX_PEND_DAYS} days ahead, by {last}")


def _check_disposition(subject: ReviewSubject, action: Action, reason: str, stated: Disposition | None) -> None:
    """Refuse to pay confirmed fraud, and to deny as fraud what is not confirmed."""
    found = stated or subject.disposition
    if REASONS[reason].needs_confirmed_fraud and found is not Disposition.CONFIRMED:
        raise InvalidField("disposition", "must be `confirmed` to deny as fraud, or use another reason")
    if action is not Action.DENY and found is Disposition.CONFIRMED:
        raise InvalidField("disposition", "the claim is confirmed fraud; deny it, or state `cleared` to correct that")


def _decide(subject: ReviewSubject, request: DecisionRequest, policy: ReviewPolicy) -> Settlement:
    _check_disposition(subject, request.action, request.reason, request.disposition)
    pays = _pays(subject, request)
    if needs_second_approval(subject.amount_cents, policy):
        return _unchanged(subject, Effect.PROPOSED, pays)
    return _settled(subject, request.action, pays, request.disposition, request.kind, request.by.name)


def _pays(subject: ReviewSubject, request: DecisionRequest) -> int:
    payable = subject.payable_cents
    if request.action is Action.DENY:
        return 0
    if payable == 0 < subject.claimable_cents:
        raise StateConflict("no benefit remains this year for this claim; deny it as benefit_maximum, or wait")
    if request.action is Action.RELEASE:
        return payable
    if request.amount_cents is None or not 0 < request.amount_cents < payable:
        raise InvalidField(
            "amount", f"must be above 0.00 and below {format_cents(payable)}, the amount a release would pay"
        )
    return request.amount_cents


def _settled(
    subject: ReviewSubject,
    action: Action,
    pays: int,
    disposition: Disposition | None,
    kind: str | None,
    found_by: str,
) -> Settlement:
    outcome = Outcome.APPROVED if pays == subject.claimable_cents else Outcome.PARTIALLY_APPROVED
    if action is Action.DENY:
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


def _unchanged(subject: ReviewSubject, effect: Effect, pays: int = 0) -> Settlement:
    return Settlement(effect, Outcome.IN_REVIEW, 0, subject.reserved_cents, pays)


def _pend(subject: ReviewSubject, _request: DecisionRequest, _policy: ReviewPolicy) -> Settlement:
    return _unchanged(subject, Effect.PENDED)


def _approve(subject: ReviewSubject, _request: DecisionRequest, _policy: ReviewPolicy) -> Settlement:
    proposal = _open_proposal(subject)
    _check_disposition(subject, proposal.action, proposal.reason, proposal.disposition)
    if proposal.pays_cents > subject.payable_cents:
        raise StateConflict(
            f"the proposal pays {format_cents(proposal.pays_cents)}, but the remaining benefit pays only "
            f"{format_cents(subject.payable_cents)}; refuse the proposal and submit another"
        )
    if _is_outdated(subject, proposal):
        raise StateConflict(
            f"the proposal pays {format_cents(proposal.pays_cents)}, but a release now pays "
            f"{format_cents(subject.payable_cents)}: the member's cost sharing has changed; refuse the proposal and "
            "submit another"
        )
    return _settled(subject, proposal.action, proposal.pays_cents, proposal.disposition, proposal.kind, proposal.name)


def _refuse(subject: ReviewSubject, _request: DecisionRequest, _policy: ReviewPolicy) -> Settlement:
    return _unchanged(subject, Effect.REFUSED, _open_proposal(subject).pays_cents)


def _is_outdated(subject: ReviewSubject, proposal: Proposal) -> bool:
    """Whether a proposed release pays less than a release now, because other claims have changed the cost sharing."""
    return (
        proposal.action is Action.RELEASE
        and subject.due_cents is not None
        and proposal.pays_cents < subject.payable_cents
    )


def _open_proposal(subject: ReviewSubject) -> Proposal:
    """The proposal that is approved or refused: these actions are possible only where there is one."""
    assert subject.proposal is not None
    return subject.proposal


def _reopen(subject: ReviewSubject, _request: DecisionRequest, _policy: ReviewPolicy) -> Settlement:
    """Return the claim to review: its payment is reversed and what it could be paid is reserved."""
    if subject.recovered_cents:
        raise StateConflict(
            f"{format_cents(subject.recovered_cents)} of the claim's payment was recovered; a claim with recoveries "
            "cannot be reopened, record further results as a disposition"
        )
    return Settlement(Effect.REOPENED, Outcome.IN_REVIEW, 0, subject.payable_cents, 0)


_EFFECTS: Mapping[Action, Callable[[ReviewSubject, DecisionRequest, ReviewPolicy], Settlement]] = {
    Action.RELEASE: _decide,
    Action.PAY_REDUCED: _decide,
    Action.DENY: _decide,
    Action.PEND: _pend,
    Action.APPROVE: _approve,
    Action.REFUSE: _refuse,
    Action.REOPEN: _reopen,
}
