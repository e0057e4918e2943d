"""Leads as the console prints them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from urllib.parse import quote, urlencode

from api.leads import LeadClaimRecord, LeadRecord, LeadStatus, LeadTab
from claims.leads import LeadSubjectKind, SnoozeReason
from claims.money import format_cents
from core.format import percent_to_1_decimal, utc_minute

TAB_NAMES: Final[Mapping[LeadTab, str]] = {
    LeadTab.UNASSIGNED: "Unassigned",
    LeadTab.MINE: "Mine",
    LeadTab.EDITS: "Pended by edits",
    LeadTab.AUDIT: "Audit sample",
    LeadTab.SNOOZED: "Snoozed",
    LeadTab.APPEALS: "Appeals",
    LeadTab.CLOSED: "Closed",
}
SNOOZE_NAMES: Final[Mapping[SnoozeReason, str]] = {
    SnoozeReason.AWAITING_RECORDS: "Waits for records",
    SnoozeReason.AWAITING_PROVIDER: "Waits for the provider",
    SnoozeReason.AWAITING_OTHER_CASE: "Waits for another case",
    SnoozeReason.NO_CAPACITY: "No capacity",
}
_KEYS: Final[Mapping[LeadSubjectKind, str]] = {
    LeadSubjectKind.RING: "g r",
    LeadSubjectKind.PROVIDER: "p",
    LeadSubjectKind.MEMBER: "m",
}
_UNKNOWN: Final = "–"


@dataclass(frozen=True, slots=True)
class LeadLine:
    """A lead of the list."""

    lead_id: str
    rank: str
    subject: str
    path: str
    """Of its page; of a single claim, of the claim's."""
    subject_path: str | None
    """Of the page of its ring, provider or member."""
    key: str
    """That opens it: `g r` ring, `p` provider, `m` member."""
    why: str
    expected: str
    interval: str
    paid: str
    unpaid: str
    claims: int
    probability: str
    indicators: Sequence[str]
    age: str
    due: str
    left: str
    """Until it is due."""
    is_urgent: bool
    owner: str
    status: str
    is_closed: bool
    is_mine: bool
    is_taken: bool


@dataclass(frozen=True, slots=True)
class LeadClaimLine:
    """A claim of a lead."""

    claim_id: str
    path: str
    source: str
    status: str
    provider_id: str
    received: str
    amount: str
    paid: str
    probability: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class TabLink:
    """A tab with how many leads it has."""

    name: str
    path: str
    key: str
    count: int | None
    is_current: bool


def lead_line(lead: LeadRecord, actor_id: str, today: date) -> LeadLine:
    """A line of the list; `today` is the insurer's day."""
    kind, identity = lead.subject.kind, quote(lead.subject_id, safe="")
    is_claim = kind is LeadSubjectKind.CLAIM
    subject_path = None if is_claim else f"/console/{kind.value}s/{identity}"
    return LeadLine(
        lead_id=lead.lead_id,
        rank=_UNKNOWN if lead.rank is None else f"{lead.rank}{'' if lead.listed else ' (below capacity)'}",
        subject=f"{kind.value.capitalize()} {lead.subject_id}",
        path=f"/console/claims/{identity}" if is_claim else f"/console/queue/leads/{lead.lead_id}",
        subject_path=subject_path,
        key=_KEYS.get(kind, ""),
        why=lead.why,
        expected=_money(lead.expected_cents),
        interval=""
        if lead.low_cents is None or lead.high_cents is None
        else f"{format_cents(lead.low_cents)} to {format_cents(lead.high_cents)}",
        paid=format_cents(lead.paid_cents),
        unpaid=format_cents(lead.unpaid_cents),
        claims=lead.claims,
        probability=_share(lead.probability),
        indicators=[one.replace("_", " ") for one in lead.indicators],
        age=_days((today - lead.opened_at.date()).days),
        due=_UNKNOWN if lead.due_on is None else lead.due_on.isoformat(),
        left="" if lead.due_on is None else _left((lead.due_on - today).days),
        is_urgent=lead.due_on is not None and (lead.due_on - today).days <= 5,
        owner=lead.assigned_name or _UNKNOWN,
        status=_status(lead),
        is_closed=lead.status == LeadStatus.CLOSED.value,
        is_mine=lead.assigned_to == actor_id,
        is_taken=lead.assigned_to not in (None, actor_id),
    )


def claim_line(claim: LeadClaimRecord) -> LeadClaimLine:
    """A claim of a lead's page."""
    return LeadClaimLine(
        claim_id=claim.claim_id,
        path=f"/console/claims/{quote(claim.claim_id, safe='')}",
        source={"edits": "claim edits", "audit": "audit sample"}.get(claim.source, claim.source),
        status="archived" if claim.status is None else claim.status.replace("_", " "),
        provider_id=claim.provider_id or _UNKNOWN,
        received=_when(claim.received_at),
        amount=_money(claim.amount_cents),
        paid=_money(claim.approved_cents),
        probability=_share(claim.probability),
        is_done=claim.done_at is not None,
    )


def tab_links(counts: Mapping[LeadTab, int], current: LeadTab) -> list[TabLink]:
    """The tabs, each with a digit as its key."""
    return [
        TabLink(name, f"/console/queue?{urlencode({'tab': tab.value})}", str(number), counts.get(tab), tab is current)
        for number, (tab, name) in enumerate(TAB_NAMES.items(), start=1)
    ]


def _status(lead: LeadRecord) -> str:
    if lead.snoozed_until is not None and lead.snooze_reason is not None:
        return f"{SNOOZE_NAMES[SnoozeReason(lead.snooze_reason)]} until {lead.snoozed_until.isoformat()}"
    if lead.closed_at is not None:
        return f"closed {lead.closed_at:%Y-%m-%d}"
    return "open" if lead.assigned_to is None else "taken"


def _left(days: int) -> str:
    return f"{_days(days)} left" if days >= 0 else f"{_days(-days)} late"


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def _money(cents: int | None) -> str:
    return _UNKNOWN if cents is None else format_cents(cents)


def _share(value: float | None) -> str:
    return _UNKNOWN if value is None else percent_to_1_decimal(value)


def _when(at: datetime | None) -> str:
    return _UNKNOWN if at is None else utc_minute(at)
