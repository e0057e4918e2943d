"""Counts the statements that a process sends to Postgres: on the wire, so that nothing in the process changes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from benchmarks.crash.boundaries import PostgresFramer
from benchmarks.crash.proxy import BoundaryProxy, listening

_NAME: Final = "postgres"
_NOT_COUNTED: Final = frozenset(f"{_NAME}: {one}" for one in ("connect", "sync", "BEGIN", "COMMIT", "ROLLBACK"))


class StatementCounter:
    """Statements of the connections through a proxy, without those that begin and end transactions."""

    def __init__(self, proxy: BoundaryProxy) -> None:
        self.port = proxy.port
        self._watch = proxy.watch
        self._watch.armed = True

    def begin(self) -> None:
        """Count from zero."""
        self._watch.seen.clear()

    @property
    def count(self) -> int:
        """Since `begin`."""
        return sum(one not in _NOT_COUNTED for one in self._watch.seen)


@asynccontextmanager
async def counting_statements(server: tuple[str, int]) -> AsyncIterator[StatementCounter]:
    """A counter in front of a server, on a free loopback port, while the block runs."""
    async with listening(BoundaryProxy(server, _NAME, PostgresFramer)) as proxy:
        yield StatementCounter(proxy)
