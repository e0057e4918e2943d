"""Days with claims, and the day with the most. That a claim was received is a fact that its voiding does not undo."""

from dataclasses import dataclass

import numpy as np

from features.declare import arithmetic
from features.declare.aggregations.base import RECEIVED, Merge, WindowedAggregation
from features.ledger import HistoryWindows, Integers, running_sums


@dataclass(frozen=True, slots=True)
class ActiveDays(WindowedAggregation):
    """Days in the window with at least one claim, voided claims included."""

    def history(self, windows: HistoryWindows) -> Integers:
        """Days with a first claim, in the window."""
        return windows.between(running_sums(windows.claims.first_of_day), self.days)

    @property
    def today_field(self) -> str:
        """Whether today has a claim follows from the claims received."""
        return RECEIVED

    def merge(self, history: int, today: int, received: int) -> Merge:
        """One more where today has a claim."""
        return lambda h, t: h[history] + (t[today] > 0)


@dataclass(frozen=True, slots=True)
class BusiestDay(WindowedAggregation):
    """The most claims received on one day of the window, voided claims included."""

    def history(self, windows: HistoryWindows) -> Integers:
        """The greatest number of claims of a day in the window; 0 where there is none."""
        claims = windows.claims
        begins = np.flatnonzero(claims.first_of_day)
        received = np.diff(np.append(begins, len(claims)))
        day_number = running_sums(claims.first_of_day)
        return _range_maximum(received, day_number[windows.low(self.days)], day_number[windows.hi])

    @property
    def today_field(self) -> str:
        """The claims received today."""
        return RECEIVED

    def merge(self, history: int, today: int, received: int) -> Merge:
        """The greater of both."""
        return lambda h, t: arithmetic.maximum(h[history], t[today])


def _range_maximum(values: Integers, lo: Integers, hi: Integers) -> Integers:
    """The maximum of `values[lo:hi]`, 0 of an empty range, by a sparse table: maxima of all runs of a power of two."""
    runs = [values]
    while 2 ** len(runs) <= len(values):
        half = 2 ** (len(runs) - 1)
        runs.append(np.maximum(runs[-1][:-half], runs[-1][half:]))
    length = hi - lo
    power = np.frexp(length.astype(np.float64))[1] - 1
    greatest = np.zeros(len(lo), dtype=np.int64)
    for exponent, run in enumerate(runs):
        here = (length > 0) & (power == exponent)
        greatest[here] = np.maximum(run[lo[here]], run[hi[here] - 2**exponent])
    return greatest
