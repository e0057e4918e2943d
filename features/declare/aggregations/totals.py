"""Counts and sums. A voided claim is no longer counted from the moment of voiding (history: from the next midnight)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.declare.aggregations.base import Merge, TodaySql, WindowedAggregation, WindowedColumnAggregation
from features.declare.derived_columns import AMOUNT_BUCKETS
from features.ledger import DayEntries, HistoryWindows, Integers, running_sums


@dataclass(frozen=True, slots=True)
class Count(WindowedAggregation):
    """Claims in the window."""

    def history(self, windows: HistoryWindows) -> Integers:
        """Claims received in the window, less those voided."""
        return windows.without_voided(windows.hi - windows.low(self.days), None, self.days)

    @property
    def today_field(self) -> str:
        """Shared by every window: today lies in all of them."""
        return "claims"

    def today(self, entries: DayEntries) -> Integers:
        """Claims of the day so far."""
        return entries.added()

    def today_sql(self) -> TodaySql:
        """Claims of the day so far."""
        return TodaySql("count(*) FILTER (WHERE is_valid)")


@dataclass(frozen=True, slots=True)
class Sum(WindowedColumnAggregation):
    """Sum of a column of the claims frame, or of a derived one (`log_e4`, `log_e4_squared`, `weekend`)."""

    @property
    def number_column(self) -> str:
        """The column summed; null counts as 0."""
        return self.column

    def history(self, windows: HistoryWindows) -> Integers:
        """The sum over the window, less that of voided claims."""
        values = windows.claims.number(self.column)
        return windows.without_voided(windows.between(running_sums(values), self.days), values, self.days)

    @property
    def today_field(self) -> str:
        """Shared by every window of the column."""
        return f"sum_{self.column}"

    def today(self, entries: DayEntries) -> Integers:
        """The sum of the day so far."""
        return entries.added(entries.claims.number(self.column))

    def today_sql(self) -> TodaySql:
        """The sum of the day so far."""
        value = f"coalesce(sum(n_{self.column}) FILTER (WHERE is_valid), 0)::bigint"
        return TodaySql(value, number=self.column)


@dataclass(frozen=True, slots=True)
class Histogram(WindowedAggregation):
    """Claims by amount bucket (`derived_columns.AMOUNT_EDGES_CENTS`): an array; history only."""

    size: ClassVar[int] = AMOUNT_BUCKETS

    @property
    def number_column(self) -> str:
        """The bucket of the claim's amount."""
        return "amount_bucket"

    def history(self, windows: HistoryWindows) -> Integers:
        """A column per bucket."""
        bucket = windows.claims.number(self.number_column)
        counts = np.empty((len(windows.points.packed), self.size), dtype=np.int64)
        for place in range(self.size):
            values = (bucket == place).astype(np.int64)
            counts[:, place] = windows.without_voided(
                windows.between(running_sums(values), self.days), values, self.days
            )
        return counts

    def from_history(self, history: int) -> Merge:
        """The counts of every bucket."""
        return lambda h, t: h[history : history + self.size]
