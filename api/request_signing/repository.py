"""Public keys of signers and used nonces in the database."""

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime

from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as insert_or_nothing
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from api.request_signing.records import RequestSigningKey
from api.request_signing.tables import RequestNonceRow, RequestSigningKeyRow
from core.ids import new_id

_KEY = tuple(RequestSigningKeyRow.__table__.c[one.name] for one in fields(RequestSigningKey))


async def add_key(connection: AsyncConnection, key: RequestSigningKey) -> None:
    """Store a new key."""
    await connection.execute(insert(RequestSigningKeyRow).values(**asdict(key)))


async def key_of(connection: AsyncConnection, actor_id: str, key_id: str) -> RequestSigningKey | None:
    """The key of an actor that signatures call `key_id`; revoked where it was revoked of any actor."""
    same = aliased(RequestSigningKeyRow)
    revoked = select(func.min(same.revoked_at)).where(same.key_id == key_id).scalar_subquery()
    columns = (revoked if one.name == "revoked_at" else one for one in _KEY)
    statement = select(*columns).where(RequestSigningKeyRow.actor_id == actor_id, RequestSigningKeyRow.key_id == key_id)
    found = (await connection.execute(statement)).one_or_none()
    return None if found is None else RequestSigningKey(*found)


async def one_key(connection: AsyncConnection, signing_key_id: str, *, lock: bool = False) -> RequestSigningKey | None:
    """A key; `lock`: nobody else changes it until the transaction ends."""
    statement = select(*_KEY).where(RequestSigningKeyRow.signing_key_id == signing_key_id)
    found = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if found is None else RequestSigningKey(*found)


async def is_revoked(connection: AsyncConnection, key_id: str) -> bool:
    """Whether a public key was revoked, of whichever actor."""
    statement = select(RequestSigningKeyRow.key_id).where(
        RequestSigningKeyRow.key_id == key_id, RequestSigningKeyRow.revoked_at.is_not(None)
    )
    return (await connection.execute(statement.limit(1))).one_or_none() is not None


async def keys_before(
    connection: AsyncConnection, place: tuple[datetime, str] | None, limit: int | None, actor_id: str | None = None
) -> Sequence[RequestSigningKey]:
    """Keys that were registered before a place, the newest first; of one actor if it is given."""
    newest = (RequestSigningKeyRow.created_at.desc(), RequestSigningKeyRow.signing_key_id.desc())
    statement = select(*_KEY).order_by(*newest).limit(limit)
    if place is not None:
        statement = statement.where(
            tuple_(RequestSigningKeyRow.created_at, RequestSigningKeyRow.signing_key_id) < place
        )
    if actor_id is not None:
        statement = statement.where(RequestSigningKeyRow.actor_id == actor_id)
    return [RequestSigningKey(*row) for row in (await connection.execute(statement)).all()]


async def revoke_public_key(connection: AsyncConnection, key_id: str, at: datetime) -> None:
    """Revoke a public key of every actor that has it: who has the private key can sign for all of them."""
    await connection.execute(
        update(RequestSigningKeyRow)
        .where(RequestSigningKeyRow.key_id == key_id, RequestSigningKeyRow.revoked_at.is_(None))
        .values(revoked_at=at)
    )


async def copy_keys(connection: AsyncConnection, of: str, to: str, at: datetime) -> None:
    """Give the valid keys of an actor to another one, which takes its place."""
    statement = select(*_KEY).where(
        RequestSigningKeyRow.actor_id == of,
        RequestSigningKeyRow.revoked_at.is_(None),
        RequestSigningKeyRow.expires_at > at,
    )
    for row in (await connection.execute(statement)).all():
        key = RequestSigningKey(*row)
        await add_key(connection, replace(key, signing_key_id=new_id("sgk"), actor_id=to, created_at=at))


async def use_nonce(connection: AsyncConnection, key_id: str, nonce: str, at: datetime) -> bool:
    """Store a nonce; false where it was used before, or is being used."""
    statement = (
        insert_or_nothing(RequestNonceRow)
        .values(key_id=key_id, nonce=nonce, used_at=at)
        .on_conflict_do_nothing()
        .returning(RequestNonceRow.nonce)
    )
    return (await connection.execute(statement)).one_or_none() is not None
