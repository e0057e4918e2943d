"""Contents of a claim's decision panel and of the review queue: pure, tested without a browser."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from api.console.claim import disposition_words
from api.identity import Caller, Scope
from api.reviews import DecisionRecord, QueueItem, Review, person
from claims.money import format_cents
from claims.prompt_pay import PromptPayState, PromptPayStatus
from claims.review import (
    REASONS,
    Action,
    Effect,
    ReviewPolicy,
    ReviewState,
    ReviewSubject,
    allowed_actions,
    needs_second_approval,
    reasons_for,
)
from core.format import percent_to_1_decimal, utc_minute

_USUAL_DAYS = timedelta(days=14)
"""Default due date of requested documents."""

_DONE = {
    Action.RELEASE: "released",
    Action.PAY_REDUCED: "paid reduced",
    Action.DENY: "denied",
    Action.PEND: "requested documents",
    Action.APPROVE: "approved the proposal",
    Action.REFUSE: "refused the proposal",
    Action.REOPEN: "reopened",
}
_PROPOSED = {
    Action.RELEASE: "proposed to release",
    Action.PAY_REDUCED: "proposed to pay reduced",
    Action.DENY: "proposed to deny",
}
_TITLES = {
    Action.RELEASE: "Release",
    Action.PAY_REDUCED: "Pay reduced",
    Action.DENY: "Deny",
    Action.PEND: "Pend for records",
    Action.APPROVE: "Approve the proposal",
    Action.REFUSE: "Refuse the proposal",
    Action.REOPEN: "Reopen",
}
_FIELDS = {
    Action.RELEASE: ("reason", "disposition", "note"),
    Action.PAY_REDUCED: ("amount", "reason", "disposition", "note"),
    Action.DENY: ("reason", "disposition", "kind", "note"),
    Action.PEND: ("documents", "due_on", "reason", "note"),
}
_KEYS = {
    Action.RELEASE: "r",
    Action.PAY_REDUCED: "u",
    Action.DENY: "d",
    Action.PEND: "w",
    Action.APPROVE: "y",
    Action.REFUSE: "v",
    Action.REOPEN: "o",
}
"""The key that opens the form of an action."""


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """A line of the history."""

    at: str
    by: str
    what: str
    pays: str
    reason: str
    more: str


@dataclass(frozen=True, slots=True)
class ActionForm:
    """The form of one action."""

    action: str
    title: str
    key: str
    hint: str
    button: str
    fields: tuple[str, ...]
    reasons: list[tuple[str, str]]
    dispositions: list[tuple[str, str]]
    entered: Mapping[str, str]
    errors: Mapping[str, str]
    open: bool

    @property
    def first_error(self) -> str | None:
        """The first field with an error, to which the page scrolls; `None`: no field has one."""
        return next((name for name in self.fields if name in self.errors), None)


@dataclass(frozen=True, slots=True)
class DecisionPanel:
    """Everything the decision panel prints."""

    text: str
    prompt_pay: "PromptPayLine | None"
    version: int
    history: list[DecisionLine]
    forms: list[ActionForm]
    documents: list["RequestedDocument"]
    problem: str | None


@dataclass(frozen=True, slots=True)
class RequestedDocument:
    """A document that a decision asked for."""

    name: str
    of: str


@dataclass(frozen=True, slots=True)
class PromptPayLine:
    """The prompt-pay clock of a claim in review."""

    text: str
    urgent: bool


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A line of the review queue."""

    claim_id: str
    age: str
    received_at: str
    provider_id: str
    amount: str
    score: str
    why: tuple[str, ...]
    state: str
    urgent: bool
    prompt_pay: PromptPayLine | None


def decision_panel(
    review: Review,
    caller: Caller,
    policy: ReviewPolicy,
    today: date,
    *,
    prompt_pay: PromptPayStatus | None,
    entered: Mapping[str, str],
    errors: Mapping[str, str],
    problem: str | None,
) -> DecisionPanel:
    """The decision panel for a caller; `entered` and `errors` are those of a form that was refused."""
    subject = review.subject
    can = allowed_actions(subject, person(caller)) if caller.may(Scope.DECIDE) else []
    forms = [_form(action, review, policy, today, entered=entered, errors=errors) for action in can]
    return DecisionPanel(
        text=_state_text(review, subject, caller, policy, can_act=bool(can)),
        prompt_pay=None if prompt_pay is None else _prompt_pay_line(prompt_pay),
        version=review.version,
        history=[_line(decision) for decision in reversed(review.decisions)],
        forms=forms,
        documents=[
            RequestedDocument(name, f"requested by {one.decided_by} on {utc_minute(one.made_at)} UTC, due {one.due_on}")
            for one in review.decisions
            for name in one.documents
        ],
        problem=problem,
    )


def queue_line(claim: QueueItem, now: datetime, today: date) -> QueueLine:
    """A line of the review queue; `today` is the insurer's day."""
    state, urgent = _queue_state(claim, today)
    return QueueLine(
        claim_id=claim.claim_id,
        age=age(now - claim.received_at),
        received_at=utc_minute(claim.received_at),
        provider_id=claim.provider_id or "unknown",
        amount=format_cents(claim.amount_cents),
        score=percent_to_1_decimal(claim.probability),
        why=claim.why or ("No finding is stored.",),
        state=state,
        urgent=urgent,
        prompt_pay=None if claim.prompt_pay is None else _prompt_pay_line(claim.prompt_pay),
    )


