"""Encryption of secrets that are stored and needed again in clear, such as the signing secrets of webhooks.

Values are encrypted with Fernet (AES-128-CBC and HMAC-SHA256) of the library `cryptography`. The keys come from
`GINJA_ENCRYPTION_KEYS`; without it, from a private file in the home, which is made when something is first encrypted.
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.errors import DecryptionError
from core.field_encryption import named_keys
from core.settings import Settings


class Encryption:
    """Encrypts with the first key, decrypts with any."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys: MultiFernet | None = None

    def encrypt(self, value: str) -> bytes:
        """The value as it is stored; raises `SettingsError` where there is no key and none can be made."""
        return self._ring(make=True).encrypt(value.encode())

    def decrypt(self, stored: bytes) -> str:
        """The value of `encrypt`; raises `DecryptionError`."""
        try:
            return self._ring(make=False).decrypt(stored).decode()
        except InvalidToken:
            raise DecryptionError(
                "a stored secret was encrypted with another key; give API and worker the same GINJA_ENCRYPTION_KEYS"
            ) from None

    def _ring(self, *, make: bool) -> MultiFernet:
        if self._keys is None:
            self._keys = MultiFernet([Fernet(key) for key in named_keys(self._settings, make=make)])
        return self._keys
