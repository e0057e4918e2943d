"""Transactions that need a table for themselves for moments while the platform runs.

While one waits for the lock of a table, every later change of that table waits behind it. So it waits for half a second
at most, gives up everything that it holds, and is carried out again after a pause in which the others go on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, TypeVar

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from core.logging import get_logger

log = get_logger("keys")

_Done = TypeVar("_Done")
Pause: TypeAlias = Callable[[float], Awaitable[None]]

WAIT_MS: Final = 500
PAUSE_S: Final = 1.0
ATTEMPTS: Final = 120
_LOCK_TIMEOUT: Final = text(f"SET LOCAL lock_timeout = '{WAIT_MS}ms'")


async def with_lock_retries(
    database: Database, work: Callable[[AsyncConnection], Awaitable[_Done]], pause: Pause = asyncio.sleep
) -> _Done:
    """Carry out `work` in a transaction, and once more after a pause where it did not get a lock.

    It takes its lock of a table before it changes anything. Raises what the database raises after `ATTEMPTS` without
    the lock.
    """
    attempt = 1
    while True:
        try:
            async with database.transaction() as connection:
                await connection.execute(_LOCK_TIMEOUT)
                return await work(connection)
        except DBAPIError as error:
            is_locked = isinstance(error.orig, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected)
            if not is_locked or attempt == ATTEMPTS:
                raise
        log.info("table locked, tried again after a pause", attempt=attempt)
        await pause(PAUSE_S)
        attempt += 1
