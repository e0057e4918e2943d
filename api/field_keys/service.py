"""The data keys of one process, for code that must not wait for them on the event loop."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeAlias

from api.database import DATABASE_FAILURES
from api.errors import KeyProviderUnavailable
from api.field_keys.source import StoredDataKeys
from core import clock
from core.errors import (
    CoreError,
    DecryptionError,
    KeyMissingError,
    KeyProviderUnavailableError,
    SettingsError,
    UnsafeFileError,
)
from core.field_encryption import CURRENT_FOR, KeyProviders, KeyRing, SealingKey
from core.logging import get_logger
from core.settings import Settings

log = get_logger("api")

_Sought: TypeAlias = str | int
"""What is loaded: the current key of a purpose, or a key by its id."""


def check_master_key(settings: Settings, database_url: str) -> None:
    """Check, before a process begins to work, that it can unwrap the newest data key.

    Raises `MasterKeyError` or `SettingsError` where it never can. A key provider that is unavailable now is only
    logged: the process begins without it, and its work gets `KeyProviderUnavailable` until it is available.
    """
    try:
        KeyRing(KeyProviders(settings), StoredDataKeys(database_url)).check()
    except KeyProviderUnavailableError as error:
        log.warning("master key not checked", error=str(error))


class FieldKeys:
    """Data keys by id and by purpose. Keys in memory are returned at once; others are loaded in a thread.

    While there is work, keys are looked up and unwrapped again before they are too old, beside the work that needs
    them: it waits for database and key provider after a start only. Requests that need the same key load it once.

    Methods raise `KeyProviderUnavailable` and errors of the database where a key cannot be loaded, also where this
    process has another master key: that says nothing about what it encrypts, and another process may have it. A data
    key that is not stored is `KeyMissingError`: what it encrypted is lost, and no retry helps.
    """

    def __init__(self, settings: Settings, database_url: str) -> None:
        self.ring = KeyRing(KeyProviders(settings), StoredDataKeys(database_url))
        self._loading: dict[_Sought, asyncio.Task[SealingKey]] = {}
        self._ids: dict[str, tuple[datetime, Sequence[int]]] = {}
        self._renewals: dict[_Sought, asyncio.Task[None]] = {}

    async def key(self, key_id: int) -> SealingKey:
        """The key that encrypted a value."""
        found = self.ring.cached(key_id)
        if found is None:
            return await self._loaded(key_id, partial(self.ring.key, key_id))
        if self.ring.is_aging(key_id):
            self._beside(key_id, partial(self.ring.refresh, key_id))
        return found

    async def current(self, purpose: str) -> SealingKey:
        """The key that encrypts for a purpose now."""
        found = self.ring.cached_current(purpose)
        if found is None:
            return await self._loaded(purpose, partial(self.ring.current, purpose))
        if self.ring.is_due(purpose):
            self._beside(purpose, partial(self.ring.renew, purpose))
        if self.ring.is_aging(found.key_id):
            self._beside(found.key_id, partial(self.ring.refresh, found.key_id))
        return found

    async def all(self, purpose: str) -> list[SealingKey]:
        """Every key of a purpose: what is searched for by a blind index may be under any of them.

        One that was made less than `CURRENT_FOR` ago may be left out.
        """
        await self.current(purpose)
        return [await self.key(one) for one in await self._known_ids(purpose)]

    async def has(self, purpose: str, key_id: int) -> bool:
        """Whether a key of a purpose has this id, for ids that anybody may send: unknown ones are not looked up.

        A key that another process made less than `CURRENT_FOR` ago may not be found.
        """
        return (await self.current(purpose)).key_id == key_id or key_id in await self._known_ids(purpose)

    async def _known_ids(self, purpose: str) -> Sequence[int]:
        looked_up, ids = self._ids.get(purpose, (None, ()))
        if looked_up is None or clock.now() - looked_up >= CURRENT_FOR:
            looked_up, ids = clock.now(), await asyncio.to_thread(self.ring.ids, purpose)
            self._ids[purpose] = looked_up, ids
        return ids

    async def prepare(self, purpose: str) -> None:
        """Load the key of a purpose if that is possible now, so that the first work does not wait for it."""
        await self._renew(purpose, partial(self.ring.renew, purpose))

    async def renewed(self) -> None:
        """Wait for the look-ups that go on beside the work."""
        await asyncio.gather(*self._renewals.values())

    async def _loaded(self, sought: _Sought, load: Callable[[], SealingKey]) -> SealingKey:
        """What a thread loads; one that loads it already is waited for."""
        task = self._loading.get(sought)
        if task is None:
            task = self._loading[sought] = asyncio.create_task(asyncio.to_thread(load))
            task.add_done_callback(lambda _: self._loading.pop(sought, None))
        try:
            return await asyncio.shield(task)
        except KeyProviderUnavailableError as error:
            log.error("key provider unavailable", error=str(error))
            raise KeyProviderUnavailable(KeyProviderUnavailable.example) from None
        except KeyMissingError:
            raise
        except (DecryptionError, SettingsError, UnsafeFileError) as error:
            log.error("data key not loaded", key=sought, error=str(error))
            raise KeyProviderUnavailable(KeyProviderUnavailable.example) from None

    def _beside(self, sought: _Sought, load: Callable[[], object]) -> None:
        if sought not in self._renewals:
            task = self._renewals[sought] = asyncio.create_task(self._renew(sought, load))
            task.add_done_callback(lambda _: self._renewals.pop(sought, None))

    async def _renew(self, sought: _Sought, load: Callable[[], object]) -> None:
        try:
            await asyncio.to_thread(load)
        except (*DATABASE_FAILURES, CoreError) as error:
            # The key in memory is used until it is too old; then the work itself gets the error.
            log.warning("data key not looked up again", key=sought, error=type(error).__name__)
