"""Distinct values of a text column. That a claim was received is a fact that its voiding does not undo."""

from dataclasses import dataclass

import numpy as np

from features.declare.aggregations.base import TodaySql, WindowedColumnAggregation
from features.ledger import (
    EVER,
    Changes,
    DayEntries,
    HistoryWindows,
    Integers,
    leaving_day,
    running_sums,
    window_name,
)


@dataclass(frozen=True, slots=True)
class Distinct(WindowedColumnAggregation):
    """Different values of a column in the window, those of voided claims included."""

    @property
    def text_column(self) -> str:
        """The column whose values are counted."""
        return self.column

    def history(self, windows: HistoryWindows) -> Integers:
        """Values that entered the window, less those that left it."""
        partners = windows.claims.partner_days(self.column)
        new = partners.new(self.days)
        entered = Changes.of(partners.key[new], partners.day[new] + 1, np.ones(int(new.sum()), dtype=np.int64))
        if self.days == EVER:
            return entered.at(windows.points)
        last = partners.last(self.days)
        gone = leaving_day(partners.day[last], self.days)
        left = Changes.of(partners.key[last], gone, np.ones(int(last.sum()), dtype=np.int64))
        return entered.at(windows.points) - left.at(windows.points)

    @property
    def today_field(self) -> str:
        """One per window: whether a value is new today depends on it."""
        return f"new_{self.column}_{window_name(self.days)}"

    def today(self, entries: DayEntries) -> Integers:
        """Values of the day so far that the window did not hold before today."""
        partners = entries.claims.partner_days(self.column)
        return entries.count_of(partners.claim[partners.new(self.days)])

    def today_sql(self) -> TodaySql:
        """Values of the day so far that the window did not hold before today."""
        value = f"coalesce(max(p_{self.column}.{self.today_field}), 0)"
        return TodaySql(value, partner=(self.column, self.days))


@dataclass(frozen=True, slots=True)
class FirstSeen(WindowedColumnAggregation):
    """Values of a column whose first claim ever with this key lies in the window, voided claims included."""

    @property
    def text_column(self) -> str:
        """The column whose values are counted."""
        return self.column

    def history(self, windows: HistoryWindows) -> Integers:
        """First claims with a value, in the window."""
        partners = windows.claims.partner_days(self.column)
        firsts = np.zeros(len(windows.claims), dtype=np.int64)
        firsts[partners.claim[partners.before < 0]] = 1
        return windows.between(running_sums(firsts), self.days)

    @property
    def today_field(self) -> str:
        """Shared by every window of the column."""
        return f"first_{self.column}"

    def today(self, entries: DayEntries) -> Integers:
        """Values of the day so far that this key never had before."""
        partners = entries.claims.partner_days(self.column)
        return entries.count_of(partners.claim[partners.before < 0])

    def today_sql(self) -> TodaySql:
        """Values of the day so far that this key never had before."""
        value = f"coalesce(max(p_{self.column}.{self.today_field}), 0)"
        return TodaySql(value, partner=(self.column, EVER))
