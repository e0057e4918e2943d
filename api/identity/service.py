"""Creating, authenticating and revoking API keys."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from api import request_context
from api.database import AUTHENTICATION, DATABASE_FAILURES, Database, Pipelined, acting_for, fetch
from api.errors import Forbidden, KeyQueueFull, PoolExhausted, Unauthorized
from api.identity import repository
from api.identity.last_use import LastUses
from api.identity.pins import VersionPin, latest_pin, pin_first
from api.identity.roles import MEMBER, PROVIDER, ROLES, Caller, Scope
from api.identity.secrets import PREFIX, is_well_formed, new_secret, secret_hash
from api.versions import CURRENT
from core import clock
from core.ids import new_id
from core.logging import get_logger

log = get_logger("api")

CACHE_S = 5.0
"""How long a valid key is not looked up again: a revoked key works at most this much longer."""

MONITOR_GRACE_S = 3_600.0
"""How long a key of monitoring works on while the database, which holds the keys, fails: metrics are needed then."""

_LOOKUP_FAILURES = (*DATABASE_FAILURES, KeyQueueFull, PoolExhausted, OSError)
_CACHED_KEYS = 1_024
_DOTS_OF_JWT = 2
"""API keys have none."""
_UNKNOWN_KEY = "the API key is unknown, expired or revoked; `ginja keys create` makes a new one"
_MALFORMED_KEY = f"the text sent is no API key: it was cut off or changed; send a key as it was shown, {PREFIX}…"

LIFETIME: Final = timedelta(days=365)
"""Of a key that is created without a time of its own."""
MAX_LIFETIME: Final = timedelta(days=3_650)
MAX_NAME: Final = 200
"""Characters of the name of a key."""


class UserTokens(Protocol):
    """What finds the user of an access token."""

    async def caller_of(self, token: str) -> Caller:
        """The signed-in user; raises `Unauthorized`."""


class Authenticator:
    """Authenticates callers by their API keys; caches valid and unknown ones for `CACHE_S`.

    A bearer token that is a JWT is that of a user, and left to `user_tokens`.
    """

    def __init__(
        self, database: Database, current_version: str = CURRENT, user_tokens: UserTokens | None = None
    ) -> None:
        """A key that is used for the first time is pinned to `current_version` of the API."""
        self._database = database
        self._user_tokens = user_tokens
        self._current_version = current_version
        self._cached: dict[bytes, tuple[float, Caller]] = {}
        self._unknown: dict[bytes, float] = {}
        self._looking_up: dict[bytes, asyncio.Task[Caller | None]] = {}
        self.uses = LastUses(database)

    async def authorize(self, request: Request, scope: Scope, *others: Scope) -> Caller:
        """The caller of a request, who must have `scope` or one of `others`; raises `Unauthorized`, `Forbidden`."""
        secret = sent_secret(request)
        try:
            caller = await self.authenticate(secret)
        except _LOOKUP_FAILURES:
            monitor = self._last_monitor(secret) if scope is Scope.MONITOR else None
            if monitor is None:
                raise
            caller = monitor
        request_context.identify(caller.actor_id, caller.name, caller.role)
        if not any(caller.may(one) for one in (scope, *others)):
            if not ROLES.get(caller.role, frozenset()).isdisjoint({scope, *others}):
                raise Forbidden(f"the key was created without scope {scope.value}; use another key")
            kind = "user" if caller.is_user else "key"
            raise Forbidden(f"a {kind} of role {caller.role} has no scope {scope.value}; use another {kind}")
        return caller

    async def authenticate(self, secret: str) -> Caller:
        """The holder of a secret; raises `Unauthorized`."""
        if self._user_tokens is not None and secret.count(".") == _DOTS_OF_JWT:
            return await self._user_tokens.caller_of(secret)
        if not is_well_formed(secret):
            raise Unauthorized(_MALFORMED_KEY)
        hashed = secret_hash(secret)
        cached = self._cached.get(hashed)
        if cached is not None and cached[0] > time.monotonic():
            return cached[1]
        if self._unknown.get(hashed, 0.0) > time.monotonic():
            raise Unauthorized(_UNKNOWN_KEY)
        looking_up = self._looking_up.get(hashed)
        if looking_up is None:  # requests that come with the same key at the same time share one look-up
            known_as = AUTHENTICATION if cached is None else cached[1].actor_id
            looking_up = asyncio.create_task(self._look_up(hashed, known_as))
            self._looking_up[hashed] = looking_up
            looking_up.add_done_callback(lambda done: self._end_look_up(hashed, done))
        caller = await asyncio.shield(looking_up)
        if caller is None:
            raise Unauthorized(_UNKNOWN_KEY)
        return caller

    async def pinned_version(self, request: Request) -> str | None:
        """The version that the key of a request is pinned to; `None` without a valid key. Raises as a look-up does."""
        try:
            return (await self.authenticate(sent_secret(request))).api_version
        except Unauthorized:
            return None  # the route says so

    async def caller_if_known(self, request: Request) -> Caller | None:
        """The holder of a request's key; `None` without a valid one, or while it cannot be looked up."""
        try:
            return await self.authenticate(sent_secret(request))
        except (Unauthorized, *_LOOKUP_FAILURES):
            return None  # the route says so

    def forget(self, api_key_id: str) -> None:
        """Look a key up again at its next request, because it has changed; other processes do within `CACHE_S`.

        To be called once the change is committed (`Database.after_commit`). What look-ups that are under way find may
        be older: it is not cached, and later requests do not wait for it.
        """
        self._cached = {key: value for key, value in self._cached.items() if value[1].actor_id != api_key_id}
        self._looking_up.clear()

    async def has_scope(self, request: Request, scope: Scope) -> bool:
        """Whether the request has a valid key with `scope`; false as well while keys cannot be looked up."""
        try:
            await self.authorize(request, scope)
        except (Unauthorized, Forbidden, *_LOOKUP_FAILURES):
            return False  # without a key, with another one, or one that cannot be looked up now
        return True

    def _last_monitor(self, secret: str) -> Caller | None:
        """The holder of a secret that was looked up in the last hour and may read metrics."""
        valid_until, caller = self._cached.get(secret_hash(secret), (0.0, None))
        recent = time.monotonic() < valid_until + MONITOR_GRACE_S
        return caller if recent and caller is not None and caller.may(Scope.MONITOR) else None

    async def _look_up(self, hashed: bytes, known_as: str) -> Caller | None:
        """The holder of a secret, cached if there is one, unless a key was changed meanwhile (`forget`)."""
        with acting_for(known_as):
            async with self._database.looking() as connection:
                at = clock.now()
                (caller,) = await connection.fetch(repository.caller_with(hashed, at))
                if caller is not None and caller.api_version is None:
                    caller = await self._pinned(connection, caller)
        if caller is not None:
            self.uses.note(caller.actor_id, at)
        if self._looking_up.get(hashed) is not asyncio.current_task():
            return caller
        self._cached.pop(hashed, None)
        if caller is not None:
            if len(self._cached) >= _CACHED_KEYS:
                self._cached.clear()
            self._cached[hashed] = (time.monotonic() + CACHE_S, caller)
        else:
            if len(self._unknown) >= _CACHED_KEYS:
                self._unknown.clear()
            self._unknown[hashed] = time.monotonic() + CACHE_S
        return caller

    def _end_look_up(self, hashed: bytes, done: asyncio.Task[Caller | None]) -> None:
        if self._looking_up.get(hashed) is done:
            del self._looking_up[hashed]

    async def _pinned(self, connection: Pipelined, caller: Caller) -> Caller:
        """The caller of a first request, pinned. A key works without its pin; the next look-up tries again."""
        try:
            (version,) = await connection.fetch(pin_first(caller.actor_id, self._current_version, clock.now()))
        except DATABASE_FAILURES as error:
            log.warning("pin_failed", api_key_id=caller.actor_id, error=type(error).__name__)
            return caller
        return caller if version is None else replace(caller, api_version=version)


