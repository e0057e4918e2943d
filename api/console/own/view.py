"""A provider's or member's own claims as its pages print them: pure, tested without a browser.

Everything is taken from the responses that the API has for the same caller, and less of them: no finding of an edit
that did not decide the claim, no name, and nothing but a day where staff sees an instant. A claim that a model sent to
review reads as one that anything else sent there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from api.appeals import AppealOut, AppealRight
from api.code_tables import AdjustmentTexts
from api.console.payment_section import PaymentSection, payment_section
from api.identity import PROVIDER
from api.intake import ClaimOut, LineRecord
from api.paging import PageCursor
from api.payments import PaymentOut, cents_of, payment_of
from claims.money import format_cents
from claims.payment import AdjustmentGroup
from claims.review import Effect
from claims.service_days import receipt_day

STATUSES: Final[Mapping[str, str]] = {
    "approved": "Approved",
    "partially_approved": "Approved in part",
    "in_review": "Being reviewed",
    "rejected": "Not payable",
    "denied": "Denied",
    "voided": "Voided",
}
"""What the status of a claim is called, in the order of the filter."""
_SENTENCES: Final[Mapping[str, str]] = {
    "approved": "The claim is approved.",
    "partially_approved": "A part of the claim is approved; the reason is below.",
    "in_review": "The claim is not decided yet. Nothing has to be done unless documents are asked for below.",
    "rejected": "The claim is not payable as it was sent; the reason is below.",
    "denied": "The claim was reviewed and is not paid; the reason is below.",
    "voided": "The claim was withdrawn or replaced. It is not paid.",
}
_OUTCOMES: Final[Mapping[str, str]] = {
    "upheld": "The decision stands",
    "overturned": "The decision was changed in full",
    "partly_overturned": "The decision was changed in part",
}
_GROUPS: Final[Mapping[str, str]] = {
    AdjustmentGroup.CONTRACTUAL.value: "the provider bears it by contract; the member is not billed for it",
    AdjustmentGroup.PATIENT.value: "the member pays it to the provider",
    AdjustmentGroup.OTHER.value: "neither bears it, such as what another payer paid",
}
APPEALABLE: Final = frozenset({"partially_approved", "rejected", "denied"})
"""Statuses below which the page says whether an appeal is possible."""


@dataclass(frozen=True, slots=True)
class OwnClaimLine:
    """A claim in the list."""

    claim_id: str
    status: str
    waits: str | None
    """Until when documents are waited for."""
    received: str
    service: str
    procedure: str
    other: str
    """The member of a provider's claim, the provider of a member's."""
    claimed: str
    approved: str


@dataclass(frozen=True, slots=True)
class OwnHome:
    """A page of the list, and the claims that wait for documents."""

    rows: list[OwnClaimLine]
    waiting: list[OwnClaimLine]
    other: str
    """Heading of the column of members or providers."""
    next_place: PageCursor | None


@dataclass(frozen=True, slots=True)
class OwnNotice:
    """Something that was stated about the claim, and the day."""

    day: date
    heading: str
    texts: list[str]


@dataclass(frozen=True, slots=True)
class MissingDocuments:
    """What the claim waits for."""

    documents: list[str]
    due: str


@dataclass(frozen=True, slots=True)
class OwnAppeal:
    """An appeal and what came of it."""

    appeal_id: str
    heading: str
    filed: date
    reason: str
    documents: list[str]
    state: str


@dataclass(frozen=True, slots=True)
class OwnClaimPage:
    """A claim's page."""

    claim_id: str
    status: str
    sentence: str
    facts: list[tuple[str, str]]
    lines: list[tuple[str, str, str, str, str]]
    """Line, procedure with modifiers, units, day, amount."""
    payment: PaymentSection | None
    groups: list[tuple[str, str]]
    """Who bears an adjustment: the codes of its group that the payment has, with their meaning."""
    missing: MissingDocuments | None
    notices: list[OwnNotice]
    """Latest first."""
    appeals: list[OwnAppeal]
    appeal_note: str | None
    """Until when an appeal is possible, or why it is not."""
    may_appeal: bool
    printed_on: date
    author: str
    """The field by which the form says whose it is."""
    draft: Mapping[str, str]


