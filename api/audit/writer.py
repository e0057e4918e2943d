"""Rows that are written with a response: those of requests at the same time in one transaction.

A response is not sent before its row is committed, so none is lost; requests that come while a transaction is under
way share the next one.
"""

import asyncio
from typing import Final

from api.database import OWN, Database, Query, acting_for

MAX_BATCH: Final = 100
"""Rows of one transaction."""


class AuditWriter:
    """Writes rows of the audit log outside the transaction of a change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Query[None], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, row: Query[None]) -> None:
        """Store a row; returns once it is committed. Raises what the database raises."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, stored))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting(), name="audit log")
        await stored

    async def _write_waiting(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                try:
                    with acting_for(OWN):
                        async with self._database.deciding() as connection:
                            await connection.finish(*(row for row, _ in batch))
                except Exception as error:  # each request reports it as its own
                    for _, stored in batch:
                        if not stored.done():
                            stored.set_exception(error)
                else:
                    for _, stored in batch:
                        if not stored.done():
                            stored.set_result(None)
        finally:
            self._writing = None
