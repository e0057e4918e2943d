"""Counts the statements that a process sends to Postgres: a proxy on the wire, so nothing in the process changes."""

import asyncio
import contextlib
from types import TracebackType
from typing import Final, Self

from benchmarks.crash.boundaries import PostgresFramer

_NOT_COUNTED: Final = frozenset({"connect", "sync", "BEGIN", "COMMIT", "ROLLBACK"})


class StatementCounter:
    """Forwards connections to one server; `count` has the statements since `begin`, without those of transactions."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.port = 0
        self.count = 0
        self._server = server
        self._listening: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Count from zero."""
        self.count = 0

    async def __aenter__(self) -> Self:
        """Listen on a free loopback port, available as `port`."""
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and end every connection."""
        if self._listening is not None:
            self._listening.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        answers, to_server = await asyncio.open_connection(*self._server)
        back = asyncio.create_task(_copy(answers, writer))
        framer = PostgresFramer()
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(65_536):
                    self.count += sum(one.boundary not in (None, *_NOT_COUNTED) for one in framer.feed(data))
                    to_server.write(data)
                    await to_server.drain()
                to_server.write_eof()
            await back
        finally:
            back.cancel()
            to_server.close()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
