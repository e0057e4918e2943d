"""Sessions of the console in the database.

One of a user goes on as long as its sign-in does (`token_families`), one of a key as long as the key is valid and no
user exists.
"""

from datetime import datetime

from sqlalchemy import and_, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.console.access.records import SignedIn
from api.console.access.tables import ConsoleSessionRow
from api.identity import ApiKeyRow, Caller, stored_scopes
from api.tokens import TokenFamilyRow, goes_on
from api.users import USER_COLUMNS, User, UserRow


async def add_session(
    connection: AsyncConnection,
    *,
    token_hash: bytes,
    actor_id: str,
    family_id: str | None,
    created_at: datetime,
    expires_at: datetime,
) -> None:
    """Store a new session."""
    await connection.execute(
        insert(ConsoleSessionRow).values(
            token_hash=token_hash,
            actor_id=actor_id,
            family_id=family_id,
            created_at=created_at,
            expires_at=expires_at,
        )
    )


async def session_with(connection: AsyncConnection, token_hash: bytes, at: datetime) -> SignedIn | None:
    """Who a session belongs to, if it is valid at `at`."""
    of_key = and_(
        ConsoleSessionRow.family_id.is_(None),
        ApiKeyRow.revoked_at.is_(None),
        ApiKeyRow.expires_at.is_(None) | (ApiKeyRow.expires_at > at),
        ApiKeyRow.api_key_id.is_not(None),
        ~exists(select(UserRow.user_id).correlate(None)),
    )
    statement = (
        select(
            ConsoleSessionRow.expires_at,
            func.coalesce(TokenFamilyRow.authenticated_at, ConsoleSessionRow.created_at),
            ConsoleSessionRow.family_id,
            TokenFamilyRow.methods,
            ApiKeyRow.api_key_id,
            ApiKeyRow.role,
            ApiKeyRow.name,
            ApiKeyRow.scopes,
            ApiKeyRow.provider_id,
            ApiKeyRow.member_id,
            *USER_COLUMNS,
        )
        .outerjoin(ApiKeyRow, ApiKeyRow.api_key_id == ConsoleSessionRow.actor_id)
        .outerjoin(TokenFamilyRow, TokenFamilyRow.family_id == ConsoleSessionRow.family_id)
        .outerjoin(UserRow, UserRow.user_id == TokenFamilyRow.user_id)
        .where(
            ConsoleSessionRow.token_hash == token_hash,
            ConsoleSessionRow.ended_at.is_(None),
            ConsoleSessionRow.expires_at > at,
            or_(of_key, goes_on(at)),
        )
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    expires_at, signed_in_at, family_id, methods, key_id, role, name, scopes, provider_id, member_id, *of_user = row
    if family_id is not None:
        user = User(*of_user)
        if not user.is_signed_in_by(methods):
            return None
        has_app = user.second_factor_at is not None
        return SignedIn(user.caller, expires_at, signed_in_at, family_id, frozenset(methods), has_app)
    caller = Caller(key_id, role, provider_id, name, only=stored_scopes(scopes), member_id=member_id)
    return SignedIn(caller, expires_at, signed_in_at)


async def end_session(connection: AsyncConnection, token_hash: bytes, at: datetime) -> None:
    """End a session, and the sign-in of its user; one that has ended stays as it is."""
    own = update(ConsoleSessionRow).where(
        ConsoleSessionRow.token_hash == token_hash, ConsoleSessionRow.ended_at.is_(None)
    )
    ended = await connection.execute(own.values(ended_at=at).returning(ConsoleSessionRow.family_id))
    family_id = ended.scalar_one_or_none()
    if family_id is not None:
        family = update(TokenFamilyRow).where(TokenFamilyRow.family_id == family_id, TokenFamilyRow.ended_at.is_(None))
        await connection.execute(family.values(ended_at=at, end_reason="sign-out"))
