"""Secrets as earlier releases encrypted them: Fernet (AES-128-CBC and HMAC-SHA256) with the keys of the file provider.

They are decrypted only: `ginja crypto rotate` seals them with data keys.
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.errors import DecryptionError
from core.field_encryption import named_keys
from core.settings import Settings

_FERNET_VERSION = b"gA"
"""Start of a token: the version 0x80 in base64. No sealed value begins so."""


def is_fernet(stored: bytes) -> bool:
    """Whether a stored value was encrypted by an earlier release."""
    return stored.startswith(_FERNET_VERSION)


class Encryption:
    """Decrypts with any key."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys: MultiFernet | None = None

    def decrypt(self, stored: bytes) -> str:
        """A secret in clear. Raises `DecryptionError`."""
        try:
            return self._ring().decrypt(stored).decode()
        except InvalidToken:
            raise DecryptionError(
                "a stored secret was encrypted with another key; give API and worker the same GINJA_ENCRYPTION_KEYS"
            ) from None

    def _ring(self) -> MultiFernet:
        if self._keys is None:
            self._keys = MultiFernet([Fernet(key) for key in named_keys(self._settings, make=False)])
        return self._keys
