"""The day so far after each entry: the primitives that the today row of an aggregation is made of."""

import numpy as np

from features.ledger.sorted_claims import SortedClaims, running_sums
from features.ledger.windows import Integers


class DayEntries:
    """Claims and same-day voidings, sorted by key and time, and the rows they make.

    Entries of one key and microsecond make one row. A row states what was received up to and including its event time.
    """

    def __init__(self, claims: SortedClaims) -> None:
        self.claims = claims
        same_day = np.flatnonzero(claims.void_day == claims.day)
        every = np.arange(len(claims), dtype=np.int64)
        claim = np.concatenate((every, same_day))
        us = np.concatenate((claims.us, claims.ledger.void_us[claims.row][same_day]))
        key = claims.key[claim]
        order = np.lexsort((us, key)) if len(same_day) else every
        self.claim = claim[order]
        """Position, among the sorted claims, of each entry's claim."""
        self.is_claim = (np.arange(len(claim)) < len(claims))[order]
        """Whether an entry is a claim; else the voiding of one."""
        key, us, day = key[order], us[order], claims.day[self.claim]
        last = np.ones(len(order), dtype=bool)
        last[:-1] = (key[1:] != key[:-1]) | (us[1:] != us[:-1])
        begins = np.ones(len(order), dtype=bool)
        begins[1:] = (key[1:] != key[:-1]) | (day[1:] != day[:-1])
        self._to = np.flatnonzero(last) + 1
        since = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
        self._since = since[self._to - 1]
        self.row_key, self.row_us, self.row_day = key[self._to - 1], us[self._to - 1], day[self._to - 1]
        latest = np.maximum.accumulate(np.where(self.is_claim, np.arange(len(order)), 0))[self._to - 1]
        self.latest_claim: Integers = self.claim[latest]
        """Position of the latest claim of each row."""
        self.first_claim: Integers = self.claim[self._since]
        """Position of the day's first claim of each row."""

    def received(self) -> Integers:
        """Claims of the day so far, including those voided since."""
        return self.so_far(self.is_claim.astype(np.int64))

    def added(self, values: Integers | None = None) -> Integers:
        """The sum so far of a column of the sorted claims (`None`: one each); a voiding subtracts its claim's value."""
        sign = np.where(self.is_claim, 1, -1)
        return self.so_far(sign if values is None else sign * values[self.claim])

    def count_of(self, claims: Integers) -> Integers:
        """How many of these claims (positions) were received so far today."""
        counted = np.zeros(len(self.claims), dtype=np.int64)
        counted[claims] = 1
        return self.so_far(np.where(self.is_claim, counted[self.claim], 0))

    def so_far(self, values: Integers) -> Integers:
        """The sum of a column of the entries from the day's first entry to each row's last."""
        sums = running_sums(values)
        return sums[self._to] - sums[self._since]
