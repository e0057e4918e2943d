"""Requests with an Idempotency-Key: carried out once, and answered again by the stored response.

One mechanism for every POST route, those that come later too. A route that takes no key is in `TAKES_NO_KEY` with the
reason. The first use of the database by the route begins one transaction (`api/database/unit.py`): the key is locked
and looked up, the route makes its change, and its response is stored under the key before the only commit. A response
that reports an error stores nothing and leaves the key free (`docs/adr/0219-one-mechanism-for-idempotency-keys.md`).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Final

from fastapi.routing import APIRoute
from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, compile_path
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from api.database import DATABASE_FAILURES, CommitUnconfirmed, fetch
from api.dependencies import dependencies, required_scope
from api.errors import ApiError, InternalError, RequestInFlight, TooLarge
from api.identity import Caller, Scope
from api.intake import keep_reply, reply_to, try_lock_key
from api.problems import database_problem, error_response
from api.replies import StoredReply, repeat, reply_response
from api.requests import idempotency_key
from api.unconfirmed import WITH_THE_KEY, outcome_unknown
from core import clock
from core.logging import get_logger

log = get_logger("api")

TAKES_NO_KEY: Final[Mapping[str, str]] = {
    "/v1/claims:score-batch": "it scores claims and stores nothing",
    "/v1/x12/837": "each claim of a file is taken once, by its provider, number and frequency; see ADR 0205",
}
"""POST routes of the API without an Idempotency-Key, and why. The forms of the console have none: browsers send no
headers of a page's choice with them, and each states the version of the claim that it was shown."""
STORED_WITH_CLAIM: Final = frozenset({"/v1/claims", "/claims", "/v1/fhir/Claim"})
"""Routes of submission. `Intake.submit` stores the response in the transaction of the claim, which begins after the
scorer was called: a unit of work would hold its connection during the call."""

_MAX_BODY: Final = 4 * 1024 * 1024
_NOT_STORED: Final = frozenset({"content-length", "idempotency-replayed"})
_IN_FLIGHT: Final = RequestInFlight.example


def takes_key(route: APIRoute) -> bool:
    """Whether requests to a route may have an Idempotency-Key."""
    return "POST" in (route.methods or ()) and required_scope(route) is not None and route.path not in TAKES_NO_KEY


@dataclass(frozen=True, slots=True)
class KeyedRoute:
    """A route that takes keys."""

    path: str
    pattern: Pattern[str]
    scope: Scope


def keyed_routes(routes: Sequence[BaseRoute]) -> Iterator[KeyedRoute]:
    """Those of `routes` that take keys."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from keyed_routes(included.routes)
        elif isinstance(route, APIRoute) and takes_key(route):
            scope = required_scope(route)
            assert scope is not None
            yield KeyedRoute(route.path, compile_path(route.path)[0], scope)


class AlreadyAnswered(Exception):
    """The request was carried out before; raised before it changes anything."""

    def __init__(self, stored: StoredReply) -> None:
        super().__init__("the request was carried out before")
        self.stored = stored


class HashedBody:
    """The body of a request on its way to the route, hashed with the request's path as it is read."""

    def __init__(self, path: str, receive: Receive) -> None:
        self._receive = receive
        self._hash = hashlib.sha256(f"POST {path}\n".encode())
        self._size = 0
        self._complete = False

    async def receive(self) -> Message:
        """The next part."""
        message = await self._receive()
        if message["type"] == "http.request":
            part: bytes = message.get("body", b"")
            self._size += len(part)
            self._hash.update(part)
            self._complete = self._complete or not message.get("more_body", False)
        else:
            self._complete = True  # the client has gone
        return message

    async def digest(self) -> bytes:
        """The hash of the whole, of which the route may have read nothing; raises `TooLarge`."""
        while not self._complete:
            if self._size > _MAX_BODY:
                raise TooLarge(f"the body must be at most {_MAX_BODY} bytes")
            await self.receive()
        return self._hash.digest()


