"""Sealing the audit log: the worker's part, so that no act waits for the chain.

Ids are assigned before commit, so a row can appear below others that are visible. Therefore a step takes the highest
visible id, waits until every transaction has ended that held the table's lock for inserting then, and seals up to that
id: a transaction that took a lower id held that lock before. Several processes may run it; one at a time seals.
"""

import asyncio
from typing import Final

from api import metrics
from api.audit.seal_store import add_seal, last_seal, newest_row, rows_between, try_lock, unsealed_after, writers
from api.audit.seals import BEFORE_ALL, next_seal
from api.database import Database
from core import clock
from core.logging import get_logger

log = get_logger("audit")

MAX_ROWS: Final = 1_000
"""Rows of one seal."""
_POLLS: Final = 40
_POLL_S: Final = 0.05
"""Up to two seconds are waited for open transactions; the next step tries again."""


class AuditSealer:
    """Seals the rows of the log in batches."""

    def __init__(self, database: Database, *, max_rows: int = MAX_ROWS) -> None:
        self._database = database
        self._max_rows = max_rows

    async def step(self) -> int:
        """Seal what was committed before; returns the number of rows that were sealed."""
        async with self._database.looking() as connection:
            last, newest = await connection.fetch(last_seal(), newest_row())
        sealed = 0
        if newest > (BEFORE_ALL if last is None else last.last_audit_id) and await self._are_complete():
            while rows := await self._seal(newest):
                sealed += rows
        await self.measure()
        return sealed

    async def measure(self) -> None:
        """Set the metrics of what is not sealed."""
        async with self._database.looking() as connection:
            (last,) = await connection.fetch(last_seal())
            ((rows, oldest),) = await connection.fetch(
                unsealed_after(BEFORE_ALL if last is None else last.last_audit_id)
            )
        metrics.AUDIT_UNSEALED.set(rows)
        metrics.AUDIT_UNSEALED_AGE.set(0.0 if oldest is None else max((clock.now() - oldest).total_seconds(), 0.0))

    async def _are_complete(self) -> bool:
        """Whether every transaction has ended that was adding rows; waits for them, but not for long."""
        async with self._database.looking() as connection:
            (open_writers,) = await connection.fetch(writers())
            for _ in range(_POLLS):
                if not open_writers:
                    return True
                await asyncio.sleep(_POLL_S)
                (still,) = await connection.fetch(writers())
                open_writers &= still
        log.warning("audit log not sealed: transactions that add rows are open", transactions=len(open_writers))
        return False

    async def _seal(self, until: int) -> int:
        async with self._database.deciding() as connection:
            is_alone, last = await connection.fetch(try_lock(), last_seal())
            if not is_alone:
                return 0
            after = BEFORE_ALL if last is None else last.last_audit_id
            (rows,) = await connection.fetch(rows_between(after, until, most=self._max_rows))
            if rows:
                await connection.finish(add_seal(next_seal(last, rows, clock.now())))
        return len(rows)
