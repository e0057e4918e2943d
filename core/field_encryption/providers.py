"""What holds the master key.

A master key wraps the few data keys of the platform (table `data_keys`); these wrap the keys of members and seal other
fields. So a provider is asked once for each data key and process, not for each claim.
"""

from dataclasses import dataclass
from typing import Protocol

from core.settings import Settings


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as a master key encrypted it."""

    wrapped: bytes
    master_version: str
    """The version of the master key, as the provider names it."""


class KeyProvider(Protocol):
    """Wraps data keys. `context` says what a key is for; a wrapped key can be unwrapped with the same one only.

    Every method raises `DecryptionError`, `SettingsError` or `UnsafeFileError` where it has no usable master key.
    """

    name: str
    """Stored with the data keys that it wraps."""

    def wrap(self, key: bytes, context: str) -> WrappedKey:
        """Encrypt a data key with the newest master key."""

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """The data key; raises `DecryptionError` where it was wrapped by another master key or for another context."""


def key_provider(settings: Settings) -> KeyProvider:
    """The provider of the master key; it is not asked for anything yet."""
    from core.field_encryption.file_provider import FileKeyProvider

    return FileKeyProvider(settings)
