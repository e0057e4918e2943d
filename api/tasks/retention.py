"""Tasks that ended long ago are removed, and what was sent with a failed one once it cannot be replayed.

Failed tasks of `KEPT_KINDS` stay, whatever their age, until an operator replays or discards them.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.tasks import repository
from api.tasks.records import TakenTask
from api.tasks.runner import TaskResources
from core import clock

BATCH: Final = 1_000
"""Rows of a transaction, so that each ends well within the limits of a request."""

Removal = Callable[[AsyncConnection, datetime, int], Awaitable[int]]


async def remove_ended(services: TaskResources, _task: TakenTask) -> dict[str, JsonValue]:
    """Delete ended tasks and payloads that are kept no longer, in batches; the result says how many.

    An attempt that ends early leaves the rest to the next one.
    """
    now = clock.now()
    removed = await _in_batches(services.database, repository.remove_ended, now)
    cleared = await _in_batches(services.database, repository.clear_payloads, now)
    return {"removed": removed, "payloads": cleared}


async def _in_batches(database: Database, remove: Removal, now: datetime) -> int:
    total = 0
    while True:
        async with database.transaction() as connection:
            number = await remove(connection, now, BATCH)
        total += number
        if number < BATCH:
            return total
