"""Tasks in the database. A change of a task says in its condition which state it expects."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue, TypeAdapter
from sqlalchemy import (
    ColumnElement,
    RowMapping,
    and_,
    case,
    delete,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys import TASK_ANSWER, TASK_PAYLOAD, TASKS, FieldKeys
from api.retention import declared_kinds
from api.tasks.kinds import KEPT_KINDS, TASK_KINDS, TaskKind
from api.tasks.records import DueTask, QueueLoad, TakenTask, TaskRecord
from api.tasks.tables import TaskRow

REPUBLISH_AFTER: Final = timedelta(seconds=10)
"""A task that was published and not begun for this long is published again: the broker may have lost it."""
KEEP_ENDED: Final = declared_kinds()["ended_tasks"].period
"""Of a task that has ended, with its answer; a failed one of `KEPT_KINDS` stays until it is replayed or discarded."""
REPLY_KEY_PREFIX: Final = "task "
"""Of the keys, made of the ids of tasks, under which the replies of their attempts are stored.

They are kept while their task is, so that a task that is replayed finds what an earlier attempt has done. No
Idempotency-Key of a client begins so: those contain no space.
"""
DAYS_BACK: Final = 7
"""How far back the last run of a schedule can be due."""
KEEP_SCHEDULED: Final = timedelta(days=DAYS_BACK + 1)
"""Of an ended task of the schedule: longer than `TaskBeat` looks back, or it would add the run again."""
WORKER_LOST: Final = "the process that carried it out was killed"

_RECORD: Final = TypeAdapter(TaskRecord)
_TASK = (
    *(TaskRow.__table__.c[one.name].label(one.name) for one in fields(TaskRecord)),
    TaskRow.body_sealed.label("body_sealed"),
)
_HAS_PAYLOAD = or_(TaskRow.payload.is_not(None), TaskRow.payload_sealed.is_not(None))
_NO_PAYLOAD: Final[Mapping[str, None]] = {"payload": None, "payload_sealed": None}
"""Values of the columns of what was sent."""
_OPEN = TaskRow.state.in_(("queued", "running"))
_WAITS = and_(TaskRow.state == "failed", _HAS_PAYLOAD)
"""Whether a failed task waits for an operator; without its payload it was discarded, or is too old to be replayed."""


async def add_task(
    connection: AsyncConnection,
    keys: FieldKeys,
    *,
    task_id: str,
    kind: TaskKind,
    actor_id: str | None,
    payload: bytes,
    at: datetime,
    schedule_key: str | None = None,
) -> TaskRecord | None:
    """Queue a task, in the transaction of what it follows from; `None`: the schedule's was queued before.

    Raises what `FieldKeys` raises.
    """
    sealing = await keys.current(TASKS)
    statement = (
        insert(TaskRow)
        .values(
            task_id=task_id,
            kind=kind.name,
            queue=kind.queue,
            actor_id=actor_id,
            schedule_key=schedule_key,
            state="queued",
            payload_sealed=TASK_PAYLOAD.seal(sealing, payload, task_id),
            attempts=0,
            max_attempts=kind.max_attempts,
            created_at=at,
            due_at=at,
        )
        .on_conflict_do_nothing(index_elements=["schedule_key"], index_where=TaskRow.schedule_key.is_not(None))
        .returning(*_TASK)
    )
    return await _read(keys, (await connection.execute(statement)).mappings().one_or_none())


async def open_tasks(connection: AsyncConnection, actor_id: str, most: int) -> int:
    """Tasks of a key that have not ended, counted up to `most`."""
    some = select(TaskRow.task_id).where(TaskRow.actor_id == actor_id, _OPEN).limit(most).subquery()
    return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())


async def task(connection: AsyncConnection, keys: FieldKeys, task_id: str) -> TaskRecord | None:
    """A task; `None` if there is none. Raises `DecryptionError`, and what `FieldKeys` raises, as others here do."""
    found = await connection.execute(select(*_TASK).where(TaskRow.task_id == task_id))
    return await _read(keys, found.mappings().one_or_none())


async def take_task(
    connection: AsyncConnection, task_id: str, kind: TaskKind, lease: str, now: datetime
) -> TakenTask | None:
    """Begin an attempt at a task; `None`: it is done, not due, or carried out by another process."""
    statement = (
        update(TaskRow)
        .where(
            TaskRow.task_id == task_id,
            TaskRow.kind == kind.name,
            TaskRow.state == "queued",
            TaskRow.due_at <= now,
            TaskRow.attempts < TaskRow.max_attempts,
        )
        .values(
            state="running",
            lease=lease,
            leased_until=now + kind.lease,
            started_at=now,
            attempts=TaskRow.attempts + 1,
            published_at=null(),
        )
        .returning(
            TaskRow.actor_id,
            TaskRow.payload,
            TaskRow.payload_sealed,
            TaskRow.created_at,
            TaskRow.attempts,
            TaskRow.max_attempts,
        )
    )
    found = (await connection.execute(statement)).one_or_none()
    if found is None:
        return None
    actor_id, payload, sealed, created_at, attempt, most = found
    return TakenTask(task_id, kind.name, actor_id, payload or b"", created_at, attempt, most, lease, sealed)


async def with_payload(keys: FieldKeys, taken: TakenTask) -> TakenTask:
    """A task with what was sent, in clear. Raises `DecryptionError`, and what `FieldKeys` raises."""
    if taken.payload_sealed is None:
        return taken
    return replace(taken, payload=await TASK_PAYLOAD.opened(keys, taken.payload_sealed, taken.task_id))


async def succeed(
    connection: AsyncConnection, keys: FieldKeys, taken: TakenTask, result: Mapping[str, JsonValue], at: datetime
) -> bool:
    """Store the answer of a task, if its lease is still held; says whether it was. Raises what `FieldKeys` raises."""
    answer = dict(result)
    sealed = None
    if TASK_ANSWER.part in answer:
        body = as_payload(answer.pop(TASK_ANSWER.part))
        sealed = TASK_ANSWER.seal(await keys.current(TASKS), body, taken.task_id)
    ended = {"state": "succeeded", "ended_at": at, "error": None, **_NO_PAYLOAD}
    return await _end_attempt(connection, taken, {**ended, "result": answer, "body_sealed": sealed})


async def fail(connection: AsyncConnection, taken: TakenTask, error: str, at: datetime) -> bool:
    """End a task without an answer, if its lease is still held; says whether it was."""
    return await _end_attempt(connection, taken, {"state": "failed", "error": error, "ended_at": at})


async def postpone(connection: AsyncConnection, taken: TakenTask, error: str, until: datetime, *, counts: bool) -> bool:
    """Queue a task for another attempt, if its lease is still held; says whether it was. `counts`: this attempt."""
    attempts = TaskRow.attempts if counts else TaskRow.attempts - 1
    return await _end_attempt(
        connection, taken, {"state": "queued", "error": error, "due_at": until, "attempts": attempts}
    )


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Whether a task is to be published: its time has come, and the broker does not have it."""
    return and_(
        TaskRow.state == "queued",
        TaskRow.due_at <= now,
        or_(TaskRow.published_at.is_(None), TaskRow.published_at <= now - REPUBLISH_AFTER),
    )


