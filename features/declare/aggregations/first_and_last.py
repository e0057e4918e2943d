"""The first and the last claim. That a claim was received is a fact that its voiding does not undo."""

from dataclasses import dataclass

import numpy as np

from features.declare import arithmetic
from features.declare.aggregations.base import Aggregation, Merge, TodaySql
from features.ledger import DayEntries, HistoryWindows, Integers


@dataclass(frozen=True, slots=True)
class Last(Aggregation):
    """Time of the last claim in microseconds since the epoch, voided claims included; 0: none."""

    def history(self, windows: HistoryWindows) -> Integers:
        """Receipt of the last claim before the point."""
        return windows.of_last(windows.claims.us)

    @property
    def today_field(self) -> str:
        """Receipt of today's last claim."""
        return "last_us"

    def today(self, entries: DayEntries) -> Integers:
        """Receipt of today's last claim."""
        return entries.claims.us[entries.latest_claim]

    def today_sql(self) -> TodaySql:
        """Receipt of today's last claim."""
        return TodaySql("max(us)", fold=max)

    def merge(self, history: int, today: int, received: int) -> Merge:
        """The later of both."""
        return lambda h, t: arithmetic.maximum(h[history], t[today])


@dataclass(frozen=True, slots=True)
class First(Aggregation):
    """Time of the first claim in microseconds since the epoch, voided claims included; 0: none."""

    def history(self, windows: HistoryWindows) -> Integers:
        """Receipt of the first claim before the point."""
        claims = windows.claims
        return np.where(windows.has_claims(), claims.us[claims.first_of_key[windows.points.key]], 0)

    @property
    def today_field(self) -> str:
        """Receipt of today's first claim."""
        return "first_us"

    def today(self, entries: DayEntries) -> Integers:
        """Receipt of today's first claim."""
        return entries.claims.us[entries.first_claim]

    def today_sql(self) -> TodaySql:
        """Receipt of today's first claim."""
        return TodaySql("min(us)", fold=min)

    def merge(self, history: int, today: int, received: int) -> Merge:
        """That of history where there is one."""
        return lambda h, t: arithmetic.where(h[history] != 0, h[history], t[today])


@dataclass(frozen=True, slots=True)
class LastValue(Aggregation):
    """Value of a number column on the last claim (greatest `(received_at, claim_id)`), voided included; 0: none."""

    column: str

    @property
    def number_column(self) -> str:
        """The column read."""
        return self.column

    def history(self, windows: HistoryWindows) -> Integers:
        """The value on the last claim before the point."""
        return windows.of_last(windows.claims.number(self.column))

    @property
    def today_field(self) -> str:
        """The value on today's last claim."""
        return f"last_{self.column}"

    def today(self, entries: DayEntries) -> Integers:
        """The value on today's last claim."""
        return entries.claims.number(self.column)[entries.latest_claim]

    def today_sql(self) -> TodaySql:
        """The value on today's last claim."""
        value = f"(array_agg(n_{self.column} ORDER BY us DESC, claim_id DESC))[1]"
        return TodaySql(value, number=self.column, fold=lambda _earlier, later: later)

    def merge(self, history: int, today: int, received: int) -> Merge:
        """Today's where a claim was received today."""
        return lambda h, t: arithmetic.where(t[received] > 0, t[today], h[history])
