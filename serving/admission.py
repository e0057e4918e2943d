"""Live claims first: batches wait in a queue, and the one in work gives way to every claim that is being scored."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.batch_queue import BatchQueue, BatchRefused
from serving import metrics
from serving.errors import TooManyBatches

LIVE: Final = "/v1/score"
BATCH: Final = "/v1/score_batch"
MAX_WAITING: Final = 8
"""Batches that wait in one worker process; their bodies are not read until it is their turn."""
MAX_WAIT_S: Final = 20.0
RECENT_S: Final = 1.0
"""How long after a live claim a batch works in small pieces."""
ARRIVAL_S: Final = 0.001
"""Pause between the pieces of a batch, in which live claims that have arrived are read and counted."""
LONGEST_YIELD_S: Final = 0.1
"""A batch waits so long at most for a moment without live claims; then it does one piece."""


class LiveClaims:
    """The single claims that are being scored in this process."""

    def __init__(self) -> None:
        self._in_flight = 0
        self._ended = float("-inf")
        self._idle = asyncio.Event()

    @property
    def are_recent(self) -> bool:
        """Whether there are any, or were within the last `RECENT_S`."""
        return self._in_flight > 0 or time.monotonic() - self._ended < RECENT_S

    def begin(self) -> None:
        """A claim has arrived."""
        self._in_flight += 1

    def end(self) -> None:
        """It was answered."""
        self._in_flight -= 1
        self._ended = time.monotonic()
        if not self._in_flight:
            self._idle.set()

    async def give_way(self) -> None:
        """Between two pieces of a batch: let the live claims be scored that have arrived, at most `LONGEST_YIELD_S`."""
        if not self.are_recent:
            await asyncio.sleep(0)
            return
        await asyncio.sleep(ARRIVAL_S)
        if self._in_flight:
            self._idle.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_YIELD_S):
                    await self._idle.wait()


class AdmissionMiddleware:
    """ASGI middleware: counts single claims, and queues batches."""

    def __init__(self, app: ASGIApp, live: LiveClaims) -> None:
        self._app = app
        self._live = live
        self._queue = BatchQueue(max_waiting=MAX_WAITING, max_wait_s=MAX_WAIT_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path")
        if path == LIVE:
            self._live.begin()
            try:
                await self._app(scope, receive, send)
            finally:
                self._live.end()
        elif path == BATCH:
            await self._queued(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _queued(self, scope: Scope, receive: Receive, send: Send) -> None:
        metrics.BATCHES_WAITING.set(self._queue.waiting + 1)
        try:
            async with self._queue.turn(_seconds_left(scope)) as ticket:
                metrics.BATCHES_WAITING.set(self._queue.waiting)
                metrics.BATCH_WAIT_SECONDS.observe(ticket.waited_s)
                headers = [
                    (b"ginja-batch-position", b"%d" % ticket.position),
                    (b"ginja-batch-waited-ms", b"%d" % round(ticket.waited_s * 1_000)),
                ]

                async def with_ticket(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        message["headers"] = [*message.get("headers", ()), *headers]
                    await send(message)

                await self._app(scope, receive, with_ticket)
        except BatchRefused as refused:
            metrics.REFUSALS.labels(TooManyBatches.kind).inc()
            await TooManyBatches.of(refused).response()(scope, receive, send)
        finally:
            metrics.BATCHES_WAITING.set(self._queue.waiting)


def _seconds_left(scope: Scope) -> float | None:
    """Until the deadline of the request; one that is malformed is refused where the request is read."""
    sent = next((value for name, value in scope["headers"] if name == b"ginja-deadline"), b"")
    return int(sent) / 1_000 - time.time() if sent.isdigit() and len(sent) <= 15 else None
