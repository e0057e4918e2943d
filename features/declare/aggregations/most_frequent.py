"""The most frequent value of a text column."""

from dataclasses import dataclass

import numpy as np

from features.declare.aggregations.base import WindowedColumnAggregation
from features.ledger import EVER, MAX_DAY, HistoryWindows, Integers, Points, leaving_day, pack


@dataclass(frozen=True, slots=True)
class Top(WindowedColumnAggregation):
    """Claims of the most frequent value of a column in the window; history only. A voided claim does not count."""

    @property
    def text_column(self) -> str:
        """The column whose most frequent value is counted."""
        return self.column

    def history(self, windows: HistoryWindows) -> Integers:
        """The greatest count of a value.

        For each key, a table of what each of its values gains and loses at each of its points, added up along the
        points; the result is the maximum of each column. A table has as many cells as the key has values times points.
        """
        claims, points = windows.claims, windows.points
        code = claims.codes(self.column)
        here = np.flatnonzero(code >= 0)
        key, day = claims.key[here], claims.day[here]
        span = int(code.max(initial=0)) + 1
        pair, value = np.unique(key * span + code[here], return_inverse=True)
        bounds = np.arange(claims.keys + 1, dtype=np.int64)
        first_pair = np.searchsorted(pair // span, bounds)
        first_point = np.searchsorted(points.packed, pack(bounds, np.zeros_like(bounds)))
        void_day = claims.void_day[here]
        gone = void_day + 1 if self.days == EVER else np.minimum(leaving_day(day, self.days), void_day + 1)
        moves = _steps(points, key, value - first_pair[key], day + 1, gone, first_point)
        top = np.zeros(len(points.packed), dtype=np.int64)
        for number in np.unique(points.key):
            begin, end = first_point[number], first_point[number + 1]
            held = np.zeros((first_pair[number + 1] - first_pair[number], end - begin), dtype=np.int64)
            if held.size:
                of_key = slice(*np.searchsorted(moves.key, (number, number + 1)))
                np.add.at(held, (moves.row[of_key], moves.column[of_key]), moves.step[of_key])
                top[begin:end] = held.cumsum(axis=1).max(axis=0)
        return top


@dataclass(frozen=True, slots=True)
class _Steps:
    """+1 or -1 per claim that enters or leaves, in the cell (row: value, column: point) of its key's table."""

    key: Integers
    row: Integers
    column: Integers
    step: Integers


def _steps(
    points: Points, key: Integers, value: Integers, enters: Integers, gone: Integers, first_point: Integers
) -> _Steps:
    """The steps, sorted by key; those after the key's last point are left out."""
    keys, rows = np.concatenate((key, key)), np.concatenate((value, value))
    days = np.concatenate((enters, gone))
    steps = np.repeat(np.array((1, -1), dtype=np.int64), len(key))
    place = np.searchsorted(points.packed, pack(keys, np.minimum(days, MAX_DAY)))
    seen = place < first_point[keys + 1]
    keys, rows, place, steps = keys[seen], rows[seen], place[seen], steps[seen]
    order = np.argsort(keys, kind="stable")
    return _Steps(keys[order], rows[order], (place - first_point[keys])[order], steps[order])