def claim_line(claim: ClaimOut, role: str, zone: tzinfo) -> OwnClaimLine:
    """A claim as a line of the list of a role."""
    missing = missing_documents(claim, None)
    return OwnClaimLine(
        claim_id=claim.claim_id,
        status=STATUSES[claim.status],
        waits=None if missing is None else missing.due,
        received=str(_day(claim.received_at, zone)),
        service=_days(claim.service_from, claim.service_to),
        procedure=claim.procedure_code or "–",
        other=(claim.member_id if role == PROVIDER else claim.provider_id) or "–",
        claimed=_money(claim.claim_amount),
        approved="–" if claim.status == "in_review" else _money(claim.approved_amount),
    )


def missing_documents(claim: ClaimOut, today: date | None) -> MissingDocuments | None:
    """What a claim waits for; `None`: nothing. With `today`, it says how many days are left."""
    decision = claim.decision
    if claim.status != "in_review" or decision is None or decision.effect != Effect.PENDED.value:
        return None
    if decision.due_on is None:
        return MissingDocuments(decision.documents, "no day is set")
    due = str(decision.due_on)
    if today is not None:
        left = (decision.due_on - today).days
        days = f"{abs(left)} day{'' if abs(left) == 1 else 's'}"
        due += f" ({days} left)" if left >= 0 else f" ({days} ago)"
    return MissingDocuments(decision.documents, due)


def claim_page(
    claim: ClaimOut,
    lines: Sequence[LineRecord],
    appeals: Sequence[AppealOut],
    right: AppealRight,
    texts: AdjustmentTexts,
    *,
    may_appeal: bool,
    today: date,
    zone: tzinfo,
    author: str,
    draft: Mapping[str, str],
) -> OwnClaimPage:
    """The page of a claim, as responses to its provider or member describe it."""
    payment = claim.payment
    missing = missing_documents(claim, today)
    can_appeal = may_appeal and right.problem is None
    return OwnClaimPage(
        claim_id=claim.claim_id,
        status=STATUSES[claim.status],
        sentence=_SENTENCES[claim.status],
        facts=_facts(claim, zone),
        lines=[_line(one, claim) for one in lines],
        payment=None if payment is None else _payment(payment, claim, texts),
        groups=[] if payment is None else _groups(payment),
        missing=missing,
        notices=_notices(claim, appeals, missing, zone),
        appeals=[_appeal(one, zone) for one in appeals],
        appeal_note=_appeal_note(claim, right),
        may_appeal=can_appeal,
        printed_on=today,
        author=author,
        draft=draft,
    )


def _facts(claim: ClaimOut, zone: tzinfo) -> list[tuple[str, str]]:
    facts = [
        ("Claimed", _money(claim.claim_amount)),
        ("Paid by the plan", "not decided" if claim.status == "in_review" else _money(claim.approved_amount)),
        ("Member pays", "–" if claim.payment is None else _money(claim.payment.member_responsibility)),
        ("Service", _days(claim.service_from, claim.service_to)),
        ("Received", str(_day(claim.received_at, zone))),
        ("Member", claim.member_id or "–"),
        ("Provider", claim.provider_id or "–"),
        ("Diagnosis", claim.diagnosis_code or "–"),
        ("Procedure", claim.procedure_code or "–"),
    ]
    if claim.authorization_number is not None:
        facts.append(("Prior authorization", claim.authorization_number))
    if claim.replaces is not None:
        facts.append(("Replaces", claim.replaces))
    if claim.prompt_pay is not None:
        facts.append(("Decision due", str(claim.prompt_pay.due_on)))
    return facts


def _line(line: LineRecord, claim: ClaimOut) -> tuple[str, str, str, str, str]:
    procedure = " ".join([line.procedure_code, *(line.modifiers or ())])
    day = str(line.service_date or claim.service_from)
    return str(line.line), procedure, str(line.units), day, format_cents(line.amount_cents)


