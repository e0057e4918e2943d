"""Carrying out one task: it is leased, its handler is called, and what came of it is stored."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from importlib import import_module
from typing import Final, Protocol

from pydantic import JsonValue

from api.database import Database, is_temporary
from api.errors import KeyProviderUnavailable
from api.field_keys import TASKS, FieldKeys
from api.tasks import repository
from api.tasks.errors import TaskRefused
from api.tasks.kinds import TaskKind
from api.tasks.records import TakenTask
from core import clock
from core.ids import new_id
from core.logging import get_logger
from core.retries import describe

log = get_logger("tasks")


class TaskResources(Protocol):
    """What the handlers of a process share; those of other packages are written for `api.task_services.TaskServices`.

    So tasks depend on no package that has some.
    """

    @property
    def database(self) -> Database: ...

    @property
    def keys(self) -> FieldKeys: ...


Handler = Callable[[TaskResources, TakenTask], Awaitable[Mapping[str, JsonValue]]]

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0


def handler_of(kind: TaskKind) -> Handler:
    """The handler that a kind names."""
    module, _, function = kind.handler.partition(":")
    found: Handler = getattr(import_module(module), function)
    return found


def pause_after(attempt: int) -> timedelta:
    """The pause after a failed attempt: doubled by each, with a random half so that tasks do not retry together."""
    longest = min(FIRST_PAUSE_S * 2.0 ** min(attempt - 1, 10), LONGEST_PAUSE_S)
    return timedelta(seconds=longest * (0.5 + random.random() / 2))


def pause_during_outage(age: timedelta) -> timedelta:
    """The pause while something is unavailable: half the age of the task, so that it grows without counting."""
    longest = min(max(age.total_seconds() / 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
    return timedelta(seconds=longest * (0.5 + random.random() / 2))


async def run_task(services: TaskResources, kind: TaskKind, task_id: str) -> bool:
    """Carry out a task, unless it is done, not due, or carried out elsewhere; says whether an attempt was made.

    A process that cannot load the key of tasks leaves it as it is, for another. Raises what the database raises: the
    task then stays as it is, too, and is published again.
    """
    try:
        await services.keys.current(TASKS)
    except KeyProviderUnavailable:  # logged where the key is loaded
        log.warning("task left for another process", task_id=task_id, task=kind.name)
        return False
    lease = new_id("lse")
    async with services.database.transaction() as connection:
        taken = await repository.take_task(connection, task_id, kind, lease, clock.now())
    if taken is None:
        return False
    try:
        async with asyncio.timeout(kind.limit_s):
            result = await handler_of(kind)(services, await repository.with_payload(services.keys, taken))
    except Exception as error:
        await _store_failure(services, taken, error, kind)
        return True
    async with services.database.transaction() as connection:
        stored = await repository.succeed(connection, services.keys, taken, result, clock.now())
    log.info("task done", task_id=task_id, task=kind.name, attempt=taken.attempt, stored=stored)
    return True


async def _store_failure(services: TaskResources, taken: TakenTask, error: Exception, kind: TaskKind) -> None:
    """Queue the task again, or end it: the handler refused it, or this was its last attempt that counts."""
    if isinstance(error, TimeoutError) and not str(error):
        text = f"TimeoutError: the task takes at most {kind.limit_s} s"
    else:
        text = str(error) if isinstance(error, TaskRefused) else describe(error)
    now = clock.now()
    age = now - taken.created_at
    counts = not (is_temporary(error) and age < kind.outage)
    is_final = isinstance(error, TaskRefused) or (counts and taken.attempt >= taken.max_attempts)
    report = log.error if is_final else log.warning
    report(
        "task failed",
        task_id=taken.task_id,
        task=kind.name,
        attempt=taken.attempt,
        counts=counts,
        final=is_final,
        error=text,
    )
    pause = pause_after(taken.attempt) if counts else pause_during_outage(age)
    async with services.database.transaction() as connection:
        if is_final:
            await repository.fail(connection, taken, text, now)
        else:
            await repository.postpone(connection, taken, text, now + pause, counts=counts)
