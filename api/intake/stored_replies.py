"""Replies stored under Idempotency-Keys, and under the content of requests whose commit was not confirmed.

Bodies are encrypted with a data key. One is looked up with the claim's other rows, and opened after it: the key is in
memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from psycopg.types.json import Jsonb
from sqlalchemy import BindParameter, Boolean, bindparam, func, insert, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert

from api.database import Query, compiled, nothing
from api.field_keys import STORED_REPLY, FieldKeys
from api.intake.tables import IdempotencyKeyRow
from api.replies import StoredReply
from core.field_encryption import SealingKey

_REPLY = compiled(
    select(
        IdempotencyKeyRow.request_hash,
        IdempotencyKeyRow.status,
        IdempotencyKeyRow.body,
        IdempotencyKeyRow.headers,
        IdempotencyKeyRow.body_sealed,
        IdempotencyKeyRow.actor_id,
        IdempotencyKeyRow.key,
    ).where(
        IdempotencyKeyRow.actor_id == bindparam("actor_id"),
        IdempotencyKeyRow.key == bindparam("key"),
        IdempotencyKeyRow.created_at > bindparam("since"),
    )
)
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KEYS: Final = 1
"""Seed of the hash of keys, so that their locks are not those of members."""


@dataclass(frozen=True, slots=True)
class SealedReply:
    """A stored response as its row has it."""

    request_hash: bytes
    status: int
    body: bytes | None
    """In clear, of an earlier release."""
    headers: Mapping[str, str] | None
    sealed: bytes | None
    actor_id: str
    key: str


async def open_reply(keys: FieldKeys, stored: SealedReply) -> StoredReply:
    """A stored response in clear. Raises `DecryptionError` where it was changed, and what `FieldKeys` raises."""
    body = stored.body or b""
    if stored.sealed is not None:
        body = await STORED_REPLY.opened(keys, stored.sealed, stored.actor_id, stored.key)
    return StoredReply(stored.request_hash, stored.status, body, stored.headers)


def reply_to(
    actor_id: str, key: str | None, request_hash: bytes, unconfirmed_since: datetime
) -> Query[SealedReply | None]:
    """The response stored under an Idempotency-Key of this caller.

    For a request without one: the response to the same request whose commit was not confirmed, if that was after
    `unconfirmed_since` (`api/unconfirmed.py`).
    """
    params = {
        "actor_id": actor_id,
        "key": _content_key(request_hash) if key is None else key,
        "since": unconfirmed_since if key is None else _ALWAYS,
    }
    return Query(_REPLY, params, lambda rows: SealedReply(*rows[0]) if rows else None)


def _content_key(request_hash: bytes) -> str:
    """A name that no Idempotency-Key of a client can be: those contain no space."""
    return f"content {request_hash.hex()}"


_NEW: Final[Mapping[str, BindParameter[Any]]] = {
    column.key: bindparam(column.key) for column in IdempotencyKeyRow.__table__.columns
}
_KEEP = compiled(insert(IdempotencyKeyRow).values(dict(_NEW)))


def keep_reply(sealing: SealingKey, actor_id: str, key: str, reply: StoredReply, at: datetime) -> Query[None]:
    """Store a response, sealed by a key of `REPLIES`.

    A second one under the same key waits for the first's commit, then violates the primary key.
    """
    return Query(_KEEP, _kept(sealing, actor_id, key, reply, at), nothing)


def _kept(sealing: SealingKey, actor_id: str, key: str, reply: StoredReply, at: datetime) -> dict[str, object]:
    """Values of the columns of `idempotency_keys`."""
    headers = None if reply.headers is None else Jsonb(dict(reply.headers))
    return {
        "actor_id": actor_id,
        "key": key,
        "request_hash": reply.request_hash,
        "status": reply.status,
        "body": None,
        "body_sealed": STORED_REPLY.seal(sealing, reply.body, actor_id, key),
        "headers": headers,
        "created_at": at,
        "identity_of": reply.identity_of,
    }


_TRY_LOCK_KEY = compiled(
    select(func.pg_try_advisory_xact_lock(func.hashtextextended(bindparam("name"), literal(_KEYS)), type_=Boolean))
)


def try_lock_key(actor_id: str, key: str) -> Query[bool]:
    """Lock an Idempotency-Key until the transaction ends; False: another transaction holds it."""
    return Query(_TRY_LOCK_KEY, {"name": f"{actor_id} {key}"}, lambda rows: bool(rows[0][0]))


_NEW_REPLY = upsert(IdempotencyKeyRow).values(dict(_NEW))
_KEEP_UNCONFIRMED = compiled(
    _NEW_REPLY.on_conflict_do_update(
        constraint="idempotency_keys_pkey",
        set_={name: _NEW_REPLY.excluded[name] for name in ("status", "body", "body_sealed", "headers", "created_at")},
    )
)


def keep_unconfirmed_reply(sealing: SealingKey, actor_id: str, reply: StoredReply, at: datetime) -> Query[None]:
    """Store the response to a request without an Idempotency-Key, under its content, in place of an older one."""
    key = _content_key(reply.request_hash)
    return Query(_KEEP_UNCONFIRMED, _kept(sealing, actor_id, key, reply, at), nothing)
