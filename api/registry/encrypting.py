"""Encrypting who members are where an earlier release stored it in clear, in bounded batches.

Each batch is a transaction that disables the triggers which record changes: nothing is changed but how values are
stored. Members are read meanwhile, and a change of one waits for the batch. The next run does what one that was ended
left undone.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeVar, cast

from sqlalchemy import ColumnElement, Table, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.field_keys import FieldKeys, Pause, with_lock_retries
from api.members import IDENTITY_FIELDS, IdentityColumns, MemberRow, StoredIdentity, encrypted_columns, lock_identities
from api.registry.tables import RegistryHistoryRow

Place = TypeVar("Place", str, int)
"""Of the last row of a batch: its key."""


class _Batch(Protocol[Place]):
    """Encrypts the next rows after a place; returns the place of the last one, and how many they were."""

    async def __call__(
        self, connection: AsyncConnection, keys: FieldKeys, last: Place | None
    ) -> tuple[Place | None, int]: ...


BATCH: Final = 500
"""Rows of one transaction."""
_MEMBERS = cast(Table, MemberRow.__table__)
_HISTORY = cast(Table, RegistryHistoryRow.__table__)
_TRIGGERS: Final = {
    _MEMBERS.name: ("members_history", "members_rescreening"),
    _HISTORY.name: ("registry_history_append_only",),
}
_CLEAR_MEMBER: Final = or_(*(_MEMBERS.c[name].is_not(None) for name in IDENTITY_FIELDS))
_CLEAR_STATE: Final = (_HISTORY.c.kind == _MEMBERS.name) & or_(
    *(_HISTORY.c.state[name].astext.is_not(None) for name in IDENTITY_FIELDS)
)


@dataclass(frozen=True, slots=True)
class ClearIdentities:
    """Rows with a name, birth date or sex in clear."""

    members: int
    states: int
    """Earlier states of members."""

    @property
    def total(self) -> int:
        """All rows."""
        return self.members + self.states


async def clear_identities(database: Database) -> ClearIdentities:
    """Count what is in clear; reads both tables as a whole."""
    async with database.reading() as connection:
        members = await connection.scalar(select(func.count()).select_from(_MEMBERS).where(_CLEAR_MEMBER))
        states = await connection.scalar(select(func.count()).select_from(_HISTORY).where(_CLEAR_STATE))
    return ClearIdentities(members or 0, states or 0)


async def encrypt_identities(
    database: Database, keys: FieldKeys, progress: Callable[[int], None], pause: Pause = asyncio.sleep
) -> int:
    """Encrypt what is in clear; returns the number of rows. `progress` gets the rows of each batch.

    Members that are being changed are left out: run it again until `clear_identities` counts none. Only the owner of
    the tables may do it. `pause` waits for seconds while others have locked a table. Raises what `FieldKeys` raises.
    """
    members = await _in_batches(database, keys, _encrypt_members, progress, pause)
    return members + await _in_batches(database, keys, _encrypt_states, progress, pause)


async def _in_batches(
    database: Database, keys: FieldKeys, batch: _Batch[Place], progress: Callable[[int], None], pause: Pause
) -> int:
    """Carry out a batch after another, each in its transaction; returns how many rows they changed."""
    last: Place | None = None
    done = 0
    while True:
        last, rows = await with_lock_retries(database, partial(batch, keys=keys, last=last), pause)
        if last is None:
            return done
        done += rows
        progress(rows)


async def _encrypt_members(connection: AsyncConnection, keys: FieldKeys, last: str | None) -> tuple[str | None, int]:
    """Encrypt members after an id; returns the last id that was read, and how many were encrypted."""
    key = _MEMBERS.c.member_id
    await _without_triggers(connection, _MEMBERS)
    statement = select(key).where(_CLEAR_MEMBER, *_after(key, last)).order_by(key).limit(BATCH)
    found = list(await connection.scalars(statement.with_for_update(skip_locked=True)))
    for member_id, (own, before) in (await lock_identities(connection, keys, found)).items() if found else ():
        columns = await encrypted_columns(keys, member_id, own, before or StoredIdentity.of({}, own))
        await connection.execute(update(_MEMBERS).where(key == member_id).values(columns))
    await _with_triggers(connection, _MEMBERS)
    return (found[-1] if found else None), len(found)


async def _encrypt_states(connection: AsyncConnection, keys: FieldKeys, last: int | None) -> tuple[int | None, int]:
    """Encrypt earlier states after an id; returns the last id, and how many there were."""
    key = _HISTORY.c.history_id
    await _without_triggers(connection, _HISTORY)
    statement = (
        select(key, _HISTORY.c.entry_id, _HISTORY.c.state)
        .where(_CLEAR_STATE, *_after(key, last))
        .order_by(key)
        .limit(BATCH)
    )
    found = (await connection.execute(statement)).all()
    identities = await lock_identities(connection, keys, [row.entry_id for row in found]) if found else {}
    for row in found:
        own, _ = identities[row.entry_id]
        columns = await encrypted_columns(keys, row.entry_id, own, StoredIdentity.of(row.state, own))
        state = {**row.state, **_as_json(columns)}
        await connection.execute(update(_HISTORY).where(key == row.history_id).values(state=state))
    await _with_triggers(connection, _HISTORY)
    return (found[-1].history_id if found else None), len(found)


def _after(key: ColumnElement[object], last: object) -> Sequence[ColumnElement[bool]]:
    return () if last is None else (key > last,)


def _as_json(columns: IdentityColumns) -> dict[str, str | None]:
    """As a trigger writes them; none is in clear."""
    return {name: f"\\x{value.hex()}" if isinstance(value, bytes) else None for name, value in columns.items()}


async def _without_triggers(connection: AsyncConnection, table: Table) -> None:
    """Disable the triggers that record changes. A rollback enables them again, too."""
    for name in _TRIGGERS[table.name]:
        await connection.execute(text(f"ALTER TABLE {table.name} DISABLE TRIGGER {name}"))


async def _with_triggers(connection: AsyncConnection, table: Table) -> None:
    for name in _TRIGGERS[table.name]:
        await connection.execute(text(f"ALTER TABLE {table.name} ENABLE TRIGGER {name}"))
