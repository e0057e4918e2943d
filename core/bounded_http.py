"""uvicorn's HTTP protocol with limits on what a client may hold: connections, the size of a head, and time.

uvicorn limits none of them: a head grows until the memory ends, and a connection that sends nothing, or a byte a
second, stays open (`docs/adr/0142-limits-of-connections.md`).
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

KEEP_ALIVE_S: Final = 65
"""How long an idle connection stays open: longer than the 60 s of common load balancers, so that they close first."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one client, and all of them, may hold."""

    connections: int = 2_000
    """Open at a time."""
    per_address: int = 512
    """Open at a time from one address; a proxy in front is one address."""
    head_bytes: int = 65_536
    """Request line and headers while they are incomplete. The application refuses smaller ones with a problem."""
    head_s: float = 10.0
    """From the opening of a connection, or the first byte of a request, to the end of its head."""
    gap_s: float = 10.0
    """Between two parts of a body."""
    request_s: float = 30.0
    """From the first byte of a request to the end of its body."""
    unread_s: float = 10.0
    """How long a client may take less than `taken_bytes` of a response that waits for it."""
    taken_bytes: int = 65_536


ABORT: Final = "ginja.abort"
"""Extension of an ASGI scope: a function that cuts the connection off, with what the client has not taken of it.

An application that raises in the middle of a response only closes the connection, which waits for the client.
"""


class _Reads(Enum):
    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


def bounded(limits: ConnectionLimits) -> type[HttpToolsProtocol]:
    """The protocol class of one server, for `uvicorn.Config(http=…)`."""
    return type("BoundedProtocol", (_Bounded,), {"limits": limits, "addresses": Counter()})


class _Bounded(HttpToolsProtocol):
    """Does its work once for each part that arrives: a request in one part sets no timer."""

    limits: ConnectionLimits
    addresses: "Counter[str]"
    """Open connections by address, of the whole server."""

    _reads = _Reads.NOTHING
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _began = 0.0
    _address: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Refuse a connection beyond the limits; otherwise wait for its first request."""
        super().connection_made(transport)
        # Whatever a client has not taken stops further writing. A transport of TLS pauses from the limit on, one of TCP
        # beyond it: with 0 the former would pause for ever.
        transport.set_write_buffer_limits(high=0 if transport.get_extra_info("sslcontext") is None else 1)
        self._address = self.client[0] if self.client else ""
        self.addresses[self._address] += 1
        if len(self.connections) > self.limits.connections:
            self._refuse(503, "Too many connections.")
        elif self.addresses[self._address] > self.limits.per_address:
            self._refuse(429, "Too many connections from this address.")
        else:
            self._began = self.loop.time()
            self._wait(self.limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        self._stop_watching()
        if self._address is not None:
            self.addresses[self._address] -= 1
            if not self.addresses[self._address]:
                del self.addresses[self._address]
            self._address = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request, and say until when the next one has to come."""
        if self.transport.is_closing():
            return
        if self._reads is _Reads.HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.head_bytes:
                self._refuse(431, "The request line and headers are too large.")
                return
        super().data_received(data)
        self._stop_waiting()
        if self._reads is _Reads.HEAD:
            self._wait(self._began + self.limits.head_s - self.loop.time())
        elif self._reads is _Reads.BODY:
            self._wait(min(self.limits.gap_s, self._began + self.limits.request_s - self.loop.time()))
        elif self.cycle is None or self.cycle.response_complete:  # blank lines, which begin no request
            self._wait(self.limits.head_s)

    def pause_writing(self) -> None:
        """The client does not take the response as fast as it is written: watch that it takes it at all."""
        super().pause_writing()
        self._watch_unread()

    def resume_writing(self) -> None:
        """The client has taken everything."""
        self._stop_watching()
        super().resume_writing()

    def _watch_unread(self) -> None:
        size = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(self.limits.unread_s, self._check_unread, size)

    def _check_unread(self, before: int) -> None:
        """Cut the connection off where the client took too little; closing it would wait for the client."""
        if before - self.transport.get_write_buffer_size() < self.limits.taken_bytes:
            self.transport.abort()
        else:
            self._watch_unread()

    def _stop_watching(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def on_message_begin(self) -> None:
        """A request begins."""
        self._reads, self._head_bytes, self._began = _Reads.HEAD, 0, self.loop.time()
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}

    def on_headers_complete(self) -> None:
        """Its head is complete."""
        self._reads = _Reads.BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Its body is complete."""
        self._reads = _Reads.NOTHING
        super().on_message_complete()

    def _wait(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(max(0.0, seconds), self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if self.transport.is_closing():
            return
        if self._reads is _Reads.BODY and self.flow.read_paused:
            self._wait(self.limits.gap_s)  # the application is slow to read, not the client to send
        else:
            self._refuse(408, "The request did not arrive in time.")

    def _refuse(self, status: int, why: str) -> None:
        """Say why in plain text, and close the connection; a response that has begun is cut off."""
        self._stop_waiting()
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            lines = (
                f"HTTP/1.1 {status} Refused",
                "content-type: text/plain; charset=utf-8",
                f"content-length: {len(why)}",
                "retry-after: 1",
                "connection: close",
            )
            self.transport.write("\r\n".join((*lines, "", why)).encode())
        self.transport.close()
