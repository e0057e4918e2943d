"""Keys, sign-ins and refresh tokens in the database."""

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, Executable, and_, bindparam, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Query, Rows, compiled
from api.tokens.records import RefreshToken, SessionKind, SignedInCaller, TokenFamily, UserSession
from api.tokens.tables import RefreshTokenRow, TokenFamilyRow, TokenKeyRow
from api.users import USER_COLUMNS, User, UserRow, UserState

_FAMILY = tuple(TokenFamilyRow.__table__.c[one.name] for one in fields(TokenFamily))
_TOKEN = tuple(RefreshTokenRow.__table__.c[one.name] for one in fields(RefreshToken))
_KEYS_LOCK = "token keys"

_PROVED_AT = func.coalesce(TokenFamilyRow.authenticated_at, TokenFamilyRow.created_at)


def goes_on(at: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a sign-in, joined with its user, goes on: the condition of every use of it."""
    return and_(
        TokenFamilyRow.ended_at.is_(None),
        TokenFamilyRow.expires_at > at,
        TokenFamilyRow.created_at >= UserRow.signed_out_at,
        UserRow.state == UserState.ACTIVE.value,
    )


_SIGNED_IN = compiled(
    select(*USER_COLUMNS, TokenFamilyRow.family_id, _PROVED_AT, TokenFamilyRow.methods)
    .join(TokenFamilyRow, TokenFamilyRow.user_id == UserRow.user_id)
    .where(
        TokenFamilyRow.family_id == bindparam("family"),
        TokenFamilyRow.kind == SessionKind.API.value,
        goes_on(bindparam("at")),
    )
)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key that signs, or that verifies only."""

    kid: str
    private_key: bytes
    """PEM, encrypted."""
    public_key: dict[str, str]
    """JWK."""
    created_at: datetime
    retired_at: datetime | None


_KEY = tuple(TokenKeyRow.__table__.c[one.name] for one in fields(TokenKey))


def signed_in(family_id: str, at: datetime) -> Query[SignedInCaller | None]:
    """The user of a sign-in, as it is now; `None`: it has ended, or the user may not sign in, or not by its methods."""
    return Query(_SIGNED_IN, {"family": family_id, "at": at}, _signed_in_caller)


def _signed_in_caller(rows: Rows) -> SignedInCaller | None:
    if not rows:
        return None
    *of_user, family_id, signed_in_at, methods = rows[0]
    user = User(*of_user)
    if not user.is_signed_in_by(methods):
        return None
    return SignedInCaller(user.caller, family_id, signed_in_at, tuple(methods))


async def lock_keys(connection: AsyncConnection) -> None:
    """Let no other transaction add or retire a key until this one ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(_KEYS_LOCK))))


async def valid_keys(connection: AsyncConnection, retired_since: datetime) -> list[TokenKey]:
    """The key that signs, and those that were retired since an instant."""
    is_valid = or_(TokenKeyRow.retired_at.is_(None), TokenKeyRow.retired_at > retired_since)
    found = await connection.execute(select(*_KEY).where(is_valid).order_by(TokenKeyRow.created_at))
    return [TokenKey(*row) for row in found]


async def retire_keys(connection: AsyncConnection, at: datetime) -> None:
    """End the key that signs; it verifies on for as long as its tokens live."""
    await connection.execute(update(TokenKeyRow).where(TokenKeyRow.retired_at.is_(None)).values(retired_at=at))


async def add_key(
    connection: AsyncConnection, *, kid: str, private_key: bytes, public_key: dict[str, str], at: datetime
) -> None:
    """Store a new key, which signs from now on."""
    values = {"kid": kid, "private_key": private_key, "public_key": public_key, "created_at": at}
    await connection.execute(insert(TokenKeyRow).values(**values))


async def add_family(connection: AsyncConnection, family: TokenFamily) -> None:
    """Store a sign-in."""
    values = {one.name: getattr(family, one.name) for one in fields(TokenFamily)}
    await connection.execute(insert(TokenFamilyRow).values(**values | {"methods": [*family.methods]}))


async def add_token(
    connection: AsyncConnection, *, token_hash: bytes, family_id: str, created_at: datetime, expires_at: datetime
) -> None:
    """Store a refresh token."""
    values = {"token_hash": token_hash, "family_id": family_id, "created_at": created_at, "expires_at": expires_at}
    await connection.execute(insert(RefreshTokenRow).values(**values))


async def family_of(connection: AsyncConnection, token_hash: bytes) -> TokenFamily | None:
    """The sign-in of a refresh token, locked until the transaction ends."""
    return await _locked(
        connection,
        select(*_FAMILY)
        .join(RefreshTokenRow, RefreshTokenRow.family_id == TokenFamilyRow.family_id)
        .where(RefreshTokenRow.token_hash == token_hash)
        .with_for_update(of=TokenFamilyRow),
    )


async def own_family(connection: AsyncConnection, family_id: str, user_id: str) -> TokenFamily | None:
    """A sign-in of a user, locked until the transaction ends; `None`: the user has none of this id."""
    statement = select(*_FAMILY).where(TokenFamilyRow.family_id == family_id, TokenFamilyRow.user_id == user_id)
    return await _locked(connection, statement.with_for_update())


async def prove_again(connection: AsyncConnection, family_id: str, method: str, at: datetime) -> None:
    """The user of a sign-in has proved to be it again by `method`, at `at`."""
    methods = func.array_append(func.array_remove(TokenFamilyRow.methods, method), method)
    statement = update(TokenFamilyRow).where(TokenFamilyRow.family_id == family_id)
    await connection.execute(statement.values(authenticated_at=at, methods=methods))


async def _locked(connection: AsyncConnection, statement: Executable) -> TokenFamily | None:
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else TokenFamily(row[0], row[1], tuple(row[2]), *row[3:])


async def sessions_of(connection: AsyncConnection, user_id: str, at: datetime) -> list[UserSession]:
    """The sessions of a user that go on, latest first; one that can no longer be refreshed does not."""
    refreshed = (
        select(func.max(RefreshTokenRow.created_at).label("at"), func.max(RefreshTokenRow.expires_at).label("until"))
        .where(RefreshTokenRow.family_id == TokenFamilyRow.family_id)
        .lateral()
    )
    until = func.coalesce(refreshed.c.until, TokenFamilyRow.expires_at)
    statement = (
        select(
            TokenFamilyRow.family_id,
            TokenFamilyRow.kind,
            TokenFamilyRow.created_at,
            func.coalesce(refreshed.c.at, TokenFamilyRow.created_at),
            until,
            TokenFamilyRow.methods,
            TokenFamilyRow.address,
            TokenFamilyRow.agent,
            *USER_COLUMNS,
        )
        .join(UserRow, UserRow.user_id == TokenFamilyRow.user_id)
        .join(refreshed, true())
        .where(TokenFamilyRow.user_id == user_id, goes_on(at), until > at)
        .order_by(TokenFamilyRow.created_at.desc(), TokenFamilyRow.family_id)
    )
    found = await connection.execute(statement)
    return [
        UserSession(session_id, kind, created_at, used_at, expires_at, tuple(methods), address, agent)
        for session_id, kind, created_at, used_at, expires_at, methods, address, agent, *of_user in found
        if User(*of_user).is_signed_in_by(methods)
    ]


async def refresh_token(connection: AsyncConnection, token_hash: bytes) -> RefreshToken:
    """A refresh token of a sign-in that is locked."""
    row = (await connection.execute(select(*_TOKEN).where(RefreshTokenRow.token_hash == token_hash))).one()
    return RefreshToken(*row)


async def use_token(
    connection: AsyncConnection, family_id: str, token_hash: bytes, successor: bytes, at: datetime
) -> None:
    """Note that a token was used, and its successor; the token before it can no longer be retried."""
    of_family = RefreshTokenRow.family_id == family_id
    retriable = RefreshTokenRow.successor.is_not(None)
    await connection.execute(update(RefreshTokenRow).where(of_family, retriable).values(successor=None))
    used = update(RefreshTokenRow).where(RefreshTokenRow.token_hash == token_hash)
    await connection.execute(used.values(used_at=at, successor=successor))


async def end_family(connection: AsyncConnection, family_id: str, reason: str, at: datetime) -> None:
    """End a sign-in; one that has ended stays as it is."""
    await connection.execute(
        update(TokenFamilyRow)
        .where(TokenFamilyRow.family_id == family_id, TokenFamilyRow.ended_at.is_(None))
        .values(ended_at=at, end_reason=reason)
    )
