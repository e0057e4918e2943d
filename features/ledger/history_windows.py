"""Sums over the windows that end at given points: the primitives that the history of an aggregation is made of."""

import numpy as np

from features.ledger.sorted_claims import Points, SortedClaims
from features.ledger.windows import EVER, Days, Integers


class HistoryWindows:
    """Sorted claims at some points; ranges that several aggregations need are searched once."""

    def __init__(self, claims: SortedClaims, points: Points) -> None:
        self.claims = claims
        self.points = points
        self.hi = np.searchsorted(claims.packed, points.packed)
        """End of each point's range of claims: those before its day."""
        self._lows: dict[Days, Integers] = {}

    def low(self, days: Days) -> Integers:
        """Begin of each point's range of claims in a window."""
        if days not in self._lows:
            self._lows[days] = self.claims.claims_before(self.points, days)[0]
        return self._lows[days]

    def between(self, sums: Integers, days: Days) -> Integers:
        """The difference of running sums over the window."""
        return sums[self.hi] - sums[self.low(days)]

    def without_voided(self, total: Integers, values: Integers | None, days: Days) -> Integers:
        """A total over the window, less what voided claims contributed to it (`None`: one each)."""
        lost = self.claims.void_changes(values, days)
        return total if lost is None else total + lost.at(self.points)

    def has_claims(self) -> np.ndarray:
        """Whether the key has any claim before the point."""
        return self.hi > self.low(EVER)

    def of_last(self, values: Integers) -> Integers:
        """The value of the last claim before the point; 0 where there is none."""
        return np.where(self.has_claims(), values[np.maximum(self.hi - 1, 0)], 0)