async def create_key(
    database: Database,
    *,
    name: str,
    role: str,
    provider_id: str | None = None,
    member_id: str | None = None,
    expires_at: datetime | None = None,
    scopes: Collection[Scope] | None = None,
) -> tuple[str, str]:
    """Create a key; returns its id and its secret, which is not stored. Raises `ValueError`.

    `expires_at` is `LIFETIME` from now where it is not given; `scopes` are all of the role.
    """
    async with database.transaction() as connection:
        return await insert_key(
            connection,
            name=name,
            role=role,
            provider_id=provider_id,
            member_id=member_id,
            expires_at=expires_at,
            scopes=scopes,
        )


async def replace_key(database: Database, *, name: str, role: str) -> tuple[str, str]:
    """Revoke every key of this name and role and create a new one, together; returns its id and its secret.

    The new key has the version of the API that the last one was pinned to, and can undo its last upgrade.
    """
    async with database.transaction() as connection:
        pin = await fetch(connection, latest_pin(name, role))
        await repository.revoke_keys_named(connection, name, role, clock.now())
        return await insert_key(connection, name=name, role=role, pin=pin)


async def insert_key(
    connection: AsyncConnection,
    *,
    name: str,
    role: str,
    provider_id: str | None = None,
    member_id: str | None = None,
    expires_at: datetime | None = None,
    scopes: Collection[Scope] | None = None,
    pin: VersionPin | None = None,
) -> tuple[str, str]:
    """Create a key in a transaction, as `create_key`."""
    if role not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}, not {role}")
    if (role == PROVIDER) != (provider_id is not None):
        raise ValueError("a key of role provider needs a provider id, and no other key has one")
    if (role == MEMBER) != (member_id is not None):
        raise ValueError("a key of role member needs a member id, and no other key has one")
    if scopes is not None and not (scopes and ROLES[role].issuperset(scopes)):
        allowed = ", ".join(sorted(scope.value for scope in ROLES[role]))
        raise ValueError(f"scopes of a key of role {role} must be one or more of {allowed}")
    at = clock.now()
    ends = at + LIFETIME if expires_at is None else expires_at
    if ends > at + MAX_LIFETIME:
        raise ValueError(f"a key expires within {MAX_LIFETIME.days} days")
    api_key_id, secret = new_id("key"), new_secret()
    await repository.add_key(
        connection,
        api_key_id=api_key_id,
        secret_hash=secret_hash(secret),
        name=name,
        role=role,
        provider_id=provider_id,
        member_id=member_id,
        created_at=at,
        expires_at=ends,
        scopes=None if scopes is None else sorted(scope.value for scope in scopes),
        pin=pin,
    )
    return api_key_id, secret


async def list_keys(database: Database) -> Sequence[repository.ApiKey]:
    """Every key, the oldest first, without secrets."""
    async with database.reading() as connection:
        return await repository.all_keys(connection)


def sent_secret(request: Request) -> str:
    """The API key or access token of a request; raises `Unauthorized`."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return secret.strip()
    given = request.headers.get("x-api-key")
    if not given:
        raise Unauthorized(Unauthorized.example)
    return given
