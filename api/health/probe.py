"""The write probe behind `/readyz`: whether a claim could be stored now."""

import asyncio
import time
from typing import Final

from api.database import DATABASE_FAILURES, Database, Query, Rows, SessionLimits, Statement, nothing, operational
from api.migrate import newest_revision
from core.logging import get_logger

log = get_logger("api")

CACHE_S: Final = 1.0
"""How long a write that succeeded counts, so that frequent checks cost the database a look-up."""
DEADLINE_S: Final = 2.0
"""Longest time that a check waits for the database."""
READY: Final = "ready"

_STORED_WITH_A_CLAIM = ("claims", "claim_lines", "assessments", "outbox", "idempotency_keys")
_WRITES = [
    # Inserts nothing, and fails as an insert does: locks, rights, a read-only database or standby.
    *(
        Query(Statement(f"INSERT INTO {name} SELECT * FROM {name} WHERE false", {}), {}, nothing)
        for name in _STORED_WITH_A_CLAIM
    ),
    # A temporary file on the disk of the database: fails when it is full, and leaves nothing.
    Query(Statement("SET LOCAL work_mem = '64kB'", {}), {}, nothing),
    Query(
        Statement(
            "WITH filler AS MATERIALIZED (SELECT repeat('x', 1000) FROM generate_series(1, 200)) "
            "SELECT count(*) FROM filler",
            {},
        ),
        {},
        nothing,
    ),
    # A commit that writes to the log and waits for it, and for a synchronous standby.
    Query(Statement("SELECT pg_logical_emit_message(true, 'ginja', 'readiness')", {}), {}, nothing),
]


def _read_revision(rows: Rows) -> str | None:
    return rows[0][0] if rows else None


_REVISION = Query(Statement("SELECT max(version_num) FROM alembic_version", {}), {}, _read_revision)


class WriteProbe:
    """Probes the database over a connection of its own: a pool that is busy is not a database that is not ready."""

    def __init__(self, url: str, limits: SessionLimits) -> None:
        self._database = Database(url, pool_size=1, limits=limits)
        self._state = READY
        self._written_at: float | None = None
        """Monotonic time of the last write that succeeded."""
        self._running: asyncio.Task[None] | None = None

    async def state(self) -> str:
        """`ready`, or why not. The schema is read each time, a write that succeeded counts for `CACHE_S`."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._check())
        # Not cancelled at the deadline: cancelling a statement waits for the same server.
        done, _ = await asyncio.wait({self._running}, timeout=DEADLINE_S)
        return self._state if done else f"not ready (no answer within {DEADLINE_S:.0f} s)"

    async def close(self) -> None:
        """Close the connection."""
        if self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._database.close()

    async def _check(self) -> None:
        now = time.monotonic()
        is_written = self._written_at is not None and now < self._written_at + CACHE_S
        try:
            if is_written:
                async with self._database.looking() as connection:
                    (revision,) = await connection.fetch(_REVISION)
            else:
                async with self._database.deciding() as connection:
                    revision, *_ = await connection.finish(_REVISION, *_WRITES)
                self._written_at = now
            self._state = _schema_state(revision)
        except DATABASE_FAILURES as error:
            kind = operational(error)
            self._state, self._written_at = f"not ready ({type(error).__name__ if kind is None else kind.kind})", None
        except Exception as error:
            log.error("defect", exc_info=error)
            self._state, self._written_at = f"not ready ({type(error).__name__})", None


def _schema_state(revision: str | None) -> str:
    """Later schemas stay compatible with this version, earlier ones lack columns; revisions are ordered by name."""
    newest = newest_revision()
    if revision is None or revision < newest:
        return f"not ready (schema {revision or 'missing'}, needs {newest}; run the migrations)"
    return READY
