"""Replacing members' own keys while the platform runs: a key of the next generation, and what was sealed moved to it.

The key before stays wrapped beside the new one, so that every read has both; it is dropped when nothing is left under
it. Writers lock the key that seals until what it sealed is stored, and a key is dropped under a lock that excludes
them. Between the last move and that, as long passes as a process may take to use what it has read.

A key is kept for what cannot be moved: changes in the audit log, which is append-only and hashed, and archives.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Row, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.errors import NotFound
from api.field_keys.member_keys import MEMBERS, MemberKey, is_members_sql, member_key
from api.field_keys.member_values import MEMBER_VALUES, move_values, sealed_by
from api.field_keys.rotation import SETTLED_AFTER
from api.field_keys.service import FieldKeys
from api.field_keys.table_locks import Pause
from api.field_keys.tables import KeyRotationRow, MemberKeyRow
from core import clock
from core.errors import DecryptionError
from core.field_encryption import SealingKey
from core.logging import get_logger

log = get_logger("keys")

BATCH: Final = 200
"""Members of one transaction."""
PASSES: Final = 3
"""Until nothing is found to move; otherwise earlier keys stay for the next run."""
KEYS: Final = "member_keys.wrapped_key"
"""Name of the keys that are replaced, in progress and reports."""
_LOCK_TIMEOUT: Final = text("SET LOCAL lock_timeout = '5s'")
_RENEWED: Final = text(
    "UPDATE member_keys SET key_id = :key_id, wrapped_key = :wrapped, generation = generation + 1, renewed_at = :at, "
    "moving = true WHERE member_id = :member_id"
)
_SETTLED: Final = text(
    "UPDATE member_keys SET key_id = :key_id, wrapped_key = :wrapped, moving = false WHERE member_id = :member_id"
)
_AUDITED: Final = text(
    f"SELECT DISTINCT subject_id, {sealed_by('change')} FROM audit_log WHERE subject_kind = 'member' "
    f"AND subject_id = ANY(:member_ids) AND change IS NOT NULL AND {is_members_sql('change')}"
)
_ARCHIVED: Final = text(
    "SELECT member_id FROM archived_claims WHERE member_id = ANY(:member_ids) "
    "UNION SELECT one FROM audit_archives, unnest(members) AS one WHERE one = ANY(:member_ids)"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """Members whose earlier keys are kept, by the reason."""

    audit_log: int = 0
    """Changes in the audit log are sealed by them."""
    archives: int = 0
    """Archives have values of their claims."""


@dataclass(frozen=True, slots=True)
class RenewalReport:
    """What a run did that replaces members' keys."""

    rotation_id: int | None
    """None: it was about one member."""
    resumed: bool
    """An earlier run began it."""
    renewed: int
    """Members with a new key by this run."""
    rows: dict[str, int]
    """Values moved to new keys, by table and column."""
    dropped: int
    """Earlier keys that were destroyed, because nothing is left under them."""
    kept: Kept
    left: dict[str, int]
    """Keys and values that were being changed: run it again."""
    unreadable: dict[str, int]
    """Keys and values that cannot be decrypted, and stay as they are."""


@dataclass
class _Counts:
    progress: Callable[[str, int], None]
    renewed: int = 0
    dropped: int = 0
    audited: int = 0
    archived: int = 0
    rows: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unreadable: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    locked: int = 0


@dataclass(frozen=True, slots=True)
class _Scope:
    rotation_id: int | None
    started_at: datetime
    resumed: bool
    member_id: str | None
    moving: bool = False
    """Of one member: it has a new key already."""


