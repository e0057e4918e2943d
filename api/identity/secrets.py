"""The text of an API key: a prefix by which it is recognized, random characters, and a checksum.

    gja_live_<43 random characters><6 characters of checksum>

The characters are those of base 62: 43 of them are 256 random bits. The checksum is the CRC-32 of everything before it
(zlib), so that a key that was cut off or mistyped is refused without a look-up, and scanners for secrets find few that
are none. It is not a secret and proves nothing: a key is valid if its hash is stored.
"""

import hashlib
import secrets
import zlib
from typing import Final

PREFIX: Final = "gja_live_"
EARLIER_PREFIX: Final = "gnj_"
"""Of keys made before 28 November 2026: they have no checksum, and are valid until they expire or are revoked."""

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM: Final = 43
_CHECKSUM: Final = 6
_LENGTH: Final = len(PREFIX) + _RANDOM + _CHECKSUM


def new_secret() -> str:
    """A new key."""
    text = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return text + _checksum(text)


def is_well_formed(secret: str) -> bool:
    """Whether a text may be a key: of the present form with its checksum, or of the earlier form, which has none."""
    if secret.startswith(EARLIER_PREFIX):
        return True
    if len(secret) != _LENGTH or not secret.isascii() or not secret.startswith(PREFIX):
        return False
    return _checksum(secret[:-_CHECKSUM]) == secret[-_CHECKSUM:]


def secret_hash(secret: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(secret.encode()).digest()


def _checksum(text: str) -> str:
    rest = zlib.crc32(text.encode())
    digits = []
    for _ in range(_CHECKSUM):
        rest, digit = divmod(rest, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
