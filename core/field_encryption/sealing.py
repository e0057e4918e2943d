"""Sealed values: AES-256-GCM (NIST SP 800-38D), bound to the place where they are stored.

A sealed value is `version (1 byte, 1) | key id (4 bytes, big-endian) | nonce (12) | ciphertext and tag (16)`. The place
(table, column, row) is associated data: a value that is copied to another row or column cannot be opened there.
Nonces are 96 random bits of the operating system, new for each value. A key seals fewer than 2^32 values, the limit of
section 8.3 for random nonces: a member's key seals the states of one member, and keys of tables are rotated.
"""

import os
import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import DecryptionError

KEY_BYTES: Final = 32
_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BI")
_NONCE_BYTES: Final = 12
_START: Final = _HEAD.size + _NONCE_BYTES
_TAG_BYTES: Final = 16


def place(table: str, column: str, row_id: str) -> bytes:
    """The associated data of a value. Names of tables and columns have no slash, so no two places are alike."""
    return f"{table}/{column}/{row_id}".encode()


def key_id_of(sealed: bytes) -> int:
    """The id of the key that sealed a value. Raises `DecryptionError`."""
    if len(sealed) < _START + _TAG_BYTES:
        raise DecryptionError("a stored value is too short to be an encrypted one")
    version, key_id = _HEAD.unpack_from(sealed)
    if version != _VERSION:
        raise DecryptionError(f"a stored value has the unknown encryption format {version}; upgrade this program")
    return int(key_id)


class SealingKey:
    """A key and its id, from 0 to 2^32 - 1. It is not part of its own representation."""

    __slots__ = ("_cipher", "_head", "_key", "key_id")

    def __init__(self, key_id: int, key: bytes) -> None:
        """`key` is 32 bytes."""
        self.key_id = key_id
        self._head = _HEAD.pack(_VERSION, key_id)
        self._key = key
        self._cipher = AESGCM(key)

    def seal(self, value: bytes, at: bytes) -> bytes:
        """The value as it is stored at a `place`."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._head + nonce + self._cipher.encrypt(nonce, value, self._head + at)

    def open(self, sealed: bytes, at: bytes) -> bytes:
        """The value that was sealed for a `place`. Raises `DecryptionError` where it was changed, moved or copied."""
        if key_id_of(sealed) != self.key_id:
            raise DecryptionError("a stored value was encrypted with another key than the one of its row")
        try:
            return self._cipher.decrypt(sealed[_HEAD.size : _START], sealed[_START:], self._head + at)
        except InvalidTag:
            raise DecryptionError(
                "a stored value was changed, belongs to another row, or was encrypted with another key"
            ) from None

    def derived(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose that is not sealing, by HKDF-SHA-256 (RFC 5869)."""
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(self._key)