async def renew_member_keys(
    database: Database,
    keys: FieldKeys,
    progress: Callable[[str, int], None],
    pause: Pause = asyncio.sleep,
    member_id: str | None = None,
) -> RenewalReport:
    """Replace the keys of all members, or of one, or go on with what an earlier run of it left.

    `progress` gets the column and the rows of each batch. `pause` waits for seconds. Only the owner of the tables may
    do it. A member that was erased has no key and gets none. Raises `NotFound` where the one member has no key, and
    what `FieldKeys` raises.
    """
    scope = await _begun(database, member_id)
    counts = _Counts(progress)
    await _load_wrapping_keys(database, keys)
    if not scope.moving:
        await _renew(database, keys, scope, counts)
    settled = clock.now()
    moved = await _move(database, keys, scope, counts, pause)
    for _ in range(PASSES):
        # What has read values or keys is over after it, and what it stored meanwhile is moved by the next pass.
        await pause(SETTLED_AFTER.total_seconds())
        moved = await _move(database, keys, scope, counts, pause)
        if not moved:
            await _drop(database, keys, scope, counts, settled)
            break
    left = await _left(database, scope, counts)
    if scope.rotation_id is not None and not any(left.values()):
        async with database.transaction() as connection:
            finished = update(KeyRotationRow).where(KeyRotationRow.rotation_id == scope.rotation_id)
            await connection.execute(finished.values(finished_at=clock.now()))
    return RenewalReport(
        scope.rotation_id,
        scope.resumed,
        counts.renewed,
        dict(counts.rows),
        counts.dropped,
        Kept(counts.audited, counts.archived),
        left,
        counts.unreadable,
    )


async def unfinished_renewal(database: Database) -> int | None:
    """The id of the rotation of members' keys that the next run goes on with."""
    async with database.reading() as connection:
        found = await _unfinished(connection)
    return None if found is None else found[0]


async def _unfinished(connection: AsyncConnection) -> tuple[int, datetime] | None:
    table = KeyRotationRow
    found = await connection.execute(
        select(table.rotation_id, table.started_at)
        .where(table.finished_at.is_(None), table.of_members)
        .order_by(table.rotation_id)
        .limit(1)
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


async def _begun(database: Database, member_id: str | None) -> _Scope:
    async with database.transaction() as connection:
        if member_id is not None:
            table = MemberKeyRow
            own = select(table.moving).where(table.member_id == member_id, table.wrapped_key.is_not(None))
            moving = await connection.scalar(own)
            if moving is None:
                raise NotFound(f"member {member_id} has no key: check the id; an erased member gets none")
            return _Scope(None, clock.now(), moving, member_id, moving)
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('key_rotations', 0))"))
        unfinished = await _unfinished(connection)
        if unfinished is not None:
            return _Scope(*unfinished, resumed=True, member_id=None)
        now = clock.now()
        new = insert(KeyRotationRow).values(started_at=now, after_key_id=0, of_members=True)
        rotation_id = await connection.scalar(new.returning(KeyRotationRow.rotation_id))
    return _Scope(rotation_id, now, resumed=False, member_id=None)


async def _load_wrapping_keys(database: Database, keys: FieldKeys) -> None:
    """Load what wraps members' keys, so that no table is locked while the key provider is asked."""
    async with database.reading() as connection:
        ids = await connection.scalars(select(MemberKeyRow.key_id).where(MemberKeyRow.key_id.is_not(None)).distinct())
        found = [one for one in ids if one is not None]
    for key_id in found:
        await keys.key(key_id)
    await keys.current(MEMBERS)


def _due(scope: _Scope) -> list[ColumnElement[bool]]:
    """Whose keys are to be replaced: those of members that were not erased, made before the rotation began."""
    table = MemberKeyRow
    conditions = [table.wrapped_key.is_not(None), func.coalesce(table.renewed_at, table.created_at) < scope.started_at]
    return conditions if scope.member_id is None else [*conditions, table.member_id == scope.member_id]


async def _locked(
    connection: AsyncConnection, where: Sequence[ColumnElement[bool]], last: str
) -> Sequence[Row[str, bytes | None, int]]:
    """The next keys, locked; those that another transaction has locked are left out."""
    await connection.execute(_LOCK_TIMEOUT)
    table = MemberKeyRow
    statement = select(table.member_id, table.wrapped_key, table.generation).where(*where, table.member_id > last)
    statement = statement.order_by(table.member_id).limit(BATCH).with_for_update(skip_locked=True)
    return (await connection.execute(statement)).all()


