"""Live claims first: batches and explanations wait in a queue each, where one is in work at a time.

A batch in work also gives way to every claim that is being scored; an explanation is short, and is computed on a thread
beside them.
"""

import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from claims.scoring import DETAILS_PATH
from core.batch_queue import BatchQueue, BatchRefused
from core.live_claims import LiveClaims
from serving import metrics
from serving.errors import TooManyBatches, TooManyExplanations

LIVE: Final = "/v1/score"
BATCH: Final = "/v1/score_batch"
MAX_WAITING: Final = 8
"""Batches that wait in one worker process; their bodies are not read until it is their turn."""
MAX_WAIT_S: Final = 20.0
MAX_EXPLANATIONS_WAITING: Final = 8
"""Explanations that wait in one worker process: at a fifth of a second each, what a reader waits for."""
MAX_EXPLANATION_WAIT_S: Final = 2.0


class AdmissionMiddleware:
    """ASGI middleware: counts single claims, and queues batches and explanations."""

    def __init__(self, app: ASGIApp, live: LiveClaims) -> None:
        self._app = app
        self._live = live
        self._queue = BatchQueue(max_waiting=MAX_WAITING, max_wait_s=MAX_WAIT_S)
        self._explanations = BatchQueue(max_waiting=MAX_EXPLANATIONS_WAITING, max_wait_s=MAX_EXPLANATION_WAIT_S)

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
        elif path == DETAILS_PATH:
            await self._explained(scope, receive, send)
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

    async def _explained(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._explanations.turn(_seconds_left(scope)):
                await self._app(scope, receive, send)
        except BatchRefused as refused:
            metrics.REFUSALS.labels(TooManyExplanations.kind).inc()
            await TooManyExplanations.of(refused).response()(scope, receive, send)


def _seconds_left(scope: Scope) -> float | None:
    """Until the deadline of the request; one that is malformed is refused where the request is read."""
    sent = next((value for name, value in scope["headers"] if name == b"ginja-deadline"), b"")
    return int(sent) / 1_000 - time.time() if sent.isdigit() and len(sent) <= 15 else None