async def any_work(connection: AsyncConnection, now: datetime) -> bool:
    """Whether there is a task to recover or to publish."""
    is_lost = and_(TaskRow.state == "running", TaskRow.leased_until <= now)
    found = select(or_(*(select(TaskRow.task_id).where(one).exists() for one in (is_lost, _is_due(now)))))
    return bool((await connection.execute(found)).scalar_one())


async def recover_lost(connection: AsyncConnection, now: datetime) -> Sequence[str]:
    """Queue the tasks whose lease has ended, or end them after their last attempt; returns their ids."""
    is_last = TaskRow.attempts >= TaskRow.max_attempts
    statement = (
        update(TaskRow)
        .where(TaskRow.state == "running", TaskRow.leased_until <= now)
        .values(
            state=case((is_last, "failed"), else_="queued"),
            ended_at=case((is_last, literal(now)), else_=null()),
            error=WORKER_LOST,
            lease=null(),
            leased_until=null(),
        )
        .returning(TaskRow.task_id)
    )
    return [row[0] for row in await connection.execute(statement)]


async def try_lock_queue(connection: AsyncConnection, queue: str) -> bool:
    """Lock a queue until the transaction ends, so that no other worker publishes to it; false: another one has it."""
    key = func.hashtextextended(f"task queue {queue}", 0)
    return bool((await connection.execute(select(func.pg_try_advisory_xact_lock(key)))).scalar_one())


