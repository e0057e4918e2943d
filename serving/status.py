"""The scorer's status at `/` and `/readyz`, instead of BentoML's pages.

BentoML's index loads a tag manager from the web, and its `/readyz` succeeds as soon as the process is up. This
middleware handles both paths before BentoML does.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import pydantic_core
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from claims.scoring import CONTRACT
from core.settings import instance


@dataclass(slots=True)
class ScorerStatus:
    """Status of the scorer. `/readyz` answers 200 if `missing` is empty, otherwise 503."""

    model_version: str | None = None
    challenger_version: str | None = None
    missing: list[str] = field(default_factory=lambda: ["model"])


_LINKS = {
    "score": "/v1/score",
    "score_batch": "/v1/score_batch",
    "ready": "/readyz",
    "alive": "/livez",
    "metrics": "/metrics",
    "openapi": "/docs.json",
}


class StatusMiddleware:
    """ASGI middleware; `status` is called for each request."""

    def __init__(self, app: ASGIApp, status: Callable[[], ScorerStatus]) -> None:
        self._app = app
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in ("/", "/readyz"):
            await self._app(scope, receive, send)
            return
        current = self._status()
        answer = {"contract": CONTRACT, "instance": instance(), **asdict(current)}
        if scope["path"] == "/":
            answer |= {"links": _LINKS}
        code = 503 if current.missing and scope["path"] == "/readyz" else 200
        await Response(pydantic_core.to_json(answer), code, media_type="application/json")(scope, receive, send)