class HeldResponse:
    """A response that is held back until its change is committed."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    async def send(self, message: Message) -> None:
        """Take a part of the response."""
        self._messages.append(message)

    @property
    def status(self) -> int:
        """Of the response; 500 where there is none."""
        return int(self._messages[0]["status"]) if self._messages else InternalError.status

    def to_store(self, request_hash: bytes) -> StoredReply:
        """The response as it is stored."""
        raw: list[tuple[bytes, bytes]] = list(self._messages[0].get("headers", ()))
        pairs = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}
        headers = {name: value for name, value in pairs.items() if name not in _NOT_STORED}
        body = b"".join(message.get("body", b"") for message in self._messages[1:])
        return StoredReply(request_hash, self.status, body, headers)

    async def release(self, send: Send) -> None:
        """Send the response."""
        for message in self._messages:
            await send(message)


class KeyedRequests:
    """ASGI middleware: carries out a POST request with an Idempotency-Key once.

    A repetition gets the stored response with `Idempotency-Replayed: true`; one with another path or body is 422, one
    that comes while the first is being carried out 409. Keys belong to the API key that sends them.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = tuple(keyed_routes(routes))
        self._in_flight: set[tuple[str, str]] = set()

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        if not is_post or all(name != b"idempotency-key" for name, _ in scope["headers"]):
            await self._app(scope, receive, send)
            return
        route = next((one for one in self._routes if one.pattern.match(scope["path"])), None)
        if route is None:
            await self._app(scope, receive, send)
            return
        try:
            caller, key = await _identified(Request(scope), route)
        except (ApiError, *DATABASE_FAILURES) as error:
            await _refusal(error)(scope, receive, send)
            return
        await self._alone(scope, receive, send, route, caller, key)

    async def _alone(
        self, scope: Connection, receive: Receive, send: Send, route: KeyedRoute, caller: Caller, key: str
    ) -> None:
        identity = caller.api_key_id, key
        if identity in self._in_flight:
            await error_response(RequestInFlight(_IN_FLIGHT))(scope, receive, send)
            return
        self._in_flight.add(identity)
        try:
            if route.path in STORED_WITH_CLAIM:
                await self._app(scope, receive, send)
            else:
                held = HeldResponse()
                other = await self._once(scope, receive, held, caller, key)
                await (held.release(send) if other is None else other(scope, receive, send))
        finally:
            self._in_flight.discard(identity)

    async def _once(
        self, scope: Connection, receive: Receive, held: HeldResponse, caller: Caller, key: str
    ) -> Response | None:
        """Carry out the request and store its response; returns the response to give instead, if there is one."""
        body = HashedBody(scope["path"], receive)

        async def look_up(connection: AsyncConnection) -> None:
            if not await fetch(connection, try_lock_key(caller.api_key_id, key)):
                raise RequestInFlight(_IN_FLIGHT)
            stored = await fetch(connection, reply_to(caller.api_key_id, key, b"", clock.now()))
            if stored is not None:
                raise AlreadyAnswered(stored)

        try:
            async with dependencies(Request(scope)).database.unit(look_up) as unit:
                await self._app(scope, body.receive, held.send)
                if held.status < 400:
                    connection, _ = await unit.connected()
                    keep = held.to_store(await body.digest())
                    await fetch(connection, keep_reply(caller.api_key_id, key, keep, clock.now()))
                    await unit.commit()
        except AlreadyAnswered as found:
            return await _repeated(found.stored, body)
        except CommitUnconfirmed:
            return error_response(outcome_unknown(WITH_THE_KEY, scope.get("path_params", {}).get("claim_id")))
        except (ApiError, *DATABASE_FAILURES) as error:
            return _refusal(error)
        return None


async def _identified(request: Request, route: KeyedRoute) -> tuple[Caller, str]:
    """Who sends the request, and its key; raises `Unauthorized`, `Forbidden`, `Invalid`."""
    caller = await dependencies(request).authenticator.authorize(request, route.scope)
    key = idempotency_key(request)
    assert key is not None
    return caller, key


async def _repeated(stored: StoredReply, body: HashedBody) -> Response:
    try:
        return reply_response(repeat(stored, await body.digest()))
    except ApiError as refusal:
        return error_response(refusal)


def _refusal(error: Exception) -> Response:
    """An error as a response; raises one that is a defect."""
    if isinstance(error, ApiError):
        return error_response(error)
    violation = error.orig if isinstance(error, IntegrityError) else None
    if isinstance(violation, UniqueViolation) and violation.diag.constraint_name == "idempotency_keys_pkey":
        return error_response(RequestInFlight(_IN_FLIGHT))  # another process has stored a claim under the key
    problem = database_problem(error)
    if problem is None:
        raise error
    return error_response(problem)
