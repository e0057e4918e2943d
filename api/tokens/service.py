"""Sign-ins and their refresh tokens: each is used once, and one that is used twice ends its sign-in.

A client that lost the response sends the same refresh token again within `RETRY_WINDOW` and gets the same successor, so
requests at the same time leave one live successor. Once the successor was used, or later, a token that comes again was
copied: every token of the sign-in is refused from then on.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit, request_context
from api.database import Database, fetch
from api.errors import NotFound, Unauthorized
from api.field_keys import TOKEN_SUCCESSOR, StoredSecrets
from api.identity import Caller
from api.tokens import repository
from api.tokens.access import AccessTokens
from api.tokens.records import FAMILY_LIFE, IDLE_LIFE, RETRY_WINDOW, SessionKind, TokenFamily, TokenPair, UserSession
from api.users import SignInAttempt, SignIns, User, VerifiedUser, find_user, sign_out_everywhere
from core import clock
from core.ids import new_id

PREFIX: Final = "gjr_"
_REFUSED: Final = "the refresh token is unknown, expired or was used before; sign in again with POST /v1/auth/token"


class Sessions:
    """The service of sign-ins."""

    def __init__(
        self, database: Database, secrets: StoredSecrets, sign_ins: SignIns, access_tokens: AccessTokens
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._sign_ins = sign_ins
        self._access = access_tokens

    async def sign_in(self, attempt: SignInAttempt) -> tuple[User, TokenPair]:
        """Begin a session; raises `Unauthorized`, `SignInIncomplete`, `SignInThrottled`, `Overloaded`."""
        async with self._sign_ins.signing_in(attempt) as verified:
            family = await begin_session(verified, SessionKind.API, FAMILY_LIFE)
            token, expires_at = await self._new_token(verified.connection, family, verified.at)
        return verified.user, TokenPair(await self._access.issue(family, verified.user.role), token, expires_at)

    async def refresh(self, token: str) -> tuple[User, TokenPair]:
        """The successor of a refresh token, and a new access token; raises `Unauthorized`."""
        at = clock.now()
        async with self._database.transaction() as connection:
            family = await repository.family_of(connection, _hash(token))
            user = None if family is None else await find_user(connection, family.user_id)
            if family is None or user is None or not _is_live(family, user, at):
                raise Unauthorized(_REFUSED)
            stored = await repository.refresh_token(connection, _hash(token))
            pair: tuple[str, datetime] | None = None
            if stored.used_at is None and at < stored.expires_at:
                pair = await self._new_token(connection, family, at)
                encrypted = await self._secrets.seal(TOKEN_SUCCESSOR, pair[0], _hash(token))
                await repository.use_token(connection, family.family_id, _hash(token), encrypted, at)
            elif stored.used_at is not None and stored.successor is not None and at - stored.used_at <= RETRY_WINDOW:
                successor = await self._secrets.opened(TOKEN_SUCCESSOR, stored.successor, _hash(token))
                pair = successor, (await repository.refresh_token(connection, _hash(successor))).expires_at
            elif stored.used_at is not None:
                await self._end(connection, family, user, "reuse", at)
        if pair is None:
            self._access.forget(user.user_id)
            raise Unauthorized(_REFUSED)
        return user, TokenPair(await self._access.issue(family, user.role), *pair)

    async def of_user(self, user_id: str) -> list[UserSession]:
        """The sessions of a user that go on, latest first."""
        async with self._database.reading() as connection:
            return await repository.sessions_of(connection, user_id, clock.now())

    async def end(self, caller: Caller, session_id: str) -> None:
        """End a session of the caller's own; one that has ended stays as it is. Raises `NotFound`."""
        at = clock.now()
        async with self._database.transaction() as connection:
            family = await repository.own_family(connection, session_id, caller.actor_id)
            user = None if family is None else await find_user(connection, family.user_id)
            if family is None or user is None:
                raise NotFound("there is no session of yours with this id; GET /v1/auth/sessions lists them")
            if family.ended_at is None:
                await self._end(connection, family, user, "ended by user", at)
        self._access.forget(caller.actor_id)

    async def end_all(self, caller: Caller) -> None:
        """End every session of the caller, this one too."""
        async with self._database.transaction() as connection:
            await find_user(connection, caller.actor_id, lock=True)
            at = clock.now()  # not before the lock: a sign-in that had it began later
            await sign_out_everywhere(connection, caller.actor_id, at)
            details: dict[str, JsonValue] = {"sessions": "all", "reason": "ended by user"}
            await fetch(connection, audit.record(caller, "user.session_end", None, details, at))
        self._access.forget(caller.actor_id)

    async def sign_out(self, token: str) -> None:
        """End the session of a refresh token; one that is unknown or has ended is left as it is."""
        at = clock.now()
        async with self._database.transaction() as connection:
            family = await repository.family_of(connection, _hash(token))
            if family is None or family.ended_at is not None:
                return
            user = await find_user(connection, family.user_id)
            assert user is not None
            await self._end(connection, family, user, "sign-out", at)
        self._access.forget(user.user_id)

    async def _new_token(self, connection: AsyncConnection, family: TokenFamily, at: datetime) -> tuple[str, datetime]:
        token = PREFIX + secrets.token_urlsafe(32)
        expires_at = min(at + IDLE_LIFE, family.expires_at)
        await repository.add_token(
            connection, token_hash=_hash(token), family_id=family.family_id, created_at=at, expires_at=expires_at
        )
        return token, expires_at

    async def _end(
        self, connection: AsyncConnection, family: TokenFamily, user: User, reason: str, at: datetime
    ) -> None:
        await repository.end_family(connection, family.family_id, reason, at)
        details = {"session_id": family.family_id, "reason": reason}
        await fetch(connection, audit.record(user.caller, "user.session_end", None, details, at))


async def begin_session(verified: VerifiedUser, kind: SessionKind, life: timedelta) -> TokenFamily:
    """Store a session of a user who was verified, in the transaction of the sign-in; it has no tokens yet."""
    request = request_context.current()
    family = TokenFamily(
        family_id=new_id("ses"),
        user_id=verified.user.user_id,
        methods=verified.methods,
        created_at=verified.at,
        expires_at=verified.at + life,
        ended_at=None,
        kind=kind.value,
        authenticated_at=verified.proved_at,
        address=None if request is None else request.address,
        agent=None if request is None else request.agent,
    )
    await repository.add_family(verified.connection, family)
    return family


def _is_live(family: TokenFamily, user: User, at: datetime) -> bool:
    """Whether a sign-in goes on: not ended or expired, user active and not signed out since, methods sufficient."""
    return (
        family.ended_at is None
        and at < family.expires_at
        and user.is_active
        and family.created_at >= user.signed_out_at
        and user.is_signed_in_by(family.methods)
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
