"""Replies stored under Idempotency-Keys, and under the content of requests whose commit was not confirmed."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from psycopg.types.json import Jsonb
from sqlalchemy import BindParameter, Boolean, bindparam, func, insert, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert

from api.database import Query, compiled, nothing
from api.intake.tables import IdempotencyKeyRow
from api.replies import StoredReply

_REPLY = compiled(
    select(
        IdempotencyKeyRow.request_hash, IdempotencyKeyRow.status, IdempotencyKeyRow.body, IdempotencyKeyRow.headers
    ).where(
        IdempotencyKeyRow.actor_id == bindparam("actor_id"),
        IdempotencyKeyRow.key == bindparam("key"),
        IdempotencyKeyRow.created_at > bindparam("since"),
    )
)
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KEYS: Final = 1
"""Seed of the hash of keys, so that their locks are not those of members."""


def reply_to(
    actor_id: str, key: str | None, request_hash: bytes, unconfirmed_since: datetime
) -> Query[StoredReply | None]:
    """The response stored under an Idempotency-Key of this caller.

    For a request without one: the response to the same request whose commit was not confirmed, if that was after
    `unconfirmed_since` (`api/unconfirmed.py`).
    """
    params = {
        "actor_id": actor_id,
        "key": _content_key(request_hash) if key is None else key,
        "since": unconfirmed_since if key is None else _ALWAYS,
    }
    return Query(_REPLY, params, lambda rows: StoredReply(*rows[0]) if rows else None)


def _content_key(request_hash: bytes) -> str:
    """A name that no Idempotency-Key of a client can be: those contain no space."""
    return f"content {request_hash.hex()}"


_NEW: Final[Mapping[str, BindParameter[Any]]] = {
    column.key: bindparam(column.key) for column in IdempotencyKeyRow.__table__.columns
}
_KEEP = compiled(insert(IdempotencyKeyRow).values(dict(_NEW)))


def keep_reply(actor_id: str, key: str, reply: StoredReply, at: datetime) -> Query[None]:
    """Store a response. A second one under the same key waits for the first's commit, then violates the primary key."""
    return Query(_KEEP, _kept(actor_id, key, reply, at), nothing)


def _kept(actor_id: str, key: str, reply: StoredReply, at: datetime) -> dict[str, object]:
    """Values of the columns of `idempotency_keys`."""
    headers = None if reply.headers is None else Jsonb(dict(reply.headers))
    return {"actor_id": actor_id, "key": key, **asdict(reply), "headers": headers, "created_at": at}


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
        set_={name: _NEW_REPLY.excluded[name] for name in ("status", "body", "headers", "created_at")},
    )
)


def keep_unconfirmed_reply(actor_id: str, reply: StoredReply, at: datetime) -> Query[None]:
    """Store the response to a request without an Idempotency-Key, under its content, in place of an older one."""
    return Query(_KEEP_UNCONFIRMED, _kept(actor_id, _content_key(reply.request_hash), reply, at), nothing)
