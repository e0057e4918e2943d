"""The claims of a case as its page prints them."""

from api.cases import CaseClaimState
from api.console.cases.view import CaseClaimLine
from api.console.claim import disposition_words
from claims.money import format_cents
from core.format import utc_minute


def claim_line(one: CaseClaimState) -> CaseClaimLine:
    """A claim of a case; one that was archived has its id alone."""
    return CaseClaimLine(
        claim_id=one.claim_id,
        received="archived" if one.received_at is None else utc_minute(one.received_at),
        amount="–" if one.amount_cents is None else format_cents(one.amount_cents),
        paid="–" if one.approved_cents is None else format_cents(one.approved_cents),
        status=(one.status or "–").replace("_", " "),
        finding="–" if one.disposition is None else disposition_words(one.disposition),
    )
