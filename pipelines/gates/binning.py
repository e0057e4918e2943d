"""Bins of a column by its kind, and the distance between two distributions over the same bins.

A column is binned so that every kind of change moves claims between bins: each value of a flag or category has a bin of
its own, zero and every other frequent value of a number too, and what is not one of them is apart. A method is
registered per kind of column (`BINNING`); the first one that applies is used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

BINS = 10
MAX_CATEGORIES = 20
"""Most distinct values of a column that is taken for a category, each value with its own bin."""
MAX_LEVELS = 30
LEAST_LEVEL = 0.01
"""Least share of a level of a declared category that has its own bin; at most `MAX_LEVELS` have one."""
FARTHEST = 8.0
"""The distance of distributions that have no value in common."""
_SAMPLE = 100_000
"""Most values that are sorted for the bins of a column."""


class ColumnKind(StrEnum):
    """What the values of a column are like."""

    CONSTANT = "constant"
    """One value."""
    FLAG = "flag"
    """Two values."""
    CATEGORY = "category"
    """Codes, or a number with at most `MAX_CATEGORIES` values."""
    ZERO_INFLATED = "zero-inflated"
    """A number that is often zero."""
    CONTINUOUS = "continuous"


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """The distinct values of a column (K,), ascending, and the share of each."""

    values: NDArray[np.float32]
    shares: NDArray[np.float64]

    def frequent(self, least: float, most: int = BINS) -> NDArray[np.float32]:
        """The values with at least a share, ascending; the `most` most frequent of them."""
        order = np.argsort(-self.shares, kind="stable")[:most]
        return np.sort(self.values[order[self.shares[order] >= least]])

    def quantiles(self, without: NDArray[np.float32]) -> NDArray[np.float64]:
        """The inner deciles of the other values."""
        kept = ~np.isin(self.values, without)
        if not kept.any():
            return np.zeros(0)
        reached = np.cumsum(self.shares[kept]) / self.shares[kept].sum()
        places = np.searchsorted(reached, np.linspace(0, 1, BINS + 1)[1:-1])
        return self.values[kept][np.minimum(places, len(reached) - 1)].astype(np.float64)


@dataclass(frozen=True, slots=True)
class BinningMethod:
    """How the columns of one kind are binned, and the distance below which a change does not matter."""

    kind: ColumnKind
    applies: Callable[[ColumnValues], bool]
    edges: Callable[[ColumnValues], NDArray[np.float64]]
    floor: float


def _own_bins(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Edges that give each value a bin of its own; neighbouring float32 values share an edge."""
    return np.unique(np.stack([values, _above(values)])).astype(np.float64)


def _above(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The next greater float32."""
    found: NDArray[np.float32] = np.nextafter(values, np.float32(np.inf), dtype=np.float32)
    return found


def _every_value(column: ColumnValues) -> NDArray[np.float64]:
    return _own_bins(column.values)


def _levels(column: ColumnValues) -> NDArray[np.float64]:
    """A bin for each frequent code, deciles of the others, and bins for codes outside those seen."""
    if not len(column.values):
        return np.zeros(0)
    ends = np.array([column.values[0], _above(column.values[-1:])[0]], dtype=np.float64)
    return np.unique(np.concatenate([_numbers(column, column.frequent(LEAST_LEVEL, MAX_LEVELS)), ends]))


def _numbers(column: ColumnValues, frequent: NDArray[np.float32] | None = None) -> NDArray[np.float64]:
    """A bin for each frequent value, and deciles of the others; the outer ones are open, because numbers grow."""
    frequent = column.frequent(1 / BINS) if frequent is None else frequent
    return np.unique(np.concatenate([_own_bins(frequent), column.quantiles(frequent)]))


BINNING: tuple[BinningMethod, ...] = (
    BinningMethod(ColumnKind.CONSTANT, lambda column: len(column.values) <= 1, _every_value, 0.05),
    BinningMethod(ColumnKind.FLAG, lambda column: len(column.values) == 2, _every_value, 0.05),
    BinningMethod(ColumnKind.CATEGORY, lambda column: len(column.values) <= MAX_CATEGORIES, _every_value, 0.1),
    BinningMethod(
        ColumnKind.ZERO_INFLATED,
        lambda column: 0 in column.frequent(1 / BINS),
        _numbers,
        0.15,
    ),
    BinningMethod(ColumnKind.CONTINUOUS, lambda column: True, _numbers, 0.25),
)
FLOORS: dict[ColumnKind, float] = {method.kind: method.floor for method in BINNING}
"""Kind → distance below which a change does not matter."""


def bins_of(column: NDArray[np.float32], *, category: bool = False) -> tuple[ColumnKind, tuple[float, ...]]:
    """The kind of a column (N,) and the inner edges of its bins; `category`: its values are codes."""
    known = column[np.isfinite(column)]
    values, counts = np.unique(known[:: max(1, len(known) // _SAMPLE)], return_counts=True)
    distinct = ColumnValues(values.astype(np.float32), counts / max(int(counts.sum()), 1))
    if category:
        return ColumnKind.CATEGORY, tuple(_levels(distinct).tolist())
    method = next(method for method in BINNING if method.applies(distinct))
    return method.kind, tuple(method.edges(distinct).tolist())


def bin_counts(column: NDArray[np.float32], edges: tuple[float, ...]) -> NDArray[np.intp]:
    """The number of values (N,) in each bin; missing values are in none."""
    known = column[np.isfinite(column)]
    return np.bincount(np.searchsorted(np.array(edges), known, side="right"), minlength=len(edges) + 1)


def distance(now: NDArray[np.floating], then: NDArray[np.floating]) -> float:
    """Eight times the squared Hellinger distance of two distributions over the same bins, from 0 to `FARTHEST`.

    For small changes it equals the population stability index, so that its limits are those of the field; other than
    the index it is finite and needs no floor where a bin is empty.
    """
    return float(4 * np.sum((np.sqrt(now) - np.sqrt(then)) ** 2))


def name_of_bin(place: int, edges: tuple[float, ...], text: Callable[[float], str] = "{:.6g}".format) -> str:
    """A bin for a reader: its value, or its ends."""
    if not edges:
        return "any value"
    if place == 0:
        return f"below {text(edges[0])}"
    if place == len(edges):
        return f"{text(edges[-1])} or more"
    low, high = edges[place - 1], edges[place]
    if high == float(np.nextafter(np.float32(low), np.float32(np.inf))):
        return text(low)
    return f"{text(low)} to {text(high)}"
