"""A request as its client sent it: what identifies a repetition, and what was signed.

A request of an older version reaches its route translated (`api/version_middleware.py`). The translation may differ in
the next release, and the client that then sends the same bytes under the same Idempotency-Key repeats its request.
"""

from dataclasses import dataclass, field
from typing import Final

from starlette.types import Scope

_PLACE: Final = "ginja.sent_body"


@dataclass(slots=True)
class SentBody:
    """What was sent of a request, once it was translated."""

    content: bytes | None = None
    """`None`: the route reads what was sent."""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def of(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> Scope:
        """The request with this as what was sent, and with `headers` for the route."""
        self.headers = scope["headers"]
        return {**scope, "headers": headers, _PLACE: self}


def sent_body(scope: Scope) -> bytes | None:
    """The body that was sent, where the route was given another one."""
    kept: SentBody | None = scope.get(_PLACE)
    return None if kept is None else kept.content


def sent_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The headers that were sent, also where the route was given others."""
    kept: SentBody | None = scope.get(_PLACE)
    headers: list[tuple[bytes, bytes]] = scope["headers"] if kept is None else kept.headers
    return headers
