"""What a call can raise.

GinjaError
├── ConnectionFailed      no answer within the deadline of the call
├── UnexpectedResponse    a success that is not an answer of the API, such as a page of a proxy
├── FileTooShort          the file of an upload ends too early
├── InvalidWebhook        a webhook is not from this sender, or too old
└── ProblemError          the API answered with a problem (RFC 9457)
    ├── AuthenticationFailed   401
    ├── PermissionMissing      403
    ├── ResourceNotFound       404
    ├── StateConflict          409
    │   └── RequestInFlight    409: another request with the same Idempotency-Key is being carried out
    ├── PreconditionFailed     412
    ├── InvalidRequest         422, with each invalid field
    ├── TooManyRequests        429
    └── ServiceUnavailable     503
        └── OutcomeUnknown     503: the change may have been made
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from ginja_client.values import JsonObject


class GinjaError(Exception):
    """Every error of this client."""

    idempotency_key: str | None = None
    """The key of the call. The same call with this key repeats it without a second effect; a call with another key
    would be a new one."""
    job_id: str | None = None
    """The upload that was begun; `continue_upload` goes on with it."""


class ConnectionFailed(GinjaError):
    """No complete answer came, and a change may have been made: repeat the call with `idempotency_key`."""


class UnexpectedResponse(GinjaError):
    """A success whose body is not an answer of the API; a change may have been made, as after `ConnectionFailed`."""

    def __init__(self, response: httpx.Response) -> None:
        kind = response.headers.get("content-type", "no media type")
        super().__init__(
            f"{response.status_code} with {kind}: not an answer of the API; check the address, and what stands between"
        )


class FileTooShort(GinjaError, ValueError):
    """The file ends before the size with which its upload was begun: it is another one, or was changed."""


class InvalidWebhook(GinjaError):
    """The signature of a webhook is wrong, missing or too old; the body must not be used."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field of a request."""

    field: str
    message: str


class ProblemError(GinjaError):
    """The API refused a request, or could not carry it out."""

    def __init__(self, response: httpx.Response) -> None:
        problem = _problem(response)
        self.status: Final = response.status_code
        self.type: Final = _text(problem, "type", "about:blank")
        """Stable; leads to the description of the problem."""
        self.title: Final = _text(problem, "title", response.reason_phrase)
        self.detail: Final = _text(problem, "detail", "")
        self.errors: Final = tuple(_fields(problem))
        """Each invalid field, the first 20."""
        self.request_id: Final = response.headers.get("x-request-id")
        """Identifies the request in the log of the API."""
        self.problem: Final[Mapping[str, object]] = problem
        """The whole document."""
        fields = "".join(f"; {one.field} {one.message}" for one in self.errors)
        super().__init__(f"{self.status} {self.kind}: {self.detail or self.title}{fields}")

    @property
    def kind(self) -> str:
        """The last part of `type`, such as `conflict`."""
        return self.type.rpartition("#")[2]


class AuthenticationFailed(ProblemError):
    """The key is missing, unknown, expired or revoked (401)."""


class PermissionMissing(ProblemError):
    """The role of the key does not allow this (403)."""


class ResourceNotFound(ProblemError):
    """There is no such resource for this key (404)."""


class StateConflict(ProblemError):
    """The state of the resource does not allow this (409)."""


class RequestInFlight(StateConflict):
    """Another request with the same Idempotency-Key is still being carried out, also after the retries of the call.

    Its outcome is not known: repeat the call later with `idempotency_key`.
    """


class PreconditionFailed(ProblemError):
    """The resource has changed since its entity tag was read (412)."""


class InvalidRequest(ProblemError):
    """The request is invalid (422); `errors` names the fields."""


class TooManyRequests(ProblemError):
    """The API is overloaded, also after the retries of the call (429)."""


class ServiceUnavailable(ProblemError):
    """The API or its database is unavailable, also after the retries of the call (503)."""


class OutcomeUnknown(ServiceUnavailable):
    """The connection of the API to its database was lost during the commit: the change may have been made.

    Repeat the call with `idempotency_key`.
    """


_BY_STATUS: Final[Mapping[int, type[ProblemError]]] = {
    401: AuthenticationFailed,
    403: PermissionMissing,
    404: ResourceNotFound,
    409: StateConflict,
    412: PreconditionFailed,
    422: InvalidRequest,
    429: TooManyRequests,
    503: ServiceUnavailable,
}
_BY_KIND: Final[Mapping[tuple[int, str], type[ProblemError]]] = {
    (409, "in-flight"): RequestInFlight,
    (503, "outcome-unknown"): OutcomeUnknown,
}
_TYPES: Final = "/docs/problems#"
"""Begins the types of the API's problems."""


def problem_of(response: httpx.Response) -> ProblemError:
    """The error that a response reports; its body has been read."""
    of_kind = _BY_KIND.get((response.status_code, kind_of(response)))
    if of_kind is not None:
        return of_kind(response)
    return _BY_STATUS.get(response.status_code, ProblemError)(response)


def kind_of(response: httpx.Response) -> str:
    """The last part of a problem's `type`; empty where the response is none."""
    return _text(_problem(response), "type", "").rpartition("#")[2]


def is_problem_of_api(response: httpx.Response) -> bool:
    """Whether the API itself has refused a request, and not something that stands before it."""
    return _text(_problem(response), "type", "").startswith(_TYPES)


def _problem(response: httpx.Response) -> JsonObject:
    """The problem document; empty where something else answered, such as a proxy."""
    try:
        document = json.loads(response.content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _text(problem: JsonObject, name: str, default: str) -> str:
    value = problem.get(name)
    return value if isinstance(value, str) else default


def _fields(problem: JsonObject) -> list[FieldProblem]:
    listed = problem.get("errors")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [FieldProblem(_text(one, "field", ""), _text(one, "message", "")) for one in found]
