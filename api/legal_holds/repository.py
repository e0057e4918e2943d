"""Legal holds in the database."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Final

from sqlalchemy import RowMapping, exists, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys import HOLD_CASE, HOLD_CONTACT, HOLD_REASON, HOLD_RELEASE, FieldKeys
from api.intake import ClaimRow
from api.legal_holds.records import LegalHold
from api.legal_holds.tables import LegalHoldRow
from api.members import MemberRow

_TEXTS: Final = {one.clear: one for one in (HOLD_CASE, HOLD_REASON, HOLD_CONTACT, HOLD_RELEASE)}
"""Fields that are encrypted, by their name."""
_HOLD = tuple(LegalHoldRow.__table__.c[one.name] for one in fields(LegalHold)) + tuple(
    LegalHoldRow.__table__.c[one.column] for one in _TEXTS.values()
)


async def add_hold(connection: AsyncConnection, keys: FieldKeys, hold: LegalHold) -> None:
    """Store a new hold. Raises what `FieldKeys` raises."""
    values = asdict(hold)
    for name, column in _TEXTS.items():
        value = values.pop(name)
        if value is not None:
            values[column.column] = await column.sealed(keys, value, hold.hold_id)
    await connection.execute(insert(LegalHoldRow).values(values))


async def find_hold(connection: AsyncConnection, keys: FieldKeys, hold_id: str) -> LegalHold | None:
    """A hold, which nobody else releases until the transaction ends. Raises as `holds_after` does."""
    found = await connection.execute(select(*_HOLD).where(LegalHoldRow.hold_id == hold_id).with_for_update())
    row = found.mappings().one_or_none()
    return None if row is None else await _read(keys, row)


async def release_hold(
    connection: AsyncConnection, keys: FieldKeys, hold_id: str, *, by: str, reason: str, at: datetime
) -> None:
    """Store that a hold was released. Raises what `FieldKeys` raises."""
    sealed = await HOLD_RELEASE.sealed(keys, reason, hold_id)
    values = {"released_at": at, "released_by": by, HOLD_RELEASE.column: sealed}
    await connection.execute(update(LegalHoldRow).where(LegalHoldRow.hold_id == hold_id).values(values))


async def holds_in_force(
    connection: AsyncConnection, keys: FieldKeys, member_ids: Sequence[str], day: date
) -> list[LegalHold]:
    """The holds on members that are in force on a day, the oldest first. Raises as `holds_after` does."""
    statement = (
        select(*_HOLD)
        .where(
            LegalHoldRow.member_id.in_(member_ids),
            LegalHoldRow.released_at.is_(None),
            or_(LegalHoldRow.last_day.is_(None), LegalHoldRow.last_day >= day),
        )
        .order_by(LegalHoldRow.added_at, LegalHoldRow.hold_id)
    )
    return [await _read(keys, row) for row in (await connection.execute(statement)).mappings()]


async def holds_after(
    connection: AsyncConnection,
    keys: FieldKeys,
    member_id: str | None,
    place: tuple[datetime, str] | None,
    limit: int,
) -> list[LegalHold]:
    """Holds that were added after a place, the oldest first; of one member, or of all.

    In place of a text whose key is lost it says that: the hold is in force all the same. Raises `DecryptionError`
    where one was changed, and what `FieldKeys` raises.
    """
    statement = select(*_HOLD).order_by(LegalHoldRow.added_at, LegalHoldRow.hold_id).limit(limit)
    if member_id is not None:
        statement = statement.where(LegalHoldRow.member_id == member_id)
    if place is not None:
        statement = statement.where(tuple_(LegalHoldRow.added_at, LegalHoldRow.hold_id) > place)
    return [await _read(keys, row) for row in (await connection.execute(statement)).mappings()]


async def is_stored_member(connection: AsyncConnection, member_id: str) -> bool:
    """Whether anything is stored about a member: itself, or a claim."""
    of_member = exists().where(MemberRow.member_id == member_id)
    of_claim = exists().where(ClaimRow.member_id == member_id)
    return bool(await connection.scalar(select(or_(of_member, of_claim))))


async def _read(keys: FieldKeys, row: RowMapping) -> LegalHold:
    values = {one.name: row[one.name] for one in fields(LegalHold)}
    for name, column in _TEXTS.items():
        values[name] = await column.shown(keys, row[column.column], row[name], row["hold_id"])
    return LegalHold(**values)
