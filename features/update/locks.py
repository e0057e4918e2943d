"""The locks by which one process at a time writes to the online store: advisory locks of a database session.

The database releases them when the session ends, for whatever reason.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from features.update.database import Connection

WRITE_LOCK = 7_271_010
"""Held by the process that writes to the generation that is read."""
REBUILD_LOCK = 7_271_011
"""Held by the process that builds a new generation."""


@contextmanager
def try_lock(connection: Connection, lock: int) -> Iterator[bool]:
    """Hold the lock if it is free; yields whether it is held. The connection is in autocommit."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [lock]).fetchone()
    locked = bool(row and row[0])
    try:
        yield locked
    finally:
        if locked:
            _release(connection, lock)


@contextmanager
def hold_lock(connection: Connection, lock: int) -> Iterator[None]:
    """Wait for the lock and hold it."""
    connection.execute("SELECT pg_advisory_lock(%s)", [lock])
    try:
        yield
    finally:
        _release(connection, lock)


def _release(connection: Connection, lock: int) -> None:
    if not connection.closed and not connection.broken:
        connection.execute("SELECT pg_advisory_unlock(%s)", [lock])
