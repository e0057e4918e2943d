"""The body of a request as its client sent it, which identifies a repetition.

A request of an older version reaches its route translated (`api/version_middleware.py`). The translation may differ in
the next release, and the client that then sends the same bytes under the same Idempotency-Key repeats its request.
"""

from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

_PLACE: Final = "ginja.sent_body"


@dataclass(slots=True)
class SentBody:
    """What was sent of a request, once it was translated."""

    content: bytes | None = None
    """`None`: the route reads what was sent."""

    def of(self, scope: Scope) -> Scope:
        """The request with this as the body that was sent."""
        return {**scope, _PLACE: self}


def sent_body(scope: Scope) -> bytes | None:
    """The body that was sent, where the route was given another one."""
    kept: SentBody | None = scope.get(_PLACE)
    return None if kept is None else kept.content
