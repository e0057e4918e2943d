"""The scorer's status at `/` and `/readyz`, instead of BentoML's pages, and the windows its models use.

BentoML's index loads a tag manager from the web, and its `/readyz` succeeds as soon as the process is up. This
middleware handles these paths before BentoML does.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import pydantic_core
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from claims.model_report import MODELS_PATH
from claims.scoring import CONTRACT, DETAILS_PATH, SERVER_TIME_HEADER, WINDOWS_PATH
from claims.windows import WindowValue
from core.settings import instance

_TIME = SERVER_TIME_HEADER.lower().encode()


@dataclass(slots=True)
class ScorerStatus:
    """Status of the scorer. `/readyz` answers 200 if `missing` is empty, otherwise 503."""

    model_version: str | None = None
    challenger_version: str | None = None
    missing: list[str] = field(default_factory=lambda: ["model"])


_LINKS = {
    "score": "/v1/score",
    "score_batch": "/v1/score_batch",
    "explain": DETAILS_PATH,
    "windows": WINDOWS_PATH,
    "models": MODELS_PATH,
    "ready": "/readyz",
    "alive": "/livez",
    "metrics": "/metrics",
}


class TimeMiddleware:
    """ASGI middleware: every response states the time of this host, by which the caller corrects its deadlines."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = b"%d" % (time.time_ns() // 1_000)
                message["headers"] = [*message.get("headers", ()), (_TIME, now)]
            await send(message)

        await self._app(scope, receive, stamped)


class StatusMiddleware:
    """ASGI middleware; `status` is called for each request, `windows` for one to `/v1/windows`."""

    def __init__(
        self, app: ASGIApp, status: Callable[[], ScorerStatus], windows: Callable[[], Mapping[str, WindowValue]]
    ) -> None:
        self._app = app
        self._status = status
        self._windows = windows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == WINDOWS_PATH:
            body = pydantic_core.to_json({"windows": self._windows()})
            await Response(body, media_type="application/json")(scope, receive, send)
            return
        if scope["type"] != "http" or scope["path"] not in ("/", "/readyz"):
            await self._app(scope, receive, send)
            return
        current = self._status()
        answer = {"contract": CONTRACT, "instance": instance(), **asdict(current)}
        if scope["path"] == "/":
            answer |= {"links": _LINKS}
        code = 503 if current.missing and scope["path"] == "/readyz" else 200
        await Response(pydantic_core.to_json(answer), code, media_type="application/json")(scope, receive, send)
