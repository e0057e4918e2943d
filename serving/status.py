"""What the scorer says of itself at `/` and `/readyz`, in place of BentoML's pages.

BentoML's index loads a tag manager from the web, and its `/readyz` is true as soon as the process is up. This
middleware answers both before BentoML's routes see them.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import pydantic_core
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from claims.scoring import CONTRACT


@dataclass(slots=True)
class ScorerStatus:
    """How the scorer is; `/readyz` answers 200 when nothing is `missing`."""

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
    """The ASGI middleware; `condition` is asked at each call."""

    def __init__(self, app: ASGIApp, condition: Callable[[], ScorerStatus]) -> None:
        self._app = app
        self._condition = condition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in ("/", "/readyz"):
            await self._app(scope, receive, send)
            return
        condition = self._condition()
        answer = {"contract": CONTRACT, **asdict(condition)}
        if scope["path"] == "/":
            answer |= {"links": _LINKS}
        status = 503 if condition.missing and scope["path"] == "/readyz" else 200
        await Response(pydantic_core.to_json(answer), status, media_type="application/json")(scope, receive, send)
