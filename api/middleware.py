"""Around every request: an id, a measured duration, and a log line that names the route and no data of the request."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics
from api.errors import HeadTooLarge, InternalError
from api.problems import error_response
from core.ids import new_id
from core.logging import get_logger

log = get_logger("api")
_NOT_LOGGED = frozenset({"/livez", "/readyz", "/metrics"})


MAX_HEAD_BYTES = 16_384
"""Largest path, query and headers of a request together; the HTTP parser itself has no limit."""


class HeadLimit:
    """ASGI middleware; responds 431 where path, query and headers together exceed `MAX_HEAD_BYTES`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _head_bytes(scope) > MAX_HEAD_BYTES:
            refusal = HeadTooLarge(f"path, query and headers must be at most {MAX_HEAD_BYTES} bytes together")
            await error_response(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _head_bytes(scope: Scope) -> int:
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    return headers + len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])


class RequestLog:
    """ASGI middleware: request id, metrics, log line. Outermost, so that it also sees what the framework refuses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = new_id("req")
        status = 0

        async def send_with_id(message: Message) -> None:
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
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            log.error("defect", request_id=request_id, exc_info=error)
            if status == 0:
                response = error_response(InternalError(f"look for {request_id} in the log"))
                await response(scope, receive, send_with_id)
        seconds = time.perf_counter() - started
        route = getattr(scope.get("route"), "path", "none")
        metrics.REQUESTS.labels(scope["method"], route, str(status)).observe(seconds)
        if route not in _NOT_LOGGED:
            ms = round(seconds * 1_000, 2)
            log.info("request", method=scope["method"], route=route, status=status, ms=ms, request_id=request_id)
