"""Requests with an Idempotency-Key: carried out once, and answered again by the stored response.

One mechanism for every POST route, those that come later too. A route that takes no key is in `TAKES_NO_KEY` with the
reason. A change of a claim may also have an `If-Match` with the claim's entity tag. The first use of the database by
the route begins one transaction (`api/database/unit.py`): the key is locked and looked up, the claim locked and
compared, the route makes its change, and its response is stored under the key before the only commit. A response that
reports an error stores nothing and leaves the key free (`docs/adr/0219-one-mechanism-for-idempotency-keys.md`).
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

from api.cases import lock_case, tag_of_case
from api.database import DATABASE_FAILURES, CommitUnconfirmed, fetch, see
from api.dependencies import dependencies, required_scope
from api.entity_tags import entity_tag, matches
from api.errors import ApiError, InternalError, PreconditionFailed, RequestInFlight, TooLarge
from api.field_keys import REPLIES, FieldKeys
from api.identity import Caller, Scope, row_access
from api.intake import Intake, SealedReply, keep_reply, open_reply, reply_to, try_lock_key
from api.problems import database_problem, error_response
from api.replies import StoredReply, repeat, reply_response
from api.requests import idempotency_key, responds_async
from api.responses import encode
from api.sent_body import sent_body
from api.unconfirmed import WITH_THE_KEY, outcome_unknown
from core import clock
from core.logging import get_logger

log = get_logger("api")

TAKES_NO_KEY: Final[Mapping[str, str]] = {
    "/v1/claims:score-batch": "it scores claims and stores nothing",
    "/v1/members:search": "it changes nothing; a stored reply would be a copy of who was found",
    "/v1/webhook-endpoints": "its response has a secret, which is not stored in clear; a URL is registered once",
    "/v1/webhook-endpoints/{endpoint_id}/rotate-secret": "its response has a secret, which is not stored in clear; "
    "secrets before it stay valid for a day, so it can be sent again",
    "/v1/keys": "its response has a secret, which is not stored in clear; a key whose secret was lost is revoked",
    "/v1/keys/{api_key_id}/rotate": "its response has a secret, which is not stored in clear; a second "
    "rotation is refused and names the key of the first",
    "/v1/users": "its response has a password, which is not stored in clear; a login is registered once",
    "/v1/users/{user_id}/reset-password": "its response has a password, which is not stored in clear; sent again, it "
    "gives another one",
    "/v1/auth/token": "it is no change that a repetition would make twice: each is a session of its own",
    "/v1/auth/refresh": "the token says which request it is: sent again within 10 s, it gets the same successor",
    "/v1/auth/sign-out": "a session ends once",
    "/v1/auth/totp": "its response has a secret, which is not stored in clear; the last one can be confirmed",
    "/v1/auth/totp/confirm": "its response has recovery codes, which are not stored in clear; it works once",
    "/v1/auth/password": "the password before is wrong once it is changed",
    "/v1/cases/{case_id}/files": "a file is larger than bodies that are repeated; the list of files names it by its "
    "SHA-256, and a second copy is a file of its own",
    "/v1/x12/837": "each claim of a file is taken once, by its provider, number and frequency; see ADR 0205",
}
"""POST routes of the API without an Idempotency-Key, and why. The forms of the console have none: browsers send no
headers of a page's choice with them, and each states the version of the claim that it was shown."""
STORED_WITH_CLAIM: Final = frozenset({"/v1/claims", "/claims", "/v1/fhir/Claim"})
"""Routes of submission. `Intake.submit` stores the response in the transaction of the claim, which begins after the
scorer was called: a unit of work would hold its connection during the call. With `Prefer: respond-async` they queue a
task, in a unit of work like any other change."""

_SUBMITTED: Final = b"submit\n"
"""Begins what `Intake.submit` hashes of a request, and so what is hashed of one that is answered before it is decided:
a request that is sent again gets the stored response, with or without `Prefer: respond-async`."""

CONDITIONAL_BY_OFFSET: Final = frozenset({"/v1/bulk/claims/{job_id}"})
"""Routes that take a part of a file: `Upload-Offset` is the condition, and a part that was stored is refused (409)."""

