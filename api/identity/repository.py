"""API keys, looked up by the hash of their secret."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from sqlalchemy import bindparam, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Query, compiled
from api.identity.pins import VersionPin
from api.identity.roles import Caller, Scope
from api.identity.tables import ApiKeyRow

EXPIRES_SOON: Final = timedelta(days=30)
"""Keys that expire within this time are reported."""
KeyState: TypeAlias = Literal["valid", "expiring", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secret, which is not stored."""

    api_key_id: str
    name: str
    role: str
    provider_id: str | None
    member_id: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    api_version: str | None
    """The version that it is pinned to; `None`: it was not used yet."""
    scopes: Sequence[str] | None
    """What it may do of what its role may; `None`: all of it."""
    last_used_at: datetime | None
    """To within seconds; `None`: not yet, or not since this is stored."""
    replaced_by: str | None
    """The key that it was rotated to."""

    def state_at(self, at: datetime) -> KeyState:
        """Whether it is valid at an instant."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is None:
            return "valid"
        if self.expires_at <= at:
            return "expired"
        return "expiring" if self.expires_at <= at + EXPIRES_SOON else "valid"


_HOLDER = (
    *(ApiKeyRow.api_key_id, ApiKeyRow.role, ApiKeyRow.provider_id, ApiKeyRow.name, ApiKeyRow.scopes),
    ApiKeyRow.member_id,
)
_CALLER = compiled(
    select(*_HOLDER, ApiKeyRow.api_version).where(
        ApiKeyRow.secret_hash == bindparam("secret_hash"),
        ApiKeyRow.revoked_at.is_(None),
        ApiKeyRow.expires_at.is_(None) | (ApiKeyRow.expires_at > bindparam("at")),
    )
)


def stored_scopes(scopes: Sequence[str] | None) -> frozenset[Scope] | None:
    """The scopes of a key's row, where it has fewer than its role; one that is not declared any more is none."""
    return None if scopes is None else frozenset(scope for scope in Scope if scope.value in scopes)


def holder(
    api_key_id: str,
    role: str,
    provider_id: str | None,
    name: str,
    scopes: Sequence[str] | None,
    member_id: str | None,
    api_version: str | None = None,
) -> Caller:
    """The holder of a key, from its row."""
    return Caller(api_key_id, role, provider_id, name, api_version, stored_scopes(scopes), member_id)


def caller_with(secret_hash: bytes, at: datetime) -> Query[Caller | None]:
    """The holder of a key that is valid at `at`; `None` if there is none."""
    return Query(_CALLER, {"secret_hash": secret_hash, "at": at}, lambda rows: holder(*rows[0]) if rows else None)


async def caller_of_key(connection: AsyncConnection, api_key_id: str, at: datetime) -> Caller | None:
    """The holder of a key by its id, if the key is valid at `at`: for work that follows from an earlier request."""
    statement = select(*_HOLDER).where(
        ApiKeyRow.api_key_id == api_key_id,
        ApiKeyRow.revoked_at.is_(None),
        ApiKeyRow.expires_at.is_(None) | (ApiKeyRow.expires_at > at),
    )
    found = (await connection.execute(statement)).one_or_none()
    return None if found is None else holder(*found)


async def holder_of_key(connection: AsyncConnection, api_key_id: str) -> Caller | None:
    """The holder of a key by its id, also once it is revoked or expired: for work that was accepted from it before."""
    statement = select(*_HOLDER).where(ApiKeyRow.api_key_id == api_key_id)
    found = (await connection.execute(statement)).one_or_none()
    return None if found is None else holder(*found)


async def add_key(
    connection: AsyncConnection,
    *,
    api_key_id: str,
    secret_hash: bytes,
    name: str,
    role: str,
    provider_id: str | None,
    member_id: str | None,
    created_at: datetime,
    expires_at: datetime,
    scopes: Sequence[str] | None = None,
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
            member_id=member_id,
            created_at=created_at,
            expires_at=expires_at,
            scopes=scopes,
            api_version=None if pin is None else pin.version,
            pinned_at=None if pin is None else pin.pinned_at,
            previous_version=None if pin is None else pin.previous,
            upgraded_at=None if pin is None else pin.upgraded_at,
        )
    )


async def mark_revoked(connection: AsyncConnection, api_key_id: str, at: datetime) -> bool:
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


_KEY = tuple(ApiKeyRow.__table__.c[one.name] for one in fields(ApiKey))


async def all_keys(connection: AsyncConnection) -> Sequence[ApiKey]:
    """Every key, the oldest first."""
    statement = select(*_KEY).order_by(ApiKeyRow.created_at, ApiKeyRow.api_key_id)
    return [ApiKey(*row) for row in (await connection.execute(statement)).all()]


async def keys_before(connection: AsyncConnection, place: tuple[datetime, str] | None, limit: int) -> list[ApiKey]:
    """Keys that were created before a place, the newest first."""
    statement = select(*_KEY).order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.api_key_id.desc()).limit(limit)
    if place is not None:
        statement = statement.where(tuple_(ApiKeyRow.created_at, ApiKeyRow.api_key_id) < place)
    return [ApiKey(*row) for row in (await connection.execute(statement)).all()]


async def one_key(connection: AsyncConnection, api_key_id: str, *, locked: bool = False) -> ApiKey | None:
    """A key; `locked`: nobody else changes it until the transaction ends. `None`: there is none."""
    statement = select(*_KEY).where(ApiKeyRow.api_key_id == api_key_id)
    found = (await connection.execute(statement.with_for_update() if locked else statement)).one_or_none()
    return None if found is None else ApiKey(*found)


async def end_replaced(connection: AsyncConnection, api_key_id: str, *, replaced_by: str, expires_at: datetime) -> None:
    """Let a key expire at an instant, because another one takes its place."""
    values = {"replaced_by": replaced_by, "expires_at": expires_at}
    await connection.execute(update(ApiKeyRow).where(ApiKeyRow.api_key_id == api_key_id).values(values))


_EXPIRING = compiled(
    select(func.count()).where(
        ApiKeyRow.revoked_at.is_(None),
        ApiKeyRow.replaced_by.is_(None),
        ApiKeyRow.expires_at > bindparam("at"),
        ApiKeyRow.expires_at <= bindparam("until"),
    )
)


def expiring_keys(at: datetime) -> Query[int]:
    """How many valid keys expire within `EXPIRES_SOON` and were not rotated."""
    return Query(_EXPIRING, {"at": at, "until": at + EXPIRES_SOON}, lambda rows: int(rows[0][0]))
