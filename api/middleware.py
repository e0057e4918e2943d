"""Around every request: limits and strictness of its head, headers of every response, a log line without its data."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, get_args, get_origin
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute, Mount, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics
from api.database import AUTHENTICATION, NO_ROWS, act_for, seeing
from api.errors import ApiError, EncodedBody, FieldError, HeadTooLarge, InternalError, Invalid
from api.problems import error_response
from api.request_context import carrying_out, context_of
from core.ids import new_id
from core.logging import get_logger

log = get_logger("api")
_NOT_LOGGED = frozenset({"/livez", "/readyz", "/metrics"})


MAX_HEAD_BYTES = 16_384
"""Largest path, query and headers of a request together."""
MAX_HEADERS = 100
"""Most headers of a request."""


class HeadLimit:
    """ASGI middleware; responds 431 where a head exceeds `MAX_HEAD_BYTES` or has more than `MAX_HEADERS`.

    A head that is still incomplete is limited where it is received (`core/bounded_http.py`).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (len(scope["headers"]) > MAX_HEADERS or _head_bytes(scope) > MAX_HEAD_BYTES):
            refusal = HeadTooLarge(
                f"path, query and headers must be at most {MAX_HEAD_BYTES} bytes together, and {MAX_HEADERS} headers"
            )
            await error_response(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _head_bytes(scope: Scope) -> int:
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    return headers + len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])


SINGLE_HEADERS: Final = frozenset(
    {
        *(b"authorization", b"x-api-key", b"idempotency-key", b"host", b"origin", b"sec-fetch-site"),
        *(b"content-type", b"content-length", b"content-encoding", b"if-match", b"if-none-match"),
        *(b"x-api-version", b"x-purpose-of-use", b"signature", b"signature-input", b"content-digest"),
    }
)
"""Headers of which two readers could take different ones if there were two; each may be sent once."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path of the application with its methods, and the query parameters that they have."""

    path: str
    methods: frozenset[str]
    queries: tuple[str, ...]
    takes_any_query: bool = False
    """Whether parameters of other names are allowed: another system chooses them."""
    repeated: frozenset[str] = frozenset()
    """Parameters that may be sent more than once: those declared as lists."""


def endpoints(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[Endpoint]:
    """Every endpoint under `routes`, as the routes declare it."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from endpoints(included.routes, prefix)
        elif isinstance(route, Mount):
            yield from endpoints(route.routes or (), prefix + route.path)
        elif (path := getattr(route, "path", None)) is not None:
            dependant = getattr(route, "dependant", None)
            declared = () if dependant is None else tuple(dependant.query_params)
            of_framework = tuple(one.alias for one in declared)
            repeated = frozenset(one.alias for one in declared if _is_list(one.field_info.annotation))
            methods = frozenset(getattr(route, "methods", None) or ("GET",))
            queries = (*of_framework, *getattr(route, "queries", ()))
            yield Endpoint(prefix + path, methods, queries, getattr(route, "takes_any_query", False), repeated)


def _is_list(annotation: object) -> bool:
    return any(get_origin(one) is list for one in (annotation, *get_args(annotation)))


class StrictRequests:
    """ASGI middleware for every route: refuses what a route would ignore, or two readers could read differently.

    A header of `SINGLE_HEADERS` sent twice, a query parameter that the path does not have, one sent twice, text that is
    not UTF-8 or contains NUL: 422. A content coding: 415, since no route decodes one. Paths of static files and unknown
    paths may have any query. A 405 states every method of the path (RFC 9110, section 10.2.1), where the framework
    states those of one route.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._endpoints = tuple((compile_path(one.path)[0], one) for one in endpoints(routes))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = _refused_headers(scope) or self._refused_query(scope)
            if refusal is not None:
                await error_response(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, self._with_methods(scope, send))

    def _with_methods(self, scope: Scope, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.METHOD_NOT_ALLOWED:
                of_path = (one.methods for pattern, one in self._endpoints if pattern.match(scope["path"]))
                MutableHeaders(raw=message["headers"])["allow"] = ", ".join(sorted(set().union(*of_path)))
            await send(message)

        return sending

    def _refused_query(self, scope: Scope) -> ApiError | None:
        query: bytes = scope["query_string"]
        if not query:
            return None
        found = (one for pattern, one in self._endpoints if pattern.match(scope["path"]))
        endpoint = next((one for one in found if scope["method"] in one.methods), None)
        if endpoint is None:
            return None
        try:
            pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError:
            return Invalid.field("query", "must be percent-encoded UTF-8")
        errors: list[FieldError] = []
        seen: set[str] = set()
        names = ", ".join(endpoint.queries) or "none"
        for name, value in pairs:
            if name not in endpoint.queries and not endpoint.takes_any_query:
                errors.append(FieldError(_shown(name), f"is not a query parameter; this path has {names}"))
            elif name in seen and name not in endpoint.repeated:
                errors.append(FieldError(name, "must be sent once"))
            elif "\0" in value:
                errors.append(FieldError(name, "must not contain a NUL character"))
            seen.add(name)
        return Invalid.fields(errors) if errors else None


def _refused_headers(scope: Scope) -> ApiError | None:
    seen: set[bytes] = set()
    for name, value in scope["headers"]:
        if name not in SINGLE_HEADERS:
            continue
        if name in seen:
            return Invalid.field(name.decode().title(), "must be sent once")
        seen.add(name)
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            return EncodedBody(EncodedBody.example)
    return None


def _shown(name: str) -> str:
    """A name of the request in a form that may be repeated in a response: short and printable."""
    return "".join(character if character.isprintable() else "?" for character in name[:64]) or '""'


_STATIC_FILES = ("/docs/static/", "/console/static/")
"""Files of this package; every other response may contain personal data."""


_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
_PERMISSIONS: Final = (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()")
"""Pages use none of these; a script that gets in cannot either (W3C Permissions Policy)."""
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
"""Browsers use HTTPS for a year (RFC 6797); sent over HTTPS only, as the specification says."""


def _completed(message: Message, scope: Scope, request_id: str) -> list[tuple[bytes, bytes]]:
    """The headers of a response: its id, no storing of it by caches, and no address built from the `Host` header."""
    headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
    if 300 <= message["status"] < 400:
        headers = [(name, _relative(value) if name == b"location" else value) for name, value in headers]
    if scope["scheme"] == "https":
        headers.append(_HSTS)
    if not scope["path"].startswith(_STATIC_FILES) and all(name != b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))
    if all(name != _NOSNIFF[0] for name, _ in headers):
        headers.append(_NOSNIFF)
    if any(name == b"content-type" and value.startswith(b"text/html") for name, value in headers):
        headers.append(_PERMISSIONS)
    return [*headers, (b"x-request-id", request_id.encode())]


def _relative(location: bytes) -> bytes:
    """An address without scheme and host: all that are redirected to are this application's own.

    The framework builds some from the `Host` header, which the sender of the request chooses.
    """
    _, _, path, query, fragment = urlsplit(location.decode("latin-1"))
    return urlunsplit(("", "", "/" + path.lstrip("/\\"), query, fragment)).encode("latin-1")


class RequestLog:
    """ASGI middleware: request id, headers of every response, metrics, log line.

    Outermost, so that it also sees what the framework refuses.
    """

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
                message["headers"] = _completed(message, scope, request_id)
            await send(message)

        act_for(AUTHENTICATION)  # until it is known who sends it
        try:
            with carrying_out(context_of(scope, request_id)), seeing(NO_ROWS):
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
