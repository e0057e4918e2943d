"""Signing in: login, password and second factor; and what a person does about them without being signed in.

The answer to a login that does not exist is that to a wrong password, after the same statements and the same hashing.
Only who knows the password learns what else is missing.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NoReturn, TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.database import Database, fetch
from api.errors import Conflict, Invalid, SignInIncomplete, Unauthorized
from api.field_keys import PENDING_TOTP_SECRET, TOTP_SECRET, StoredSecrets
from api.identity import Caller
from api.users import repository
from api.users.errors import WeakPassword
from api.users.passwords import PasswordHasher, accepted_password, normalize
from api.users.records import Credentials, User, just_after
from api.users.second_factor import (
    CODE_DIGITS,
    accepted_step,
    new_recovery_codes,
    new_secret,
    provisioning_uri,
    recovery_code_hash,
)
from api.users.throttle import SignInLimits
from core import clock

LinkedUser: TypeAlias = Callable[[AsyncConnection], Awaitable[str | None]]
"""Looks up the id of the user that a person of an identity provider is linked with; `None`: of none."""
REFUSED: Final = "login, password or code is wrong, or the user is disabled"
"""The one answer to an attempt that fails."""
_NOBODY: Final = Caller("unknown", "none", None, "unknown")
"""Who fails to sign in with a login that does not exist, in the audit log."""


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """What a person sends to sign in."""

    login: str
    password: str = field(repr=False)
    address: str
    """Where it comes from."""
    code: str | None = field(default=None, repr=False)
    recovery_code: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, login: str, password: str, address: str, code: str) -> "SignInAttempt":
        """With a code that a person entered: of the authenticator app where it has its form, else a recovery code."""
        is_of_app = len(code) == CODE_DIGITS and code.isascii() and code.isdigit()
        if is_of_app:
            return cls(login, password, address, code=code)
        return cls(login, password, address, recovery_code=code or None)


@dataclass(frozen=True, slots=True)
class VerifiedUser:
    """A user who proved to be it, in the transaction that `connection` is in."""

    user: User
    methods: tuple[str, ...]
    """Authentication methods as in RFC 8176: `pwd`, and `otp` with a second factor."""
    at: datetime
    connection: AsyncConnection
    proved_at: datetime | None = None
    """When the person proved to be it, where an identity provider says so; `None`: now."""


class SignIns:
    """The service of signing in."""

    def __init__(self, database: Database, secrets: StoredSecrets) -> None:
        self._database = database
        self._secrets = secrets
        self._limits = SignInLimits(database)
        self.passwords = PasswordHasher()

    @asynccontextmanager
    async def signing_in(self, attempt: SignInAttempt) -> AsyncIterator[VerifiedUser]:
        """A transaction in which the user is verified; the code is used up with it.

        Raises `Unauthorized`, `SignInIncomplete`, `SignInThrottled`, `Overloaded`.
        """
        async with self._verified(attempt) as verified:
            if verified.user.must_change_password:
                raise SignInIncomplete(
                    "the password was chosen by somebody else: change it with POST /v1/auth/password",
                    extensions={"next": "change-password"},
                )
            if verified.user.needs_second_factor and verified.user.second_factor_at is None:
                raise SignInIncomplete(
                    "your role signs in with a second factor: set it up with POST /v1/auth/totp",
                    extensions={"next": "enrol-second-factor"},
                )
            await self._record(verified.connection, verified.user, "user.sign_in", verified.at)
            yield verified

    @asynccontextmanager
    async def signing_in_by_provider(
        self, linked_user: LinkedUser, methods: tuple[str, ...], unknown: str
    ) -> AsyncIterator[VerifiedUser]:
        """A transaction in which an identity provider has proved who a user is, by `methods`; `mfa` is a second factor.

        `linked_user` looks up the user of the person. `unknown` is said of a person who is no user. Raises
        `Unauthorized`.
        """
        async with self._database.transaction() as connection:
            user_id = await linked_user(connection)
            user = None if user_id is None else await repository.find_user(connection, user_id, lock=True)
            if user is not None and await linked_user(connection) != user_id:
                user = None  # the link was removed while this transaction waited for the lock
            at = clock.now()
            refusal = _refusal(user, methods, unknown)
            if user is not None and refusal is None:
                await self._record(connection, user, "user.sign_in", at)
                yield VerifiedUser(user, methods, at, connection)
        if refusal is not None:
            async with self._database.transaction() as connection:
                await self._record(connection, user, "user.sign_in_refused", at)
            raise Unauthorized(refusal)

    @asynccontextmanager
    async def proving_again(self, user_id: str, address: str, code: str) -> AsyncIterator[VerifiedUser]:
        """A transaction in which a user who is signed in has proved the second factor again; the code is used up.

        `code`: of the authenticator app, or a recovery code. Raises `Unauthorized`, `SignInThrottled`.
        """
        async with self._database.reading() as connection:
            found = await repository.find_user(connection, user_id)
        if found is None:
            raise Unauthorized(REFUSED)
        login = (await repository.opened(self._secrets.keys, found)).login or ""
        attempt = SignInAttempt.of(login, "", address, code)
        await self._limits.begin(login, address)
        proved = False
        async with self._database.transaction() as connection:
            user = await repository.find_user(connection, user_id, lock=True)
            at = clock.now()
            if user is not None and user.is_active:
                stored = await repository.credentials_of(connection, user_id)
                proved = await self._second_factor(connection, user, stored, attempt, at)
            if user is not None and proved:
                await self._record(connection, user, "user.step_up", at)
                yield VerifiedUser(user, ("otp",), at, connection)
                await self._limits.succeeded(connection, login, address)
        if not proved:
            await self._refuse(user, at)

    async def enrol(self, attempt: SignInAttempt) -> tuple[str, str]:
        """A new secret for an authenticator app, and its address for a QR code; `confirm` makes it the second factor.

        Who has a second factor must prove it. Raises as `signing_in`.
        """
        async with self._verified(attempt) as verified:
            user, secret = verified.user, new_secret()
            login = (await repository.opened(self._secrets.keys, user)).login or ""
            values = {"pending_totp_secret": await self._secrets.seal(PENDING_TOTP_SECRET, secret, user.user_id)}
            await repository.change_user(verified.connection, user.user_id, values)
            await self._record(verified.connection, user, "user.enrol_second_factor", verified.at)
        return secret, provisioning_uri(secret, login)

    async def confirm(self, attempt: SignInAttempt) -> list[str]:
        """Make the new secret the second factor by a first code; returns recovery codes, which are shown once.

        Raises `Conflict` where `enrol` was not called, `Invalid` for a code that is wrong, and as `signing_in`.
        """
        first = attempt.code or ""
        password_alone = SignInAttempt(attempt.login, attempt.password, attempt.address)
        async with self._verified(password_alone, factor_proved=True) as verified:
            user, connection = verified.user, verified.connection
            pending = (await repository.credentials_of(connection, user.user_id)).pending_totp_secret
            if pending is None:
                raise Conflict("there is no new second factor to confirm; begin with POST /v1/auth/totp")
            secret = await self._secrets.opened(PENDING_TOTP_SECRET, pending, user.user_id)
            step = accepted_step(secret, first, verified.at, None)
            if step is None:
                raise Invalid.field("code", "is not the current code of the new secret; check the clock of the device")
            codes = new_recovery_codes()
            values = {
                "totp_secret": await self._secrets.seal(TOTP_SECRET, secret, user.user_id),
                "pending_totp_secret": None,
                "totp_step": step,
                "second_factor_at": verified.at,
                "signed_out_at": just_after(verified.at),
                "updated_at": verified.at,
            }
            await repository.change_user(connection, user.user_id, values)
            hashes = [recovery_code_hash(one) for one in codes]
            await repository.replace_recovery_codes(connection, user.user_id, hashes, verified.at)
            await self._record(connection, user, "user.confirm_second_factor", verified.at)
        return codes

    async def change_password(self, attempt: SignInAttempt, new_password: str) -> None:
        """Change the own password; ends every session of the user. Raises `Invalid`, and as `signing_in`."""
        async with self._verified(attempt) as verified:
            user = verified.user
            try:
                accepted = accepted_password(
                    new_password,
                    login=attempt.login.strip().lower(),
                    display_name=user.display_name,
                    second_factor=user.needs_second_factor,
                )
            except WeakPassword as error:
                raise Invalid.field("new_password", str(error)) from None
            if accepted == normalize(attempt.password):
                raise Invalid.field("new_password", "must be another password than the one before")
            values = {
                "password_hash": await self.passwords.hash(accepted),
                "must_change_password": False,
                "signed_out_at": just_after(verified.at),
                "updated_at": verified.at,
            }
            await repository.change_user(verified.connection, user.user_id, values)
            await self._record(verified.connection, user, "user.change_password", verified.at)

    @asynccontextmanager
    async def _verified(self, attempt: SignInAttempt, *, factor_proved: bool = False) -> AsyncIterator[VerifiedUser]:
        """A transaction in which the user has proved the password, and the second factor if there is one.

        `factor_proved`: a second factor was proved when what is confirmed began.
        """
        login = attempt.login.strip().lower()
        await self._limits.begin(login, attempt.address)
        async with self._database.reading() as connection:
            known = await repository.user_with_login(connection, self._secrets.keys, login)
            before = await repository.credentials_of(connection, None if known is None else known.user_id)
        is_right = await self.passwords.verify(attempt.password, before.password_hash)
        if known is None or not known.is_active or not is_right:
            await self._refuse(known, clock.now())
        async with self._database.transaction() as connection:
            user = await repository.find_user(connection, known.user_id, lock=True)
            at = clock.now()  # not before the lock: sessions may have been ended while this transaction waited
            now = await repository.credentials_of(connection, known.user_id)
            if user is None or not user.is_active or now.password_hash != before.password_hash:
                raise Unauthorized(REFUSED)  # changed since the password was read
            methods: tuple[str, ...] = ("pwd",)
            if user.second_factor_at is not None and not factor_proved:
                if attempt.code is None and attempt.recovery_code is None:
                    raise SignInIncomplete(SignInIncomplete.example, extensions={"next": "second-factor"})
                proved = await self._second_factor(connection, user, now, attempt, at)
                methods = ("pwd", "otp") if proved else ()
            if methods:
                yield VerifiedUser(user, methods, at, connection)
                await self._limits.succeeded(connection, login, attempt.address)
        if not methods:
            await self._refuse(user, at)

    async def _second_factor(
        self, connection: AsyncConnection, user: User, stored: Credentials, attempt: SignInAttempt, at: datetime
    ) -> bool:
        """Whether the code or recovery code is right; it is used up then."""
        if attempt.code is not None and stored.totp_secret is not None:
            secret = await self._secrets.opened(TOTP_SECRET, stored.totp_secret, user.user_id)
            step = accepted_step(secret, attempt.code, at, stored.totp_step)
            return step is not None and await repository.accept_step(connection, user.user_id, step)
        if attempt.recovery_code is None:
            return False
        code_hash = recovery_code_hash(attempt.recovery_code)
        return await repository.use_recovery_code(connection, user.user_id, code_hash, at)

    async def _refuse(self, user: User | None, at: datetime) -> NoReturn:
        async with self._database.transaction() as connection:
            await self._record(connection, user, "user.sign_in_refused", at)
        raise Unauthorized(REFUSED)

    async def _record(self, connection: AsyncConnection, user: User | None, act: str, at: datetime) -> None:
        caller = _NOBODY if user is None else user.caller
        await fetch(connection, audit.record(caller, act, None, {"user_id": caller.actor_id}, at))


def _refusal(user: User | None, methods: tuple[str, ...], unknown: str) -> str | None:
    """Why a person whom an identity provider proved does not sign in; `None`: it does."""
    if user is None:
        return unknown
    if not user.is_active:
        return "the user is disabled"
    if not user.is_signed_in_by(methods):
        return "you sign in with a second factor, and the identity provider states none"
    return None
