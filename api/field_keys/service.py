"""The data keys of one process, for code that must not wait for them on the event loop."""

import asyncio

from api.database import DATABASE_FAILURES
from api.field_keys.source import StoredDataKeys
from core.errors import CoreError
from core.field_encryption import KeyRing, SealingKey, key_provider
from core.logging import get_logger
from core.settings import Settings

log = get_logger("api")


class FieldKeys:
    """Data keys by id and by purpose. Keys in memory are returned at once; others are loaded in a thread.

    Methods raise errors of the database where a key cannot be loaded now, and what a `KeyProvider` raises.
    """

    def __init__(self, settings: Settings, database_url: str) -> None:
        self.ring = KeyRing(key_provider(settings), StoredDataKeys(database_url))
        self._renewals: dict[str, asyncio.Task[None]] = {}

    async def key(self, key_id: int) -> SealingKey:
        """The key that encrypted a value."""
        found = self.ring.cached(key_id)
        return await asyncio.to_thread(self.ring.key, key_id) if found is None else found

    async def current(self, purpose: str) -> SealingKey:
        """The key that encrypts for a purpose now.

        It is looked up again before it has to be, beside the work that asks for it: while there is work, none waits.
        """
        found = self.ring.cached_current(purpose)
        if found is None:
            return await asyncio.to_thread(self.ring.current, purpose)
        if self.ring.is_due(purpose) and purpose not in self._renewals:
            self._renewals[purpose] = asyncio.create_task(self._renew(purpose))
        return found

    async def prepare(self, purpose: str) -> None:
        """Load the key of a purpose if that is possible now, so that the first work does not wait for it."""
        await self._renew(purpose)

    async def renewed(self) -> None:
        """Wait for the look-ups that go on beside the work."""
        await asyncio.gather(*self._renewals.values())

    async def _renew(self, purpose: str) -> None:
        try:
            await asyncio.to_thread(self.ring.renew, purpose)
        except (*DATABASE_FAILURES, CoreError) as error:
            # The key in memory is used until it is too old; then the work itself gets the error.
            log.warning("data key not looked up again", purpose=purpose, error=type(error).__name__)
        finally:
            self._renewals.pop(purpose, None)
