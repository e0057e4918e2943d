"""Values as text for people, and the two forms of the wire that need care: amounts and instants.

Amounts are integer cents inside; `claims.money.format_cents` writes them exact to the cent, for messages.
"""

import math
from datetime import datetime

NOT_AVAILABLE = "–"
"""Placeholder for a value that is missing or not a number."""


def number(value: float | None) -> str:
    """Three significant digits; at 100 and above whole, with thousands separators; ∞ where it is infinite."""
    if value is None or math.isnan(value):
        return NOT_AVAILABLE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun: `1 entry`, `1,250 entries`; `plural` where it is not `noun` with an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def number_to_4_digits(value: float | None) -> str:
    """A whole number in full, any other with four significant digits; `missing` for a missing value."""
    if value is None:
        return "missing"
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,.4g}"


def number_to_3_decimals(value: float | None) -> str:
    """Three decimals; at 1,000 and above whole; empty for a missing value."""
    if value is None:
        return ""
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"


def percent(share: float | None) -> str:
    """A share (0 to 1) as a percentage with three significant digits."""
    return NOT_AVAILABLE if share is None or math.isnan(share) else f"{share * 100:.3g} %"


def percent_to_1_decimal(share: float | None) -> str:
    """A share (0 to 1) as a percentage with one decimal, so that a column of them lines up."""
    if share is None:
        return NOT_AVAILABLE
    return f"{share * 100:.1f} %" if share >= 0.001 or share == 0 else "< 0.1 %"


def percent_interval(low: float, high: float, level: float) -> str:
    """An interval of shares with its level."""
    return f"{level * 100:.0f} % interval {percent_to_1_decimal(low)} to {percent_to_1_decimal(high)}"


def money(cents: float | None) -> str:
    """Cents as whole currency units with thousands separators."""
    return NOT_AVAILABLE if cents is None else f"{cents / 100:,.0f}"


def json_amount(cents: int) -> float:
    """Cents as the JSON number with the same decimal digits: the shortest text of this float is exact to the cent."""
    return cents / 100


def json_instant(at: datetime | None) -> str | None:
    """An aware UTC instant as ISO 8601 with microseconds and a `Z`, such as `2026-03-02T10:15:00.000000Z`."""
    return None if at is None else at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def utc_minute(at: datetime) -> str:
    """An instant to the minute, such as `2026-03-02 10:15`."""
    return f"{at:%Y-%m-%d %H:%M}"


def utc_second(at: datetime) -> str:
    """An instant to the second, such as `2026-03-02 10:15:00`."""
    return f"{at:%Y-%m-%d %H:%M:%S}"
