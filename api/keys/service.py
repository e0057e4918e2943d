"""Administration of API keys. Each change is one transaction with its audit row.

Nobody gets the secret of a key that may do more than they may: one that was given fewer scopes than its role cannot get
the others by way of another key.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.audit import AuditedChange, Subject
from api.database import Database, fetch
from api.errors import Conflict, Forbidden, Invalid, NotFound
from api.field_keys import FieldKeys
from api.identity import (
    MAX_NAME,
    MEMBER,
    PROVIDER,
    ROLES,
    ApiKey,
    Authenticator,
    Caller,
    Scope,
    end_replaced,
    insert_key,
    keys_before,
    mark_revoked,
    one_key,
    read_pin,
    stored_scopes,
)
from api.keys.responses import ApiKeyOut
from api.paging import ListPage, PageCursor
from api.request_signing import copy_keys
from core import clock

MAX_OVERLAP: Final = timedelta(days=7)
"""The longest time for which a rotated key works beside the new one."""
DEFAULT_OVERLAP: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """What a new key is to be."""

    name: str
    role: str
    provider_id: str | None = None
    scopes: Collection[Scope] | None = None
    """`None`: all of the role."""
    expires_at: datetime | None = None
    """`None`: one year from now."""
    member_id: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key with its secret, which is not stored."""

    key: ApiKey
    secret: str


class Keys:
    """The service of API keys, for administrators over HTTP and for the command line."""

    def __init__(self, database: Database, keys: FieldKeys, authenticator: Authenticator | None = None) -> None:
        """`authenticator` looks changed keys up again; the one of other processes does within five seconds."""
        self._database = database
        self._keys = keys
        self._authenticator = authenticator

    async def create(self, by: Caller, new: KeyRequest, *, may_give: frozenset[Scope]) -> IssuedKey:
        """Create a key with scopes of `may_give` only; raises `Invalid`, `Forbidden`."""
        _require_fitting(new)
        _require_given(ROLES[new.role] if new.scopes is None else frozenset(new.scopes), may_give)
        async with self._database.transaction() as connection:
            issued = await _issue(connection, new)
            await self._audit(connection, by, "api_key.create", None, issued.key, {}, issued.key.created_at)
        return issued

    async def page(self, *, after: PageCursor | None, limit: int) -> ListPage[ApiKey]:
        """Keys, the newest first, without their secrets."""
        place = None if after is None else (after.received_at, after.item_id)
        async with self._database.reading() as connection:
            found = await keys_before(connection, place, limit + 1)
        shown = found[:limit]
        return ListPage(shown, PageCursor(shown[-1].created_at, shown[-1].api_key_id) if len(found) > limit else None)

    async def get(self, api_key_id: str) -> ApiKey:
        """A key without its secret; raises `NotFound`."""
        async with self._database.reading() as connection:
            return _found(await one_key(connection, api_key_id), api_key_id)

    async def rotate(
        self,
        by: Caller,
        api_key_id: str,
        *,
        may_give: frozenset[Scope],
        overlap: timedelta,
        expires_at: datetime | None = None,
    ) -> tuple[IssuedKey, ApiKey]:
        """Create a key like an earlier one, which ends after `overlap`; gives both.

        Raises `NotFound`, `Forbidden`, `Conflict`.

        Name, role, provider, scopes, signing keys and the version of the API are taken over, so that the client changes
        nothing but the secret.
        """
        at = clock.now()
        async with self._database.transaction() as connection:
            old = _found(await one_key(connection, api_key_id, locked=True), api_key_id)
            scopes = stored_scopes(old.scopes)
            _require_given(ROLES.get(old.role, frozenset()) if scopes is None else scopes, may_give)
            if old.replaced_by is not None:
                raise Conflict(f"the key was rotated to {old.replaced_by} already; rotate that one")
            if old.state_at(at) in ("expired", "revoked"):
                raise Conflict(f"the key is {old.state_at(at)}; create a new one")
            new = KeyRequest(old.name, old.role, old.provider_id, scopes, expires_at, member_id=old.member_id)
            issued = await _issue(connection, new, replaces=old)
            await copy_keys(connection, api_key_id, issued.key.api_key_id, at)
            ends = min(at + overlap, old.expires_at or at + overlap)
            await end_replaced(connection, api_key_id, replaced_by=issued.key.api_key_id, expires_at=ends)
            ended = _found(await one_key(connection, api_key_id), api_key_id)
            of: dict[str, JsonValue] = {"replaces": f"api_keys/{api_key_id}"}
            await self._audit(connection, by, "api_key.rotate", old, issued.key, of, issued.key.created_at)
        self._look_up_again(api_key_id)
        return issued, ended

    async def revoke(self, by: Caller, api_key_id: str) -> ApiKey:
        """Revoke a key, which no process accepts five seconds later; raises `NotFound`, `Conflict`."""
        at = clock.now()
        async with self._database.transaction() as connection:
            old = _found(await one_key(connection, api_key_id, locked=True), api_key_id)
            if old.revoked_at is not None:
                raise Conflict(f"the key was revoked at {old.revoked_at:%Y-%m-%dT%H:%M:%SZ} already")
            await mark_revoked(connection, api_key_id, at)
            ended = _found(await one_key(connection, api_key_id), api_key_id)
            await self._audit(connection, by, "api_key.revoke", old, ended, {}, at)
        self._look_up_again(api_key_id)
        return ended

    def _look_up_again(self, api_key_id: str) -> None:
        if (authenticator := self._authenticator) is not None:
            self._database.after_commit(lambda: authenticator.forget(api_key_id))

    async def _audit(
        self,
        connection: AsyncConnection,
        by: Caller,
        act: str,
        before: ApiKey | None,
        after: ApiKey,
        details: Mapping[str, JsonValue],
        at: datetime,
    ) -> None:
        """Record a change in its transaction. `before` is the key that was rotated or revoked."""
        about: dict[str, JsonValue] = {
            "subject": f"api_keys/{after.api_key_id}",
            "role": after.role,
            "scopes": None if after.scopes is None else [*after.scopes],
            "expires_at": None if after.expires_at is None else after.expires_at.isoformat(),
            **details,
        }
        change = AuditedChange(None if before is None else _as_json(before, at), _as_json(after, at))
        subject = Subject("api_key", after.api_key_id)
        await audit.record_change(connection, self._keys, by, act, about, at, change, subject=subject)


