"""What every aggregation defines: its history, its value of the current day, the same in SQL, and how the two add up.

An aggregation is one number (or array) per key. It has two stored parts:

* **history**: over the claims up to the last midnight UTC; changes at midnight only.
* **today**: over the claims since midnight, strictly before the claim that reads it; one row after each claim.

`merge` turns the two into the value a feature reads: `claims_30d = history + today`. Every stored value is an integer
(counts, cents, microseconds, ten-thousandths of a natural logarithm), so offline and online agree to the bit.

To add an aggregation, write one class here and one case of `tests/features/oracle.py`.
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias, TypeVar

from features.declare.values import Cell, Cells
from features.ledger import EVER, DayEntries, Days, HistoryWindows, Integers, SortedClaims, window_name

Merge: TypeAlias = Callable[[Cells, Cells], Cell | Cells]
"""From a group's history row and today row (of one claim, or columns of many) to the value of an aggregation."""

RECEIVED = "received"
"""Field of every today row: claims of the day so far, including those voided since."""


@dataclass(frozen=True, slots=True)
class TodaySql:
    """The today value of an aggregation in Postgres, over the claims of one key and day.

    The relation has the columns `us`, `claim_id`, `is_valid` (not voided yet) and `n_<number>`.
    """

    value: str
    """Aggregate expression."""
    number: str | None = None
    """Number column that the expression reads as `n_<number>`."""
    partner: tuple[str, Days] | None = None
    """Text column and window: the value counts today's partners that had no claim with the key in that window before.

    The expression then reads the count as `p_<column>.<field>`.
    """
    fold: Callable[[int, int], int] = operator.add
    """The value over claims of the key out of its values over those before an instant, and over those from it on.

    Without meaning for counts of partners: a partner may be in both.
    """


@dataclass(frozen=True, slots=True)
class Aggregation(ABC):
    """One value that is kept per key of an aggregation group."""

    name: str
    """Name of the history field and of the merged value."""

    size: ClassVar[int] = 1
    """Integers it takes in a history row; more than one: an array."""

    @property
    def text_column(self) -> str | None:
        """The text column it reads."""
        return None

    @property
    def number_column(self) -> str | None:
        """The number column it reads."""
        return None

    @property
    def leaves_after(self) -> Days | None:
        """The window after which a claim no longer counts; `None`: a claim counts for ever."""
        return None

    def extra_change_points(self, claims: SortedClaims) -> Integers | None:
        """Packed points at which it changes other than by a claim received, voided or leaving the window."""
        return None

    @abstractmethod
    def history(self, windows: HistoryWindows) -> Integers:
        """Its history at each point: int64[points], or int64[points, size] of an array."""

    @property
    def today_field(self) -> str | None:
        """The field of the today row it reads; aggregations may share one. `None`: it is kept in history only."""
        return None

    def today(self, entries: DayEntries) -> Integers:
        """Its today field after each entry: int64[rows]."""
        raise NotImplementedError(f"{self.name} has no today field of its own")

    def today_sql(self) -> TodaySql:
        """Its today field in SQL; the counterpart of `today`."""
        raise NotImplementedError(f"{self.name} has no today field of its own")

    def merge(self, history: int, today: int, received: int) -> Merge:
        """The value out of both rows; the arguments are the places of its fields and of `received`."""
        return lambda h, t: h[history] + t[today]

    def from_history(self, history: int) -> Merge:
        """The value where there is no today row."""
        return lambda h, t: h[history]


@dataclass(frozen=True, slots=True)
class WindowedAggregation(Aggregation, ABC):
    """An aggregation over the claims of a window."""

    days: Days = EVER

    @property
    def leaves_after(self) -> Days | None:
        """The window, where it ends."""
        return None if self.days == EVER else self.days


@dataclass(frozen=True, slots=True)
class WindowedColumnAggregation(Aggregation, ABC):
    """An aggregation over a column of the claims of a window."""

    column: str
    days: Days = EVER

    @property
    def leaves_after(self) -> Days | None:
        """The window, where it ends."""
        return None if self.days == EVER else self.days


Windowed = TypeVar("Windowed", WindowedAggregation, WindowedColumnAggregation)


def over(aggregation: Windowed, *windows: Days) -> tuple[Windowed, ...]:
    """One aggregation over several windows, each named `<name>_<window>`: `claims_7d`, `claims_30d`."""
    return tuple(replace(aggregation, name=f"{aggregation.name}_{window_name(days)}", days=days) for days in windows)
