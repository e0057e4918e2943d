"""What holds the master key.

A master key wraps the few data keys of the platform (table `data_keys`); these wrap the keys of members and seal other
fields. So a provider is asked once for each data key and process, not for each claim.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.errors import SettingsError
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as a master key encrypted it."""

    wrapped: bytes
    master_version: str
    """The version of the master key, as the provider names it."""


@dataclass(frozen=True, slots=True)
class BoundKey:
    """A wrapped data key with what it is bound to."""

    wrapped: bytes
    context: str


class KeyProvider(Protocol):
    """Wraps data keys. `context` says what a key is for; a wrapped key can be unwrapped with the same one only.

    Every method may take seconds, and raises `KeyProviderUnavailableError` where the provider cannot be asked now, and
    `DecryptionError`, `SettingsError` or `UnsafeFileError` where it has no usable master key.
    """

    name: str
    """Stored with the data keys that it wraps."""

    def wrap(self, key: bytes, context: str) -> WrappedKey:
        """Encrypt a data key with the newest master key."""

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """The data key; raises `DecryptionError` where it was wrapped by another master key or for another context."""

    def rewrap(self, keys: Sequence[BoundKey]) -> list[WrappedKey]:
        """Wrap data keys with the newest master key instead; raises as `unwrap` does."""

    def rotate(self) -> bool:
        """Make a new version of the master key. False: versions are not made here, but by whom the key belongs to."""


class KeyProviders:
    """The provider of the settings, and those that wrapped data keys before; none is asked for anything yet."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[str, KeyProvider] = {}
        self.current = self.named(settings.key_provider)
        """Wraps what is new."""

    def named(self, name: str) -> KeyProvider:
        """The provider that wrapped a data key. Raises `SettingsError` where no setting says how to reach it."""
        if name not in self._made:
            self._made[name] = _provider(self._settings, name)
        return self._made[name]


def _provider(settings: Settings, name: str) -> KeyProvider:
    if name == "file":
        from core.field_encryption.file_provider import FileKeyProvider

        return FileKeyProvider(settings)
    if name == "vault":
        from core.field_encryption.vault_provider import VaultKeyProvider

        return VaultKeyProvider.of(settings)
    if name == "aws-kms":
        from core.field_encryption.aws_kms_provider import AwsKmsKeyProvider

        return AwsKmsKeyProvider.of(settings)
    raise SettingsError(f"a data key was wrapped by the unknown key provider {name!r}; upgrade this program")
