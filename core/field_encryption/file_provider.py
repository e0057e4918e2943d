"""Master keys of `GINJA_ENCRYPTION_KEYS`, or of a private file in the home that is made on first use."""

import base64
import hashlib
import os
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import DecryptionError, SettingsError
from core.field_encryption.providers import BoundKey, WrappedKey
from core.field_encryption.sealing import KEY_BYTES, SealingKey, key_id_of
from core.private_files import make_private, prepend_line, read_private
from core.settings import Settings

KEY_FILE: Final = "encryption.key"
"""In the home, where no keys are named by the settings: a key of 32 bytes in URL-safe base64 a line, newest first."""
_PURPOSE: Final = b"master key of data keys"


def named_keys(settings: Settings, *, make: bool) -> list[str]:
    """The keys as text, newest first.

    `make` makes the file where it is missing. Raises `DecryptionError` where there is none, and `SettingsError` where
    the file cannot be used; `UnsafeFileError` where other users can read it.
    """
    named = settings.encryption_keys
    if named is not None:
        return [key.strip() for key in named.get_secret_value().split(",")]
    path = settings.home / KEY_FILE
    try:
        if make:
            make_private(path, new_key)
        return read_private(path).split()
    except FileNotFoundError:
        raise DecryptionError(
            f"{path} is missing, and GINJA_ENCRYPTION_KEYS is not set: encrypted values cannot be read"
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be used ({error.strerror}); set GINJA_ENCRYPTION_KEYS to a key of `openssl rand -base64 32`"
        ) from None


def new_key() -> str:
    """32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


class FileKeyProvider:
    """Wraps with the first key, unwraps with any. Master keys are derived from the named ones by HKDF-SHA-256."""

    name = "file"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys: dict[int, SealingKey] = {}

    def wrap(self, key: bytes, context: str) -> WrappedKey:
        """See `KeyProvider`."""
        newest = _master(named_keys(self._settings, make=True)[0])
        self._keys[newest.key_id] = newest
        return WrappedKey(newest.seal(key, context.encode()), _name(newest))

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """See `KeyProvider`."""
        key_id = key_id_of(wrapped)
        if key_id not in self._keys:  # read again: a key may have been added since
            self._keys = {one.key_id: one for one in map(_master, named_keys(self._settings, make=False))}
        master = self._keys.get(key_id)
        if master is None:
            raise DecryptionError(
                "a data key was encrypted with a master key that this process does not have; give every process of the "
                "platform the same GINJA_ENCRYPTION_KEYS or encryption.key"
            )
        return master.open(wrapped, context.encode())

    def rewrap(self, keys: Sequence[BoundKey]) -> list[WrappedKey]:
        """See `KeyProvider`."""
        return [self.wrap(self.unwrap(one.wrapped, one.context), one.context) for one in keys]

    def rotate(self) -> bool:
        """See `KeyProvider`: puts a key before those of the file. Named keys are added to the setting instead."""
        if self._settings.encryption_keys is not None:
            return False
        named_keys(self._settings, make=True)
        path = self._settings.home / KEY_FILE
        try:
            prepend_line(path, new_key())
        except OSError as error:
            raise SettingsError(f"{path} cannot be changed ({error.strerror})") from None
        return True


def _master(key: str) -> SealingKey:
    raw = base64.urlsafe_b64decode(key)
    derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=_PURPOSE).derive(raw)
    return SealingKey(int.from_bytes(hashlib.sha256(derived).digest()[:4]), derived)


def _name(master: SealingKey) -> str:
    return f"{master.key_id:08x}"
