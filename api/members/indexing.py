"""Filling the blind index of members for rows of earlier releases, and with a new key after a rotation.

In bounded batches while the platform runs; a member that is being changed is left for the next run.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, cast

from sqlalchemy import ColumnElement, Table, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.field_keys import FieldKeys, MemberKeyRow, Resealed, known_key
from api.members.identities import Identity, lock_identities, open_identity
from api.members.search_index import index_members
from api.members.tables import MemberRow, MemberSearchRow
from core.errors import DecryptionError
from core.field_encryption import key_id_of

BATCH: Final = 500
"""Members of one transaction."""
_LOCK_TIMEOUT: Final = text("SET LOCAL lock_timeout = '5s'")
_MEMBERS: Final = cast(Table, MemberRow.__table__)
_ENTRIES: Final = cast(Table, MemberSearchRow.__table__)
_SEARCHABLE: Final = or_(*(_MEMBERS.c[name].is_not(None) for name in ("name_sealed", "birth_date_sealed")))
"""Without those in clear: `ginja crypto encrypt` encrypts them first."""
_UNINDEXED: Final = (
    _SEARCHABLE & ~select(_ENTRIES.c.member_id).where(_ENTRIES.c.member_id == _MEMBERS.c.member_id).exists()
)


async def unindexed_members(database: Database) -> int:
    """Count the members that no search finds; reads the table as a whole."""
    async with database.reading() as connection:
        return await connection.scalar(select(func.count()).select_from(_MEMBERS).where(_UNINDEXED)) or 0


async def index_unindexed(database: Database, keys: FieldKeys, progress: Callable[[int], None]) -> int:
    """Index the members that have no entries; returns how many. `progress` gets the members of each batch.

    Raises what `FieldKeys` raises. A member that cannot be decrypted is left.
    """
    done = 0
    async for batch in _in_batches(database, keys, _MEMBERS.c.member_id, _UNINDEXED):
        done += batch.moved
        progress(batch.moved)
    return done


class MemberIndexKeys:
    """The blind index of members, for a rotation of keys (`DerivedRows`)."""

    @property
    def column(self) -> str:
        """Table and column."""
        return f"{_ENTRIES.name}.{_ENTRIES.c.entry.name}"

    def move(self, database: Database, keys: FieldKeys, after_key_id: int) -> AsyncIterator[Resealed]:
        """Make the entries of members again that data keys up to this one have; counts members."""
        return _in_batches(database, keys, _ENTRIES.c.member_id, _ENTRIES.c.key_id <= after_key_id)

    async def left_under(self, connection: AsyncConnection, key_id: int) -> int:
        """Count the members with entries of data keys up to this one."""
        members = select(func.count(_ENTRIES.c.member_id.distinct())).where(_ENTRIES.c.key_id <= key_id)
        return await connection.scalar(members) or 0


async def _in_batches(
    database: Database, keys: FieldKeys, member_id: ColumnElement[str], where: ColumnElement[bool]
) -> AsyncIterator[Resealed]:
    last = ""
    while True:
        chosen = select(member_id).distinct().where(where, member_id > last).order_by(member_id).limit(BATCH)
        async with database.transaction() as connection:
            await connection.execute(_LOCK_TIMEOUT)
            found = list(await connection.scalars(chosen))
            batch = await _index(connection, keys, await _locked(connection, found))
        if not found:
            return
        last = found[-1]
        yield batch


async def _locked(connection: AsyncConnection, member_ids: Sequence[str]) -> list[str]:
    """Lock the rows and keys of members; returns the ids of those that were not locked and have a key."""
    locked = list(member_ids)
    for row in (MemberRow, MemberKeyRow):
        chosen = select(row.member_id).where(row.member_id.in_(locked)).order_by(row.member_id)
        locked = list(await connection.scalars(chosen.with_for_update(skip_locked=True)))
    return locked


async def _index(connection: AsyncConnection, keys: FieldKeys, member_ids: Sequence[str]) -> Resealed:
    identities: dict[str, Identity] = {}
    for member_id, (key, stored) in (await lock_identities(connection, keys, member_ids)).items() if member_ids else ():
        try:
            if key.wrapped is not None:
                await known_key(connection, keys, key_id_of(key.wrapped))
            if stored is not None:
                identities[member_id] = await open_identity(keys, member_id, stored)
        except DecryptionError:
            continue
    await index_members(connection, keys, identities)
    return Resealed(len(identities), len(member_ids) - len(identities))
