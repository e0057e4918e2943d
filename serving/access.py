"""Who may ask the scorer, and what: callers with the token, at the paths of its contract.

BentoML serves pages and documents about itself beside them, and has no authentication. Without a token the scorer
answers only requests that arrive at a loopback address, whatever address it was bound to.
"""

import hmac
from functools import lru_cache
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from claims.model_report import MODELS_PATH
from claims.scoring import DETAILS_PATH, WINDOWS_PATH
from core.setting_types import is_this_machine
from serving import metrics
from serving.admission import BATCH, LIVE
from serving.errors import NoSuchPath, NotPrivate, Refusal, TokenRequired, UnprotectedScorerError

OPEN: Final = frozenset({"/livez", "/readyz"})
"""Answered without a token, for whatever supervises the process; they tell of no claim."""
SERVED: Final = OPEN | {"/", "/metrics", LIVE, BATCH, DETAILS_PATH, WINDOWS_PATH, MODELS_PATH}
"""Every path; any other is not found, whatever BentoML would serve there."""

_is_loopback = lru_cache(64)(is_this_machine)


def require_token(host: str, token: str | None) -> None:
    """Raises `UnprotectedScorerError` where the scorer would listen beyond this machine without a token."""
    if token is None and not is_this_machine(host):
        raise UnprotectedScorerError(
            f"the scorer would listen on {host}, where other machines reach it, without authentication; set "
            "GINJA_SCORER_TOKEN for the scorer and its clients (`openssl rand -hex 32`), or GINJA_SCORER_HOST to "
            "127.0.0.1"
        )


class AccessMiddleware:
    """ASGI middleware; `token` is the one that callers need, None: there is none."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._expected = None if token is None else f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        metrics.REFUSALS.labels(refusal.kind).inc()
        await refusal.response()(scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        path = scope["path"]
        if path not in SERVED:
            return NoSuchPath("the scorer has no such path; see docs/reference/scoring-api.md")
        if path in OPEN:
            return None
        if self._expected is None:
            server = scope.get("server")
            if server is None or not _is_loopback(server[0]):
                return NotPrivate("without GINJA_SCORER_TOKEN the scorer answers on loopback addresses only")
            return None
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(sent) != 1 or not hmac.compare_digest(sent[0], self._expected):
            return TokenRequired("send Authorization: Bearer with the scorer's GINJA_SCORER_TOKEN")
        return None
