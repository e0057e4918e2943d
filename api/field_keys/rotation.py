"""Rotating keys while the platform runs: a new master key, new data keys, and everything under them moved.

Reads go on: a value names the key that sealed it, and data keys are kept. Each batch is a transaction; a rotation that
was ended goes on where it stopped. Data keys are wrapped again by the newest master key, members' keys by a new data
key, and the values of `ROTATED_COLUMNS` are sealed by new data keys. Members' own keys, and what they seal, stay. What
is derived with data keys, such as blind indexes, is made again with new ones (`DerivedRows`).
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol, TypeVar

from sqlalchemy import Select, func, insert, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.errors import KeyProviderUnavailable
from api.field_keys.columns import ROTATED_COLUMNS
from api.field_keys.member_keys import MEMBERS, rewrapped
from api.field_keys.resealing import Resealed, known_key, left_in, reseal
from api.field_keys.secrets import StoredSecrets
from api.field_keys.service import FieldKeys
from api.field_keys.tables import DataKeyRow, KeyRotationRow, MemberKeyRow
from core import clock
from core.errors import DecryptionError, KeyProviderUnavailableError
from core.field_encryption import CURRENT_FOR, BoundKey, WrappedKey, key_context, key_id_of
from core.logging import get_logger
from core.settings import Settings

log = get_logger("keys")

_Given = TypeVar("_Given")

BATCH: Final = 1_000
"""Keys of members of one transaction."""
SETTLED_AFTER: Final = CURRENT_FOR + timedelta(seconds=5)
"""Age of the new data keys at which every process encrypts with them."""
_LOCK_TIMEOUT: Final = text("SET LOCAL lock_timeout = '5s'")
_DATA_KEYS: Final = select(DataKeyRow.key_id, DataKeyRow.purpose, DataKeyRow.provider, DataKeyRow.wrapped_key).order_by(
    DataKeyRow.key_id
)
_MEMBER_KEYS: Final = f"{MemberKeyRow.__tablename__}.wrapped_key"
_MOVE: Final = text(
    "UPDATE member_keys SET key_id = :key_id, wrapped_key = given.wrapped_key "
    "FROM unnest(CAST(:ids AS text[]), CAST(:wrapped AS bytea[])) AS given(member_id, wrapped_key) "
    "WHERE member_keys.member_id = given.member_id"
)


class DerivedRows(Protocol):
    """Rows that are derived with a data key from other ones, and are made again where the key is replaced."""

    @property
    def column(self) -> str:
        """Table and column."""

    def move(self, database: Database, keys: FieldKeys, after_key_id: int) -> AsyncIterator[Resealed]:
        """Make again, in batches, what data keys up to this one derived; what is locked may be left."""

    async def left_under(self, connection: AsyncConnection, key_id: int) -> int:
        """Count what data keys up to this one derived."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation, as it is stored."""

    rotation_id: int
    after_key_id: int
    """Data keys up to this one are replaced."""
    resumed: bool
    master_rotated: bool


@dataclass(frozen=True, slots=True)
class RotationReport:
    """What a run of a rotation did."""

    rotation_id: int
    resumed: bool
    """It was begun by an earlier run."""
    master_rotated: bool
    """This run or an earlier one made a new version. False: the key provider's owner makes them."""
    data_keys: int
    """Wrapped again by the newest master key."""
    rows: dict[str, int]
    """Moved to new data keys, by table and column."""
    left: dict[str, int]
    """Still under an earlier data key, because they were being changed: run it again."""
    unreadable: dict[str, int]
    """Rows that cannot be decrypted and were not moved: they were changed, or their key is not stored."""


