"""Statements of a pipeline that are sent together.

psycopg sends each statement of a pipeline as it is queued: a system call for each, and a server process that wakes up
for each. Here they stay in libpq's buffer until the block ends, which sends them with its `Sync`. That takes a third of
the client's processor time for a round trip of 16 statements, and half of the server's
(`docs/adr/0051-one-transaction-and-an-outbox.md`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import psycopg
from psycopg import AsyncPipeline
from psycopg.abc import PQGen


@asynccontextmanager
async def one_write(connection: psycopg.AsyncConnection) -> AsyncIterator[None]:
    """A pipeline whose statements are sent, and answered, when the block ends.

    An error of any statement is raised at the end of the block. psycopg has no public way to postpone sending; what it
    does after queueing a statement is replaced on this pipeline alone, and `tests/api/test_database.py` counts sends.
    """
    async with connection.pipeline() as pipeline:
        pipeline._communicate_gen = partial(_into_buffer, pipeline)  # type: ignore[method-assign]
        try:
            yield
        finally:
            del pipeline._communicate_gen  # a cycle, which only the garbage collector would find


def _into_buffer(pipeline: AsyncPipeline) -> PQGen[None]:
    """Give libpq the queued messages; it sends them at once only where its buffer is full."""
    while pipeline.command_queue:
        pipeline.command_queue.popleft()()
    yield from ()
