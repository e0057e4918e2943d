"""Findings of re-screening as the console prints them: pure, tested without a browser."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.paging import ListPage
from api.rescreening import ClosingReason, RescreeningFinding
from claims.money import format_cents
from core.format import utc_minute

_DIFFERENCES = {
    "new_finding": "new finding",
    "finding_no_longer_holds": "no longer holds",
    "amount_differs": "amount differs",
}
CLOSING_REASONS = tuple((one.value, one.value.replace("_", " ")) for one in ClosingReason if one.is_of_person)
"""Values of the form and their wording."""


@dataclass(frozen=True, slots=True)
class RescreeningLine:
    """A finding."""

    finding_id: str
    claim_id: str
    provider_id: str
    found: str
    change: str
    difference: str
    text: str
    cites: str
    amounts: str
    closed: str | None
    """Why, by whom and when; `None`: open."""


def rescreening_lines(found: Sequence[RescreeningFinding]) -> list[RescreeningLine]:
    """Findings in their order."""
    return [_line(one) for one in found]


def rescreening_page(page: ListPage[RescreeningFinding]) -> ListPage[RescreeningLine]:
    """A page of findings."""
    return ListPage(rescreening_lines(page.items), page.next_place)


def _line(one: RescreeningFinding) -> RescreeningLine:
    amounts = ""
    if one.before_cents is not None and one.now_cents is not None:
        amounts = f"{format_cents(one.before_cents)} → {format_cents(one.now_cents)}"
    closed = None
    if one.closed_at is not None and one.closed_reason is not None:
        who = "" if one.closed_by is None else f" by {one.closed_by}"
        note = "" if one.note is None else f": {one.note}"
        closed = f"{one.closed_reason.replace('_', ' ')}{who} on {utc_minute(one.closed_at)} UTC{note}"
    return RescreeningLine(
        finding_id=one.finding_id,
        claim_id=one.claim_id,
        provider_id=one.provider_id or "",
        found=utc_minute(one.found_at),
        change=one.subject,
        difference=_DIFFERENCES[one.difference],
        text=one.text if not one.line else f"Line {one.line}: {one.text}",
        cites=one.cites,
        amounts=amounts,
        closed=closed,
    )
