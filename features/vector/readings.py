"""The rows of several claims as read from the online store, in columns: the counterpart of `Reading`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from features.declare import VIEWS, View
from features.vector.reading import Reading

_NAMES = tuple(view.name for view in VIEWS)
_PLACE = {view.name: place for place, view in enumerate(VIEWS)}
_STARTS = dict(zip(_NAMES, np.cumsum([0, *(view.width for view in VIEWS[:-1])]).tolist(), strict=True))
_WIDTH = sum(view.width for view in VIEWS)
_NONE = np.iinfo(np.int64).min
"""NumPy's time that is none."""


@dataclass(frozen=True, slots=True)
class Readings:
    """The rows of N claims. V is the number of views, in the order of `VIEWS`."""

    cells: NDArray[np.int64]
    """The rows of all views below each other (sum of their widths, N); see `rows_of`."""
    usable: NDArray[np.bool_]
    """Whether a view's row is used (V, N); where it is not, its values have no meaning."""
    times_us: NDArray[np.int64]
    """Event time of each view's row, microseconds since the epoch (V, N)."""
    has_time: NDArray[np.bool_]
    """Whether there is a row (V, N): else the values used are zeros, and `times_us` has no meaning."""
    stale: NDArray[np.bool_]
    """Views that were missing, behind, expired or ahead of the claim (V, N), so that their features are NaN."""

    @classmethod
    def empty(cls, claims: int) -> "Readings":
        """Of N claims, with nothing read yet."""
        shape = (len(VIEWS), claims)
        return cls(
            np.zeros((_WIDTH, claims), dtype=np.int64),
            np.zeros(shape, dtype=np.bool_),
            np.zeros(shape, dtype=np.int64),
            np.zeros(shape, dtype=np.bool_),
            np.zeros(shape, dtype=np.bool_),
        )

    @classmethod
    def of(cls, each: Sequence[Reading]) -> "Readings":
        """Of claims that were read one by one."""
        readings = cls.empty(len(each))
        for number, view in enumerate(VIEWS):
            rows = [one.states.get(view.name) for one in each]
            times = [one.times_us.get(view.name) for one in each]
            readings.usable[number] = [row is not None for row in rows]
            readings.rows_of(view)[:] = np.array([view.zeros if row is None else row for row in rows]).T
            readings.has_time[number] = [time is not None for time in times]
            readings.times_us[number] = [time or 0 for time in times]
        for claim, one in enumerate(each):
            readings.stale[[_PLACE[name] for name in one.stale], claim] = True
        return readings

    def __len__(self) -> int:
        return int(self.cells.shape[1])

    def rows_of(self, view: View) -> NDArray[np.int64]:
        """The rows of one view in the order of its fields (width, N); a view of `cells`, not a copy."""
        start = _STARTS[view.name]
        return self.cells[start : start + view.width]

    def is_usable(self, view: View) -> NDArray[np.bool_]:
        """Whether the row of one view is used (N,)."""
        used: NDArray[np.bool_] = self.usable[_PLACE[view.name]]
        return used

    def take(self, places: Sequence[int]) -> "Readings":
        """Those of the claims at these places."""
        return Readings(
            self.cells[:, places],
            self.usable[:, places],
            self.times_us[:, places],
            self.has_time[:, places],
            self.stale[:, places],
        )

    def feature_times(self) -> list[dict[str, datetime | None]]:
        """For each claim, the event time of each view's row as an instant; None: there is no row."""
        times = np.where(self.has_time, self.times_us, _NONE).astype("datetime64[us]")
        return [
            dict(zip(_NAMES, [None if at is None else at.replace(tzinfo=UTC) for at in own], strict=True))
            for own in times.T.tolist()
        ]

    def stale_views(self) -> list[list[str]]:
        """For each claim, the names of its stale views."""
        views: list[list[str]] = [[] for _ in range(len(self))]
        for claim, number in np.argwhere(self.stale.T).tolist():
            views[claim].append(_NAMES[number])
        return views

    def stale_counts(self) -> dict[str, int]:
        """The claims of each view that is stale for some."""
        counts = zip(_NAMES, self.stale.sum(axis=1).tolist(), strict=True)
        return {name: count for name, count in counts if count}

    def oldest_us(self) -> list[int | None]:
        """For each claim, the earliest event time of its rows; None: it has none."""
        latest = np.iinfo(np.int64).max
        oldest = np.where(self.has_time, self.times_us, latest).min(axis=0)
        return [None if us == latest else us for us in oldest.tolist()]
