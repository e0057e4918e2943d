"""Conditional requests (RFC 9110, section 13): entity tags of single resources, and 304 for what a client has.

The tag of a resource is a hash of the response body, so it changes with everything that a caller can see, and differs
between callers that see different fields. `If-Match` is checked where a change is made (`api/idempotency.py`).
"""

from collections.abc import Iterator, Sequence
from re import Pattern
from typing import Final

from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.dependencies import required_scope
from api.entity_tags import CODED, entity_tag, matches

MIN_COMPRESSED: Final = 2_048
"""Smallest response in bytes that is compressed."""
_LEVEL: Final = 5
_CONSOLE: Final = "/console"


def is_one_resource(route: APIRoute) -> bool:
    """Whether a route reads one resource, whose responses have an entity tag."""
    return "GET" in (route.methods or ()) and required_scope(route) is not None and "{" in route.path


class EntityTags:
    """ASGI middleware: an `ETag` on every resource, and 304 without a body where `If-None-Match` names it."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._resources = tuple(_resources(routes))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_get = scope["type"] == "http" and scope["method"] == "GET"
        if not is_get or not any(pattern.match(scope["path"]) for pattern in self._resources):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        known = headers.get("if-none-match")
        waiting: Message | None = None
        is_answered = False

        async def send_tagged(message: Message) -> None:
            nonlocal waiting, is_answered
            if is_answered:
                return  # the rest of a content that the client has
            if message["type"] == "http.response.start":
                waiting = message
                return
            if waiting is None:
                await send(message)
                return
            start, waiting = waiting, None
            answered = MutableHeaders(raw=start["headers"])
            is_whole = not message.get("more_body", False)
            # A content that is sent in parts states its tag itself.
            tag = entity_tag(message.get("body", b"")) if is_whole else answered.get("ETag")
            if tag is not None and start["status"] == 200:
                answered["ETag"] = tag
                if known is not None and matches(known, tag):
                    start["status"], is_answered = 304, True
                    del answered["content-length"], answered["content-type"]
                    message = {"type": "http.response.body", "body": b""}
            await send(start)
            await send(message)

        await self._app(scope, receive, send_tagged)


class CompressedReads:
    """ASGI middleware: gzip for responses to reads of at least `MIN_COMPRESSED` bytes, where the client accepts it.

    Pages of the console decide for themselves (`api/console/compression.py`). Requests of the API carry their secret
    themselves, and no browser adds it for another site. Responses to claims stay uncompressed for their speed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressing = GZipMiddleware(app, minimum_size=MIN_COMPRESSED, compresslevel=_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        compressed = scope["type"] == "http" and scope["method"] == "GET" and not scope["path"].startswith(_CONSOLE)
        if not compressed:
            await self._app(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if "content-encoding" in headers and "etag" in headers:
                    headers["ETag"] = f'{headers["ETag"][:-1]}{CODED}"'
            await send(message)

        await self._compressing(scope, receive, send_marked)


def _resources(routes: Sequence[BaseRoute]) -> Iterator[Pattern[str]]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _resources(included.routes)
        elif isinstance(route, APIRoute) and is_one_resource(route):
            yield compile_path(route.path)[0]