async def _renew(database: Database, keys: FieldKeys, scope: _Scope, counts: _Counts) -> None:
    """Put new keys before those that there are."""
    last = ""
    while True:
        wrapping, changes, unreadable = await keys.current(MEMBERS), [], 0
        async with database.transaction() as connection:
            found = await _locked(connection, _due(scope), last)
            for member_id, wrapped, generation in found:
                try:
                    own = await member_key(keys, MemberKey(member_id, wrapped))
                except DecryptionError:
                    unreadable += 1
                    continue
                assert own is not None
                new = own.succeeded(wrapping, member_id, generation + 1)
                changes.append({"member_id": member_id, "wrapped": new, "key_id": wrapping.key_id, "at": clock.now()})
            if changes:
                await connection.execute(_RENEWED, changes)
        if not found:
            return
        last = found[-1].member_id
        if unreadable:
            counts.unreadable[KEYS] = counts.unreadable.get(KEYS, 0) + unreadable
            log.error("members' keys not replaced, because they cannot be decrypted", rows=unreadable)
        if changes:
            counts.renewed += len(changes)
            counts.progress(KEYS, len(changes))


async def _move(database: Database, keys: FieldKeys, scope: _Scope, counts: _Counts, pause: Pause) -> int:
    """One pass over all values; returns how many were moved."""
    moved = 0
    for values in MEMBER_VALUES:
        unreadable = 0
        async for batch in move_values(database, keys, values, scope.member_id, pause):
            unreadable += batch.unreadable
            if batch.moved:
                moved += batch.moved
                counts.rows[values.name] += batch.moved
                counts.progress(values.name, batch.moved)
        counts.unreadable.pop(values.name, None)
        if unreadable:
            counts.unreadable[values.name] = unreadable
            log.error("values not moved, because they cannot be decrypted", column=values.name, rows=unreadable)
    return moved


async def _drop(database: Database, keys: FieldKeys, scope: _Scope, counts: _Counts, settled: datetime) -> None:
    """Drop the keys before the newest under which nothing is left; `settled`: of members renewed until then."""
    table, last = MemberKeyRow, ""
    where: list[ColumnElement[bool]] = [
        table.moving.is_(True),
        table.wrapped_key.is_not(None),
        table.renewed_at <= settled,
    ]
    if scope.member_id is not None:
        where.append(table.member_id == scope.member_id)
    while True:
        wrapping = await keys.current(MEMBERS)
        async with database.transaction() as connection:
            found = await _locked(connection, where, last)
            if not found:
                break
            await _drop_of(connection, keys, wrapping, {row.member_id: row.wrapped_key for row in found}, counts)
        last = found[-1].member_id
    async with database.reading() as connection:
        under = await connection.scalar(select(func.count()).select_from(table).where(*where)) or 0
    counts.locked = max(0, under - counts.waiting)


async def _drop_of(
    connection: AsyncConnection,
    keys: FieldKeys,
    wrapping: SealingKey,
    wrapped: Mapping[str, bytes | None],
    counts: _Counts,
) -> None:
    """Of members whose keys are locked: nobody seals with these until the commit."""
    given = {"member_ids": list(wrapped)}
    # Values before archives: what an archive takes meanwhile is in one of the two.
    waiting = {member_id for values in MEMBER_VALUES for member_id, _ in await values.under(connection, list(wrapped))}
    audited = {(row[0], row[1]) for row in await connection.execute(_AUDITED, given)}
    archived = set(await connection.scalars(_ARCHIVED, given))
    counts.waiting += len(waiting)
    changes = []
    for member_id, one in wrapped.items():
        if member_id in waiting:
            continue
        own = await member_key(keys, MemberKey(member_id, one))
        assert own is not None
        of_log = {key_id for key_id in own.earlier if (member_id, key_id) in audited}
        keep = set(own.earlier) if member_id in archived else of_log
        counts.audited += bool(of_log)
        counts.archived += member_id in archived
        counts.dropped += len(set(own.earlier) - keep)
        new = own.wrapped(wrapping, member_id, keep)
        changes.append({"member_id": member_id, "wrapped": new, "key_id": wrapping.key_id})
    if changes:
        await connection.execute(_SETTLED, changes)


async def _left(database: Database, scope: _Scope, counts: _Counts) -> dict[str, int]:
    async with database.reading() as connection:
        due = 0
        if not scope.moving:
            due = await connection.scalar(select(func.count()).select_from(MemberKeyRow).where(*_due(scope))) or 0
        left = {KEYS: due + counts.locked}
        for values in MEMBER_VALUES:
            left[values.name] = await values.left(connection, scope.member_id)
    return {name: max(0, count - counts.unreadable.get(name, 0)) for name, count in left.items()}