WITHOUT_CONDITION: Final = frozenset({"/v1/auth/sessions", "/v1/auth/sessions/{session_id}"})
"""Routes that end sessions: a session has no entity tag, and one that has ended stays as it is."""

_MEMBERS: Final = "/v1/members/"
_MAX_BODY: Final = 4 * 1024 * 1024
_NOT_STORED: Final = frozenset({"content-length", "idempotency-replayed"})
_READ: Final = frozenset({b"idempotency-key", b"if-match"})
_WITH_IF_MATCH: Final = "with the same If-Match; 412 then says that it has changed"
_IN_FLIGHT: Final = RequestInFlight.example


def takes_key(route: APIRoute) -> bool:
    """Whether requests to a route may have an Idempotency-Key."""
    return "POST" in (route.methods or ()) and required_scope(route) is not None and route.path not in TAKES_NO_KEY


def changes_claim(path: str) -> bool:
    """Whether POST requests to a path change a claim, and may have an `If-Match` with the entity tag of that claim."""
    return path.startswith("/v1/claims/{claim_id}/")


def changes_case(path: str) -> bool:
    """As `changes_claim`, of a case."""
    return path.startswith("/v1/cases/{case_id}/")


def takes_if_match(route: APIRoute) -> bool:
    """Whether requests to a route may have an `If-Match`: changes of a claim, a case, and the resource of the path."""
    methods = route.methods or set()
    changes = bool(methods & {"PATCH", "DELETE"}) and route.path not in CONDITIONAL_BY_OFFSET | WITHOUT_CONDITION
    return changes or (takes_key(route) and (changes_claim(route.path) or changes_case(route.path)))


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


@dataclass(frozen=True, slots=True)
class Conditions:
    """Who sends a request, and under which conditions it is carried out."""

    caller: Caller
    key: str | None
    if_match: str | None
    claim_id: str
    """Of the path; empty: it has none."""
    member_id: str | None = None
    """Of the path."""
    case_id: str | None = None
    """Of the path."""


class AlreadyAnswered(Exception):
    """The request was carried out before; raised before it changes anything."""

    def __init__(self, stored: SealedReply) -> None:
        super().__init__("the request was carried out before")
        self.stored = stored


class HashedBody:
    """The body of a request on its way to the route, hashed with the request's path as it is read.

    The hash is that of the body as it was sent, also where the route reads it in the form of a newer version.
    """

    def __init__(self, scope: Connection, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        path = scope["path"]
        self._start = hashlib.sha256(_SUBMITTED if path in STORED_WITH_CLAIM else f"POST {path}\n".encode())
        self._hash = self._start.copy()
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
        sent = sent_body(self._scope)
        if sent is not None:
            self._hash = self._start.copy()
            self._hash.update(sent)
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

    def to_store(self, request_hash: bytes, member_id: str | None) -> StoredReply:
        """The response as it is stored; `member_id`: of the path."""
        raw: list[tuple[bytes, bytes]] = list(self._messages[0].get("headers", ()))
        pairs = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}
        headers = {name: value for name, value in pairs.items() if name not in _NOT_STORED}
        body = b"".join(message.get("body", b"") for message in self._messages[1:])
        location = pairs.get("location", "")
        if location.startswith(_MEMBERS):
            member_id = location.removeprefix(_MEMBERS)
        return StoredReply(request_hash, self.status, body, headers, identity_of=member_id)

    async def release(self, send: Send) -> None:
        """Send the response."""
        for message in self._messages:
            await send(message)


