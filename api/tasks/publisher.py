"""The worker's part: publishes the tasks of the table that are due, and those again that the broker lost.

Publishing a task twice is harmless, because a process takes its row before it carries it out. What is in the broker
stays bounded: no queue gets more than its `max_in_flight`, whatever the backlog.
"""

import asyncio

from api import metrics
from api.database import Database
from api.tasks import repository
from api.tasks.broker import TaskBroker
from api.tasks.kinds import QUEUES
from core import clock
from core.logging import get_logger

log = get_logger("tasks")


class TaskPublisher:
    """Publishes the tasks that are due."""

    def __init__(self, database: Database, broker: TaskBroker) -> None:
        self._database = database
        self._broker = broker

    async def step(self) -> int:
        """Recover the tasks of killed processes, and publish those that are due; returns how many were published.

        Raises `OSError` where the broker is unavailable; tasks then stay due.
        """
        async with self._database.reading() as connection:
            if not await repository.any_work(connection, clock.now()):
                return 0
        async with self._database.transaction() as connection:
            lost = await repository.recover_lost(connection, clock.now())
        for task_id in lost:
            log.warning("task lost its process", task_id=task_id)
        waiting = await asyncio.to_thread(self._broker.waiting)
        published = 0
        for queue in QUEUES.values():
            now = clock.now()
            async with self._database.transaction() as connection:
                if not await repository.try_lock_queue(connection, queue.name):
                    continue  # another worker counts what is in flight, and publishes, at this moment
                busy = (await repository.in_flight(connection, now)).get(queue.name, 0)
                free = queue.max_in_flight - max(busy, waiting[queue.name])
                due = await repository.publish_due(connection, queue.name, free, now) if free > 0 else ()
            if not due:
                continue
            try:
                await asyncio.to_thread(self._broker.publish, queue.name, due)
            except OSError:
                async with self._database.transaction() as connection:
                    await repository.unpublish(connection, [one.task_id for one in due])
                raise
            published += len(due)
        return published

    async def measure(self) -> int:
        """Set the metrics of tasks."""
        async with self._database.reading() as connection:
            loads = await repository.load_of(connection, clock.now())
        for name in QUEUES:
            load = loads.get(name)
            for state in ("queued", "running", "failed"):
                metrics.TASKS.labels(name, state).set(0 if load is None else getattr(load, state))
            metrics.TASKS_OLDEST_DUE.labels(name).set(0.0 if load is None else load.oldest_due_s)
        return 0
