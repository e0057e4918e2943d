"""Replies to requests with an Idempotency-Key: stored with the change they report, repeated byte for byte."""

from dataclasses import dataclass

from starlette.responses import Response

from api.errors import Invalid
from api.responses import JSON


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A response as it was given, and the hash of the request it was given to."""

    request_hash: bytes
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A response as it goes out, and whether it repeats a stored one."""

    status: int
    body: bytes
    claim_id: str | None = None
    """Of a created claim."""
    replayed: bool = False


def repeat(stored: StoredReply, request_hash: bytes) -> Reply:
    """A stored reply once more; raises `Invalid` where the request is another one."""
    if stored.request_hash != request_hash:
        raise Invalid.field("Idempotency-Key", "was used with another body; use a new key for a new request")
    return Reply(stored.status, stored.body, replayed=True)


def reply_response(reply: Reply) -> Response:
    """A reply as a response."""
    headers = {"Idempotency-Replayed": "true"} if reply.replayed else {}
    if reply.claim_id is not None:
        headers["Location"] = f"/v1/claims/{reply.claim_id}"
    return Response(reply.body, reply.status, headers, JSON)
