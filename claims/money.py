"""Money: integer cents internally, decimal text externally, never a float."""

import re
from decimal import Decimal

MAX_CENTS = 100_000_000_00
"""Largest amount of one claim: one hundred million."""

_PLAIN = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,2})?", re.ASCII)
_MOST_DIGITS = len(str(MAX_CENTS))
_TOO_LARGE = f"must be at most {MAX_CENTS // 100}.00"
_NOT_MONEY = "must be a number with at most two decimal places, such as 1250.00"


class MoneyError(ValueError):
    """An amount that cannot be read exactly; the message says what is allowed."""


def parse_cents(value: str | int | Decimal) -> int:
    """Parse an amount to exact cents, in time linear in the digits of `value` whatever its exponent.

    Accepts `"12.50"`, `12`, `Decimal("12.5")`. Raises `MoneyError` for floats, non-ASCII digits, exponents in a string,
    more than two decimal places, and absolute values above `MAX_CENTS`. Callers check the sign.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise MoneyError(f"{_NOT_MONEY}, or a string of one")
    if isinstance(value, Decimal):
        cents = _scaled(value)
    elif isinstance(value, int):
        cents = value * 100
    else:
        text = value.strip(" ")
        if not _PLAIN.fullmatch(text):
            raise MoneyError(_NOT_MONEY)
        whole, _, fraction = text.lstrip("-").partition(".")
        cents = int(whole) * 100 + int(fraction.ljust(2, "0"))
        cents = -cents if text.startswith("-") else cents
    if abs(cents) > MAX_CENTS:
        raise MoneyError(_TOO_LARGE)
    return cents


def _scaled(value: Decimal) -> int:
    """Convert a decimal to cents without expanding its exponent: `Decimal("1E-999999999")` has a billion digits."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):  # NaN or infinity
        raise MoneyError(_NOT_MONEY)
    if not any(digits):
        return 0
    if value.adjusted() + 2 >= _MOST_DIGITS:
        raise MoneyError(_TOO_LARGE)
    kept = len(digits) + exponent + 2
    if kept <= 0 or any(digits[kept:]):
        raise MoneyError(_NOT_MONEY)
    scale: int = 10 ** max(0, exponent + 2)
    cents = int("".join(map(str, digits[:kept]))) * scale
    return -cents if sign else cents


def format_cents(cents: int) -> str:
    """`123456` → `"1234.56"`."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d}"
