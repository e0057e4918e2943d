"""A proxy in front of a server: notes every boundary of a process, and kills the process at one of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from benchmarks.crash.boundaries import Framer
from benchmarks.crash.watch import Side, Watch

_ENDS_WITHIN_S: Final = 10.0
"""Longest time in which a server notices that its client has died."""


class BoundaryProxy:
    """Forwards the connections of the watched process to one server."""

    def __init__(self, server: tuple[str, int], name: str, framer: Callable[[], Framer]) -> None:
        self.port = 0
        self.watch = Watch()
        self._server = server
        self._name = name
        self._framer = framer
        self._open: set[asyncio.Task[None]] = set()

    async def ended(self) -> None:
        """Wait until the server has ended every connection of a process that died, and with it what it was doing."""
        async with asyncio.timeout(_ENDS_WITHIN_S):
            await asyncio.gather(*self._open, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until both ends have closed it."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        answers, to_server = await asyncio.open_connection(*self._server)
        back = asyncio.create_task(_copy(answers, writer))
        try:
            with contextlib.suppress(OSError):
                await self._forward(reader, to_server, self.watch)
                to_server.write_eof()
            await back
        finally:
            back.cancel()
            to_server.close()
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, to_server: asyncio.StreamWriter, watch: Watch) -> None:
        framer = self._framer()
        while data := await reader.read(65_536):
            for message in framer.feed(data):
                if watch.died:
                    return
                side = None if message.boundary is None else watch.reach(f"{self._name}: {message.boundary}")
                if side is Side.BEFORE:
                    watch.die()
                    return
                to_server.write(message.data)
                if side is Side.AFTER:
                    watch.die()
                    return
            await to_server.drain()


async def _copy(answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward what the server answers; what a dead process does not read is read here."""
    with contextlib.suppress(OSError):
        while data := await answers.read(65_536):
            with contextlib.suppress(OSError):
                writer.write(data)


@asynccontextmanager
async def listening(proxy: BoundaryProxy) -> AsyncIterator[BoundaryProxy]:
    """The proxy on a free loopback port while the block runs."""
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
