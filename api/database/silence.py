"""A database that gives no answer at all: the connection is cut, and the request fails instead of waiting for ever.

A server that works ends what takes too long by itself (`limits.py`). One that is frozen, or behind a link that has
stalled, keeps its connection open and ends nothing. The socket is shut down, not the task cancelled: psycopg then fails
as with any lost connection, and whether COMMIT had been sent is known (`CommitUnconfirmed`).
"""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg


@contextmanager
def cut_when_silent(connection: psycopg.AsyncConnection, after_s: float) -> Iterator[None]:
    """Cut the connection when the block takes longer than `after_s` seconds; 0: never."""
    if not after_s:
        yield
        return
    timer = asyncio.get_running_loop().call_later(after_s, _cut, connection)
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: psycopg.AsyncConnection) -> None:
    # An error: it was closed in the meantime.
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.pgconn.socket)) as link:
        link.shutdown(socket.SHUT_RDWR)
