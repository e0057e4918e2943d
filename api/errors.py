"""Errors of the API; each class carries its status, and one presenter (`api/problems.py`) makes RFC 9457 of them.

ApiError
├── MalformedBody      400   bytes that are not JSON
├── Unauthorized       401   no key, or one that does not hold
├── Forbidden          403   a key that may not do this
├── NotFound           404
├── Conflict           409   the state of the claim does not allow it
├── TooLarge           413
├── HeadTooLarge       431   request line and headers over the limit
├── NotJson            415
├── Invalid            422   JSON, but not what was asked for; names each field
└── Unavailable        503   a part the request cannot do without is not there
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

MAX_NAMED: Final = 20
"""Wrong fields named in one answer, so that an answer is not many times the size of the body it refuses."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field, and what to send instead. Never repeats the value: it may be personal."""

    field: str
    message: str


class ApiError(Exception):
    """Root of this room's errors. The message is for the caller: what was wrong and what to do.

    `extensions` are further members of the problem that is answered (RFC 9457, section 3.2).
    """

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "failed"
    title: ClassVar[str] = "The request failed"

    def __init__(
        self,
        detail: str,
        errors: Sequence[FieldError] = (),
        extensions: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.extensions = extensions


class MalformedBody(ApiError):
    status = 400
    kind = "malformed"
    title = "The body is not JSON"


class Unauthorized(ApiError):
    status = 401
    kind = "unauthorized"
    title = "An API key is needed"


class Forbidden(ApiError):
    status = 403
    kind = "forbidden"
    title = "The API key does not allow this"


class NotFound(ApiError):
    status = 404
    kind = "not-found"
    title = "There is no such thing"


class Conflict(ApiError):
    status = 409
    kind = "conflict"
    title = "The claim's state does not allow this"


class TooLarge(ApiError):
    status = 413
    kind = "too-large"
    title = "The body is too large"


class HeadTooLarge(ApiError):
    status = 431
    kind = "head-too-large"
    title = "The request line and headers are too large"


class NotJson(ApiError):
    status = 415
    kind = "not-json"
    title = "The body is not declared as JSON"


class Invalid(ApiError):
    status = 422
    kind = "invalid"
    title = "The request is not what was asked for"

    @classmethod
    def fields(cls, errors: Sequence[FieldError]) -> "Invalid":
        """Of one or more fields; the detail counts all of them, the answer names the first `MAX_NAMED`."""
        if len(errors) == 1:
            return cls("1 field is wrong", errors)
        most = f"; the first {MAX_NAMED} are named" if len(errors) > MAX_NAMED else ""
        return cls(f"{len(errors)} fields are wrong{most}", errors[:MAX_NAMED])

    @classmethod
    def field(cls, field: str, message: str) -> "Invalid":
        """Of a single field."""
        return cls.fields([FieldError(field, message)])


class Unavailable(ApiError):
    status = 503
    kind = "unavailable"
    title = "A part of the platform is not there"
