"""Requests that approve, administer or move much money: confirmed before they are carried out.

An API key signs them (RFC 9421), a signed-in user has proved a second factor recently or signs as well. The signature
is verified over what was sent, and its nonce stored, before the Idempotency-Key is looked up: a copy of a signed
request is refused, also where its response is stored. A signature of a request to another route is not read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Final
from urllib.parse import quote

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import BaseRoute, compile_path
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from api import request_context
from api.confirmation import Confirmation
from api.database import DATABASE_FAILURES, act_for, see
from api.dependencies import Dependencies, dependencies, required_scopes, scope_beside
from api.errors import ApiError, OutcomeUnknown, Unavailable
from api.identity import Scope, row_access, sent_secret
from api.problems import database_problem, error_response
from api.request_signing import SIGNATURE_HEADERS, SignableRequest
from api.requests import read_whole
from api.sent_body import sent_body, sent_headers
from core import clock

CONFIRMED: Final = frozenset(
    {
        *("POST /v1/keys", "POST /v1/keys/{api_key_id}/rotate", "POST /v1/keys/{api_key_id}/revoke"),
        *("POST /v1/signing-keys", "POST /v1/signing-keys/{signing_key_id}/revoke"),
        *("POST /v1/users", "PUT /v1/users/{user_id}", "POST /v1/users/{user_id}/reset-second-factor"),
        "POST /v1/users/{user_id}/reset-password",
        *("POST /v1/policies/{version}/activate", "POST /v1/policies:rollback"),
        *("POST /v1/legal-holds", "POST /v1/legal-holds/{hold_id}/release"),
        *("POST /v1/webhook-endpoints", "POST /v1/webhook-endpoints/{endpoint_id}/rotate-secret"),
        *(f"{method} /v1/webhook-endpoints/{{endpoint_id}}" for method in ("PATCH", "DELETE")),
        *("POST /v1/notification-subscriptions", "DELETE /v1/notification-subscriptions/{subscription_id}"),
        "POST /v1/appeals/{appeal_id}/decision",
        *(f"POST /v1/cases/{{case_id}}/samples/{{sample_id}}/{act}" for act in ("demand", "entries")),
        "POST /v1/cases/{case_id}/closing/approve",
    }
)
"""Routes each of whose requests is confirmed."""
CONFIRMED_ABOVE: Final = frozenset(
    {
        *("POST /v1/claims/{claim_id}/decisions", "POST /v1/claims/{claim_id}/dispositions"),
        "POST /v1/cases/{case_id}/closing",
    }
)
"""Routes that require it for approvals and above an amount (`GINJA_CONFIRMATION_ABOVE_CENTS`)."""

_CLAIMS: Final = "sends claims, which pay nothing before they are decided"
_UPLOAD: Final = "a part of an upload of claims, by the key that began it"
_MASTER_DATA: Final = "master data of the claims system, which sends it unattended; earlier periods are kept"
_SIGN_IN: Final = "proves who signs in, by password and code of its body"
_OWN: Final = "ends the caller's own sign-ins, which takes rights away"
_CONSENT: Final = "states a signed document by its hash, for callers that may read without it for other purposes"
_CASE: Final = "work in a case, whose history keeps who did what; closing it is confirmed above an amount"
_CASE_ACTS: Final = (
    *("claims", "claims/remove", "assign", "notes", "tasks", "tasks/{case_task_id}/complete", "reopen"),
)
_LEAD: Final = "says who works on a lead and when; no claim is changed"
_VERSION: Final = "the form of the responses to the caller's own key"
_AGAIN: Final = "sends again what was made before, to the receiver that was confirmed"

UNCONFIRMED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("POST /claims", "POST /v1/claims", "POST /v1/fhir/Claim", "POST /v1/x12/837"), _CLAIMS),
    **dict.fromkeys(("POST /v1/bulk/claims", "PATCH /v1/bulk/claims/{job_id}"), _UPLOAD),
    "POST /v1/bulk/claims/{job_id}/cancel": _UPLOAD,
    "POST /v1/claims:score-batch": "computes scores and changes nothing",
    "POST /v1/members:search": "reads members, in a body because names are in no address; changes nothing",
    "POST /v1/claims/{claim_id}/void": "withdraws a claim for the system that sent it; nothing more is paid on it",
    "POST /v1/claims/{claim_id}/appeals": "asks for a decision; the outcome is confirmed",
    "POST /v1/rescreening-findings/{finding_id}/close": "closes a line of a work list; the claim is unchanged",
    "POST /v1/cases/{case_id}/evidence": "writes what is stored of a case to a pack that stays with it",
    "POST /v1/cases/{case_id}/files": "adds a record to an investigation, with its custody; no claim is changed",
    "POST /v1/cases/{case_id}/files/{file_id}/withdraw": "marks a record, which stays, with the reason",
    **dict.fromkeys(
        (
            "POST /v1/cases/{case_id}/samples",
            *(f"POST /v1/cases/{{case_id}}/samples/{{sample_id}}/{act}" for act in ("reviews", "estimate")),
        ),
        "is work on a case; the demand that may follow is confirmed",
    ),
    **dict.fromkeys(("POST /v1/cases", *(f"POST /v1/cases/{{case_id}}/{act}" for act in _CASE_ACTS)), _CASE),
    "POST /v1/cases/{case_id}/closing/refuse": "the case stays open, as the console's form does without a confirmation",
    **dict.fromkeys((f"POST /v1/leads/{{lead_id}}/{act}" for act in ("take", "release", "snooze", "wake")), _LEAD),
    **dict.fromkeys(("POST /v1/leads:take-next", "POST /v1/leads/{lead_id}/case"), _LEAD),
    "POST /v1/policies": "stores a version that decides nothing until its activation, which is confirmed",
    **{
        f"{method} /v1/{kind}{rest.format(one)}": _MASTER_DATA
        for kind, one in (("members", "member_id"), ("providers", "provider_id"), ("procedures", "procedure_code"))
        for method, rest in (
            *(("POST", ""), ("PUT", "/{{{}}}")),
            *(("POST", "/{{{}}}/end"), ("POST", "/{{{}}}/periods")),
        )
    },
    **dict.fromkeys(("POST /v1/authorizations", "PUT /v1/authorizations/{authorization_number}"), _MASTER_DATA),
    "POST /v1/authorizations/{authorization_number}/end": _MASTER_DATA,
    **dict.fromkeys(
        (f"POST /v1/auth/{act}" for act in ("token", "refresh", "sign-out", "password", "totp", "totp/confirm")),
        _SIGN_IN,
    ),
    **dict.fromkeys(("DELETE /v1/auth/sessions", "DELETE /v1/auth/sessions/{session_id}"), _OWN),
    "POST /v1/members/{member_id}/consents": _CONSENT,
    "POST /v1/members/{member_id}/consents/{consent_id}/withdraw": "ends a use of data, as easily as by the member",
    **dict.fromkeys(("POST /v1/version", "POST /v1/version:rollback"), _VERSION),
    "POST /v1/webhook-endpoints/{endpoint_id}/test": "sends an event without data, to the receiver that was confirmed",
    "POST /v1/webhook-endpoints/{endpoint_id}/replay": _AGAIN,
    "POST /v1/notification-mails/{mail_id}/retry": _AGAIN,
}
"""Every other route that changes something, and why its requests are not confirmed."""
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_PATTERNS: Final = tuple(
    (method, compile_path(path)[0]) for method, _, path in (one.partition(" ") for one in CONFIRMED | CONFIRMED_ABOVE)
)


def may_be_confirmed(method: str, path: str) -> bool:
    """Whether a request is to a route of these tables."""
    return any(one == method and pattern.match(path) for one, pattern in _PATTERNS)


def is_confirmed(route: APIRoute) -> bool:
    """Whether requests to a route are confirmed, or may have to be."""
    return not {f"{method} {route.path}" for method in route.methods or ()}.isdisjoint(CONFIRMED | CONFIRMED_ABOVE)


@dataclass(frozen=True, slots=True)
class ConfirmedRoute:
    """A route of these tables."""

    method: str
    pattern: Pattern[str]
    scopes: tuple[Scope, ...]
    also: Scope | None
    """Required beside one of `scopes`."""
    always: bool


def changing_routes(routes: Sequence[BaseRoute]) -> Iterator[str]:
    """Those of `routes` that may change something, as method and path."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from changing_routes(included.routes)
        elif isinstance(route, APIRoute):
            yield from (f"{method} {route.path}" for method in (route.methods or set()) - _READS)


