"""Money: integer cents inside, a plain decimal outside, never a float between."""

import re
from decimal import Decimal

MAX_CENTS = 100_000_000_00
"""Largest amount one claim may carry: one hundred million."""

_PLAIN = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,2})?", re.ASCII)


class MoneyError(ValueError):
    """An amount that cannot be read exactly; the message says what is wrong and what to send instead."""


def parse_cents(value: str | int | Decimal) -> int:
    """Read an amount as exact cents.

    Takes `"12.50"`, `12`, `Decimal("12.5")`. Refuses floats, exponents, other digits than ASCII's, more than two
    decimals, and what is beyond `MAX_CENTS` either way. Sign and zero are the caller's business.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise MoneyError(f"an amount is a decimal number or a string of one, not {type(value).__name__}")
    if isinstance(value, int):
        if abs(value) * 100 > MAX_CENTS:
            raise MoneyError(f"an amount is at most {format_cents(MAX_CENTS)}")
        return value * 100
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise MoneyError("an amount is a finite number")
        if value.adjusted() > 15:
            raise MoneyError(f"an amount is at most {format_cents(MAX_CENTS)}")
        value = format(value, "f")
        if "." in value:
            whole, fraction = value.split(".")
            value = f"{whole}.{fraction.rstrip('0')}".rstrip(".")
    text = value.strip(" ")
    if not _PLAIN.fullmatch(text):
        raise MoneyError("an amount has digits and at most two decimals, such as 1250.00")
    whole, _, fraction = text.lstrip("-").partition(".")
    cents = int(whole) * 100 + int(fraction.ljust(2, "0"))
    if cents > MAX_CENTS:
        raise MoneyError(f"an amount is at most {format_cents(MAX_CENTS)}")
    return -cents if text.startswith("-") else cents


def format_cents(cents: int) -> str:
    """`123456` → `"1234.56"`."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d}"
