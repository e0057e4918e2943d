"""One keep-alive HTTP/1.1 connection over raw sockets, as the load generators use it."""

import asyncio
import contextlib
from dataclasses import dataclass

TIMEOUT_SECONDS = 10.0
"""Time without a response after which a connection counts as broken."""


def request_bytes(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """One HTTP/1.1 POST of a JSON body, ready to send."""
    lines = {"host": "ginja", "content-type": "application/json", "content-length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def parse_head(head: bytes) -> tuple[int, int | None]:
    """Status and content length of a response head; a length of None means chunked."""
    status = int(head[9:12])
    at = head.lower().find(b"content-length:")
    if at < 0:
        return status, None
    end = head.find(b"\r\n", at)
    return status, int(head[at + 15 : end if end >= 0 else len(head)])


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A response; status 0: there was none."""

    status: int
    head: bytes
    body: bytes


class _Idle(Exception):
    """The connection ended before any response."""


class Connection:
    """One keep-alive connection on asyncio streams; reconnects after a failure."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and read status and body of its response; status 0 on failure or timeout."""
        answer = await self.send(request)
        return answer.status, answer.body

    async def send(self, request: bytes) -> RawResponse:
        """Send a request and read its response; status 0 on failure or timeout.

        A connection closed by the server while idle is reopened once, as any HTTP client does.
        """
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                if self._streams is not None:
                    with contextlib.suppress(OSError, _Idle):
                        return await self._exchange(*self._streams, request)
                self._streams = await asyncio.open_connection(*self._address)
                return await self._exchange(*self._streams, request)
        except (OSError, asyncio.IncompleteReadError, ValueError, _Idle):
            self.close()
            return RawResponse(0, b"", b"")

    @staticmethod
    async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> RawResponse:
        writer.write(request)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise (error if error.partial else _Idle) from error
        status, length = parse_head(head)
        return RawResponse(status, head, await (_chunks(reader) if length is None else reader.readexactly(length)))

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(parts)
