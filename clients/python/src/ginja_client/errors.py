"""What a call can raise.

GinjaError
├── ConnectionFailed      no answer within the deadline of the call
├── InvalidWebhook        a webhook is not from this sender, or too old
└── ProblemError          the API answered with a problem (RFC 9457)
    ├── AuthenticationFailed   401
    ├── PermissionMissing      403
    ├── ResourceNotFound       404
    ├── StateConflict          409
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


class ConnectionFailed(GinjaError):
    """No complete answer came. Without an Idempotency-Key, a change may have been made."""


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


class PreconditionFailed(ProblemError):
    """The resource has changed since its entity tag was read (412)."""


class InvalidRequest(ProblemError):
    """The request is invalid (422); `errors` names the fields."""


class TooManyRequests(ProblemError):
    """The API is overloaded, also after the retries of the call (429)."""


class ServiceUnavailable(ProblemError):
    """The API or its database is unavailable, also after the retries of the call (503)."""


class OutcomeUnknown(ServiceUnavailable):
    """The connection of the API to its database was lost during the commit: the change may have been made."""


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


def problem_of(response: httpx.Response) -> ProblemError:
    """The error that a response reports; its body has been read."""
    if response.status_code == 503 and kind_of(response) == "outcome-unknown":
        return OutcomeUnknown(response)
    return _BY_STATUS.get(response.status_code, ProblemError)(response)


def kind_of(response: httpx.Response) -> str:
    """The last part of a problem's `type`; empty where the response is none."""
    return _text(_problem(response), "type", "").rpartition("#")[2]


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
