"""Signing keys of actors: registering, listing and revoking them; accepting a signature once.

Each change is one transaction with its audit row. Nobody registers a key for an actor that may do more than they may.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.database import Database, apart_from_unit, fetch
from api.errors import Conflict, Forbidden, Invalid, NotFound, SignatureInvalid
from api.identity import Caller, Scope
from api.paging import ListPage, PageCursor
from api.request_signing import repository
from api.request_signing.components import SignableRequest
from api.request_signing.public_keys import WrongPublicKey, read_public_key
from api.request_signing.records import MAX_SIGNING_KEY_LIFE, SIGNING_KEY_LIFE, RequestSigningKey
from api.request_signing.verification import read_signature, verify_signature
from api.users import caller_of_actor
from core import clock
from core.ids import new_id

_UNKNOWN: Final = (
    "`keyid` is not that of a valid signing key of this API key: it is unknown, expired, revoked or of another one; "
    "`ginja keys signing-key list` shows them"
)


@dataclass(frozen=True, slots=True)
class SigningKeyRequest:
    """A public key to register."""

    actor_id: str
    public_key: str
    """In PEM."""
    name: str
    expires_at: datetime | None = None
    """`None`: one year from now."""


class RequestSigningKeys:
    """The service of signing keys, for administrators over HTTP and for the command line."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, by: Caller, new: SigningKeyRequest, *, may_give: frozenset[Scope]) -> RequestSigningKey:
        """Register a public key for an actor whose scopes are of `may_give`.

        Raises `Invalid`, `Forbidden`, `Conflict`.
        """
        at = clock.now()
        try:
            public = read_public_key(new.public_key)
        except WrongPublicKey as error:
            raise Invalid.field("public_key", str(error)) from None
        ends = at + SIGNING_KEY_LIFE if new.expires_at is None else new.expires_at
        if not at < ends <= at + MAX_SIGNING_KEY_LIFE:
            raise Invalid.field("expires_at", f"must be within {MAX_SIGNING_KEY_LIFE.days} days from now")
        key = RequestSigningKey(
            signing_key_id=new_id("sgk"),
            actor_id=new.actor_id,
            key_id=public.key_id,
            name=new.name,
            algorithm=public.algorithm,
            public_key=public.der,
            created_at=at,
            expires_at=ends,
            revoked_at=None,
        )
        registered = f"this public key is registered for {key.actor_id} already"
        async with self._database.transaction() as connection:
            actor = await caller_of_actor(connection, new.actor_id, at)
            if actor is None:
                raise Invalid.field("actor_id", "must be the id of a valid API key or of an active user")
            if beyond := sorted(scope.value for scope in actor.scopes - may_give):
                raise Forbidden(f"your key does not have {', '.join(beyond)} itself, which {new.actor_id} has")
            if await repository.is_revoked(connection, key.key_id):
                raise Conflict("this public key was revoked; make another one")
            if await repository.key_of(connection, key.actor_id, key.key_id) is not None:
                raise Conflict(registered)
            try:
                await repository.add_key(connection, key)
            except IntegrityError:
                raise Conflict(registered) from None  # registered at the same time
            await _audit(connection, by, "signing_key.create", key, at)
        return key

    async def page(
        self, *, after: PageCursor | None, limit: int, actor_id: str | None = None
    ) -> ListPage[RequestSigningKey]:
        """Keys, the newest first."""
        place = None if after is None else (after.received_at, after.item_id)
        async with self._database.reading() as connection:
            found = await repository.keys_before(connection, place, limit + 1, actor_id)
        shown = found[:limit]
        more = len(found) > limit
        return ListPage(list(shown), PageCursor(shown[-1].created_at, shown[-1].signing_key_id) if more else None)

    async def all(self) -> Sequence[RequestSigningKey]:
        """Every key, the newest first."""
        async with self._database.reading() as connection:
            return await repository.keys_before(connection, None, None)

    async def get(self, signing_key_id: str) -> RequestSigningKey:
        """A key; raises `NotFound`."""
        async with self._database.reading() as connection:
            return _found(await repository.one_key(connection, signing_key_id), signing_key_id)

    async def revoke(self, by: Caller, signing_key_id: str) -> RequestSigningKey:
        """Revoke a public key of every actor that has it, at once; raises `NotFound`, `Conflict`."""
        at = clock.now()
        async with self._database.transaction() as connection:
            key = _found(await repository.one_key(connection, signing_key_id, lock=True), signing_key_id)
            if key.revoked_at is not None:
                raise Conflict(f"the key was revoked at {key.revoked_at:%Y-%m-%dT%H:%M:%SZ} already")
            await repository.revoke_public_key(connection, key.key_id, at)
            await _audit(connection, by, "signing_key.revoke", key, at)
        return replace(key, revoked_at=at)

    async def accept(self, caller: Caller, request: SignableRequest) -> str:
        """Accept the signature of a request once; gives the `keyid`. Raises `SignatureRequired`, `SignatureInvalid`.

        The nonce is committed before the request is carried out: whatever becomes of it, no other process accepts it.
        """
        now = clock.now()
        stated = read_signature(request, now)
        with apart_from_unit():
            async with self._database.reading() as connection:
                key = await repository.key_of(connection, caller.actor_id, stated.key_id)
            if key is None or key.state_at(now) != "valid":
                raise SignatureInvalid(_UNKNOWN)
            verify_signature(request, stated, key)
            async with self._database.transaction() as connection:
                if not await repository.use_nonce(connection, stated.key_id, stated.nonce, now):
                    raise SignatureInvalid(SignatureInvalid.example)
        return stated.key_id


def _found(key: RequestSigningKey | None, signing_key_id: str) -> RequestSigningKey:
    if key is None:
        raise NotFound(f"no signing key {signing_key_id}; `GET /v1/signing-keys` shows all of them")
    return key


async def _audit(connection: AsyncConnection, by: Caller, act: str, key: RequestSigningKey, at: datetime) -> None:
    about: dict[str, JsonValue] = {
        "subject": f"request_signing_keys/{key.signing_key_id}",
        "actor": key.actor_id,
        "key_id": key.key_id,
        "expires_at": key.expires_at.isoformat(),
    }
    await fetch(connection, audit.record(by, act, None, about, at))
