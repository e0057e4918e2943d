"""Columns derived from a single claim, defined once: as the SQL that every path runs and as plain Python."""

import math

AMOUNT_EDGES_CENTS: tuple[int, ...] = tuple(round(500 * 1.25**i) for i in range(48))
"""Edges of the amount buckets: from 5.00, each 25 % above the one before."""

AMOUNT_BUCKETS = len(AMOUNT_EDGES_CENTS) + 1
"""Amount buckets; a bucket holds the amounts from its lower edge up to, not including, the next edge."""

AGE_BAND_EDGES: tuple[int, ...] = (1, 6, 13, 18, 30, 45, 60, 75)
"""First year of each age band after the first."""


def log_e4(cents: int) -> int:
    """The natural logarithm of an amount in cents, in ten-thousandths, rounded to even."""
    return round(math.log(cents) * 10_000)


def age_band(age_years: int | None) -> str:
    """`"0"` to `"8"`; `"?"` where the age is missing."""
    if age_years is None:
        return "?"
    return str(sum(age_years >= edge for edge in AGE_BAND_EDGES))


def _amount_bucket() -> str:
    return " + ".join(f"(amount_cents >= {edge})::INT" for edge in AMOUNT_EDGES_CENTS)


def _case_age_band() -> str:
    arms = " + ".join(f"(age_years >= {edge})::INT" for edge in AGE_BAND_EDGES)
    return f"CASE WHEN age_years IS NULL THEN '?' ELSE ({arms})::VARCHAR END"


_LOG_E4 = "round_even(ln(amount_cents) * 10000, 0)::BIGINT"

DERIVED_SQL: dict[str, str] = {
    "log_e4": _LOG_E4,
    "log_e4_squared": f"{_LOG_E4} * {_LOG_E4}",
    "weekend": "(isodow(service_from) >= 6)::BIGINT",
    "age_band": _case_age_band(),
    "service_day": "service_from::VARCHAR",
    "amount_bucket": _amount_bucket(),
}
"""Derived column → DuckDB expression over the claims frame; the only definition of each."""
