"""The data keys of a process: unwrapped once, kept in memory for a bounded time, few at a time."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeAlias

from core import clock
from core.errors import (
    DecryptionError,
    KeyMissingError,
    KeyProviderUnavailableError,
    MasterKeyError,
    SettingsError,
    UnsafeFileError,
)
from core.field_encryption.providers import KeyProvider, WrappedKey
from core.field_encryption.sealing import KEY_BYTES, SealingKey

MAX_KEYS: Final = 64
MAX_AGE: Final = timedelta(minutes=10)
"""How long an unwrapped key is used: a provider that refuses a key stops it within this time."""
REFRESH_AFTER: Final = timedelta(minutes=5)
"""Age at which a key is unwrapped again while it is used: a provider may be unavailable that long without effect."""
ASK_AGAIN_AFTER: Final = timedelta(seconds=5)
"""How long a provider that was unavailable is not asked: requests meanwhile fail at once."""
CURRENT_FOR: Final = timedelta(seconds=30)
"""How long a key counts as the newest of its purpose without another look: after a rotation it is used no longer."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A data key as it is stored."""

    key_id: int
    purpose: str
    """What it encrypts, such as `members`."""
    wrapped: bytes
    provider: str = "file"
    """Name of the provider that wrapped it."""

    @property
    def context(self) -> str:
        """What the provider binds the wrapped key to."""
        return key_context(self.purpose, self.key_id)


def key_context(purpose: str, key_id: int) -> str:
    """The context of the data key with this id."""
    return f"ginja/{purpose}/{key_id}"


WrapNew: TypeAlias = Callable[[int, Sequence[StoredKey]], WrappedKey]
"""Wraps a new data key for its id. Given are also the newest of all keys that are stored and the newest of the same
provider: a process that cannot unwrap them must not store another."""


class KeySource(Protocol):
    """Where data keys are stored."""

    def stored(self, key_id: int) -> StoredKey | None:
        """The key with this id."""

    def newest(self, purpose: str) -> StoredKey | None:
        """The newest key of a purpose."""

    def ids(self, purpose: str) -> Sequence[int]:
        """The ids of all keys of a purpose, newest first."""

    def latest(self) -> StoredKey | None:
        """The newest key of any purpose."""

    def add(self, purpose: str, provider: str, wrap: WrapNew, after: int) -> StoredKey:
        """Store a key of a purpose, wrapped for its id, or return the newest where that has an id beyond `after`."""


class NamedProviders(Protocol):
    """The providers of a ring (`KeyProviders`)."""

    @property
    def current(self) -> KeyProvider:
        """Wraps what is new."""

    def named(self, name: str) -> KeyProvider:
        """The provider that wrapped a data key."""


class KeyRing:
    """Unwrapped data keys. Threads may share it; each method but `cached` may take as long as database and provider.

    Those raise `KeyProviderUnavailableError` where a key is not in memory and its provider cannot be asked.
    """

    def __init__(self, providers: NamedProviders, source: KeySource) -> None:
        self.providers = providers
        self._source = source
        self._unavailable: dict[str, tuple[datetime, str]] = {}
        self._keys: dict[int, tuple[datetime, SealingKey]] = {}
        self._current: dict[str, tuple[datetime, int]] = {}
        self._lock = threading.Lock()

    def cached(self, key_id: int) -> SealingKey | None:
        """The key, if it was unwrapped less than `MAX_AGE` ago."""
        found = self._keys.get(key_id)
        if found is None or clock.now() - found[0] >= MAX_AGE:
            return None
        return found[1]

    def is_aging(self, key_id: int) -> bool:
        """Whether a key in memory should be unwrapped again, before it is too old."""
        found = self._keys.get(key_id)
        return found is not None and clock.now() - found[0] >= REFRESH_AFTER

    def refresh(self, key_id: int) -> None:
        """Unwrap a key again. Raises as `key` does; then the one in memory is used until it is too old."""
        with self._lock:
            self._unwrapped(self._stored(key_id))

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

    def replace(self, purpose: str, after: int) -> SealingKey:
        """The newest key of a purpose, made where the newest has an id up to `after`."""
        with self._lock:
            return self._used(self._made(purpose, after))

    def ids(self, purpose: str) -> Sequence[int]:
        """The ids of all keys of a purpose, newest first."""
        return self._source.ids(purpose)

    def key(self, key_id: int) -> SealingKey:
        """The key with this id; raises `KeyMissingError` where there is none, and what the provider raises."""
        found = self.cached(key_id)
        if found is not None:
            return found
        with self._lock:
            found = self.cached(key_id)
            if found is not None:
                return found
            return self._unwrapped(self._stored(key_id))

    def check(self) -> None:
        """Unwrap the newest data key of any purpose.

        Raises `MasterKeyError` where this process has another master key or none. There may be no data key yet.
        """
        with self._lock:
            latest = self._source.latest()
            if latest is None:
                return
            try:
                self._unwrapped(latest)
            except (DecryptionError, SettingsError, UnsafeFileError) as error:
                raise MasterKeyError(
                    f"data key {latest.key_id} cannot be unwrapped: {error}. Give this process the master key of the "
                    "other processes: GINJA_ENCRYPTION_KEYS, or their file encryption.key in GINJA_HOME; with Vault or "
                    "AWS KMS, the same key provider"
                ) from None

    def current(self, purpose: str) -> SealingKey:
        """The key that encrypts for a purpose now; the first one is made.

        It is not made by a process that cannot unwrap what is stored: then this raises as `key` does.
        """
        found = self.cached_current(purpose)
        if found is not None:
            return found
        with self._lock:
            newest = self._source.newest(purpose) or self._made(purpose)
            return self._used(newest)

    def _stored(self, key_id: int) -> StoredKey:
        stored = self._source.stored(key_id)
        if stored is None:
            raise KeyMissingError(f"data key {key_id} is missing; restore the table data_keys from a backup")
        return stored

    def _used(self, stored: StoredKey) -> SealingKey:
        key = self.cached(stored.key_id) or self._unwrapped(stored)
        self._current[stored.purpose] = clock.now(), stored.key_id
        return key

    def _made(self, purpose: str, after: int = 0) -> StoredKey:
        key = os.urandom(KEY_BYTES)

        def wrap(key_id: int, stored: Sequence[StoredKey]) -> WrappedKey:
            for one in stored:
                self._unwrapped(one)
            with self._asked(self.providers.current.name):
                return self.providers.current.wrap(key, key_context(purpose, key_id))

        return self._source.add(purpose, self.providers.current.name, wrap, after)

    def _unwrapped(self, stored: StoredKey) -> SealingKey:
        with self._asked(stored.provider):
            raw = self.providers.named(stored.provider).unwrap(stored.wrapped, stored.context)
        key = SealingKey(stored.key_id, raw)
        kept = {key_id: one for key_id, one in self._keys.items() if clock.now() - one[0] < MAX_AGE}
        for key_id in sorted(kept, key=lambda key_id: kept[key_id][0])[: max(0, len(kept) - MAX_KEYS + 1)]:
            del kept[key_id]
        self._keys = kept | {stored.key_id: (clock.now(), key)}
        return key

    @contextmanager
    def _asked(self, provider: str) -> Iterator[None]:
        """Ask a provider, unless it was unavailable a moment ago."""
        until, why = self._unavailable.get(provider, (None, ""))
        if until is not None and clock.now() < until:
            raise KeyProviderUnavailableError(why)
        try:
            yield
        except KeyProviderUnavailableError as error:
            self._unavailable[provider] = clock.now() + ASK_AGAIN_AFTER, str(error)
            raise
