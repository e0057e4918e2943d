"""The arithmetic features are written in: the same bits for one claim (Python numbers) and for many (NumPy columns).

Only + − × ÷ √, comparison and rounding to an integer: each of these has one right answer in IEEE 754, so a Python float
and a float64 column agree to the bit. Logarithms and sums of floats do not, and are not here.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np

from features.declare.derived_columns import AMOUNT_EDGES_CENTS

NAN = math.nan
_EDGES = np.array(AMOUNT_EDGES_CENTS, dtype=np.float64)


def is_column(value: Any) -> bool:
    """Whether `value` is a column of many claims rather than the value of one."""
    return isinstance(value, np.ndarray)


def as_float(value: Any) -> Any:
    """A float, or a float64 column; a sequence (a histogram) passes as it is."""
    kind = type(value)
    if kind is int or kind is bool:
        return float(value)
    if isinstance(value, np.ndarray):
        return value.astype(np.float64)
    return value


def ratio(numerator: Any, denominator: Any) -> Any:
    """The quotient; NaN where the denominator is not above zero."""
    if isinstance(denominator, np.ndarray) or isinstance(numerator, np.ndarray):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(denominator > 0, np.divide(numerator, denominator), NAN)
    return numerator / denominator if denominator > 0 else NAN


def where(condition: Any, then: Any, otherwise: Any) -> Any:
    """`then` where the condition holds, else `otherwise`."""
    if isinstance(condition, np.ndarray):
        return np.where(condition, then, otherwise)
    return then if condition else otherwise


def flag(condition: Any) -> Any:
    """1.0 where the condition holds, else 0.0."""
    if isinstance(condition, np.ndarray):
        return condition.astype(np.float64)
    return 1.0 if condition else 0.0


def maximum(left: Any, right: Any) -> Any:
    """The greater of two numbers; neither is NaN."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return np.maximum(left, right)
    return max(left, right)


def minimum(left: Any, right: Any) -> Any:
    """The smaller of two numbers; neither is NaN."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return np.minimum(left, right)
    return min(left, right)


def sqrt(value: Any) -> Any:
    """The square root; NaN below zero."""
    if isinstance(value, np.ndarray):
        with np.errstate(invalid="ignore"):
            return np.sqrt(value)
    return math.sqrt(value) if value >= 0 else NAN


def floor(value: Any) -> Any:
    """The greatest whole number not above a finite `value`."""
    if isinstance(value, np.ndarray):
        return np.floor(value)
    return float(math.floor(value))


def since(now_us: Any, then_us: Any, unit_us: float) -> Any:
    """Time from `then_us` to `now_us` in units of `unit_us` microseconds; NaN where there was no then (0)."""
    return where(then_us > 0, (now_us - then_us) / unit_us, NAN)


def standard_score(value: Any, count: Any, total: Any, squares: Any, *, fewest: float, least_deviation: float) -> Any:
    """How many standard deviations `value` lies from the mean of `count` values with that sum and sum of squares.

    NaN below `fewest` values. A spread below `least_deviation` counts as that much: a price everyone charges to the
    cent says little about the first who asks a cent more.
    """
    mean = ratio(total, count)
    variance = ratio(squares - total * mean, count - 1.0)
    spread = sqrt(maximum_or_nan(variance, least_deviation * least_deviation))
    return where(count >= fewest, ratio(value - mean, spread), NAN)


def maximum_or_nan(value: Any, floor_value: float) -> Any:
    """The greater of the two, NaN where `value` is."""
    return where(value < floor_value, floor_value, value)


def percentile(histogram: Sequence[Any], cents: Any) -> Any:
    """Share of the counted amounts below `cents`: whole buckets below it and half of its own; NaN of none.

    `histogram` holds a count (or a column of counts) for each bucket of `AMOUNT_EDGES_CENTS`.
    """
    if isinstance(cents, np.ndarray) and not isinstance(histogram[0], np.ndarray):
        counts = np.array(histogram, dtype=np.float64)
        bucket = np.searchsorted(_EDGES, cents, side="right")
        below = (np.cumsum(counts) - counts)[bucket] + counts[bucket] * 0.5
        return ratio(below, counts.sum())
    if isinstance(cents, np.ndarray):
        bucket = np.searchsorted(_EDGES, cents, side="right")
        below = np.zeros(len(cents))
        total = np.zeros(len(cents))
        for place, counts in enumerate(histogram):
            total += counts
            below += np.where(bucket > place, counts, np.where(bucket == place, np.multiply(counts, 0.5), 0.0))
        return ratio(below, total)
    own = bisect_right(AMOUNT_EDGES_CENTS, cents)
    return ratio(float(sum(histogram[:own])) + 0.5 * histogram[own], float(sum(histogram)))
