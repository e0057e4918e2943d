"""The data keys of a process: unwrapped once, kept in memory for a bounded time, few at a time."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from core import clock
from core.errors import DecryptionError
from core.field_encryption.providers import KeyProvider, WrappedKey
from core.field_encryption.sealing import KEY_BYTES, SealingKey

MAX_KEYS: Final = 64
MAX_AGE: Final = timedelta(minutes=10)
"""How long an unwrapped key is used: a provider that refuses a key stops it within this time."""
CURRENT_FOR: Final = timedelta(seconds=30)
"""How long a key counts as the newest of its purpose without another look: after a rotation it is used no longer."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A data key as it is stored."""

    key_id: int
    purpose: str
    """What it encrypts, such as `members`."""
    wrapped: bytes

    @property
    def context(self) -> str:
        """What the provider binds the wrapped key to."""
        return key_context(self.purpose, self.key_id)


def key_context(purpose: str, key_id: int) -> str:
    """The context of the data key with this id."""
    return f"ginja/{purpose}/{key_id}"


class KeySource(Protocol):
    """Where data keys are stored."""

    def stored(self, key_id: int) -> StoredKey | None:
        """The key with this id."""

    def newest(self, purpose: str) -> StoredKey | None:
        """The newest key of a purpose."""

    def add(self, purpose: str, provider: str, wrap: Callable[[int], WrappedKey]) -> StoredKey:
        """Store the first key of a purpose, wrapped for its id, or return the newest where there is one."""


class KeyRing:
    """Unwrapped data keys. Threads may share it; each method but `cached` may take as long as database and provider."""

    def __init__(self, provider: KeyProvider, source: KeySource) -> None:
        self.provider = provider
        self._source = source
        self._keys: dict[int, tuple[datetime, SealingKey]] = {}
        self._current: dict[str, tuple[datetime, int]] = {}
        self._lock = threading.Lock()

    def cached(self, key_id: int) -> SealingKey | None:
        """The key, if it was unwrapped less than `MAX_AGE` ago."""
        found = self._keys.get(key_id)
        if found is None or clock.now() - found[0] >= MAX_AGE:
            return None
        return found[1]

    def cached_current(self, purpose: str) -> SealingKey | None:
        """The newest key of a purpose, if it was looked up less than `CURRENT_FOR` ago."""
        found = self._current.get(purpose)
        if found is None or clock.now() - found[0] >= CURRENT_FOR:
            return None
        return self.cached(found[1])

    def is_due(self, purpose: str) -> bool:
        """Whether the newest key of a purpose was looked up long ago enough to be looked up before it is needed."""
        found = self._current.get(purpose)
        return found is None or clock.now() - found[0] >= CURRENT_FOR / 2

    def renew(self, purpose: str) -> SealingKey:
        """As `current`, with another look."""
        with self._lock:
            return self._used(self._source.newest(purpose) or self._made(purpose))

    def key(self, key_id: int) -> SealingKey:
        """The key with this id; raises `DecryptionError` where there is none, and what the provider raises."""
        found = self.cached(key_id)
        if found is not None:
            return found
        with self._lock:
            found = self.cached(key_id)
            if found is not None:
                return found
            stored = self._source.stored(key_id)
            if stored is None:
                raise DecryptionError(f"data key {key_id} is missing; restore the table data_keys from a backup")
            return self._unwrapped(stored)

    def current(self, purpose: str) -> SealingKey:
        """The key that encrypts for a purpose now; the first one is made."""
        found = self.cached_current(purpose)
        if found is not None:
            return found
        with self._lock:
            newest = self._source.newest(purpose) or self._made(purpose)
            return self._used(newest)

    def _used(self, stored: StoredKey) -> SealingKey:
        key = self.cached(stored.key_id) or self._unwrapped(stored)
        self._current[stored.purpose] = clock.now(), stored.key_id
        return key

    def _made(self, purpose: str) -> StoredKey:
        key = os.urandom(KEY_BYTES)

        def wrap(key_id: int) -> WrappedKey:
            return self.provider.wrap(key, key_context(purpose, key_id))

        return self._source.add(purpose, self.provider.name, wrap)

    def _unwrapped(self, stored: StoredKey) -> SealingKey:
        key = SealingKey(stored.key_id, self.provider.unwrap(stored.wrapped, stored.context))
        kept = {key_id: one for key_id, one in self._keys.items() if clock.now() - one[0] < MAX_AGE}
        for key_id in sorted(kept, key=lambda key_id: kept[key_id][0])[: max(0, len(kept) - MAX_KEYS + 1)]:
            del kept[key_id]
        self._keys = kept | {stored.key_id: (clock.now(), key)}
        return key
