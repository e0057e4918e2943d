"""A small HTTP/1.1 client for one host: kept-alive connections, one total deadline, bounded responses.

The claims API sends one kind of request to one private address. What it needs of a client is that nothing the other
side does (refuse, reset, trickle, talk for ever) outlasts the deadline, and that it costs little:
`docs/adr/0053-minimal-http-client-for-the-scorer.md` has the figures beside httpx.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import cast
from urllib.parse import urlsplit

import httptools

from claims.scoring import SERVER_TIME_HEADER
from core.tls import client_context

_TIME = SERVER_TIME_HEADER.lower().encode()
MAX_RESPONSE_BYTES = 16 * 1024 * 1024
_IDLE_S = 20.0
"""A connection idle for longer is not reused: the server may be about to close it."""


class HttpFailure(Exception):
    """There is no complete response; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Stale(Exception):
    """A kept connection was already closed by the server."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete response."""

    status: int
    body: bytes
    retry_after_s: int | None = None
    """When to send the request again, if the server says so."""
    server_time: float | None = None
    """What the server says of its clock, in seconds since 1970."""


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self.used = False
        self._waiting: asyncio.Future[HttpResponse] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._limit = 0
        self._response_begun = False
        self._server_time: float | None = None
        self._retry_after_s: int | None = None

    @property
    def usable(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()
            self.transport = None

    def fetch(self, request: bytes, limit: int) -> asyncio.Future[HttpResponse]:
        if self.transport is None:
            raise HttpFailure("reset", "the connection closed as soon as it was opened")
        self._parser = httptools.HttpResponseParser(self)
        self._parts, self._size, self._limit, self._response_begun = [], 0, limit, False
        self._retry_after_s = None
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._waiting

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's has the same methods and another base class

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self._waiting is None:
            self.close()  # data without a request
            return
        self._response_begun = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(HttpFailure("protocol", "the response is not HTTP"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self._response_begun or not self.used:
            self._fail(HttpFailure("reset", "the connection closed before the end of the response"))
        else:
            self._fail(_Stale())

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == _TIME and value.isdigit() and len(value) <= 17:
            self._server_time = int(value) / 1_000_000
        elif name.lower() == b"retry-after" and value.isdigit() and len(value) <= 5:
            self._retry_after_s = int(value)

    def on_body(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            self._fail(HttpFailure("too_large", f"the response exceeds {self._limit} bytes"))
        else:
            self._parts.append(data)

    def on_message_complete(self) -> None:
        if self._waiting is None or self._parser is None:
            return
        status, body = self._parser.get_status_code(), b"".join(self._parts)
        response = HttpResponse(status, body, self._retry_after_s, self._server_time)
        keep = self._parser.should_keep_alive()
        waiting, self._waiting, self._parser, self.used = self._waiting, None, None, True
        if not keep:
            self.close()
        if not waiting.done():
            waiting.set_result(response)

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting, self._parser = self._waiting, None, None
        self.close()
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)


class HttpPool:
    """Connections to one origin, reused last in, first out, so that those not needed become old and are closed.

    Every request carries `token` as its bearer token. An origin of `https` must have a certificate of its name, of the
    system's authorities or of those in `ca_file`; raises `TlsError` if that file cannot be read.
    """

    def __init__(self, base_url: str, *, token: str | None = None, ca_file: Path | None = None) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError("the scorer's URL must be http://host:port or https://host:port")
        self._tls = client_context(ca_file) if parts.scheme == "https" else None
        self._host, self._port = parts.hostname, parts.port or (80 if self._tls is None else 443)
        self._prefix = parts.path.rstrip("/")
        self._always = [f"Host: {self._host}:{self._port}"]
        if token is not None:
            self._always.append(f"Authorization: Bearer {token}")
        self._idle: list[_Connection] = []

    async def __aenter__(self) -> "HttpPool":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().close()

    async def post(
        self, path: str, body: bytes, *, headers: Mapping[str, str], deadline_s: float, limit: int = MAX_RESPONSE_BYTES
    ) -> HttpResponse:
        """Post JSON; connecting, sending and reading the response take at most `deadline_s`. Raises `HttpFailure`."""
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
        return await self._send(self._request("POST", path, headers) + body, deadline_s, limit)

    async def get(self, path: str, *, deadline_s: float, limit: int = MAX_RESPONSE_BYTES) -> HttpResponse:
        """Get a resource, in the same way as `post`."""
        return await self._send(self._request("GET", path, {}), deadline_s, limit)

    async def _send(self, request: bytes, deadline_s: float, limit: int) -> HttpResponse:
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    connection = self._reusable() or await self._connect()
                    try:
                        response = await connection.fetch(request, limit)
                    except _Stale:
                        continue  # try another idle connection, and finally a new one
                    except asyncio.CancelledError:
                        connection.close()
                        raise
                    if connection.usable:
                        connection.idle_since = asyncio.get_running_loop().time()
                        self._idle.append(connection)
                    return response
        except TimeoutError:
            raise HttpFailure("deadline", f"no response within {deadline_s * 1000:.0f} ms") from None
        except OSError as error:
            raise HttpFailure("connect", f"the connection failed ({type(error).__name__})") from None

    def _request(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        lines = [f"{method} {self._prefix}{path} HTTP/1.1", *self._always]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n"

    def _reusable(self) -> _Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and now - connection.idle_since < _IDLE_S:
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, self._host, self._port, ssl=self._tls)
        return connection
