"""Dated versions of the API, and paths that are deprecated.

`/v1` and a date name what a client may rely on: the description published on that date is kept in `docs/reference`, and
`tests/api/test_published_version.py` refuses a change that breaks it. A change that does gets a new date here, and an
entry in `docs/reference/versions.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from types import MappingProxyType
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Invalid
from api.problems import error_response

CURRENT: Final = "2026-11-27"
SUPPORTED: Final = (CURRENT,)
"""Versions that a request may name, the newest first."""
HEADER: Final = "X-API-Version"


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


class ApiVersions:
    """ASGI middleware: `X-API-Version` on every response of the API, 422 for a version that is not supported, and the
    headers of deprecated paths."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(("/v1/", "/claims")):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked = headers.get("x-api-version", CURRENT)
        deprecation = DEPRECATED.get(scope["path"])
        added = {HEADER: CURRENT, **({} if deprecation is None else deprecation.headers)}

        async def send_versioned(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(raw=message["headers"]).update(added)
            await send(message)

        if asked not in SUPPORTED:
            refusal = Invalid.field(HEADER, f"must be one of {', '.join(SUPPORTED)}, or be left out")
            await error_response(refusal)(scope, receive, send_versioned)
            return
        await self._app(scope, receive, send_versioned)
