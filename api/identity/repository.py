"""API keys, looked up by the hash of their secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Query, compiled
from api.identity.pins import VersionPin
from api.identity.roles import Caller
from api.identity.tables import ApiKeyRow


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secret, which is not stored."""

    api_key_id: str
    name: str
    role: str
    provider_id: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    api_version: str | None
    """The version that it is pinned to; `None`: it was not used yet."""


_CALLER = compiled(
    select(ApiKeyRow.api_key_id, ApiKeyRow.role, ApiKeyRow.provider_id, ApiKeyRow.name, ApiKeyRow.api_version).where(
        ApiKeyRow.secret_hash == bindparam("secret_hash"),
        ApiKeyRow.revoked_at.is_(None),
        ApiKeyRow.expires_at.is_(None) | (ApiKeyRow.expires_at > bindparam("at")),
    )
)


def caller_with(secret_hash: bytes, at: datetime) -> Query[Caller | None]:
    """The holder of a key that is valid at `at`; `None` if there is none."""
    return Query(_CALLER, {"secret_hash": secret_hash, "at": at}, lambda rows: Caller(*rows[0]) if rows else None)


async def caller_of_key(connection: AsyncConnection, api_key_id: str, at: datetime) -> Caller | None:
    """The holder of a key by its id, if the key is valid at `at`: for work that follows from an earlier request."""
    statement = select(ApiKeyRow.role, ApiKeyRow.provider_id, ApiKeyRow.name).where(
        ApiKeyRow.api_key_id == api_key_id,
        ApiKeyRow.revoked_at.is_(None),
        ApiKeyRow.expires_at.is_(None) | (ApiKeyRow.expires_at > at),
    )
    found = (await connection.execute(statement)).one_or_none()
    return None if found is None else Caller(api_key_id, *found)


async def holder_of_key(connection: AsyncConnection, api_key_id: str) -> Caller | None:
    """The holder of a key by its id, also once it is revoked or expired: for work that was accepted from it before."""
    statement = select(ApiKeyRow.role, ApiKeyRow.provider_id, ApiKeyRow.name).where(ApiKeyRow.api_key_id == api_key_id)
    found = (await connection.execute(statement)).one_or_none()
    return None if found is None else Caller(api_key_id, *found)


async def add_key(
    connection: AsyncConnection,
    *,
    api_key_id: str,
    secret_hash: bytes,
    name: str,
    role: str,
    provider_id: str | None,
    created_at: datetime,
    expires_at: datetime | None,
    pin: VersionPin | None = None,
) -> None:
    """Store a new key."""
    await connection.execute(
        insert(ApiKeyRow).values(
            api_key_id=api_key_id,
            secret_hash=secret_hash,
            name=name,
            role=role,
            provider_id=provider_id,
            created_at=created_at,
            expires_at=expires_at,
            api_version=None if pin is None else pin.version,
            pinned_at=None if pin is None else pin.pinned_at,
            previous_version=None if pin is None else pin.previous,
            upgraded_at=None if pin is None else pin.upgraded_at,
        )
    )


async def revoke_key(connection: AsyncConnection, api_key_id: str, at: datetime) -> bool:
    """Revoke a key; says whether there was one to revoke."""
    statement = (
        update(ApiKeyRow)
        .where(ApiKeyRow.api_key_id == api_key_id, ApiKeyRow.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    return (await connection.execute(statement)).rowcount > 0


async def revoke_keys_named(connection: AsyncConnection, name: str, role: str, at: datetime) -> None:
    """Revoke every key of this name and role."""
    await connection.execute(
        update(ApiKeyRow)
        .where(ApiKeyRow.name == name, ApiKeyRow.role == role, ApiKeyRow.revoked_at.is_(None))
        .values(revoked_at=at)
    )


async def all_keys(connection: AsyncConnection) -> Sequence[ApiKey]:
    """Every key, the oldest first."""
    statement = select(
        ApiKeyRow.api_key_id,
        ApiKeyRow.name,
        ApiKeyRow.role,
        ApiKeyRow.provider_id,
        ApiKeyRow.created_at,
        ApiKeyRow.expires_at,
        ApiKeyRow.revoked_at,
        ApiKeyRow.api_version,
    ).order_by(ApiKeyRow.created_at, ApiKeyRow.api_key_id)
    return [ApiKey(*row) for row in (await connection.execute(statement)).all()]