def _prompt_pay_line(status: PromptPayStatus) -> PromptPayLine:
    days = abs(status.days_left)
    count = f"{days} day{'' if days == 1 else 's'}"
    left = f"{count} left" if status.days_left >= 0 else f"{count} overdue"
    text = f"due {status.due_on}, {left}"
    if status.days_left < 0:
        text += f", interest {format_cents(status.interest_cents)}"
    if not status.rate_published:
        text += " (the rules lack today's rate)"
    return PromptPayLine(text, status.state is not PromptPayState.ON_TIME)


def age(length: timedelta) -> str:
    """A duration in its largest whole unit."""
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        count = length // unit
        if count >= 1:
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "under a minute"


def _queue_state(claim: QueueItem, today: date) -> tuple[str, bool]:
    if claim.proposed_cents is not None:
        return f"proposal to pay {format_cents(claim.proposed_cents)} waits for approval", True
    if claim.due_on is not None:
        if claim.due_on < today:
            return f"documents overdue since {claim.due_on}", True
        return f"waits for documents until {claim.due_on}", False
    if claim.releasable:
        return "can be released: the later score is low", False
    return "open", False


def _state_text(review: Review, subject: ReviewSubject, caller: Caller, policy: ReviewPolicy, *, can_act: bool) -> str:
    claim, last = review.claim, review.last
    reserved = f"{format_cents(claim.reserved_cents)} of the member's benefit is reserved for it."
    if subject.state is ReviewState.VOIDED:
        return "The claim is voided; it cannot be decided."
    if subject.state is ReviewState.AUTOMATIC:
        return "The claim was decided without a review."
    if subject.state is ReviewState.DECIDED:
        return "A person decided the claim. An approver can reopen it."
    if subject.proposal is not None:
        pays = format_cents(subject.proposal.pays_cents)
        whose = "Another approver" if can_act or caller.name != subject.proposal.name else "A second person"
        waits = f"A proposal of {subject.proposal.name} to pay {pays} waits for approval."
        return f"{waits} {whose} approves or refuses it. {reserved}"
    text = f"In review. {reserved} Release pays {format_cents(subject.payable_cents)}."
    if last is not None and last.effect == Effect.PENDED.value:
        text = f"Waits for documents until {last.due_on}: {', '.join(last.documents)}. {text}"
    if needs_second_approval(claim.amount_cents, policy):
        limit = format_cents(policy.second_approval_above_cents)
        text += f" Above {limit} a decision is a proposal until a second person approves it."
    if not can_act:
        text += " Claims are decided with an investigator's key."
    return text


def _form(
    action: Action,
    review: Review,
    policy: ReviewPolicy,
    today: date,
    *,
    entered: Mapping[str, str],
    errors: Mapping[str, str],
) -> ActionForm:
    mine = entered.get("action") == action.value
    subject = review.subject
    proposes = needs_second_approval(review.claim.amount_cents, policy) and action in _PROPOSED
    stated = ("", "cleared", "confirmed") if action is Action.DENY else ("", "cleared")
    defaults = {"due_on": (today + _USUAL_DAYS).isoformat()}
    fields = _FIELDS.get(action, ("reason", "note"))
    return ActionForm(
        action=action.value,
        title=_TITLES[action],
        key=_KEYS[action],
        hint=_hint(action, subject),
        button=f"Propose to {_TITLES[action].lower()}" if proposes else _TITLES[action],
        fields=fields,
        reasons=[(reason.code, _with_carc(reason.code)) for reason in reasons_for(action)],
        dispositions=[(value, disposition_words(value) if value else "No disposition") for value in stated],
        entered={name: entered.get(name, "") if mine else defaults.get(name, "") for name in fields},
        errors=errors if mine else {},
        open=mine,
    )


def _hint(action: Action, subject: ReviewSubject) -> str:
    proposal = subject.proposal
    hints = {
        Action.RELEASE: f"pays {format_cents(subject.payable_cents)}",
        Action.PAY_REDUCED: f"pays above 0.00 and below {format_cents(subject.payable_cents)}",
        Action.DENY: "pays nothing",
        Action.PEND: "the claim stays in review",
        Action.APPROVE: "" if proposal is None else f"pays {format_cents(proposal.pays_cents)}",
        Action.REFUSE: "the claim stays in review",
        Action.REOPEN: f"takes {format_cents(subject.approved_cents)} back into review",
    }
    return hints[action]


def _line(decision: DecisionRecord) -> DecisionLine:
    action = Action(decision.action)
    proposed = decision.effect == Effect.PROPOSED.value
    more = [decision.note or ""]
    if decision.documents:
        more.append(f"{', '.join(decision.documents)}, due {decision.due_on}")
    if decision.disposition is not None:
        kind = f" ({decision.kind})" if decision.kind else ""
        more.append(f"disposition: {disposition_words(decision.disposition)}{kind}")
    has_amount = decision.effect in (Effect.SETTLED.value, Effect.PROPOSED.value)
    return DecisionLine(
        at=utc_minute(decision.made_at),
        by=f"{decision.decided_by} · {decision.role}",
        what=_PROPOSED[action] if proposed else _DONE[action],
        pays=format_cents(decision.pays_cents) if has_amount else "",
        reason=_with_carc(decision.reason),
        more="; ".join(text for text in more if text),
    )


def _with_carc(code: str) -> str:
    reason = REASONS[code]
    return reason.meaning if reason.carc is None else f"{reason.meaning} (CARC {reason.carc})"
