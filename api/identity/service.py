"""Making, checking and ending API keys."""

import hashlib
import secrets
import time
from collections.abc import Sequence
from datetime import datetime

from starlette.requests import Request

from api.database import Database
from api.errors import Forbidden, Unauthorized
from api.identity import repository
from api.identity.roles import ROLES, Caller, Scope
from core import clock
from core.ids import new_id

REMEMBERED_S = 5.0
"""How long a valid key is cached without a database look-up: a revoked key works at most this much longer."""

_REMEMBERED_KEYS = 1_024


class Authenticator:
    """Knows callers by their keys, and remembers for a moment those it has just seen."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[bytes, tuple[float, Caller]] = {}

    async def admit(self, request: Request, scope: Scope) -> Caller:
        """The caller of a request, who must have `scope`; raises `Unauthorized`, `Forbidden`."""
        caller = await self.identify(_secret(request))
        if not caller.may(scope):
            raise Forbidden(f"a key of role {caller.role} has no scope {scope.value}; ask for another key")
        return caller

    async def identify(self, secret: str) -> Caller:
        """Whose secret this is; raises `Unauthorized`."""
        secret_hash = _hash(secret)
        remembered = self._seen.get(secret_hash)
        if remembered is not None and remembered[0] > time.monotonic():
            return remembered[1]
        async with self._database.reading() as connection:
            caller = await repository.caller_with(connection, secret_hash, clock.now())
        if caller is None:
            self._seen.pop(secret_hash, None)
            raise Unauthorized("the API key is not known, has expired or was revoked; `ginja keys create` makes one")
        if len(self._seen) >= _REMEMBERED_KEYS:
            self._seen.clear()
        self._seen[secret_hash] = (time.monotonic() + REMEMBERED_S, caller)
        return caller


async def create_key(
    database: Database, *, name: str, role: str, provider_id: str | None = None, expires_at: datetime | None = None
) -> tuple[str, str]:
    """Make a key; returns its id and its secret, which is shown this once and not kept."""
    if role not in ROLES:
        raise ValueError(f"there is no role {role}; take one of {', '.join(ROLES)}")
    if (role == "provider") != (provider_id is not None):
        raise ValueError("a provider's key names its provider, and no other key does")
    api_key_id, secret = new_id("key"), f"gnj_{secrets.token_urlsafe(32)}"
    async with database.transaction() as connection:
        await repository.add_key(
            connection,
            api_key_id=api_key_id,
            secret_hash=_hash(secret),
            name=name,
            role=role,
            provider_id=provider_id,
            created_at=clock.now(),
            expires_at=expires_at,
        )
    return api_key_id, secret


async def revoke_key(database: Database, api_key_id: str) -> bool:
    """End a key; says whether there was one to end."""
    async with database.transaction() as connection:
        return await repository.revoke_key(connection, api_key_id, clock.now())


async def list_keys(database: Database) -> Sequence[repository.ApiKey]:
    """Every key, the oldest first, without secrets."""
    async with database.reading() as connection:
        return await repository.all_keys(connection)


def _secret(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return secret.strip()
    given = request.headers.get("x-api-key")
    if not given:
        raise Unauthorized("send your API key as `Authorization: Bearer gnj_…` or as `X-API-Key`")
    return given


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
