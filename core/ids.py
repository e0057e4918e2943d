"""Prefixed identifiers that sort by creation time: `clm_06f2k3…`."""

import secrets

from core import clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


def new_id(prefix: str) -> str:
    """A new identifier: the prefix, 48 bits of milliseconds, 80 random bits, in 26 characters."""
    value = (clock.micros(clock.now()) // 1_000 << 80) | secrets.randbits(80)
    digits = []
    for _ in range(26):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return f"{prefix}_{''.join(reversed(digits))}"
