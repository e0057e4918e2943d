"""The claims of a case as its page lists them."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.console.cases.view import FINDINGS, CaseClaimLine
from claims.money import format_cents
from core.format import utc_minute

MAX_LISTED: Final = 200
_CLAIMS: Final = text("""
    SELECT own.claim_id, claims.received_at, claims.amount_cents, claims.approved_cents, claims.status, (
        SELECT disposition FROM dispositions WHERE dispositions.claim_id = own.claim_id ORDER BY known_at DESC LIMIT 1
    ) AS finding
    FROM case_claims AS own LEFT JOIN claims USING (claim_id)
    WHERE own.case_id = :case_id ORDER BY claims.amount_cents DESC NULLS LAST, own.claim_id LIMIT :limit
""")
_TOTALS: Final = text("""
    SELECT count(*), coalesce(sum(claims.amount_cents), 0), coalesce(sum(claims.approved_cents), 0)
    FROM case_claims AS own LEFT JOIN claims USING (claim_id) WHERE own.case_id = :case_id
""")


async def claim_lines(connection: AsyncConnection, case_id: str) -> list[CaseClaimLine]:
    """The claims of a case, the largest first; one that was archived has its id alone."""
    rows = await connection.execute(_CLAIMS, {"case_id": case_id, "limit": MAX_LISTED})
    return [
        CaseClaimLine(
            claim_id=row.claim_id,
            received="archived" if row.received_at is None else utc_minute(row.received_at),
            amount="–" if row.amount_cents is None else format_cents(row.amount_cents),
            paid="–" if row.approved_cents is None else format_cents(row.approved_cents),
            status=(row.status or "–").replace("_", " "),
            finding=FINDINGS.get(row.finding or "", "–") if row.finding else "–",
        )
        for row in rows
    ]


async def claim_totals(connection: AsyncConnection, case_id: str) -> tuple[int, int, int]:
    """How many claims a case has, and what they claim and were paid together, in cents."""
    count, claimed, paid = (await connection.execute(_TOTALS, {"case_id": case_id})).one()
    return int(count), int(claimed), int(paid)