async def rotate(
    database: Database,
    settings: Settings,
    keys: FieldKeys,
    progress: Callable[[str, int], None],
    settle: Callable[[float], Awaitable[None]] = asyncio.sleep,
    derived: Sequence[DerivedRows] = (),
) -> RotationReport:
    """Rotate the keys, or go on with the rotation that was not finished.

    `progress` gets the column and the rows of each batch. `settle` waits for a number of seconds, until every process
    encrypts with the new data keys. Changes nothing where this process cannot unwrap every data key. A value that
    cannot be decrypted is left as it is; the rotation is finished without it. Raises what `FieldKeys` raises.
    """
    await _require_data_keys(database, keys)
    rotation = await _begun(database)
    # A version that was made and not noted, because this was ended before the next transaction, is made once more.
    is_made = not rotation.master_rotated and await _provided(keys.ring.providers.current.rotate)
    data_keys = await _rewrap_data_keys(database, keys, rotation, is_made=is_made)
    purposes = await _purposes(database)
    for purpose in purposes:
        await _provided(partial(keys.ring.replace, purpose, rotation.after_key_id))
    rows: dict[str, int] = defaultdict(int)
    secrets = StoredSecrets(settings, keys)
    newest = await _newest_data_key(database)
    settles = newest is not None and newest + SETTLED_AFTER > clock.now()
    unreadable = await _move(database, secrets, rotation, rows, progress, derived, settled=not settles)
    if newest is not None and settles:
        await settle(max(0.0, (newest + SETTLED_AFTER - clock.now()).total_seconds()))
        unreadable = await _move(database, secrets, rotation, rows, progress, derived, settled=True)
    left = await left_under(database, rotation.after_key_id, derived)
    left = {column: max(0, count - unreadable.get(column, 0)) for column, count in left.items()}
    if not any(left.values()):
        async with database.transaction() as connection:
            finished = update(KeyRotationRow).where(KeyRotationRow.rotation_id == rotation.rotation_id)
            await connection.execute(finished.values(finished_at=clock.now()))
    return RotationReport(
        rotation.rotation_id,
        rotation.resumed,
        rotation.master_rotated or is_made,
        data_keys,
        dict(rows),
        left,
        unreadable,
    )


async def left_under(database: Database, key_id: int, derived: Sequence[DerivedRows] = ()) -> dict[str, int]:
    """Rows under data keys up to this one, by table and column; reads the tables as a whole."""
    async with database.reading() as connection:
        members = select(func.count()).select_from(MemberKeyRow).where(MemberKeyRow.key_id <= key_id)
        left = {_MEMBER_KEYS: await connection.scalar(members) or 0}
        for column in ROTATED_COLUMNS:
            left[column.name] = await left_in(connection, column, key_id)
        for one in derived:
            left[one.column] = await one.left_under(connection, key_id)
    return left


async def unfinished_rotation(database: Database) -> Rotation | None:
    """The rotation that `rotate` would go on with."""
    async with database.reading() as connection:
        return await _unfinished(connection)


async def _unfinished(connection: AsyncConnection) -> Rotation | None:
    table = KeyRotationRow
    found = await connection.execute(
        select(table.rotation_id, table.after_key_id, table.master_rotated_at)
        .where(table.finished_at.is_(None), table.of_members.is_(False))
        .order_by(table.rotation_id)
        .limit(1)
    )
    row = found.one_or_none()
    return None if row is None else Rotation(row[0], row[1], resumed=True, master_rotated=row[2] is not None)


async def _begun(database: Database) -> Rotation:
    async with database.transaction() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('key_rotations', 0))"))
        unfinished = await _unfinished(connection)
        if unfinished is not None:
            return unfinished
        after = await connection.scalar(select(func.coalesce(func.max(DataKeyRow.key_id), 0))) or 0
        new = insert(KeyRotationRow).values(started_at=clock.now(), after_key_id=after)
        rotation_id = await connection.scalar(new.returning(KeyRotationRow.rotation_id))
    assert rotation_id is not None
    return Rotation(rotation_id, after, resumed=False, master_rotated=False)


async def _require_data_keys(database: Database, keys: FieldKeys) -> None:
    """Unwrap every data key. Raises what a `KeyProvider` raises where this process cannot: then it must not rotate."""
    async with database.reading() as connection:
        found = (await connection.execute(_DATA_KEYS)).all()
    for row in found:
        provider = keys.ring.providers.named(row.provider)
        await _provided(partial(provider.unwrap, row.wrapped_key, key_context(row.purpose, row.key_id)))


async def _rewrap_data_keys(database: Database, keys: FieldKeys, rotation: Rotation, *, is_made: bool) -> int:
    """Wrap every data key again by the newest master key of the present provider; reads of them do not wait.

    `is_made`: whether that is a new one, which is noted with what it wraps.
    """
    async with database.transaction() as connection:
        await connection.execute(_LOCK_TIMEOUT)
        found = (await connection.execute(_DATA_KEYS.with_for_update())).all()
        bound = [(row.provider, BoundKey(row.wrapped_key, key_context(row.purpose, row.key_id))) for row in found]
        wrapped = await _provided(partial(_rewrapped, keys, bound))
        name = keys.ring.providers.current.name
        for row, new in zip(found, wrapped, strict=True):
            await connection.execute(
                update(DataKeyRow)
                .where(DataKeyRow.key_id == row.key_id)
                .values(wrapped_key=new.wrapped, master_version=new.master_version, provider=name)
            )
        if is_made:
            noted = update(KeyRotationRow).where(KeyRotationRow.rotation_id == rotation.rotation_id)
            await connection.execute(noted.values(master_rotated_at=clock.now()))
    return len(found)


