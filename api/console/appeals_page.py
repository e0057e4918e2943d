"""Appeals as the console prints them: pure, tested without a browser."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from api.appeals import AppealRecord
from api.edit_suspensions import EditSuspension
from api.identity import Caller, Scope
from api.paging import ListPage, PageCursor
from claims.money import format_cents
from core.format import utc_minute

_OUTCOMES = {"upheld": "upheld", "overturned": "overturned", "partly_overturned": "partly overturned"}


@dataclass(frozen=True, slots=True)
class AppealLine:
    """An appeal."""

    appeal_id: str
    claim_id: str
    filed: str
    appellant: str
    reason: str
    documents: list[str]
    against: str
    due: str
    urgent: bool
    outcome: str | None
    """With the reviewer; `None`: open."""
    may_decide: bool


@dataclass(frozen=True, slots=True)
class SuspensionLine:
    """A suspended edit."""

    edit: str
    since: str
    why: str


@dataclass(frozen=True, slots=True)
class AppealsPage:
    """Open appeals and suspended edits."""

    appeals: list[AppealLine]
    suspensions: list[SuspensionLine]
    next_place: PageCursor | None


def appeal_line(record: AppealRecord, today: date, caller: Caller | None) -> AppealLine:
    """An appeal on a day; with a form to decide it for a `caller` who may."""
    appeal, decision = record.appeal, record.decision
    left = (appeal.due_on - today).days
    days = f"{abs(left)} day{'' if abs(left) == 1 else 's'}"
    outcome = None
    if decision is not None:
        paid = format_cents(decision.approved_cents)
        outcome = (
            f"{_OUTCOMES[decision.outcome]} by {decision.decided_by} · {decision.role} on "
            f"{utc_minute(decision.made_at)} UTC; {paid} is paid"
        )
    cause = f" because of {', '.join(appeal.caused_by)}" if appeal.caused_by else ""
    return AppealLine(
        appeal_id=appeal.appeal_id,
        claim_id=appeal.claim_id,
        filed=utc_minute(appeal.filed_at),
        appellant=appeal.appellant,
        reason=appeal.reason,
        documents=[f"{one['name']} ({one['media_type']}, SHA-256 {one['sha256']})" for one in appeal.documents],
        against=f"{appeal.status.replace('_', ' ')}{cause}",
        due=f"due {appeal.due_on}, {days} {'left' if left >= 0 else 'overdue'}",
        urgent=left <= 7,
        outcome=outcome,
        may_decide=decision is None and caller is not None and caller.may(Scope.APPROVE),
    )


def appeals_page(page: ListPage[AppealRecord], suspensions: Sequence[EditSuspension], today: date) -> AppealsPage:
    """A page of open appeals."""
    shown = [appeal_line(one, today, None) for one in page.items]
    return AppealsPage(shown, [_suspension_line(one) for one in suspensions], page.next_place)


def _suspension_line(one: EditSuspension) -> SuspensionLine:
    why = f"{one.overturned} of {one.decided} appeals were overturned; at most {one.limit_percent} % may be"
    return SuspensionLine(one.edit, utc_minute(one.suspended_at), why)