class KeyedRequests:
    """ASGI middleware: carries out a POST request with an Idempotency-Key once, and one with `If-Match` if it matches.

    A repetition gets the stored response with `Idempotency-Replayed: true`; one with another path or body is 422, one
    that comes while the first is being carried out 409. Keys belong to the API key that sends them.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = tuple(keyed_routes(routes))
        self._in_flight: set[tuple[str, str]] = set()

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        if not is_post or all(name not in _READ for name, _ in scope["headers"]):
            await self._app(scope, receive, send)
            return
        route = next((one for one in self._routes if one.pattern.match(scope["path"])), None)
        if route is None:
            await self._app(scope, receive, send)
            return
        try:
            conditions = await _conditions(Request(scope), route)
        except (ApiError, *DATABASE_FAILURES) as error:
            await _refusal(error)(scope, receive, send)
            return
        if conditions.key is None:
            await self._carry_out(scope, receive, send, route, conditions)
            return
        identity = conditions.caller.actor_id, conditions.key
        if identity in self._in_flight:
            await error_response(RequestInFlight(_IN_FLIGHT))(scope, receive, send)
            return
        self._in_flight.add(identity)
        try:
            await self._carry_out(scope, receive, send, route, conditions)
        finally:
            self._in_flight.discard(identity)

    async def _carry_out(
        self, scope: Connection, receive: Receive, send: Send, route: KeyedRoute, conditions: Conditions
    ) -> None:
        if route.path in STORED_WITH_CLAIM and not responds_async(Request(scope)):
            await self._app(scope, receive, send)
            return
        held = HeldResponse()
        other = await self._once(scope, receive, held, conditions)
        await (held.release(send) if other is None else other(scope, receive, send))

    async def _once(
        self, scope: Connection, receive: Receive, held: HeldResponse, conditions: Conditions
    ) -> Response | None:
        """Carry out the request and store its response; returns the response to give instead, if there is one."""
        body, own = HashedBody(scope, receive), dependencies(Request(scope))

        async def check(connection: AsyncConnection) -> None:
            await _look_up(connection, conditions)
            if conditions.if_match is not None:
                await _require_match(connection, own.intake, conditions, conditions.if_match)

        try:
            # Before a connection is taken.
            sealing = await own.field_keys.current(REPLIES)
            async with own.database.unit(check) as unit:
                await self._app(scope, body.receive, held.send)
                if held.status < 400:
                    connection, _ = await unit.connected()
                    if conditions.key is not None:
                        keep = held.to_store(await body.digest(), conditions.member_id)
                        query = keep_reply(sealing, conditions.caller.actor_id, conditions.key, keep, clock.now())
                        await fetch(connection, query)
                    await unit.commit()
        except AlreadyAnswered as found:
            return await _repeated(own.field_keys, found.stored, body)
        except CommitUnconfirmed:
            resend = WITH_THE_KEY if conditions.key is not None else _WITH_IF_MATCH
            return error_response(outcome_unknown(resend, conditions.claim_id or None))
        except (ApiError, *DATABASE_FAILURES) as error:
            return _refusal(error)
        return None


async def _conditions(request: Request, route: KeyedRoute) -> Conditions:
    """What the headers of a request ask for; raises `Unauthorized`, `Forbidden`, `Invalid`."""
    caller = await dependencies(request).authenticator.authorize(request, route.scope)
    see(row_access(caller))
    found = route.pattern.match(request.url.path)
    of_path = {} if found is None else found.groupdict()
    is_conditional = changes_claim(route.path) or changes_case(route.path)
    return Conditions(
        caller,
        idempotency_key(request),
        request.headers.get("if-match") if is_conditional else None,
        of_path.get("claim_id", ""),
        of_path.get("member_id"),
        of_path.get("case_id"),
    )


async def _look_up(connection: AsyncConnection, conditions: Conditions) -> None:
    """Lock the key; raises `RequestInFlight` where another request has it, `AlreadyAnswered` with the stored reply."""
    caller, key = conditions.caller, conditions.key
    if key is None:
        return
    if not await fetch(connection, try_lock_key(caller.actor_id, key)):
        raise RequestInFlight(_IN_FLIGHT)
    stored = await fetch(connection, reply_to(caller.actor_id, key, b"", clock.now()))
    if stored is not None:
        raise AlreadyAnswered(stored)


async def _require_match(connection: AsyncConnection, intake: Intake, conditions: Conditions, if_match: str) -> None:
    """Lock the case or claim; raises `PreconditionFailed` where it is not as the caller read it, `NotFound`."""
    if conditions.case_id is not None:
        tag = tag_of_case(await lock_case(connection, conditions.case_id))
    else:
        await intake.lock(conditions.caller, conditions.claim_id)
        tag = entity_tag(encode(await intake.get(conditions.caller, conditions.claim_id)))
    if not matches(if_match, tag):
        raise PreconditionFailed(PreconditionFailed.example)


async def _repeated(keys: FieldKeys, stored: SealedReply, body: HashedBody) -> Response:
    try:
        return reply_response(repeat(await open_reply(keys, stored), await body.digest()))
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
