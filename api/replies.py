"""Replies to requests with an Idempotency-Key: stored with the change they report, repeated byte for byte."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import Response

from api.errors import Invalid
from api.responses import JSON


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A response as it was given, and the hash of the request it was given to."""

    request_hash: bytes
    status: int
    body: bytes
    headers: Mapping[str, str] | None = None
    """Beyond `Content-Type: application/json`; names in lower case."""
    identity_of: str | None = None
    """The member whose identity it shows; `None`: it shows none."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A response as it goes out, and whether it repeats a stored one."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    replayed: bool = False


def repeat(stored: StoredReply, request_hash: bytes) -> Reply:
    """A stored reply once more; raises `Invalid` where the request is another one."""
    if stored.request_hash != request_hash:
        message = "was used for another request (its path or body differs); use a new key for a new request"
        raise Invalid.field("Idempotency-Key", message)
    return Reply(stored.status, stored.body, stored.headers or {}, replayed=True)


def location_of(claim_id: str) -> Mapping[str, str]:
    """The header with the path of a created claim."""
    return {"location": f"/v1/claims/{claim_id}"}


def reply_response(reply: Reply) -> Response:
    """A reply as a response."""
    headers = {"content-type": JSON, **reply.headers}
    if reply.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(reply.body, reply.status, headers)
