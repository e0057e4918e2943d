"""The processes that carry out tasks: a Celery worker whose children each run one event loop.

A child leases a task in the table, so that a message that is delivered twice is carried out once. Signals reach the
main thread of a child and the loop has a thread of its own, so that a child can be killed when a task takes too long.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Final, TypeVar

from api.task_services import TaskServices
from api.tasks import QUEUES, TASK_KINDS, TaskKind, celery_app, run_task
from core.background import Background
from core.logging import configure_logging, get_logger
from core.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

T = TypeVar("T")

log = get_logger("tasks")

TASKS_OF_A_CHILD: Final = 10_000
"""A child is replaced after them, so that a leak of a library stays bounded."""


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="tasks", daemon=True).start()

    def run(self, work: Coroutine[None, None, T]) -> T:
        """Wait for the result of `work`."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class TaskChild:
    """What a child process has: its loop and its services, opened by its first task."""

    def __init__(self, settings: Settings, database_url: str) -> None:
        self._settings = settings
        self._database_url = database_url
        self._opened: tuple[LoopThread, TaskServices] | None = None

    def carry_out(self, kind: TaskKind, task_id: str) -> None:
        """Carry out a task, unless that was done."""
        loop, services = self._opened or self._open()
        loop.run(run_task(services, kind, task_id))

    def _open(self) -> tuple[LoopThread, TaskServices]:
        loop = LoopThread()

        async def opened() -> TaskServices:
            services = TaskServices.create(self._settings, self._database_url)
            await services.start(Background("tasks", expected=(OSError,)))
            return services

        self._opened = loop, loop.run(opened())
        return self._opened


def task_app(settings: Settings, database_url: str, redis_url: str) -> "Celery":
    """The Celery application with a task for each kind."""
    app, child = celery_app(redis_url), TaskChild(settings, database_url)
    for kind in TASK_KINDS.values():
        app.task(_body(child, kind), name=kind.name, time_limit=kind.kill_s, ignore_result=True)
    return app


def _body(child: TaskChild, kind: TaskKind) -> Callable[[str], None]:
    def carry_out(task_id: str) -> None:
        child.carry_out(kind, task_id)

    return carry_out


def run_tasks(settings: Settings, database_url: str, redis_url: str) -> None:
    """Carry out tasks until SIGTERM; what is running then is finished, or taken over by another process."""
    from celery.signals import setup_logging

    setup_logging.connect(lambda **_: configure_logging(settings.log_level), weak=False)
    app = task_app(settings, database_url, redis_url)
    worker = app.Worker(
        concurrency=settings.task_processes,
        queues=list(QUEUES),
        pool="prefork",
        optimization="fair",
        max_tasks_per_child=TASKS_OF_A_CHILD,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
        loglevel=settings.log_level,
    )
    log.info("task processes started", processes=settings.task_processes)
    worker.start()
    log.info("task processes stopped")
