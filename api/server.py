"""Serving the API, and ending without cutting a client off.

On SIGTERM or SIGINT the process answers what it has begun and refuses new requests with 503, `Retry-After` and
`Connection: close`, for at most `DRAIN_S` seconds; what is not answered by then gets 503 too. A second signal ends the
wait.
"""

import asyncio
import socket
import time
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Unavailable
from api.problems import error_response

DRAIN_S = 5.0
CANCELLED_S = 2.0
"""How long requests that were cancelled have to send their 503."""
_STOPPING = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
"""For a client that has not sent a whole head: there is no request that the application could answer."""
_ALWAYS = frozenset({"/livez", "/metrics"})


class Drain:
    """Whether the process is about to end."""

    def __init__(self) -> None:
        self.began: float | None = None
        """Monotonic time of the first signal."""

    def begin(self) -> None:
        """Refuse new requests from now on."""
        self.began = self.began or time.monotonic()

    def over(self) -> bool:
        """Whether the time to answer has passed."""
        return self.began is not None and time.monotonic() - self.began >= DRAIN_S


class RefuseWhileDraining:
    """ASGI middleware: 503 for new requests while the process ends, and for those it could not answer in time."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
            return
        if self._drain.began is not None:
            await _refuse("the server is stopping and did nothing; retry the request", scope, receive, send)
            return
        started = False

        async def send_noting_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_noting_start)
        except asyncio.CancelledError:
            if started or self._drain.began is None:
                raise
            detail = "the server stopped before it was done; retry with the same Idempotency-Key"
            await _refuse(detail, scope, receive, send)


async def _refuse(detail: str, scope: Scope, receive: Receive, send: Send) -> None:
    response = error_response(Unavailable(detail))
    response.headers["Connection"] = "close"
    await response(scope, receive, send)


class DrainingServer(uvicorn.Server):
    """uvicorn that drains before it shuts down."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins to drain; the next one ends it."""
        if self._drain.began is None:
            self._drain.begin()
            self._captured_signals.append(sig)
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """End once everything is answered, or the time is over."""
        if self._drain.began is not None and (self._drain.over() or not self.server_state.tasks):
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, and say so to clients that have not sent a whole head."""
        for connection in self.server_state.connections:
            if getattr(connection, "cycle", None) is None:
                connection.transport.write(_STOPPING)
        await super().shutdown(sockets)