def _payment(payment: PaymentOut, claim: ClaimOut, texts: AdjustmentTexts) -> PaymentSection:
    stated = payment_of(payment, denied=claim.status in ("rejected", "denied"))
    return payment_section(stated, claim.status, texts)


def _groups(payment: PaymentOut) -> list[tuple[str, str]]:
    used = {one.group.value for line in payment.lines for one in line.adjustments}
    return [(group, text) for group, text in _GROUPS.items() if group in used]


def _notices(
    claim: ClaimOut, appeals: Sequence[AppealOut], missing: MissingDocuments | None, zone: tzinfo
) -> list[OwnNotice]:
    """Latest first; on one day, in the order in which they follow one another."""
    received = _day(claim.received_at, zone)
    notices = [OwnNotice(received, "Claim received", [])]
    decided = _decided(claim, zone)
    if decided is not None:
        notices.append(decided)
    if missing is not None and claim.decision is not None:
        asked = _day(claim.decision.made_at, zone)
        notices.append(OwnNotice(asked, "Documents asked for", [claim.decision.reason_text]))
    for one in appeals:
        notices.append(OwnNotice(_day(one.filed_at, zone), "Appeal filed", [f"It is decided by {one.due_on}."]))
        if one.outcome is not None and one.decided_at is not None:
            text = f"{_OUTCOMES[one.outcome]}; {_money(one.approved_amount or 0)} is paid."
            notices.append(OwnNotice(_day(one.decided_at, zone), "Appeal decided", [text]))
    if claim.voided_at is not None:
        notices.append(OwnNotice(_day(claim.voided_at, zone), "Claim voided", []))
    return sorted(notices, key=lambda one: one.day)[::-1]


def _decided(claim: ClaimOut, zone: tzinfo) -> OwnNotice | None:
    """Who decided, and why; of findings those of the contract that decided, and no other.

    Of an approved claim neither: one that a person released reads as one that was approved at receipt.
    """
    notice, decision = claim.notice, claim.decision
    if notice is None:
        return None
    heading, day = f"Decision: {STATUSES[claim.status].lower()}", _day(claim.received_at, zone)
    if notice.decided_by == "person" and decision is not None:
        day = _day(decision.made_at, zone)
    if claim.status == "approved":
        return OwnNotice(day, heading, [])
    if notice.decided_by == "person" and decision is not None:
        code = "" if decision.carc is None else f" (claim adjustment reason code {decision.carc})"
        texts = ["A person decided the claim.", f"Reason: {decision.reason_text.rstrip('.')}{code}."]
        return OwnNotice(day, heading, texts)
    shown = [
        one.text if one.line is None else f"Line {one.line}: {one.text}"
        for one in claim.reasons
        if one.code in notice.contract_findings
    ]
    return OwnNotice(day, heading, ["The terms of the plan and the contract decided the claim.", *shown])


def _appeal(one: AppealOut, zone: tzinfo) -> OwnAppeal:
    state = f"Open: it is decided by {one.due_on}."
    if one.outcome is not None and one.decided_at is not None:
        day, paid = _day(one.decided_at, zone), _money(one.approved_amount or 0)
        state = f"{_OUTCOMES[one.outcome]} on {day}; {paid} is paid."
    return OwnAppeal(
        appeal_id=one.appeal_id,
        heading=f"Appeal {one.level} of the {one.appellant}",
        filed=_day(one.filed_at, zone),
        reason=one.reason,
        documents=[f"{document.name} ({document.media_type})" for document in one.documents],
        state=state,
    )


def _appeal_note(claim: ClaimOut, right: AppealRight) -> str | None:
    if claim.status not in APPEALABLE:
        return None
    if right.problem is not None:
        return f"No appeal can be filed now: {right.problem}."
    return f"The decision can be appealed until {right.until}."


def _day(at: datetime, zone: tzinfo) -> date:
    return receipt_day(at, zone)


def _days(first: date, last: date) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _money(amount: float) -> str:
    return format_cents(cents_of(amount))
