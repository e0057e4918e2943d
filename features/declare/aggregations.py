"""State: what is kept of the past per entity, declared as aggregations over windows.

A window ends at the last midnight UTC or runs to now; nothing in between. So each entity has two rows:

* **history**: totals up to the last midnight; changes only at midnight.
* **today**: totals since midnight, strictly before the claim; one row after each claim.

`features/` adds the two: `claims_30d = history + today`. Every value is an integer (counts, cents, microseconds,
ten-thousandths of a natural log), so offline and online agree to the bit. A window of `w` days on day `d` covers the
days `d - w` to `d - 1` in history, and today besides.

A voided claim leaves counts and sums from the moment of voiding on (history: from the next midnight); that it was
received still counts for `Distinct`, `FirstSeen`, `ActiveDays`, `BusiestDay`, `Last`, `First` and `LastValue`
(`docs/adr/0104-how-voided-claims-count.md`).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Days = int
EVER: Days = 0
"""A window that never ends."""
YEAR_TO_DATE: Days = -1
"""A window that starts on 1 January, UTC."""


@dataclass(frozen=True, slots=True)
class Count:
    """Claims in the window."""

    name: str
    days: Days


@dataclass(frozen=True, slots=True)
class Sum:
    """Sum of a column of the claims frame, or of a derived one (`log_e4`, `log_e4_squared`, `weekend`)."""

    name: str
    column: str
    days: Days


@dataclass(frozen=True, slots=True)
class Distinct:
    """Different values of `column` in the window."""

    name: str
    column: str
    days: Days


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """Values of `column` whose first claim ever with this entity lies in the window."""

    name: str
    column: str
    days: Days


@dataclass(frozen=True, slots=True)
class ActiveDays:
    """Days in the window with at least one claim."""

    name: str
    days: Days


@dataclass(frozen=True, slots=True)
class BusiestDay:
    """The most claims on one day of the window."""

    name: str
    days: Days


@dataclass(frozen=True, slots=True)
class Top:
    """Claims of the most frequent value of `column` in the window; history only."""

    name: str
    column: str
    days: Days


@dataclass(frozen=True, slots=True)
class Last:
    """Microseconds since the epoch of the last claim; 0: none."""

    name: str


@dataclass(frozen=True, slots=True)
class First:
    """Microseconds since the epoch of the first claim; 0: none."""

    name: str


@dataclass(frozen=True, slots=True)
class LastValue:
    """Value of an integer column on the last claim (the greatest `(received_at, claim_id)`); 0: none."""

    name: str
    column: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Claims by amount bucket (`features.declare.derived_columns.AMOUNT_EDGES_CENTS`): an array; history only."""

    name: str
    days: Days


@dataclass(frozen=True, slots=True)
class Labels:
    """Claims that stand confirmed as fraud by a finding that became known in the window; history only.

    A claim counts once however often it was confirmed, and no longer once the finding is reversed or withdrawn.
    """

    name: str
    days: Days


Aggregation = (
    Count | Sum | Distinct | FirstSeen | ActiveDays | BusiestDay | Top | Last | First | LastValue | Histogram | Labels
)


class RowKind(Enum):
    """Which of an entity's rows a view holds."""

    HISTORY = "history"
    TODAY = "today"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class AggregationGroup:
    """One kind of thing that has a past: its key columns in the claims frame, and what is kept of it."""

    name: str
    keys: tuple[str, ...]
    aggregations: tuple[Aggregation, ...]
    today: bool
    """Whether it has a today row; without one its values move at midnight only."""
    meaning: str


@dataclass(frozen=True, slots=True)
class Field:
    """One stored value of a view."""

    name: str
    shape: Literal["scalar", "array"] = "scalar"
