"""The data keys of one process, for code that must not wait for them on the event loop."""

import asyncio

from api.field_keys.source import StoredDataKeys
from core.field_encryption import KeyRing, SealingKey, key_provider
from core.settings import Settings


class FieldKeys:
    """Data keys by id and by purpose. Keys in memory are returned at once; others are loaded in a thread.

    Methods raise errors of the database where a key cannot be loaded now, and what a `KeyProvider` raises.
    """

    def __init__(self, settings: Settings, database_url: str) -> None:
        self.ring = KeyRing(key_provider(settings), StoredDataKeys(database_url))

    async def key(self, key_id: int) -> SealingKey:
        """The key that encrypted a value."""
        found = self.ring.cached(key_id)
        return await asyncio.to_thread(self.ring.key, key_id) if found is None else found

    async def current(self, purpose: str) -> SealingKey:
        """The key that encrypts for a purpose now."""
        found = self.ring.cached_current(purpose)
        return await asyncio.to_thread(self.ring.current, purpose) if found is None else found