async def _issue(connection: AsyncConnection, new: KeyRequest, *, replaces: ApiKey | None = None) -> IssuedKey:
    pin = None if replaces is None else await fetch(connection, read_pin(replaces.api_key_id))
    api_key_id, secret = await insert_key(
        connection,
        name=new.name,
        role=new.role,
        provider_id=new.provider_id,
        member_id=new.member_id,
        expires_at=new.expires_at,
        scopes=new.scopes,
        pin=pin,
    )
    return IssuedKey(_found(await one_key(connection, api_key_id), api_key_id), secret)


def _require_fitting(new: KeyRequest) -> None:
    """Raise `Invalid` for a key that its role does not allow."""
    if new.role not in ROLES:
        raise Invalid.field("role", f"must be one of {', '.join(ROLES)}")
    if not 1 <= len(new.name) <= MAX_NAME:
        raise Invalid.field("name", f"must have 1 to {MAX_NAME} characters")
    if (new.role == PROVIDER) != (new.provider_id is not None):
        raise Invalid.field("provider_id", f"is required for role {PROVIDER}, and not allowed for any other role")
    if (new.role == MEMBER) != (new.member_id is not None):
        raise Invalid.field("member_id", f"is required for role {MEMBER}, and not allowed for any other role")
    if new.scopes is not None and not (new.scopes and ROLES[new.role].issuperset(new.scopes)):
        allowed = ", ".join(sorted(scope.value for scope in ROLES[new.role]))
        raise Invalid.field("scopes", f"must be one or more of those of role {new.role}: {allowed}")


def _require_given(scopes: frozenset[Scope], may_give: frozenset[Scope]) -> None:
    if beyond := sorted(scope.value for scope in scopes - may_give):
        raise Forbidden(f"your key does not have {', '.join(beyond)} itself; use a key that may do what the other may")


def _found(key: ApiKey | None, api_key_id: str) -> ApiKey:
    if key is None:
        raise NotFound(f"no key {api_key_id}; `GET /v1/keys` and `ginja keys list` show all keys")
    return key


def _as_json(key: ApiKey, at: datetime) -> dict[str, JsonValue]:
    """A key as responses show it, without its secret."""
    return ApiKeyOut.of(key, at).model_dump(mode="json")
