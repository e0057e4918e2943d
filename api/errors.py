"""Errors of the API. Each class documents itself: status, type, meaning, headers and an example.

`api/problems.py` turns an error into an RFC 9457 response, `api/openapi.py` describes each class to clients. The last
part of the type (`kind`) is stable; titles and details may change.

ApiError
├── MalformedBody      400   the body is not JSON in UTF-8
├── Unauthorized       401   no API key, or one that is not valid
├── Forbidden          403   the API key does not have the scope, or may not do this to this claim
├── NotFound           404
├── Conflict           409   the state of the claim does not allow this
├── TooLarge           413   the body exceeds the limit
├── NotJson            415   the body is not declared as JSON
├── Invalid            422   valid JSON that is not a valid request; names each field
├── HeadTooLarge       431   path, query and headers exceed the limit
├── InternalError      500   a defect
└── Unavailable        503   the database, or the scorer of a batch, is unavailable
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, Self

from pydantic import JsonValue

MAX_NAMED: Final = 20
"""Invalid fields named in one response, so that a response is not many times the size of the body it refuses."""

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field, and what to send instead. Never repeats the value: it may be personal data."""

    field: str
    message: str


class ApiError(Exception):
    """Root of this room's errors. The message is for the caller: what is wrong and what to do.

    `extensions` are further members of the problem (RFC 9457, section 3.2).
    """

    status: ClassVar[int]
    kind: ClassVar[str]
    title: ClassVar[str]
    example: ClassVar[str]
    """A detail of such an error, for the documentation."""
    headers: ClassVar[Mapping[str, str]] = _NONE
    """Headers that every response of this class has."""

    def __init__(
        self,
        detail: str,
        errors: Sequence[FieldError] = (),
        extensions: Mapping[str, JsonValue] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.extensions = extensions

    @classmethod
    def type_uri(cls) -> str:
        """The problem's `type`."""
        return type_uri(cls.kind)


def type_uri(kind: str) -> str:
    """The `type` of a problem, from its stable last part."""
    return f"urn:ginja:claims:{kind}"


class MalformedBody(ApiError):
    """The body is not JSON in UTF-8."""

    status = 400
    kind = "malformed"
    title = "The body is not valid JSON"
    example = "expecting value at line 1, column 1"


class Unauthorized(ApiError):
    """The request has no API key, or one that is unknown, expired or revoked."""

    status = 401
    kind = "unauthorized"
    title = "Authentication required"
    example = "send your API key as `Authorization: Bearer gnj_…` or as `X-API-Key`"
    headers = MappingProxyType({"WWW-Authenticate": "Bearer"})


class Forbidden(ApiError):
    """The API key does not have the scope, or may not do this to this claim."""

    status = 403
    kind = "forbidden"
    title = "Permission denied"
    example = "a key of role investigator has no scope claims:submit; use another key"


class NotFound(ApiError):
    """No such claim, or not one this API key may see."""

    status = 404
    kind = "not-found"
    title = "Not found"
    example = "claim not found; check its id"


class Conflict(ApiError):
    """The state of the claim does not allow this."""

    status = 409
    kind = "conflict"
    title = "The state of the claim does not allow this"
    example = "the claim is already voided"


class TooLarge(ApiError):
    """The body exceeds the limit of the route."""

    status = 413
    kind = "too-large"
    title = "The body is too large"
    example = "the body must be at most 262144 bytes; split it"


class NotJson(ApiError):
    """The body is not declared as JSON."""

    status = 415
    kind = "not-json"
    title = "The body is not declared as JSON"
    example = "send the body as JSON with Content-Type: application/json"


class Invalid(ApiError):
    """The body, a parameter or a header is invalid; `errors` names each field."""

    status = 422
    kind = "invalid"
    title = "Invalid request"
    example = "1 field is invalid"

    @classmethod
    def fields(cls, errors: Sequence[FieldError]) -> Self:
        """An error of one or more fields; the detail counts all of them, `errors` names the first `MAX_NAMED`."""
        if len(errors) == 1:
            return cls("1 field is invalid", errors)
        most = f"; the first {MAX_NAMED} are named" if len(errors) > MAX_NAMED else ""
        return cls(f"{len(errors)} fields are invalid{most}", errors[:MAX_NAMED])

    @classmethod
    def field(cls, field: str, message: str) -> Self:
        """An error of a single field."""
        return cls.fields([FieldError(field, message)])


class HeadTooLarge(ApiError):
    """Path, query and headers together exceed the limit."""

    status = 431
    kind = "head-too-large"
    title = "The request line and headers are too large"
    example = "path, query and headers must be at most 16384 bytes together"


class InternalError(ApiError):
    """A defect in the API; it is logged under the request's id."""

    status = 500
    kind = "failed"
    title = "Internal error"
    example = "look for req_01m86p3ap6yntdyk7shqjq4hs9 in the log"


class Unavailable(ApiError):
    """The database is unavailable and nothing was stored, or the scorer is unavailable for a batch; retry."""

    status = 503
    kind = "unavailable"
    title = "Service unavailable"
    example = "the database is unavailable and nothing was stored; retry the request"
    headers = MappingProxyType({"Retry-After": "1"})


ERRORS: Final[tuple[type[ApiError], ...]] = (
    *(MalformedBody, Unauthorized, Forbidden, NotFound, Conflict, TooLarge),
    *(NotJson, Invalid, HeadTooLarge, InternalError, Unavailable),
)
"""Every error, in the order of its status; each status belongs to one class."""
