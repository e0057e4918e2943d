"""Signing in to and out of the console."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from api.console.access import repository
from api.console.access.records import OpenedSession, SignedIn, SignInOffers
from api.console.areas import has_console
from api.database import AUTHENTICATION, Database, acting_for
from api.errors import Forbidden, Invalid, NotFound, StepUpRequired, Unauthorized
from api.identity import MEMBER, PROVIDER, Authenticator, Caller, Scope
from api.oidc import OidcSignIns, StartedSignIn
from api.request_context import identify
from api.tokens import SessionKind, Sessions, begin_session, prove_again
from api.users import SignInAttempt, SignIns, VerifiedUser, has_users
from core import clock

SESSION: Final = timedelta(minutes=30)
"""How long a session lasts; afterwards the person signs in again."""


class ConsoleAccess:
    """The service of console sessions. Each sign-in gets a new token, and ends the session that the browser had."""

    def __init__(
        self,
        database: Database,
        authenticator: Authenticator,
        sign_ins: SignIns,
        sessions: Sessions,
        oidc: OidcSignIns | None = None,
    ) -> None:
        """`oidc`: the identity provider; `None`: nobody signs in by one."""
        self._database = database
        self._authenticator = authenticator
        self.sign_ins = sign_ins
        """What a person does about password and second factor."""
        self.oidc = oidc
        self.sessions = sessions
        """The sessions of users, of the console and of programs."""

    async def offers(self) -> SignInOffers:
        """The ways to sign in, as of now."""
        async with self._database.reading() as connection:
            users = await has_users(connection)
        return SignInOffers(users=users, provider=self.oidc is not None, keys=not users)

    async def sign_in(self, attempt: SignInAttempt, before: str | None = None) -> OpenedSession:
        """Open a session for a user; `before` is the token that the browser has.

        Raises `Forbidden` for a role without console, `Unauthorized`, `SignInIncomplete`, `SignInThrottled`,
        `Overloaded`.
        """
        async with self.sign_ins.signing_in(attempt) as verified:
            return await _open_for(verified, None if before is None else _hash(before))

    async def begin_by_provider(self, following: str, *, fresh: bool, before: str | None) -> StartedSignIn:
        """Begin a sign-in by the identity provider, which ends the session of the token `before`.

        The token is known here only: the browser does not send its cookie with a request that another site leads to.
        Raises `NotFound` without a provider, `Unavailable`.
        """
        ends = None if before is None else _hash(before).hex()
        return await self._provider().begin(following, fresh=fresh, ends=ends)

    async def sign_in_by_provider(self, cookie: str | None, answer: Mapping[str, str]) -> tuple[OpenedSession, str]:
        """Open a session for the user that the identity provider's answer is about; also where the person was going.

        Raises `NotFound` without a provider, `Forbidden`, `Unauthorized`, `Unavailable`.
        """
        async with self._provider().finishing(cookie, answer) as finished:
            ends = None if finished.ends is None else bytes.fromhex(finished.ends)
            return await _open_for(finished.verified, ends), finished.following

    def _provider(self) -> OidcSignIns:
        if self.oidc is None:
            raise NotFound("nobody signs in by an identity provider here; sign in with your password")
        return self.oidc

    async def sign_in_with_key(self, api_key: str, before: str | None = None) -> OpenedSession:
        """Open a session for a key to which some page is open, where no user exists yet.

        Raises `Unauthorized`, `Forbidden`.
        """
        if not (await self.offers()).keys:
            raise Forbidden("people sign in to the console as users; an administrator creates one for you")
        caller = await self._authenticator.authenticate(api_key)
        _require_console(caller)
        async with self._database.transaction() as connection:
            ends = None if before is None else _hash(before)
            return await _open(connection, caller, clock.now(), None, ends)

    async def signed_in(self, token: str) -> SignedIn | None:
        """Who a token's session belongs to; `None` when it has ended."""
        with acting_for(AUTHENTICATION):
            async with self._database.reading() as connection:
                found = await repository.session_with(connection, _hash(token), clock.now())
        if found is not None:
            identify(found.actor_id, found.name, found.role)
        return found

    async def prove_again(self, signed_in: SignedIn, code: str, address: str) -> SignedIn:
        """The session after its user proved the second factor again; `code`: of the app, or a recovery code.

        Raises `Invalid`, `SignInThrottled`; `StepUpRequired` where there is no code to check here.
        """
        if signed_in.session_id is None or not signed_in.has_app:
            raise StepUpRequired("sign out and in again: this platform has no authenticator app of yours to check")
        try:
            async with self.sign_ins.proving_again(signed_in.actor_id, address, code) as verified:
                await prove_again(verified.connection, signed_in.session_id, "otp", verified.at)
        except Unauthorized:
            raise Invalid.field("code", "is wrong or was used before; enter the one that the app shows now") from None
        return replace(signed_in, signed_in_at=verified.at, methods=signed_in.methods | {"otp"})

    async def sign_out(self, token: str) -> None:
        """End a session."""
        async with self._database.transaction() as connection:
            await repository.end_session(connection, _hash(token), clock.now())


async def _open_for(verified: VerifiedUser, ends: bytes | None) -> OpenedSession:
    """Open a session for a user who was verified, in the transaction of that; raises `Forbidden`."""
    caller = verified.user.caller
    _require_console(caller)
    family = await begin_session(verified, SessionKind.CONSOLE, SESSION)
    return await _open(verified.connection, caller, verified.at, family.family_id, ends)


async def _open(
    connection: AsyncConnection, caller: Caller, at: datetime, family_id: str | None, ends: bytes | None
) -> OpenedSession:
    """Open a session, and end the one that the browser had; `ends` is the hash of its token."""
    if ends is not None:
        await repository.end_session(connection, ends, at)
    token, expires_at = secrets.token_urlsafe(32), at + SESSION
    await repository.add_session(
        connection,
        token_hash=_hash(token),
        actor_id=caller.actor_id,
        family_id=family_id,
        created_at=at,
        expires_at=expires_at,
    )
    return OpenedSession(token, expires_at)


def _require_console(caller: Caller) -> None:
    identify(caller.actor_id, caller.name, caller.role)
    if has_console(caller):
        return
    if caller.role not in (PROVIDER, MEMBER) and not caller.may(Scope.SCORES):
        raise Forbidden(f"a user or key of role {caller.role} may not see scores, which the console shows")
    raise Forbidden("the key was created without scope claims:read; use another key")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
