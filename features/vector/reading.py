"""The rows of one claim as read from the online store or the database, and which of them could not be used."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core import clock
from features.declare import VIEW, VIEWS, Row
from features.errors import StatesError

LARGEST = 1 << 56
"""Values are smaller in size, so that no sum of them (a histogram, or history and today) overflows 64 bits."""
_ALLOWED = "between -2^56 and 2^56"


@dataclass(frozen=True, slots=True)
class Reading:
    """View name → row, as `build_one` takes them, with each row's time and the views that could not be used."""

    states: dict[str, Row | None]
    """The row of zeros for a key never seen; `None`: missing."""
    times_us: dict[str, int | None]
    """Event time of each view's row, microseconds since the epoch; `None`: there is no row."""
    stale: tuple[str, ...]
    """Views that were missing, behind, expired or ahead of the claim, so that their features are NaN."""

    @property
    def feature_times(self) -> dict[str, datetime | None]:
        """Event time of each view's row as an instant."""
        return {name: None if us is None else clock.from_micros(us) for name, us in self.times_us.items()}

    def to_wire(self) -> dict[str, object]:
        """As JSON: the `states` of a score request."""
        return {
            "rows": {name: None if row is None else list(row) for name, row in self.states.items()},
            "times_us": self.times_us,
            "stale": list(self.stale),
        }

    @classmethod
    def from_wire(cls, sent: Mapping[str, object]) -> "Reading":
        """The reading that `to_wire` made JSON of. Raises `StatesError`, which names the invalid part."""
        rows, times, stale = sent.get("rows"), sent.get("times_us", {}), sent.get("stale", [])
        if not isinstance(rows, Mapping) or not isinstance(times, Mapping) or not isinstance(stale, list):
            raise StatesError("states: `rows` and `times_us` must be objects and `stale` must be a list")
        unknown = (set(rows) | set(times) | {str(name) for name in stale}) - set(VIEW)
        if unknown:
            raise StatesError(f"states: unknown view {', '.join(sorted(unknown))}")
        states: dict[str, Row | None] = {}
        for view in VIEWS:
            row = rows.get(view.name)
            if row is not None and not _is_row(row, view.width):
                raise StatesError(f"states.rows.{view.name} must be a list of {view.width} integers {_ALLOWED}")
            states[view.name] = None if row is None else tuple(row)
        for name, us in times.items():
            if us is not None and not _is_row([us], 1):
                raise StatesError(f"states.times_us.{name} must be an integer {_ALLOWED}")
        return cls(states, {view.name: times.get(view.name) for view in VIEWS}, tuple(stale))


def _is_row(row: object, width: int) -> bool:
    return (
        isinstance(row, list)
        and len(row) == width
        and all(type(value) is int and abs(value) < LARGEST for value in row)
    )
