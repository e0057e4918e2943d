"""Requests that read or change personal data, and refusals: recorded before they are answered.

What a route does with personal data is declared (`api/audit/acts.py`). The row of a read is committed before the first
byte of its response is sent; where it cannot be stored, the response is the failure of the database, and nothing is
shown. Changes are recorded by their services in the transaction of the change; here only their refusals are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Final
from urllib.parse import parse_qsl

from pydantic import JsonValue
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.routing import BaseRoute, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import audit, consents, request_context
from api.audit import DENIED, NOT_FOUND, ROUTES, SUCCESS, AuditedRoute, RecordedBy, Subject
from api.database import DATABASE_FAILURES, Query
from api.dependencies import dependencies
from api.errors import ConsentMissing, Invalid
from api.middleware import endpoints
from api.problems import database_problem, error_response
from api.request_context import Actor, RequestContext
from core import clock

UNKNOWN_ACTOR: Final = Actor("unknown", "unknown", "none")
"""Of a sign-in that was refused."""
REFUSED_SIGN_INS: Final = frozenset({"POST /console/sign-in"})
"""Routes whose refusals are recorded without an actor; those of users are recorded by their service."""
LEFT_OUT: Final = "Ginja-Members-Left-Out"
"""Header: how many members a list leaves out for lack of consent."""
_CONSOLE: Final = "/console"
_NOT_A_FILTER: Final = frozenset({"cursor", "after", "before", "limit", "fields", "_count", "_cursor"})
_LONGEST_FILTER: Final = 200
_OUTCOMES: Final = {401: DENIED, 403: DENIED, 404: NOT_FOUND}


@dataclass(frozen=True, slots=True)
class _Found:
    """The route of a request, and the parameters of its path."""

    name: str
    """Method and path as declared."""
    path_parameters: dict[str, str]


class AuditedRequests:
    """ASGI middleware: adds the row of each access to personal data, and of each denial, to the audit log."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        """Raises `UndeclaredRouteError` where a route is not declared."""
        self._app = app
        declared = list(endpoints(routes))
        audit.check_declared((method, one.path) for one in declared for method in one.methods)
        self._fixed = {one.path for one in declared if "{" not in one.path}
        # A query that another system chooses may have secrets, such as a code.
        self._without_filter = {one.path for one in declared if one.takes_any_query}
        self._patterns: list[tuple[Pattern[str], str, frozenset[str]]] = [
            (compile_path(one.path)[0], one.path, one.methods) for one in declared if "{" in one.path
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = request_context.current()
        if scope["type"] != "http" or context is None:
            await self._app(scope, receive, send)
            return
        try:
            purpose = request_context.purpose_of(context, "")
            if scope["path"].startswith(_CONSOLE):
                consents.require_nothing(purpose)
        except (Invalid, ConsentMissing) as refusal:
            await error_response(refusal)(scope, receive, send)
            return
        request, refused = Request(dict(scope)), False  # a mounted application sets its own in `scope`

        async def send_recorded(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                unchecked = self._unchecked(scope, context, message["status"])
                try:
                    row = self._row(scope, context, message["status"] if unchecked is None else unchecked.status)
                    if row is not None:
                        await dependencies(request).audit_writer.write(row)
                except DATABASE_FAILURES as error:
                    problem = database_problem(error)
                    if problem is None:
                        raise
                    refused = True
                    await error_response(problem)(scope, receive, send)
                if unchecked is not None and not refused:
                    refused = True
                    await error_response(unchecked)(scope, receive, send)
                elif context.left_out is not None:
                    MutableHeaders(raw=message["headers"])[LEFT_OUT] = str(context.left_out)
            if not refused:
                await send(message)

        await self._app(scope, receive, send_recorded)

    def _unchecked(self, scope: Scope, context: RequestContext, status: int) -> ConsentMissing | None:
        """The refusal of a read whose purpose needs something of members, and which did not look it up.

        Routes that change something refuse such a purpose before (`RequireScope`).
        """
        found = self._find(scope) if status < 400 and scope["method"] in ("GET", "HEAD") else None
        if found is None or found.name not in ROUTES:
            return None
        return consents.lacks_check(context, found.name)

    def _row(self, scope: Scope, context: RequestContext, status: int) -> Query[None] | None:
        """The row of a response, where it is recorded here."""
        outcome = SUCCESS if status < 400 else _OUTCOMES.get(status)
        if outcome is None:
            return None
        found = self._find(scope)
        route = None if found is None else ROUTES.get(found.name)
        if found is None or (route is None and outcome != DENIED):
            return None
        actor = context.actor
        if actor is None and outcome == DENIED and found.name in REFUSED_SIGN_INS:
            actor = UNKNOWN_ACTOR
        is_recorded_elsewhere = route is not None and route.by is not RecordedBy.RESPONSE
        if actor is None or (outcome == SUCCESS and is_recorded_elsewhere):
            return None
        details: dict[str, JsonValue] = {}
        chosen = {} if scope["path"] in self._without_filter else _filters(scope)
        if chosen:
            details["filter"] = chosen
        if outcome == SUCCESS and context.items is not None:
            details["items"] = context.items
        if outcome == SUCCESS and context.left_out is not None:
            details["left_out"] = context.left_out
        return audit.entry(
            actor=actor,
            act=found.name if route is None else route.act,
            claim_id=None,
            details=details,
            at=clock.now(),
            subject=_subject(route, found.path_parameters, chosen),
            outcome=outcome,
        )

    def _find(self, scope: Scope) -> _Found | None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        path = scope["path"]
        if path in self._fixed:
            return _Found(f"{method} {path}", {})
        for pattern, declared, methods in self._patterns:
            match = pattern.match(path) if method in methods else None
            if match is not None:
                return _Found(f"{method} {declared}", match.groupdict())
        return None


def _filters(scope: Scope) -> dict[str, JsonValue]:
    pairs = parse_qsl(scope["query_string"].decode("ascii", "replace"))
    found: dict[str, JsonValue] = {}
    for name, value in pairs:
        if name not in _NOT_A_FILTER:
            before = found.get(_stored(name))
            found[_stored(name)] = _stored(value if before is None else f"{before} {value}")
    return found


def _subject(route: AuditedRoute | None, of_path: dict[str, str], chosen: dict[str, JsonValue]) -> Subject | None:
    if route is None or route.kind is None or route.parameter is None:
        return None
    subject_id = of_path.get(route.parameter) or chosen.get(route.parameter)
    return None if subject_id is None else Subject(route.kind, _stored(str(subject_id)))


def _stored(text: str) -> str:
    """A text of the request as the database takes it: short, and without NUL and lone surrogates."""
    return "".join(character if character.isprintable() else "?" for character in text[:_LONGEST_FILTER])
