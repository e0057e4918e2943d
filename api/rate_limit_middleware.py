"""Around every request: how many its address, and its key, user or session, may send; headers that say what is left.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10 (`RateLimit`, `RateLimit-Policy`).
"""

import hashlib
import ipaddress
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics
from api.console import session_token
from api.dependencies import dependencies
from api.errors import RateLimited
from api.problems import error_response
from api.rate_limits import RateLimits, RateVerdict

EXEMPT: Final = frozenset({"/livez", "/readyz", "/metrics"})
"""Health is always answered."""
_CONSOLE: Final = "/console"
_IPV6_PREFIX: Final = 64
"""Bits of an IPv6 address that are one sender: a network of one customer."""


class LimitRequests:
    """ASGI middleware: 429 for what a sender sends beyond its limit, before anything of it is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in EXEMPT:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        limits = dependencies(request).rate_limits
        verdict = await limits.take(limits.policies.of_address, _network(scope))
        if verdict.admitted:
            verdict = await _of_sender(request, limits) or verdict
        headers = [
            (b"ratelimit-policy", verdict.limit.header.encode()),
            (b"ratelimit", verdict.header.encode()),
        ]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        if verdict.admitted:
            await self._app(scope, receive, with_headers)
            return
        metrics.RATE_LIMITED.labels(verdict.limit.name).inc()
        await _refusal(verdict, scope, receive, with_headers)


async def _of_sender(request: Request, limits: RateLimits) -> RateVerdict | None:
    """The verdict about the key, user or session of a request; `None`: it has none that is valid."""
    if request.url.path.startswith(_CONSOLE):
        token = session_token(request)
        if token is None:
            return None
        return await limits.take(limits.policies.of_session, hashlib.sha256(token.encode()).hexdigest())
    caller = await dependencies(request).authenticator.caller_if_known(request)
    if caller is None:
        return None
    return await limits.take(limits.policies.of_role(caller.role), caller.actor_id)


def _network(scope: Scope) -> str:
    """The address of a client; of IPv6 its network."""
    client = scope.get("client")
    host: str = client[0] if client else ""
    if ":" not in host:
        return host
    try:
        return str(ipaddress.ip_network((host.partition("%")[0], _IPV6_PREFIX), strict=False))
    except ValueError:
        return host


async def _refusal(verdict: RateVerdict, scope: Scope, receive: Receive, send: Send) -> None:
    limit = verdict.limit
    error = RateLimited(
        f"more than {limit.quota} requests in {limit.window_s} s (limit {limit.name}); nothing was done; retry in "
        f"{verdict.retry_after} s"
    )
    response = error_response(error)
    response.headers["Retry-After"] = str(verdict.retry_after)
    await response(scope, receive, send)
