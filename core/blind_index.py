"""Keyed blind indexes: searching for values that are stored encrypted. Pure.

An entry of an index is HMAC-SHA-256 (RFC 2104) of a normalized value, with a key that is derived from a data key by
HKDF-SHA-256 (RFC 5869) for one index only. Equal values have equal entries within an index, and entries of two indexes
say nothing about each other. Without the key an entry cannot be computed from a guess.

Texts are normalized before: what a person types finds what another person wrote. Unicode NFKC, case, diacritics and
apostrophes are folded; any other punctuation, and white space, separates the parts of a name.
"""

import hashlib
import hmac
import struct
import unicodedata
from typing import Final

from core.field_encryption import SealingKey

_APOSTROPHES: Final = dict.fromkeys(map(ord, "'`\u2018\u2019\u201b\u02b9\u02bb\u02bc\u02bd\u2032\uff07"))
_ACUTE: Final = " \u0301"
"""The acute accent that is written for an apostrophe, as NFKC has it."""
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ı": "i", "ŧ": "t", "ς": "σ"}
)
"""Letters that Unicode does not decompose into a letter and a mark."""
_MARKS: Final = (range(10, 36), range(200, 241))
"""Combining classes of diacritics: points of Hebrew and Arabic, and marks above, below and through letters. Vowel signs
of other scripts, which tell names apart, have other classes."""
_LENGTH: Final = struct.Struct(">I")


def folded(text: str) -> str:
    """A text as it is compared; folding it again changes nothing."""
    while True:
        shown = "".join(one for one in text.translate(_APOSTROPHES) if unicodedata.category(one) != "Cf")
        composed = unicodedata.normalize("NFKC", shown).replace(_ACUTE, "")
        apart = unicodedata.normalize("NFKD", composed.casefold())
        bare = "".join(one for one in apart if not _is_diacritic(one)).translate(_LETTERS)
        again = unicodedata.normalize("NFKC", bare)
        if again == text:
            return text
        text = again  # what case folding or composition made may fold further


def name_parts(name: str) -> tuple[str, ...]:
    """The parts of a name, folded, sorted, each once: `García-López, Ana` and `ana lopez garcia` have the same."""
    spaced = "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in folded(name))
    return tuple(sorted(set(spaced.split())))


class BlindIndex:
    """One index under one data key. The key is not part of its own representation."""

    __slots__ = ("_key", "key_id", "name")

    def __init__(self, key: SealingKey, name: str) -> None:
        """`name` is that of the index, such as `members.name`: each has a key of its own."""
        self.key_id, self.name = key.key_id, name
        self._key = key.derived(f"blind index {name}")

    def entry(self, *values: str, bits: int = 256) -> bytes:
        """The entry of normalized values together, in their order; the first `bits` of it, in whole bytes.

        With few bits, different values share an entry: what is found is compared with the decrypted value.
        """
        if bits % 8 or not 8 <= bits <= 256:
            raise ValueError("bits must be a multiple of 8 from 8 to 256")
        message = b"".join(_LENGTH.pack(len(one)) + one for one in (value.encode() for value in values))
        return hmac.digest(self._key, message, hashlib.sha256)[: bits // 8]


def _is_diacritic(character: str) -> bool:
    combining = unicodedata.combining(character)
    return any(combining in classes for classes in _MARKS)
