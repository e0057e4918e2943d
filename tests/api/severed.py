"""A proxy before Postgres that cuts a connection at a statement that a test names."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

_READY = b"Z\x00\x00\x00\x05I"
"""The server's message after a transaction has ended: `ReadyForQuery`, idle."""


class Severing:
    """Forwards both ways until a client sends `at`; then the client's connection is cut, once."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = parts.hostname or "", parts.port or 0
        self._at: bytes | None = None
        self._answered = False
        self._before = 0
        self._url = url
        self.port = 0

    @property
    def url(self) -> str:
        """The database through this proxy."""
        host, port = self._server
        return self._url.replace(f"{host}:{port}", f"127.0.0.1:{self.port}")

    def lose_statement(self, at: bytes) -> None:
        """The next statement with this text never reaches the server."""
        self._at, self._answered, self._before = at, False, 0

    def lose_answer(self, at: bytes, *, before: int = 0) -> None:
        """The server carries out the next statement with this text, after `before` others, and its answer is lost."""
        self._at, self._answered, self._before = at, True, before

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client."""
        from_server, to_server = await asyncio.open_connection(*self._server)
        is_lost = asyncio.Event()

        async def answers() -> None:
            while data := await from_server.read(65_536):
                if is_lost.is_set() and _READY in data:
                    return
                writer.write(data)

        async def requests() -> None:
            while data := await reader.read(65_536):
                if self._at is not None and self._at in data and self._before > 0:
                    self._before -= 1
                elif self._at is not None and self._at in data:
                    self._at = None
                    if not self._answered:
                        return
                    is_lost.set()
                to_server.write(data)

        tasks = [asyncio.create_task(answers()), asyncio.create_task(requests())]
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()
        to_server.close()


@asynccontextmanager
async def severing(url: str) -> AsyncIterator[Severing]:
    """A proxy before the database at `url`."""
    proxy = Severing(url)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
