"""A TCP proxy with injectable faults, placed between two processes in the chaos test.

It forwards bytes until a `Fault` is set, which applies to open and new connections. Loopback only; stores nothing.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Fault(Enum):
    """How a connection between two processes can fail."""

    NONE = "passes everything"
    SLOW = "delays every response by two seconds"
    REFUSED = "refuses connections and resets open ones"
    RESET = "resets the connection in the middle of a response"
    HALF_OPEN = "accepts requests without responding or closing"
    TRICKLE = "sends the response a few bytes at a time"
    REWRITTEN = "replaces the response body"


@dataclass(frozen=True, slots=True)
class Timing:
    """Delays of the faults."""

    delay_seconds: float = 2.0
    trickle_bytes: int = 8
    trickle_seconds: float = 0.1


Rewrite = Callable[[bytes], bytes]


class Proxy:
    """One listening port that forwards to one target, with the current fault."""

    def __init__(self, target: tuple[str, int], timing: Timing | None = None) -> None:
        self.port = 0
        self._target = target
        self._timing = timing or Timing()
        self._fault = Fault.NONE
        self._rewrite: Rewrite | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen on a free loopback port, available as `port`."""
        await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        await self._stop_listening()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._reset_all()

    def _reset_all(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def set(self, fault: Fault, rewrite: Rewrite | None = None) -> None:
        """Set the fault. `rewrite` maps a whole HTTP response to another one (REWRITTEN only)."""
        if (fault is Fault.REWRITTEN) != (rewrite is not None):
            raise ValueError("rewrite must be passed with REWRITTEN and only then")
        before, self._fault, self._rewrite = self._fault, fault, rewrite
        if fault is Fault.REFUSED:
            await self._stop_listening()
        elif self._server is None:
            await self._listen()
        if before is Fault.HALF_OPEN:
            self._reset_all()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served inside a task")
        self._open.add(task)
        self._writers.add(writer)
        back: asyncio.StreamWriter | None = None
        try:
            answers, back = await asyncio.open_connection(*self._target)
            self._writers.add(back)
            requests = asyncio.create_task(self._forward_requests(reader, back))
            try:
                await self._forward_responses(answers, writer)
            finally:
                requests.cancel()
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            for end in (writer, back):
                if end is not None:
                    self._writers.discard(end)
                    end.close()
            self._open.discard(task)

    async def _forward_requests(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while part := await reader.read(65_536):
                if self._fault is Fault.HALF_OPEN:
                    continue
                back.write(part)
                await back.drain()
        back.close()

    async def _forward_responses(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await answers.read(65_536):
            match self._fault:
                case Fault.HALF_OPEN:
                    continue
                case Fault.RESET:
                    writer.write(part[: len(part) // 2])
                    await asyncio.sleep(0)
                    writer.transport.abort()
                    return
                case Fault.SLOW:
                    await asyncio.sleep(self._timing.delay_seconds)
                    writer.write(part)
                case Fault.TRICKLE:
                    await self._trickle(part, writer)
                case Fault.REWRITTEN if self._rewrite is not None:
                    writer.write(self._rewrite(await _whole(part, answers)))
                case _:
                    writer.write(part)
            await writer.drain()

    async def _trickle(self, part: bytes, writer: asyncio.StreamWriter) -> None:
        step = self._timing.trickle_bytes
        for at in range(0, len(part), step):
            if self._fault is not Fault.TRICKLE:
                writer.write(part[at:])
                return
            writer.write(part[at : at + step])
            await writer.drain()
            await asyncio.sleep(self._timing.trickle_seconds)


async def _whole(part: bytes, answers: asyncio.StreamReader) -> bytes:
    """The whole HTTP response that `part` begins, by its content length; what there is of one that ends early."""
    while b"\r\n\r\n" not in part:
        more = await answers.read(65_536)
        if not more:  # closed: reading on would return nothing for ever
            return part
        part += more
    head, _, body = part.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            left = int(value) - len(body)
            return part + (await answers.readexactly(left) if left > 0 else b"")
    return part


def with_body(message: bytes, body: bytes) -> bytes:
    """The HTTP message with another body and matching content length."""
    head, _, _ = message.partition(b"\r\n\r\n")
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*kept, b"content-length: " + str(len(body)).encode()]) + b"\r\n\r\n" + body