def confirmed_routes(routes: Sequence[BaseRoute]) -> Iterator[ConfirmedRoute]:
    """Those of `routes` that are in one of the tables."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from confirmed_routes(included.routes)
        elif isinstance(route, APIRoute):
            for method in route.methods or ():
                name = f"{method} {route.path}"
                if name in CONFIRMED | CONFIRMED_ABOVE:
                    pattern = compile_path(route.path)[0]
                    yield ConfirmedRoute(
                        method, pattern, required_scopes(route), scope_beside(route), name in CONFIRMED
                    )


class SignedRequests:
    """ASGI middleware: verifies signatures and second factors of the routes that need them."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        """Raises `ValueError` where a table has a route that does not exist, or one without a scope, and where a route
        that changes something is in none.
        """
        undeclared = set(changing_routes(routes)) ^ (CONFIRMED | CONFIRMED_ABOVE | UNCONFIRMED.keys())
        if undeclared:
            raise ValueError(
                f"{', '.join(sorted(undeclared))}: not declared, or not a route; state in api/signed_requests.py "
                "whether each request is confirmed, and if not why"
            )
        self._app = app
        self._routes = tuple(confirmed_routes(routes))
        if len(self._routes) != len(CONFIRMED | CONFIRMED_ABOVE) or not all(one.scopes for one in self._routes):
            raise ValueError("a route of api/signed_requests.py does not exist or needs no scope")

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        route = self._find(scope)
        if route is None:
            await self._app(scope, receive, send)
            return
        try:
            confirmation, receive = await _confirm(Request(scope, receive), route, receive)
            if route.always:
                confirmation.require()
        except (ApiError, *DATABASE_FAILURES) as error:
            problem = error if isinstance(error, ApiError) else database_problem(error)
            if problem is None:
                raise
            if isinstance(problem, OutcomeUnknown):  # of the nonce, which says nothing about the request
                problem = Unavailable(Unavailable.example)
            await error_response(problem)(scope, receive, send)
            return
        await self._app(confirmation.of(scope), receive, send)

    def _find(self, scope: Connection) -> ConfirmedRoute | None:
        if scope["type"] != "http":
            return None
        path, method = scope["path"], scope["method"]
        return next((one for one in self._routes if one.method == method and one.pattern.match(path)), None)


async def _confirm(request: Request, route: ConfirmedRoute, receive: Receive) -> tuple[Confirmation, Receive]:
    """How a request is confirmed, and what its body is read from from then on.

    Raises what authentication raises, `SignatureInvalid`, `TooLarge`.
    """
    own = dependencies(request)
    caller = await own.authenticator.authorize(request, *route.scopes)
    if route.also is not None:
        await own.authenticator.authorize(request, route.also)
    act_for(caller.actor_id)
    see(row_access(caller))
    headers = Headers(raw=sent_headers(request.scope))
    sent = [headers.get(name) for name in SIGNATURE_HEADERS]
    if sent != [None] * len(sent):
        body = await read_whole(request, own.settings.max_body_bytes)
        key_id = await own.request_signing_keys.accept(caller, _as_sent(request, headers, body))
        request_context.note_confirmation(f"signature {key_id}")
        return Confirmation("signature", is_user=caller.is_user), _again(body, receive)
    if caller.is_user:
        if await _has_recent_second_factor(own, request):
            request_context.note_confirmation("second factor")
            return Confirmation("second factor", is_user=True), receive
        return Confirmation(is_user=True), receive
    return Confirmation(is_needed=own.settings.signed_requests == "required"), receive


async def _has_recent_second_factor(own: Dependencies, request: Request) -> bool:
    signed_in = await own.access_tokens.signed_in(sent_secret(request))
    return signed_in.has_recent_second_factor(clock.now())


def _as_sent(request: Request, headers: Headers, body: bytes) -> SignableRequest:
    """The request as its client sent it; a route may read a translated one."""
    scope = request.scope
    path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    url = f"{scope['scheme']}://{headers.get('host', '')}{path}{'?' if query else ''}{query}"
    sent = sent_body(scope)
    values = {name: ", ".join(headers.getlist(name)) for name in headers}
    return SignableRequest(scope["method"], url, values, body if sent is None else sent)


def _again(body: bytes, receive: Receive) -> Receive:
    """`receive` of a request whose body was read."""
    is_read = False

    async def receive_again() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
