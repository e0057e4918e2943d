"""Pins of clients: a key gets the version of its first call until it is upgraded; an upgrade can be undone for a time.

Each change is one transaction with its audit row.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.database import Database, fetch
from api.errors import Conflict, Invalid, NotFound
from api.identity import USER_PREFIX, Authenticator, Caller, VersionPin, change_pin, lock_pin, read_pin
from api.versions import PUBLISHED, VersionHistory
from core import clock

ROLLBACK_WINDOW: Final = timedelta(hours=72)
"""How long an upgrade can be undone; exactly this long after it is too late."""


@dataclass(frozen=True, slots=True)
class ClientVersion:
    """What a client gets, and what it may change."""

    version: str
    """The version of requests that name none."""
    pinned_at: datetime | None
    """When it got this version; `None`: not stored yet."""
    current: str
    supported: tuple[str, ...]
    previous: str | None
    """The version before the last upgrade, while it can be rolled back to."""
    rollback_until: datetime | None

    @classmethod
    def of(cls, pin: VersionPin, versions: VersionHistory, at: datetime) -> "ClientVersion":
        """What a pin means at an instant."""
        until = _rollback_until(pin, versions, at)
        return cls(
            version=versions.served(pin.version),
            pinned_at=pin.pinned_at,
            current=versions.current,
            supported=versions.supported,
            previous=None if until is None else pin.previous,
            rollback_until=until,
        )


class ClientVersions:
    """The service of the versions of clients."""

    def __init__(self, database: Database, authenticator: Authenticator, versions: VersionHistory) -> None:
        self._database = database
        self._authenticator = authenticator
        self._versions = versions

    async def of(self, caller: Caller) -> ClientVersion:
        """The version of the caller's key; raises `NotFound`."""
        async with self._database.reading() as connection:
            pin = _found(await fetch(connection, read_pin(caller.actor_id)), caller.actor_id)
        return ClientVersion.of(pin, self._versions, clock.now())

    async def upgrade(self, caller: Caller, version: str) -> ClientVersion:
        """Pin the caller's key to a newer version; raises `Invalid`, `Conflict`."""
        _require_supported(self._versions, version)
        at = clock.now()
        async with self._changing(caller.actor_id) as connection:
            pin = _found(await fetch(connection, lock_pin(caller.actor_id)), caller.actor_id)
            before = self._versions.served(pin.version)
            if version <= (pin.version or before):
                raise Conflict(
                    f"the key has version {before}; an upgrade names a newer one, and POST /v1/version:rollback undoes "
                    "the last one for 72 hours"
                )
            changed = _moved(before, version, at)
            await _store(connection, caller, caller.actor_id, "api_version.upgrade", before, changed, at)
        return ClientVersion.of(changed, self._versions, at)

    async def roll_back(self, caller: Caller) -> ClientVersion:
        """Undo the last upgrade of the caller's key within `ROLLBACK_WINDOW`; raises `Conflict`."""
        at = clock.now()
        async with self._changing(caller.actor_id) as connection:
            pin = _found(await fetch(connection, lock_pin(caller.actor_id)), caller.actor_id)
            if _rollback_until(pin, self._versions, at) is None:
                raise Conflict(
                    "the key has no upgrade of the last 72 hours to undo; X-API-Version names another version for one "
                    "request, and the operator pins the key with `ginja keys pin`"
                )
            changed = VersionPin(pin.previous, at)
            await _store(connection, caller, caller.actor_id, "api_version.rollback", pin.version, changed, at)
        return ClientVersion.of(changed, self._versions, at)

    @asynccontextmanager
    async def _changing(self, api_key_id: str) -> AsyncIterator[AsyncConnection]:
        """A transaction that changes the pin of a key, which is looked up again once that is committed, or may be."""
        try:
            async with self._database.transaction() as connection:
                yield connection
        finally:
            self._database.after_commit(lambda: self._authenticator.forget(api_key_id))


async def set_version(
    database: Database, operator: Caller, api_key_id: str, version: str, versions: VersionHistory = PUBLISHED
) -> ClientVersion:
    """Pin any key to any supported version, as its operator; raises `NotFound`, `Invalid`.

    A newer version than the key had counts as an upgrade, which its client may undo. The version that it has already
    changes nothing: what it may undo stays.
    """
    _require_supported(versions, version)
    at = clock.now()
    async with database.transaction() as connection:
        pin = _found(await fetch(connection, lock_pin(api_key_id)), api_key_id)
        if version == pin.version:
            return ClientVersion.of(pin, versions, at)
        before = None if pin.version is None else versions.served(pin.version)
        changed = _moved(before, version, at)
        await _store(connection, operator, api_key_id, "api_version.set", pin.version, changed, at)
    return ClientVersion.of(changed, versions, at)


def _moved(before: str | None, version: str, at: datetime) -> VersionPin:
    """Another pin of a client that got `before`, to which it can go back if `version` is newer."""
    if before is None or version <= before:
        return VersionPin(version, at)
    return VersionPin(version, at, previous=before, upgraded_at=at)


def _rollback_until(pin: VersionPin, versions: VersionHistory, at: datetime) -> datetime | None:
    """Until when the last upgrade can be undone; `None`: not any more, or there was none."""
    if pin.upgraded_at is None or pin.previous not in versions.supported:
        return None
    until = pin.upgraded_at + ROLLBACK_WINDOW
    return until if at < until else None


def _require_supported(versions: VersionHistory, version: str) -> None:
    if version not in versions.supported:
        raise Invalid.field("version", f"must be one of {', '.join(versions.supported)}")


def _found(pin: VersionPin | None, api_key_id: str) -> VersionPin:
    if pin is None and api_key_id.startswith(USER_PREFIX):
        raise NotFound("users have no version of their own; name one in X-API-Version, or get the current one")
    if pin is None:
        raise NotFound(f"no key {api_key_id}; `ginja keys list` shows all keys")
    return pin


async def _store(
    connection: AsyncConnection,
    by: Caller,
    api_key_id: str,
    act: str,
    before: str | None,
    pin: VersionPin,
    at: datetime,
) -> None:
    await fetch(connection, change_pin(api_key_id, pin))
    details: dict[str, JsonValue] = {"subject": f"api_keys/{api_key_id}", "before": before, "after": pin.version}
    await fetch(connection, audit.record(by, act, None, details, at))
