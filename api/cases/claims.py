"""The claims of a case with what has become of them, for pages and lists."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import ScalarSelect

from api.cases import repository
from api.cases.history import NO_CASE
from api.cases.tables import CaseClaimRow
from api.database import Database
from api.errors import NotFound
from api.intake import ClaimRow
from api.investigations import DispositionRow
from api.paging import ListPage, PageCursor


@dataclass(frozen=True, slots=True)
class CaseClaimState:
    """A claim of a case; of one that was archived nothing but its id and who added it is known."""

    claim_id: str
    added_at: datetime
    added_by: str
    received_at: datetime | None
    status: str | None
    amount_cents: int | None
    approved_cents: int | None
    disposition: str | None
    """The latest of the claim; None: it has none."""


@dataclass(frozen=True, slots=True)
class CaseClaimTotals:
    """What all claims of a case are together; those that were archived count, without amounts."""

    count: int
    claimed_cents: int
    paid_cents: int


async def largest_claims(database: Database, case_id: str, *, limit: int) -> list[CaseClaimState]:
    """The claims of a case of the largest amounts; those that were archived come last."""
    statement = _states(case_id).order_by(ClaimRow.amount_cents.desc().nulls_last(), CaseClaimRow.claim_id)
    async with database.reading() as connection:
        return [CaseClaimState(*row) for row in await connection.execute(statement.limit(limit))]


async def claims_page(
    database: Database, case_id: str, *, after: PageCursor | None, limit: int
) -> tuple[ListPage[CaseClaimState], CaseClaimTotals]:
    """Claims of a case in the order in which they were added, and the totals of all. Raises `NotFound`."""
    statement = _states(case_id).order_by(CaseClaimRow.added_at, CaseClaimRow.claim_id).limit(limit + 1)
    if after is not None:
        place = (after.received_at, after.item_id)
        statement = statement.where(tuple_(CaseClaimRow.added_at, CaseClaimRow.claim_id) > place)
    async with database.reading() as connection:
        if await repository.find_case(connection, case_id) is None:
            raise NotFound(NO_CASE)
        found = [CaseClaimState(*row) for row in await connection.execute(statement)]
        totals = await _totals_of(connection, case_id)
    shown = found[:limit]
    following = PageCursor(shown[-1].added_at, shown[-1].claim_id) if len(found) > limit else None
    return ListPage(shown, following), totals


async def claim_totals(database: Database, case_id: str) -> CaseClaimTotals:
    """How many claims a case has, and what they claim and were paid together."""
    async with database.reading() as connection:
        return await _totals_of(connection, case_id)


_DISPOSITION: Final[ScalarSelect[str]] = (
    select(DispositionRow.disposition)
    .where(DispositionRow.claim_id == CaseClaimRow.claim_id)
    .order_by(DispositionRow.known_at.desc())
    .limit(1)
    .scalar_subquery()
)


def _states(
    case_id: str,
) -> Select[str, datetime, str, datetime, str, int, int, str]:
    return (
        select(
            CaseClaimRow.claim_id,
            CaseClaimRow.added_at,
            CaseClaimRow.added_by,
            ClaimRow.received_at,
            ClaimRow.status,
            ClaimRow.amount_cents,
            ClaimRow.approved_cents,
            _DISPOSITION,
        )
        .outerjoin(ClaimRow, ClaimRow.claim_id == CaseClaimRow.claim_id)
        .where(CaseClaimRow.case_id == case_id)
    )


async def _totals_of(connection: AsyncConnection, case_id: str) -> CaseClaimTotals:
    statement = (
        select(
            func.count(),
            func.coalesce(func.sum(ClaimRow.amount_cents), 0),
            func.coalesce(func.sum(ClaimRow.approved_cents), 0),
        )
        .select_from(CaseClaimRow)
        .outerjoin(ClaimRow, ClaimRow.claim_id == CaseClaimRow.claim_id)
        .where(CaseClaimRow.case_id == case_id)
    )
    count, claimed, paid = (await connection.execute(statement)).one()
    return CaseClaimTotals(int(count), int(claimed), int(paid))  # sums of whole numbers are numeric
