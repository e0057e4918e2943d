"""Claims as they are shown for the purpose of a request: with whether members said what the purpose needs.

The check is a column of the statement that reads, so it costs no round trip, and what is left out can be counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from api.consents import ConsentCheck, ConsentScope, answered, require_consent, required_check
from api.database import DATABASE_FAILURES, Database, operational
from api.errors import StatementTimeout
from api.identity import Caller
from api.intake.access import permitted, visible
from api.intake.archived import found_or_archived
from api.intake.records import ClaimOrder, ClaimRecord
from api.intake.repository import PRESENT_CLAIMS, claim, claim_record
from api.intake.tables import ClaimRow
from api.paging import ListPage, PageCursor
from api.request_context import note_left_out
from core import clock
from core.logging import get_logger

log = get_logger("api")


@dataclass(frozen=True, slots=True)
class PurposedClaim:
    """A claim, and whether it may be shown for the purpose of the request."""

    claim: ClaimRecord
    is_answered: bool


def _with_check(check: ConsentCheck | None) -> Select[tuple[object, ...]]:
    """Claims with a last column: whether they may be shown for a purpose; `None`: it needs nothing of members."""
    if check is None:
        return PRESENT_CLAIMS.add_columns(true())
    return PRESENT_CLAIMS.add_columns(answered(check, ClaimRow.__table__.c.member_id, ConsentScope.CLAIMS))


def _purposed(row: Sequence[object]) -> PurposedClaim:
    return PurposedClaim(claim_record(row[:-1]), bool(row[-1]))


async def _claim_for(connection: AsyncConnection, claim_id: str, check: ConsentCheck) -> PurposedClaim | None:
    """A claim as `claim` has it, and whether it may be shown, by one statement."""
    statement = _with_check(check).where(ClaimRow.claim_id == claim_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _purposed(row)


SETTLED_AFTER = timedelta(seconds=60)
"""A claim is stored at most this long after its time of receipt; a list from the oldest on ends before."""


async def claims_after(
    connection: AsyncConnection,
    *,
    after: PageCursor | None,
    until: datetime | None = None,
    limit: int,
    filters: Mapping[str, str],
    order: ClaimOrder,
    check: ConsentCheck | None = None,
) -> list[PurposedClaim]:
    """Claims received before `until` that follow a place in `order`; `filters` are columns with their values.

    Each with whether it may be shown for the purpose that `check` is of; `None`: the purpose needs nothing.

    Newest first, new claims are added before the first page. Oldest first, they are added after the last, and one that
    is still being decided could be passed: those of the last `SETTLED_AFTER` are left out.
    """
    place = tuple_(ClaimRow.received_at, ClaimRow.claim_id)
    statement = _with_check(check).limit(limit)
    for column, value in filters.items():
        statement = statement.where(ClaimRow.__table__.c[column] == value)
    if until is not None:
        statement = statement.where(ClaimRow.received_at < until)
    if order is ClaimOrder.NEWEST:
        statement = statement.order_by(ClaimRow.received_at.desc(), ClaimRow.claim_id.desc())
        if after is not None:
            statement = statement.where(place < tuple_(after.received_at, after.item_id))
    else:
        settled = ClaimRow.received_at <= clock.now() - SETTLED_AFTER
        statement = statement.order_by(ClaimRow.received_at, ClaimRow.claim_id).where(settled)
        if after is not None:
            statement = statement.where(place > tuple_(after.received_at, after.item_id))
    return [_purposed(row) for row in await connection.execute(statement)]


def shown_page(read: Sequence[PurposedClaim], limit: int, *, counts: bool) -> ListPage[ClaimRecord]:
    """The claims of a page that may be shown, of which one more than `limit` was looked for.

    With `counts`, the response states how many members are left out of it.
    """
    page = read[:limit]
    last = page[-1].claim if len(read) > limit else None
    if counts:
        note_left_out(len({one.claim.member_id for one in page if not one.is_answered}))
    return ListPage(
        [one.claim for one in page if one.is_answered],
        None if last is None else PageCursor(last.received_at, last.claim_id),
    )


async def _members_left_out(
    connection: AsyncConnection,
    *,
    after: PageCursor | None,
    until: datetime,
    filters: Mapping[str, str],
    check: ConsentCheck,
) -> int:
    """How many members have claims that `claims_after` finds from the oldest on, and may not be shown."""
    table = ClaimRow.__table__
    statement = select(func.count(func.distinct(ClaimRow.member_id))).where(
        ClaimRow.received_at < until,
        *(table.c[column] == value for column, value in filters.items()),
        ~answered(check, table.c.member_id, ConsentScope.CLAIMS),
    )
    if after is not None:
        place = tuple_(ClaimRow.received_at, ClaimRow.claim_id)
        statement = statement.where(place > tuple_(after.received_at, after.item_id))
    return await connection.scalar(statement) or 0


async def readable_claim(database: Database, caller: Caller, claim_id: str) -> ClaimRecord:
    """A claim that the caller may see for the purpose of the request; raises `NotFound`, `ConsentMissing`."""
    check = required_check(caller.role)
    if check is None:
        async with database.looking() as looking:
            (found,) = await looking.fetch(claim(claim_id))
            return await found_or_archived(looking, found, claim_id, caller)
    async with database.reading() as reading:
        purposed = await _claim_for(reading, claim_id, check)
    if purposed is None:
        async with database.looking() as looking:
            return await found_or_archived(looking, None, claim_id, caller)
    shown = visible(purposed.claim, caller)
    require_consent(check, purposed.is_answered)
    return shown


async def place_of_claim(database: Database, caller: Caller, claim_id: str) -> PageCursor:
    """Where a claim that the caller may see is in lists. Raises `NotFound`.

    Nothing of it is shown, so it needs no consent: an export goes on after a claim whose member has withdrawn it.
    """
    async with database.looking() as looking:
        (found,) = await looking.fetch(claim(claim_id))
        known = await found_or_archived(looking, found, claim_id, caller)
    return PageCursor(known.received_at, known.claim_id)


async def note_members_left_out(
    database: Database, caller: Caller, *, after: PageCursor | None, until: datetime, filters: Mapping[str, str]
) -> None:
    """State in the response how many members an export leaves out, where its purpose needs something of them.

    Where that cannot be counted in time, the response does not state it; they are left out all the same.
    """
    check = required_check(caller.role)
    if check is None:
        return
    number: int | None = None
    try:
        async with database.reading() as connection:
            number = await _members_left_out(
                connection, after=after, until=until, filters=permitted(filters, caller), check=check
            )
    except DATABASE_FAILURES as error:
        if operational(error) is not StatementTimeout:
            raise
        log.warning("members that an export leaves out not counted in time")
    note_left_out(number)
