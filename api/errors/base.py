"""What every error of the API is: a status, a stable kind, a title, and a message for the caller."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from pydantic import JsonValue

PROBLEM_PAGE: Final = "/docs/problems"
"""Where the API describes its problems (`api/problem_page.py`)."""
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
    headers: Mapping[str, str] = _NONE
    """Headers that every response of this class has; an error may have values of its own."""

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
    return f"{PROBLEM_PAGE}#{kind}"


def retry_after(seconds: int) -> Mapping[str, str]:
    """The header that says when to send a request again."""
    return MappingProxyType({"Retry-After": str(seconds)})
