"""Around every request: an id, a measured time, a line in the log that names the route and never what was asked."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics
from api.errors import HeadTooLarge
from api.problems import present, problem
from core.ids import new_id
from core.logging import get_logger

log = get_logger("api")
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})


MAX_HEAD_BYTES = 16_384
"""Largest path, query and headers of a request together; the HTTP parser itself has no limit."""


class HeadLimit:
    """ASGI middleware; answers 431 where path, query and headers are larger than `MAX_HEAD_BYTES` together."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _head_bytes(scope) > MAX_HEAD_BYTES:
            refusal = HeadTooLarge(f"path, query and headers must be at most {MAX_HEAD_BYTES} bytes together")
            await present(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _head_bytes(scope: Scope) -> int:
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    return headers + len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])


class Observed:
    """ASGI middleware; outermost, so that it also sees what the framework answers by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = new_id("req")
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            log.error("defect", request_id=request_id, exc_info=error)
            if status == 0:
                answer = problem(500, "failed", "A defect on our side", f"look for {request_id} in the log")
                await answer(scope, receive, sending)
        seconds = time.perf_counter() - started
        route = getattr(scope.get("route"), "path", "none")
        metrics.REQUESTS.labels(scope["method"], route, str(status)).observe(seconds)
        if route not in _QUIET:
            ms = round(seconds * 1_000, 2)
            log.info("answered", method=scope["method"], route=route, status=status, ms=ms, request_id=request_id)
