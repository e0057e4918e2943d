"""Legal holds in the database."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import date, datetime

from sqlalchemy import exists, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.intake import ClaimRow
from api.legal_holds.records import LegalHold
from api.legal_holds.tables import LegalHoldRow
from api.members import MemberRow

_HOLD = tuple(LegalHoldRow.__table__.c[one.name] for one in fields(LegalHold))


async def add_hold(connection: AsyncConnection, hold: LegalHold) -> None:
    """Store a new hold."""
    await connection.execute(insert(LegalHoldRow).values(asdict(hold)))


async def find_hold(connection: AsyncConnection, hold_id: str) -> LegalHold | None:
    """A hold, which nobody else releases until the transaction ends."""
    found = await connection.execute(select(*_HOLD).where(LegalHoldRow.hold_id == hold_id).with_for_update())
    row = found.one_or_none()
    return None if row is None else LegalHold(*row)


async def release_hold(connection: AsyncConnection, hold_id: str, *, by: str, reason: str, at: datetime) -> None:
    """Store that a hold was released."""
    values = {"released_at": at, "released_by": by, "release_reason": reason}
    await connection.execute(update(LegalHoldRow).where(LegalHoldRow.hold_id == hold_id).values(values))


async def holds_in_force(connection: AsyncConnection, member_ids: Sequence[str], day: date) -> list[LegalHold]:
    """The holds on members that are in force on a day, the oldest first."""
    statement = (
        select(*_HOLD)
        .where(
            LegalHoldRow.member_id.in_(member_ids),
            LegalHoldRow.released_at.is_(None),
            or_(LegalHoldRow.last_day.is_(None), LegalHoldRow.last_day >= day),
        )
        .order_by(LegalHoldRow.added_at, LegalHoldRow.hold_id)
    )
    return [LegalHold(*row) for row in await connection.execute(statement)]


async def holds_after(
    connection: AsyncConnection, member_id: str | None, place: tuple[datetime, str] | None, limit: int
) -> list[LegalHold]:
    """Holds that were added after a place, the oldest first; of one member, or of all."""
    statement = select(*_HOLD).order_by(LegalHoldRow.added_at, LegalHoldRow.hold_id).limit(limit)
    if member_id is not None:
        statement = statement.where(LegalHoldRow.member_id == member_id)
    if place is not None:
        statement = statement.where(tuple_(LegalHoldRow.added_at, LegalHoldRow.hold_id) > place)
    return [LegalHold(*row) for row in await connection.execute(statement)]


async def is_stored_member(connection: AsyncConnection, member_id: str) -> bool:
    """Whether anything is stored about a member: itself, or a claim."""
    of_member = exists().where(MemberRow.member_id == member_id)
    of_claim = exists().where(ClaimRow.member_id == member_id)
    return bool(await connection.scalar(select(or_(of_member, of_claim))))
