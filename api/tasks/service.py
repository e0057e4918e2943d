"""Tasks as their clients and operators see them."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.database import CommitUnconfirmed, Database, fetch
from api.errors import Conflict, Invalid, KeyQueueFull, NotFound
from api.field_keys import FieldKeys
from api.identity import Caller, Scope
from api.tasks import repository
from api.tasks.errors import TaskOutcomeUnknown
from api.tasks.kinds import TASK_KINDS
from api.tasks.records import TaskRecord
from core import clock
from core.ids import new_id

MAX_REASON: Final = 500
"""Longest reason of a discarded task, in characters."""
MAX_OPEN_TASKS: Final = 1_000
"""Tasks of an API key that have not ended; requests at the same time may pass it by their number."""
_UNCONFIRMED: Final = (
    "the database did not confirm the commit: the task may be stored or not; GET /v1/tasks/{task_id} a few seconds "
    "later shows it if it is, and if it is not found send the request again; an Idempotency-Key makes that safe at once"
)

_NOT_LISTED: Final = "task not found; `ginja tasks list` shows those that have not ended, failed or ended in six days"


class Tasks:
    """Queues tasks, and says what became of them."""

    def __init__(self, database: Database, keys: FieldKeys) -> None:
        self._database = database
        self._keys = keys

    async def add(self, caller: Caller, kind: str, payload: bytes) -> TaskRecord:
        """Queue a task of a caller, in the open unit of work if there is one.

        Raises `KeyQueueFull`, and without a unit `TaskOutcomeUnknown` with the `task_id` to look up.
        """
        task_id = new_id("tsk")
        try:
            async with self._database.transaction() as connection:
                if await repository.open_tasks(connection, caller.actor_id, MAX_OPEN_TASKS) >= MAX_OPEN_TASKS:
                    raise KeyQueueFull(
                        f"{MAX_OPEN_TASKS} tasks of this key have not ended; wait until some have, or send the request "
                        "without Prefer: respond-async"
                    )
                added = await repository.add_task(
                    connection,
                    self._keys,
                    task_id=task_id,
                    kind=TASK_KINDS[kind],
                    actor_id=caller.actor_id,
                    payload=payload,
                    at=clock.now(),
                )
        except CommitUnconfirmed:
            raise TaskOutcomeUnknown(_UNCONFIRMED.format(task_id=task_id), extensions={"task_id": task_id}) from None
        assert added is not None
        return added

    async def get(self, caller: Caller, task_id: str) -> TaskRecord:
        """A task of the caller, or for an operator any; raises `NotFound`."""
        async with self._database.reading() as connection:
            found = await repository.task(connection, self._keys, task_id)
        if found is None or not (found.actor_id == caller.actor_id or caller.may(Scope.OPERATE)):
            raise NotFound("task not found; check its id and the API key, and that it ended in the last six days")
        return found

    async def open_of(self, actor_id: str) -> int:
        """Tasks of a key that have not ended, counted up to twice as many as it may have."""
        async with self._database.reading() as connection:
            return await repository.open_tasks(connection, actor_id, 2 * MAX_OPEN_TASKS)

    async def find(self, task_id: str) -> TaskRecord:
        """Any task; raises `NotFound`."""
        async with self._database.reading() as connection:
            found = await repository.task(connection, self._keys, task_id)
        if found is None:
            raise NotFound(_NOT_LISTED)
        return found

    async def latest(self, *, limit: int) -> Sequence[TaskRecord]:
        """Tasks in any state, the latest first."""
        async with self._database.reading() as connection:
            return await repository.latest_tasks(connection, self._keys, limit)

    async def failed(self, *, limit: int) -> Sequence[TaskRecord]:
        """Failed tasks that wait for an operator, the latest first."""
        async with self._database.reading() as connection:
            return await repository.failed_tasks(connection, self._keys, limit)

    async def replay(self, caller: Caller, task_id: str) -> TaskRecord:
        """Queue a failed task again, which is recorded; raises `NotFound`, `Conflict`."""
        now = clock.now()
        async with self._database.transaction() as connection:
            found = await _failed(connection, self._keys, task_id)
            replayed = await repository.replay_task(connection, self._keys, task_id, now)
            if replayed is None:
                raise Conflict("the task was discarded, or is of a kind that cannot be replayed after six days")
            details = {"task_id": task_id, "kind": found.kind, "error": found.error}
            await fetch(connection, audit.record(caller, "task.replay", None, details, now))
        return replayed

    async def discard(self, caller: Caller, task_id: str, reason: str) -> TaskRecord:
        """Remove what was sent with a failed task, which is recorded; raises `NotFound`, `Conflict`.

        It stays `failed`, and is removed as others are, by when it ended. A claim of it is then never decided. Raises
        `Invalid` for a reason that is not one line of 1 to `MAX_REASON` characters.
        """
        if not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable():
            raise Invalid.field(
                "reason", f"must be 1 to {MAX_REASON} characters on one line: why the task needs no other attempt"
            )
        now = clock.now()
        async with self._database.transaction() as connection:
            found = await _failed(connection, self._keys, task_id)
            discarded = await repository.discard_task(connection, self._keys, task_id)
            if discarded is None:
                raise Conflict("the task was discarded already, or what was sent with it was removed after six days")
            details = {
                "task_id": task_id,
                "kind": found.kind,
                "api_key_id": found.actor_id,
                "created_at": found.created_at.isoformat(),
                "error": found.error,
                "reason": reason.strip(),
            }
            await fetch(connection, audit.record(caller, "task.discard", None, details, now))
        return discarded


async def _failed(connection: AsyncConnection, keys: FieldKeys, task_id: str) -> TaskRecord:
    """A failed task; raises `NotFound`, `Conflict`."""
    found = await repository.task(connection, keys, task_id)
    if found is None:
        raise NotFound(_NOT_LISTED)
    if found.state != "failed":
        raise Conflict(f"the task is {found.state}; only a failed one can be replayed or discarded")
    return found