def _rewrapped(keys: FieldKeys, bound: list[tuple[str, BoundKey]]) -> list[WrappedKey]:
    """By the present provider: its own keys together, those of an earlier provider one by one."""
    providers = keys.ring.providers
    own = [key for name, key in bound if name == providers.current.name]
    done = dict(zip((one.context for one in own), providers.current.rewrap(own), strict=True))
    for name, key in bound:
        if name != providers.current.name:
            raw = providers.named(name).unwrap(key.wrapped, key.context)
            done[key.context] = providers.current.wrap(raw, key.context)
    return [done[key.context] for _, key in bound]


async def _purposes(database: Database) -> list[str]:
    async with database.reading() as connection:
        return list(await connection.scalars(select(DataKeyRow.purpose).distinct().order_by(DataKeyRow.purpose)))


async def _newest_data_key(database: Database) -> datetime | None:
    async with database.reading() as connection:
        return await connection.scalar(select(func.max(DataKeyRow.created_at)))


async def _move(
    database: Database,
    secrets: StoredSecrets,
    rotation: Rotation,
    rows: dict[str, int],
    progress: Callable[[str, int], None],
    derived: Sequence[DerivedRows],
    *,
    settled: bool,
) -> dict[str, int]:
    """One pass over everything that data keys up to the one of the rotation wrap or seal.

    `settled`: every process searches blind indexes by the new keys, too; until then, those stay as they are.
    Returns how many rows could not be decrypted, by table and column.
    """
    after, unreadable = rotation.after_key_id, dict[str, int]()

    def note(column: str, batch: Resealed) -> None:
        if batch.moved:
            rows[column] += batch.moved
            progress(column, batch.moved)
        if batch.unreadable:
            unreadable[column] = unreadable.get(column, 0) + batch.unreadable
            log.error("values not rotated, because they cannot be decrypted", column=column, rows=batch.unreadable)

    async for batch in _move_member_keys(database, secrets.keys, after):
        note(_MEMBER_KEYS, batch)
    for column in ROTATED_COLUMNS:
        if column.index is not None and not settled:
            continue
        async for batch in reseal(database, secrets, column, after):
            note(column.name, batch)
    for one in derived:
        async for batch in one.move(database, secrets.keys, after):
            note(one.column, batch)
    return unreadable


async def _move_member_keys(database: Database, keys: FieldKeys, after_key_id: int) -> AsyncIterator[Resealed]:
    """Wrap members' keys by the newest data key, in batches. Those that are locked are left for another pass."""
    wrapping = await keys.current(MEMBERS)
    last: tuple[int, str] | None = None
    while True:
        async with database.transaction() as connection:
            await connection.execute(_LOCK_TIMEOUT)
            found = (await connection.execute(_next_member_keys(after_key_id, last))).all()
            wrapped = {}
            for row in found:
                try:
                    before = await known_key(connection, keys, key_id_of(row.wrapped_key))
                    wrapped[row.member_id] = rewrapped(before, wrapping, row.member_id, row.wrapped_key)
                except DecryptionError:
                    continue
            given = {"key_id": wrapping.key_id, "ids": list(wrapped), "wrapped": list(wrapped.values())}
            if wrapped:
                await connection.execute(_MOVE, given)
        if not found:
            return
        last = found[-1].key_id, found[-1].member_id
        yield Resealed(len(wrapped), len(found) - len(wrapped))


def _next_member_keys(after_key_id: int, last: tuple[int, str] | None) -> Select[int | None, str, bytes | None]:
    place = tuple_(MemberKeyRow.key_id, MemberKeyRow.member_id)
    return (
        select(MemberKeyRow.key_id, MemberKeyRow.member_id, MemberKeyRow.wrapped_key)
        .where(MemberKeyRow.key_id <= after_key_id, *(() if last is None else (place > last,)))
        .order_by(MemberKeyRow.key_id, MemberKeyRow.member_id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )


async def _provided(ask: Callable[[], _Given]) -> _Given:
    """What a thread asks the key provider for."""
    try:
        return await asyncio.to_thread(ask)
    except KeyProviderUnavailableError as error:
        raise KeyProviderUnavailable(f"{error}; the rotation goes on where it stopped when it is run again") from None
