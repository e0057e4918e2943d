"""Dated versions of the API: which there are, what each changed, and paths that are deprecated.

`/v1` and a date name what a client may rely on: the description published on that date is kept in `docs/reference`, and
`tests/api/test_published_version.py` refuses a change that breaks it. A change that does gets a new date: an
`ApiVersion` at the head of `PUBLISHED` whose `VersionChange`s say how requests of the version before are read and
responses written for it, and an entry in `docs/reference/versions.md`. Routes know the newest version only;
`api/version_middleware.py` applies the changes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime
from re import Pattern
from types import MappingProxyType
from typing import Final, TypeAlias

from pydantic import JsonValue
from starlette.routing import compile_path

HEADER: Final = "X-API-Version"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

Transformation: TypeAlias = Callable[[JsonValue], JsonValue]
"""From one document to another. It gives a document that has the other form already back as it is: the stored reply to
an Idempotency-Key may be older than the version. Responses are whole: `fields` are chosen afterwards, so the field that
has the items of a list keeps its name."""


@dataclass(frozen=True, slots=True)
class VersionChange:
    """One thing that a version changed, and how the version before it is served still.

    Operations are written as `POST /v1/claims/{claim_id}/void`.
    """

    summary: str
    """For the migration guide."""
    requests: Mapping[str, Transformation] = field(default_factory=dict)
    """By operation: a JSON body of the version before as one of this version."""
    responses: Mapping[str, Transformation] = field(default_factory=dict)
    """By operation: the JSON body of a successful response of this version as one of the version before."""

    def __post_init__(self) -> None:
        for operation in (*self.requests, *self.responses):
            method, _, path = operation.partition(" ")
            if method not in _METHODS or not path.startswith("/v1/"):
                raise ValueError(f"{operation!r} must be a method and a path below /v1/, such as GET /v1/claims")


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """A version, and what it changed of the one before."""

    date: str
    """YYYY-MM-DD."""
    changes: tuple[VersionChange, ...] = ()

    def __post_init__(self) -> None:
        date.fromisoformat(self.date)


@dataclass(frozen=True, slots=True)
class Steps:
    """What is done with the bodies of one request of an older version; nothing: its bodies did not change since."""

    request: tuple[Transformation, ...] = ()
    response: tuple[Transformation, ...] = ()

    def read(self, document: JsonValue) -> JsonValue:
        """A request's body as one of the newest version."""
        for step in self.request:
            document = step(document)
        return document

    def write(self, document: JsonValue) -> JsonValue:
        """A response's body as one of the older version."""
        for step in self.response:
            document = step(document)
        return document


class VersionHistory:
    """The versions that are supported, the newest first; raises `ValueError` where their dates are not in this order.

    The oldest has no changes: there is no version before it to be served.
    """

    def __init__(self, versions: Sequence[ApiVersion]) -> None:
        dates = [one.date for one in versions]
        if not dates or dates != sorted(set(dates), reverse=True):
            raise ValueError("versions must have different dates, the newest first, and there must be one")
        if versions[-1].changes:
            raise ValueError(f"{dates[-1]} is the oldest version; nothing is served in the form before its changes")
        self._versions = tuple(versions)
        self.supported = tuple(dates)
        self.current = dates[0]

    def served(self, pinned: str | None) -> str:
        """The version that a client gets: the one it is pinned to, or the nearest that is supported.

        A client that is pinned to a version which is gone gets the oldest; one pinned to a version that an earlier
        release does not have yet gets its newest.
        """
        if pinned is None:
            return self.current
        return next((one for one in self.supported if one <= pinned), self.supported[-1])

    def steps(self, version: str, method: str, path: str) -> Steps:
        """What is done for a request of a supported version."""
        newer = [one for one in self._versions if one.date > version]
        requests = [step for one in reversed(newer) for step in _of(one, method, path, "requests")]
        responses = [step for one in newer for step in reversed(list(_of(one, method, path, "responses")))]
        return Steps(tuple(requests), tuple(responses))


def _of(version: ApiVersion, method: str, path: str, way: str) -> Iterator[Transformation]:
    """The transformations of a version that an operation has, in their order."""
    for change in version.changes:
        declared = change.requests if way == "requests" else change.responses
        for operation, step in declared.items():
            of_method, _, template = operation.partition(" ")
            if of_method == method and _pattern(template).match(path):
                yield step


_patterns: dict[str, Pattern[str]] = {}


def _pattern(template: str) -> Pattern[str]:
    if template not in _patterns:
        _patterns[template] = compile_path(template)[0]
    return _patterns[template]


PUBLISHED: Final = VersionHistory([ApiVersion("2026-11-27")])
CURRENT: Final = PUBLISHED.current
SUPPORTED: Final = PUBLISHED.supported
"""Versions that a request may name, the newest first."""


@dataclass(frozen=True, slots=True)
class Deprecation:
    """A path that is to be replaced by another one."""

    since: datetime
    sunset: datetime
    """From then on it may be removed."""
    successor: str

    @property
    def headers(self) -> dict[str, str]:
        """`Deprecation` (RFC 9745), `Sunset` (RFC 8594) and where the successor is."""
        return {
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Sunset": format_datetime(self.sunset, usegmt=True),
            "Link": f'<{self.successor}>; rel="successor-version"',
        }


DEPRECATED: Final[Mapping[str, Deprecation]] = MappingProxyType(
    {
        "/claims": Deprecation(
            since=datetime(2026, 11, 27, tzinfo=UTC), sunset=datetime(2027, 11, 30, tzinfo=UTC), successor="/v1/claims"
        )
    }
)
"""Paths that clients should leave, and their last day."""
