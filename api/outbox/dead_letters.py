"""Dead letters: events that a consumer could not handle, for an operator to inspect, replay or discard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Boolean, Row, bindparam, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Query, Rows, compiled
from api.errors import Conflict, Invalid, NotFound
from api.outbox.tables import DeadLetterRow, OutboxRow
from core.retries import MAX_ATTEMPTS, describe

MAX_REASON = 500
"""Longest reason of a discarded dead letter, in characters."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be handled."""

    position: int
    consumer: str
    topic: str
    entity_key: str
    payload: Mapping[str, JsonValue]
    created_at: datetime
    attempts: int
    error: str
    """Kind and message of the last failure."""
    failed_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    """`replayed` or `discarded`; `None` while it waits for an operator."""
    reason: str | None
    resolved_by: str | None
    replayed_as: int | None
    """Position of the event that repeats it."""


_COLUMNS = tuple(DeadLetterRow.__table__.c[field.name] for field in fields(DeadLetter))
_FAIL = compiled(
    select(
        func.fail_event(
            bindparam("position"),
            bindparam("consumer"),
            bindparam("error"),
            bindparam("at"),
            bindparam("max_attempts"),
            type_=Boolean,
        )
    )
)
_OPEN = compiled(
    select(DeadLetterRow.consumer, func.count())
    .where(DeadLetterRow.resolved_at.is_(None))
    .group_by(DeadLetterRow.consumer)
)


def fail(
    position: int, consumer: str, error: BaseException | str, at: datetime, *, max_attempts: int = MAX_ATTEMPTS
) -> Query[bool]:
    """Count a failed attempt at an event, which waits longer after each; the last one makes it a dead letter.

    The result says whether it is one now.
    """
    params = {
        "position": position,
        "consumer": consumer,
        "error": error if isinstance(error, str) else describe(error),
        "at": at,
        "max_attempts": max_attempts,
    }
    return Query(_FAIL, params, lambda rows: bool(rows[0][0]))


def open_dead_letters() -> Query[dict[str, int]]:
    """Number of dead letters of each consumer that has any which wait for an operator."""

    def read(rows: Rows) -> dict[str, int]:
        return {row[0]: row[1] for row in rows}

    return Query(_OPEN, {}, read)


async def dead_letters(
    connection: AsyncConnection, *, resolved: bool, after: int = 0, limit: int = 100
) -> Sequence[DeadLetter]:
    """Dead letters after a position, in order: those that wait for an operator, or with `resolved` all of them."""
    statement = (
        select(*_COLUMNS)
        .where(DeadLetterRow.position > after, literal(resolved) | DeadLetterRow.resolved_at.is_(None))
        .order_by(DeadLetterRow.position)
        .limit(limit)
    )
    return [_read(row) for row in await connection.execute(statement)]


async def dead_letter(connection: AsyncConnection, position: int, *, lock: bool = False) -> DeadLetter:
    """One dead letter; raises `NotFound`."""
    statement = select(*_COLUMNS).where(DeadLetterRow.position == position)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    if row is None:
        raise NotFound(f"there is no dead letter {position}; `ginja dead-letters list` shows all of them")
    return _read(row)


async def replay(connection: AsyncConnection, position: int, *, by: str, at: datetime) -> DeadLetter:
    """Add the event to the outbox again; its consumer handles it as a new one. Raises `NotFound`, `Conflict`."""
    found = await _unresolved(connection, position)
    added = await connection.execute(
        insert(OutboxRow)
        .values(topic=found.topic, entity_key=found.entity_key, payload=dict(found.payload), created_at=at)
        .returning(OutboxRow.position)
    )
    return await _resolve(connection, position, "replayed", by=by, at=at, replayed_as=added.scalar_one())


async def discard(connection: AsyncConnection, position: int, *, reason: str, by: str, at: datetime) -> DeadLetter:
    """Leave the event as it is, for a stated reason. Raises `NotFound`, `Conflict`, `Invalid`."""
    if not reason.strip() or len(reason) > MAX_REASON:
        raise Invalid.field("reason", f"must be 1 to {MAX_REASON} characters: why the event needs no handling")
    await _unresolved(connection, position)
    return await _resolve(connection, position, "discarded", by=by, at=at, reason=reason.strip())


async def _unresolved(connection: AsyncConnection, position: int) -> DeadLetter:
    found = await dead_letter(connection, position, lock=True)
    if found.resolution is not None:
        raise Conflict(f"dead letter {position} is already {found.resolution}; nothing was changed")
    return found


async def _resolve(
    connection: AsyncConnection,
    position: int,
    resolution: str,
    *,
    by: str,
    at: datetime,
    reason: str | None = None,
    replayed_as: int | None = None,
) -> DeadLetter:
    changed = await connection.execute(
        update(DeadLetterRow)
        .where(DeadLetterRow.position == position)
        .values(resolved_at=at, resolution=resolution, reason=reason, resolved_by=by, replayed_as=replayed_as)
        .returning(*_COLUMNS)
    )
    return _read(changed.one())


def _read(row: Row[Any]) -> DeadLetter:
    return DeadLetter(**row._mapping)
