"""Encryption of secrets that are stored and needed again in clear, such as the signing secrets of webhooks.

Values are encrypted with Fernet (AES-128-CBC and HMAC-SHA256) of the library `cryptography`. The keys come from
`GINJA_ENCRYPTION_KEYS`; without it, from a private file in the home, which is made when something is first encrypted.
"""

from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.errors import DecryptionError, SettingsError
from core.private_files import make_private, read_private
from core.settings import Settings

KEY_FILE: Final = "encryption.key"
"""In the home, where no keys are named by the settings."""


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
            named = self._settings.encryption_keys
            if named is not None:
                keys = [key.strip() for key in named.get_secret_value().split(",")]
            else:
                keys = [_key_of_home(self._settings.home, make=make)]
            self._keys = MultiFernet([Fernet(key) for key in keys])
        return self._keys


def _key_of_home(home: Path, *, make: bool) -> str:
    """The key in the home's file; made where it is missing, by one of several processes."""
    path = home / KEY_FILE
    try:
        if make:
            make_private(path, lambda: Fernet.generate_key().decode())
        return read_private(path)
    except FileNotFoundError:
        raise DecryptionError(
            f"{path} is missing, and GINJA_ENCRYPTION_KEYS is not set: stored secrets cannot be read"
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be used ({error.strerror}); set GINJA_ENCRYPTION_KEYS to a key of `openssl rand -base64 32`"
        ) from None
