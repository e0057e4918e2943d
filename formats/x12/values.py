"""Values of elements: decimal numbers, dates, quantities, identifiers. Each returns `None` for what it cannot read."""

import hashlib
from datetime import date
from typing import Final

_DIGITS: Final = frozenset("0123456789")
MINUTES_A_UNIT: Final = 15
"""Of anesthesia time: SV103 `MJ` states minutes; Medicare pays a time unit for each 15 of them (42 CFR 414.46)."""


def is_digits(text: str) -> bool:
    """Whether a text is one or more ASCII digits."""
    return bool(text) and _DIGITS.issuperset(text)


def amount_text(text: str) -> str | None:
    """A decimal number (X12 type R) as an amount with two decimal places; `None` if it has more, a sign or none."""
    whole, point, fraction = text.partition(".")
    if (whole and not is_digits(whole)) or (fraction and not is_digits(fraction)) or not (whole or fraction):
        return None
    if point and not fraction and not whole:
        return None
    fraction = fraction.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return None if len(fraction) > 2 or len(whole) > 12 else f"{whole}.{fraction.ljust(2, '0')}"


def whole_number(text: str) -> tuple[int, bool] | None:
    """A positive quantity rounded up to a whole number, and whether it was rounded; `None` if it is none."""
    whole, _, fraction = text.partition(".")
    if (whole and not is_digits(whole)) or (fraction and not is_digits(fraction)) or not (whole or fraction):
        return None
    if len(whole) > 9:
        return None
    rounded = bool(fraction.strip("0"))
    found = int(whole or "0") + rounded
    return (found, rounded) if found > 0 else None


def time_units(minutes: int) -> int:
    """Anesthesia minutes as time units, rounded up."""
    return -(-minutes // MINUTES_A_UNIT)


def day(text: str) -> date | None:
    """A date written as CCYYMMDD (D8)."""
    if len(text) != 8 or not is_digits(text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def period(qualifier: str, text: str) -> tuple[date, date] | None:
    """A date (D8) or range of dates (RD8) as its first and last day."""
    if qualifier == "D8":
        only = day(text)
        return None if only is None else (only, only)
    if qualifier == "RD8":
        first, _, last = text.partition("-")
        begins, ends = day(first), day(last)
        return None if begins is None or ends is None or ends < begins else (begins, ends)
    return None


def is_identifier(text: str, longest: int) -> bool:
    """Whether a text can be an identifier: printable ASCII without blanks around it."""
    return 0 < len(text) <= longest and text.isascii() and text.isprintable() and text == text.strip()


def dependent_id(subscriber_id: str, birth_date: date, sex: str, given_name: str) -> str:
    """The member id of a dependent who has none of their own.

    5010 claims identify a dependent only by the subscriber's id and by birth date, sex and name. An 834 and an 837 give
    the same id for the same person; the personal data is not readable from it.
    """
    person = f"{birth_date.isoformat()}|{sex}|{given_name.strip().upper()}"
    return f"{subscriber_id}-{hashlib.sha256(person.encode()).hexdigest()[:8]}"


def signed_cents(text: str) -> int | None:
    """A decimal number with an optional minus sign, in cents; `None` if it is none or has more than two places."""
    amount = amount_text(text.removeprefix("-"))
    if amount is None:
        return None
    cents = int(amount.replace(".", ""))
    return -cents if text.startswith("-") else cents
