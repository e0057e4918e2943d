"""The arithmetic of features: the same bits for one claim (Python numbers) and for many (NumPy columns).

Only + − × ÷ √, comparison and rounding to an integer: each has one correct result in IEEE 754, so a Python float and a
float64 column agree to the bit. Logarithms and sums of floats do not, and are not here.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import TypeVar, cast, overload

import numpy as np
from numpy.typing import NDArray

from features.declare.derived_columns import AMOUNT_EDGES_CENTS
from features.declare.values import Cell, Cells, Column, Condition, Value

NAN = math.nan
_EDGES = np.array(AMOUNT_EDGES_CENTS, dtype=np.float64)

Number = TypeVar("Number", Cell, Value)


def as_float(value: Cell | Cells) -> Value | Cells:
    """A float, or a float64 column; a histogram (a sequence, or a matrix) is returned unchanged."""
    if isinstance(value, int):
        return float(value)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value.astype(np.float64)
    return value


def ratio(numerator: Value, denominator: Value) -> Value:
    """The quotient; NaN where the denominator is not above zero."""
    if isinstance(denominator, np.ndarray) or isinstance(numerator, np.ndarray):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(denominator > 0, np.divide(numerator, denominator), NAN)
    return numerator / denominator if denominator > 0 else NAN


@overload
def where(condition: Condition, then: Cell, otherwise: Cell) -> Cell: ...
@overload
def where(condition: Condition, then: Value, otherwise: Value) -> Value: ...
def where(condition: Condition, then: Cell | Value, otherwise: Cell | Value) -> Cell | Value:
    """`then` where the condition holds, else `otherwise`."""
    if isinstance(condition, np.ndarray):
        return np.where(condition, then, otherwise)
    return then if condition else otherwise


def flag(condition: Condition) -> Value:
    """1.0 where the condition holds, else 0.0."""
    if isinstance(condition, np.ndarray):
        return condition.astype(np.float64)
    return 1.0 if condition else 0.0


@overload
def maximum(left: Cell, right: Cell) -> Cell: ...
@overload
def maximum(left: Value, right: Value) -> Value: ...
def maximum(left: Cell | Value, right: Cell | Value) -> Cell | Value:
    """The greater of two numbers; neither is NaN."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        greater: Column = np.maximum(left, right)
        return greater
    return max(left, right)


def minimum(left: Value, right: Value) -> Value:
    """The smaller of two numbers; neither is NaN."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        smaller: Column = np.minimum(left, right)
        return smaller
    return min(left, right)


def sqrt(value: Value) -> Value:
    """The square root; NaN below zero."""
    if isinstance(value, np.ndarray):
        with np.errstate(invalid="ignore"):
            root: Column = np.sqrt(value)
            return root
    return math.sqrt(value) if value >= 0 else NAN


def floor(value: Value) -> Value:
    """The greatest integer not above a finite `value`."""
    if isinstance(value, np.ndarray):
        return np.floor(value)
    return float(math.floor(value))


def since(now_us: Value, then_us: Value, unit_us: int) -> Value:
    """Time from `then_us` to `now_us` in units of `unit_us` microseconds; NaN where `then_us` is 0 (never)."""
    return where(then_us > 0, (now_us - then_us) / unit_us, NAN)


def standard_score(
    value: Value, count: Value, total: Value, squares: Value, *, min_count: float, min_deviation: float
) -> Value:
    """How many standard deviations `value` lies from the mean of `count` values with that sum and sum of squares.

    NaN below `min_count` values. A standard deviation below `min_deviation` is raised to it: where everyone charges the
    same price to the cent, a cent more says little.
    """
    mean = ratio(total, count)
    variance = ratio(squares - total * mean, count - 1.0)
    deviation = sqrt(at_least(variance, min_deviation * min_deviation))
    return where(count >= min_count, ratio(value - mean, deviation), NAN)


def at_least(value: Value, bound: float) -> Value:
    """The greater of the two; NaN where `value` is."""
    return where(value < bound, bound, value)


def percentile(histogram: Sequence[Cell], cents: Value) -> Value:
    """Share of the counted amounts below `cents`: whole buckets below it and half of its own; NaN of none.

    `histogram` holds a count (or a column of counts) for each bucket of `derived_columns.AMOUNT_EDGES_CENTS`.
    """
    if not isinstance(cents, np.ndarray):
        own = bisect_right(AMOUNT_EDGES_CENTS, cents)
        of_claim = cast("Sequence[int]", histogram)
        return ratio(float(sum(of_claim[:own])) + 0.5 * of_claim[own], float(sum(of_claim)))
    bucket = np.searchsorted(_EDGES, cents, side="right")
    if not isinstance(histogram[0], np.ndarray):
        counts: Column = np.array(histogram, dtype=np.float64)
        below: Column = np.asarray((np.cumsum(counts) - counts)[bucket] + counts[bucket] * 0.5, dtype=np.float64)
        return ratio(below, float(counts.sum()))
    return _percentiles(histogram, bucket)


def _percentiles(histogram: Sequence[Cell], bucket: NDArray[np.intp]) -> Value:
    """`percentile` of one amount per row of the histogram's columns."""
    counts: NDArray[np.int64] = np.asarray(histogram)
    below = np.where(np.arange(len(counts))[:, None] < bucket, counts, 0).sum(axis=0).astype(np.float64)
    own = counts[bucket, np.arange(len(bucket))]
    return ratio(below + 0.5 * own, counts.sum(axis=0).astype(np.float64))
