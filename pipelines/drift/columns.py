"""Compare the values of a column on a day, and in the week that ends with it, with the reference period."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from core.format import percent
from pipelines.drift.limits import (
    CLAIMS_A_WINDOW,
    FALSE_ALARMS_A_DAY,
    MISSING_FLOOR,
    MISSING_LIMIT,
    WINDOWS,
    AlarmLimit,
)
from pipelines.gates import FARTHEST, FLOORS, ColumnKind, bin_counts, bins_of, distance, name_of_bin


@dataclass(frozen=True, slots=True, eq=False)
class ColumnReference:
    """A column in the reference period."""

    kind: ColumnKind
    edges: tuple[float, ...]
    shares: NDArray[np.float64]
    """Share of each bin among the values that are not missing."""
    missing: float
    """Share of missing values."""
    claims: dict[int, float]
    """Window → median number of claims in a window of the reference."""
    worst: dict[int, float]
    """Window → largest distance of a window of the reference; those with few claims count for less."""
    worst_missing: dict[int, float]
    """Window → largest deviation of the missing share of a window of the reference, either way."""
    total: int
    """Values that are not missing."""


@dataclass(frozen=True, slots=True)
class WindowMeasure:
    """The distance or the missing share of a column in one window, and the limits of what is usual."""

    window: int
    value: float
    low: float
    high: float
    change: str = ""

    @property
    def alarming(self) -> bool:
        """Outside the limits, or not a number."""
        return not self.low <= self.value <= self.high

    @property
    def limit(self) -> float:
        """The limit that the value is beyond."""
        return self.low if self.value < self.low else self.high


def reference_column(
    values: NDArray[np.float32], day: NDArray[np.int64], days: range, *, category: bool = False
) -> ColumnReference:
    """The reference of the values (N,) of claims received on `day` (N,), all within `days`."""
    kind, edges = bins_of(values, category=category)
    by_day = _counts_by_day(values, edges, day - days.start, len(days))
    counts, missing = by_day[:, :-1], by_day[:, -1]
    present, claims = int(counts.sum()), int(by_day.sum())
    shares = counts.sum(axis=0) / max(present, 1)
    usual_missing = float(missing.sum() / max(claims, 1))
    usual, worst, worst_missing = {}, dict.fromkeys(WINDOWS, 0.0), dict.fromkeys(WINDOWS, 0.0)
    for window in WINDOWS:
        of_window, missing_of = _sums(counts, window), _sums(missing, window)
        size = of_window.sum(axis=1) + missing_of
        usual[window] = max(float(np.median(size)), 1.0)
        for bins, lacking, number in zip(of_window, missing_of, size, strict=True):
            if number < CLAIMS_A_WINDOW[window]:
                continue
            worst_missing[window] = max(worst_missing[window], abs(float(lacking / number) - usual_missing))
            if bins.sum():
                small = min(1.0, float(number) / usual[window])
                worst[window] = max(worst[window], small * distance(bins / bins.sum(), shares))
    return ColumnReference(kind, edges, shares, usual_missing, usual, worst, worst_missing, present)


def measure_values(
    values: NDArray[np.float32],
    window: int,
    reference: ColumnReference,
    limit: AlarmLimit,
    *,
    columns: int = 1,
    text: Callable[[float], str] = "{:.6g}".format,
) -> WindowMeasure | None:
    """The distance of the values (N,) of a window from the reference; None where either has too few.

    `columns` is the number of columns that are measured, which share the accepted probability of a false alarm.
    """
    counts = bin_counts(values, reference.edges)
    present = int(counts.sum())
    if present < CLAIMS_A_WINDOW[window] or not reference.total:
        return None
    now = counts / present
    few = max(1.0, reference.claims[window] / len(values))
    free = int(((reference.shares > 0) | (now > 0)).sum()) - 1
    chance = _by_chance(free, columns) * limit.clustered * (1 / present + 1 / reference.total)
    high = max(FLOORS[reference.kind], chance, reference.worst[window] * limit.room * few)
    found = distance(now, reference.shares)
    highest = (min(reference.worst[window], FARTHEST) + 2 * FARTHEST) / 3
    return WindowMeasure(window, found, 0.0, min(high, highest), _change(now, reference, text))


def measure_missing(values: NDArray[np.float32], window: int, reference: ColumnReference, room: float) -> WindowMeasure:
    """The share of missing values (N,) of a window, and how far it may be from the usual one, either way."""
    usual = reference.missing
    chance = 5 * float(np.sqrt(usual * (1 - usual) / len(values))) + MISSING_LIMIT.clustered / len(values)
    away = max(MISSING_FLOOR, chance, reference.worst_missing[window] * max(room, MISSING_LIMIT.room))
    found = float(np.isnan(values).mean())
    return WindowMeasure(window, found, max(usual - away, 0.0), usual + away, f"{percent(usual)} → {percent(found)}")


@cache
def _by_chance(free: int, columns: int) -> float:
    """The distance, times the number of claims, that chance exceeds with the accepted probability, for one of so many
    columns; `free` is the number of bins that have claims, less one.
    """
    return float(chi2.isf(FALSE_ALARMS_A_DAY / (columns * len(WINDOWS)), max(free, 1)))


def _change(now: NDArray[np.float64], reference: ColumnReference, text: Callable[[float], str]) -> str:
    """The bin whose share changed most, for a reader."""
    then = reference.shares
    place = int(np.argmax((np.sqrt(now) - np.sqrt(then)) ** 2))
    return f"{name_of_bin(place, reference.edges, text)}: {percent(float(then[place]))} → {percent(float(now[place]))}"


def _counts_by_day(
    values: NDArray[np.float32], edges: tuple[float, ...], offset: NDArray[np.int64], days: int
) -> NDArray[np.intp]:
    """(days, bins + 1): the claims of each day by bin; the last column counts missing values."""
    known = np.isfinite(values)
    place = np.where(known, np.searchsorted(np.array(edges), values, side="right"), len(edges) + 1)
    width = len(edges) + 2
    return np.bincount(offset * width + place, minlength=days * width).reshape(days, width)


def _sums(counts: NDArray[np.intp], window: int) -> NDArray[np.intp]:
    """The sums over every `window` consecutive rows."""
    reached = np.concatenate([np.zeros_like(counts[:1]), np.cumsum(counts, axis=0)])
    sums: NDArray[np.intp] = reached[window:] - reached[:-window]
    return sums