async def in_flight(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    """For each queue, the tasks that are carried out, or were published a moment ago and not begun."""
    running = select(TaskRow.queue).where(TaskRow.state == "running")
    published = select(TaskRow.queue).where(TaskRow.published_at > now - REPUBLISH_AFTER)
    both = union_all(running, published).subquery()
    counts = await connection.execute(select(both.c.queue, func.count()).group_by(both.c.queue))
    return {row[0]: row[1] for row in counts}


async def publish_due(connection: AsyncConnection, queue: str, most: int, now: datetime) -> Sequence[DueTask]:
    """Mark the tasks of a queue that are due as published, the oldest first; the caller then publishes them."""
    oldest = (
        select(TaskRow.task_id)
        .where(TaskRow.queue == queue, TaskRow.kind.in_(tuple(TASK_KINDS)), _is_due(now))
        .order_by(TaskRow.due_at, TaskRow.task_id)
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("oldest")
    )
    statement = (
        update(TaskRow)
        .where(TaskRow.task_id == oldest.c.task_id)
        .values(published_at=now)
        .returning(TaskRow.task_id, TaskRow.kind, TaskRow.due_at)
    )
    found = sorted(await connection.execute(statement), key=lambda row: (row.due_at, row.task_id))
    return [DueTask(row.task_id, row.kind) for row in found]


async def unpublish(connection: AsyncConnection, task_ids: Sequence[str]) -> None:
    """Take back that tasks were published: the broker was unavailable."""
    await connection.execute(update(TaskRow).where(TaskRow.task_id.in_(task_ids)).values(published_at=null()))


async def load_of(connection: AsyncConnection, now: datetime) -> dict[str, QueueLoad]:
    """The tasks of each queue that has any which are open, or failed and wait for an operator."""
    is_open = (
        select(
            TaskRow.queue,
            func.count().filter(TaskRow.state == "queued").label("queued"),
            func.count().filter(TaskRow.state == "running").label("running"),
            func.min(TaskRow.due_at).label("first"),
        )
        .where(_OPEN)
        .group_by(TaskRow.queue)
        .subquery()
    )
    has_failed = select(TaskRow.queue, func.count().label("failed")).where(_WAITS).group_by(TaskRow.queue).subquery()
    both = is_open.outerjoin(has_failed, is_open.c.queue == has_failed.c.queue, full=True)
    statement = select(
        func.coalesce(is_open.c.queue, has_failed.c.queue),
        func.coalesce(is_open.c.queued, 0),
        func.coalesce(is_open.c.running, 0),
        func.coalesce(has_failed.c.failed, 0),
        is_open.c.first,
    ).select_from(both)
    return {
        queue: QueueLoad(queued, running, failed, 0.0 if first is None else max(0.0, (now - first).total_seconds()))
        for queue, queued, running, failed, first in await connection.execute(statement)
    }


async def latest_tasks(connection: AsyncConnection, keys: FieldKeys, limit: int) -> list[TaskRecord]:
    """Tasks in any state, the latest first: ids begin with the time."""
    statement = select(*_TASK).order_by(TaskRow.task_id.desc()).limit(limit)
    return [await _record(keys, row) for row in (await connection.execute(statement)).mappings().all()]


async def failed_tasks(connection: AsyncConnection, keys: FieldKeys, limit: int) -> list[TaskRecord]:
    """Failed tasks that wait for an operator, the latest first."""
    statement = select(*_TASK).where(_WAITS).order_by(TaskRow.ended_at.desc(), TaskRow.task_id.desc()).limit(limit)
    return [await _record(keys, row) for row in (await connection.execute(statement)).mappings().all()]


async def replay_task(connection: AsyncConnection, keys: FieldKeys, task_id: str, at: datetime) -> TaskRecord | None:
    """Queue a failed task for as many attempts as a new one; `None`: it does not wait for that, or is too old."""
    is_kept = or_(TaskRow.kind.in_(KEPT_KINDS), TaskRow.created_at > at - KEEP_ENDED)
    statement = (
        update(TaskRow)
        .where(TaskRow.task_id == task_id, _WAITS, is_kept)
        .values(state="queued", attempts=0, due_at=at, published_at=null(), ended_at=null())
        .returning(*_TASK)
    )
    return await _read(keys, (await connection.execute(statement)).mappings().one_or_none())


async def discard_task(connection: AsyncConnection, keys: FieldKeys, task_id: str) -> TaskRecord | None:
    """Remove what was sent with a failed task, which then is not replayed; `None`: it does not wait for that."""
    statement = update(TaskRow).where(TaskRow.task_id == task_id, _WAITS).values(**_NO_PAYLOAD).returning(*_TASK)
    return await _read(keys, (await connection.execute(statement)).mappings().one_or_none())


async def remove_ended(connection: AsyncConnection, now: datetime, most: int) -> int:
    """Delete tasks that have ended and are kept no longer, the oldest first; returns how many."""
    is_kept = or_(
        and_(TaskRow.schedule_key.is_not(None), TaskRow.ended_at >= now - KEEP_SCHEDULED),
        and_(TaskRow.kind.in_(KEPT_KINDS), _WAITS),
    )
    some = (
        select(TaskRow.task_id)
        .where(TaskRow.ended_at < now - KEEP_ENDED, not_(is_kept))
        .order_by(TaskRow.ended_at)
        .limit(most)
    )
    return (await connection.execute(delete(TaskRow).where(TaskRow.task_id.in_(some)))).rowcount


async def clear_payloads(connection: AsyncConnection, now: datetime, most: int) -> int:
    """Remove what was sent with failed tasks that cannot be replayed any more; returns of how many."""
    some = (
        select(TaskRow.task_id)
        .where(_WAITS, TaskRow.kind.not_in(KEPT_KINDS), TaskRow.created_at <= now - KEEP_ENDED)
        .limit(most)
    )
    statement = update(TaskRow).where(TaskRow.task_id.in_(some), TaskRow.state == "failed").values(**_NO_PAYLOAD)
    return (await connection.execute(statement)).rowcount


async def _end_attempt(connection: AsyncConnection, taken: TakenTask, values: Mapping[str, object]) -> bool:
    statement = (
        update(TaskRow)
        .where(TaskRow.task_id == taken.task_id, TaskRow.state == "running", TaskRow.lease == taken.lease)
        .values(lease=null(), leased_until=null(), published_at=null(), **values)
        .returning(TaskRow.task_id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def _read(keys: FieldKeys, row: RowMapping | None) -> TaskRecord | None:
    return None if row is None else await _record(keys, row)


async def _record(keys: FieldKeys, row: RowMapping) -> TaskRecord:
    values = dict(row)
    sealed = values.pop("body_sealed")
    if sealed is not None:
        body = await TASK_ANSWER.opened(keys, sealed, values["task_id"])
        values["result"] = {**(values["result"] or {}), TASK_ANSWER.part: json.loads(body)}
    return _RECORD.validate_python(values)


def as_payload(document: object) -> bytes:
    """A document as the payload of a task."""
    return json.dumps(document, separators=(",", ":")).encode()
