"""The history of an entity at any points: every aggregation, by binary search in its book."""

import numpy as np
import pyarrow as pa

from features.declare import (
    AMOUNT_BUCKETS,
    EVER,
    PLANS,
    ActiveDays,
    Aggregation,
    BusiestDay,
    Count,
    Days,
    Distinct,
    First,
    FirstSeen,
    Histogram,
    Labels,
    Last,
    LastValue,
    Sum,
    Top,
)
from features.offline.sorted_claims import (
    MAX_DAY,
    Changes,
    Points,
    SortedClaims,
    leaving_day,
    pack,
    running_sums,
    unpack,
)


def change_points(book: SortedClaims, *, until: int | None = None) -> Points:
    """Each key with each day on which its history changes: claims enter or leave, one is voided, a finding changes."""
    windows: dict[Days, None] = {}
    for aggregation in book.entity.aggregations:
        if not isinstance(aggregation, Last | First | LastValue | Labels) and aggregation.days != EVER:
            windows[aggregation.days] = None
    days = book.first_of_day
    key, day = book.key[days], book.day[days]
    found = [pack(key, day + 1)] + [pack(key, leaving_day(day, window)) for window in windows]
    at = book.voided
    if len(at):
        found.append(pack(book.key[at], book.ledger.void_day[book.row[at]] + 1))
    found += [
        book.finding_moves(aggregation.days).packed
        for aggregation in book.entity.aggregations
        if isinstance(aggregation, Labels)
    ]
    merged = np.sort(np.concatenate(found), kind="stable")
    fresh = np.ones(len(merged), dtype=bool)
    fresh[1:] = merged[1:] != merged[:-1]
    if until is not None:
        fresh &= unpack(merged)[1] <= until
    return Points(merged[fresh])


def every_key_on(book: SortedClaims, day: int) -> Points:
    """Each key, as of `day`."""
    keys = np.arange(book.keys, dtype=np.int64)
    return Points(pack(keys, np.full(len(keys), day, dtype=np.int64)))


def history_at(book: SortedClaims, points: Points) -> pa.Table:
    """The rows of the entity's history view at these points: key columns, then the view's fields."""
    plan = PLANS[book.entity.name]
    view = _Windows(book, points)
    table = book.key_table(points.key)
    table = table.append_column("as_of_day", pa.array(points.day))
    for aggregation, field in zip(book.entity.aggregations, plan.history.fields[1:], strict=True):
        value = view.value(aggregation)
        if field.is_array:
            flat = pa.array(np.ascontiguousarray(value).reshape(-1))
            table = table.append_column(field.name, pa.FixedSizeListArray.from_arrays(flat, field.size))
        else:
            table = table.append_column(field.name, pa.array(value))
    return table


class _Windows:
    """The aggregations of a book at some points; what several of them need is found once."""

    def __init__(self, book: SortedClaims, points: Points) -> None:
        self._book = book
        self._points = points
        self._hi = np.searchsorted(book.packed, points.packed)
        self._lows: dict[Days, np.ndarray] = {}

    def value(self, aggregation: Aggregation) -> np.ndarray:
        """int64 a point; a histogram has a column a bucket."""
        book, points = self._book, self._points
        match aggregation:
            case Count(days=days):
                return self._added(None, days)
            case Sum(column=column, days=days):
                return self._added(book.number(column), days)
            case Distinct(column=column, days=days):
                return self._distinct(column, days)
            case FirstSeen(column=column, days=days):
                return self._first_seen(column, days)
            case ActiveDays(days=days):
                return self._between(running_sums(book.first_of_day), days)
            case BusiestDay(days=days):
                return self._busiest(days)
            case Top(column=column, days=days):
                return _top_at(book, points, column, days)
            case Last():
                return self._of_last(book.us)
            case First():
                return np.where(self._any(), book.us[book.first_of_key[points.key]], 0)
            case LastValue(column=column):
                return self._of_last(book.number(column))
            case Histogram(days=days):
                return self._histogram(days)
            case Labels(days=days):
                return book.finding_moves(days).at(points)

    def _low(self, days: Days) -> np.ndarray:
        if days not in self._lows:
            self._lows[days] = self._book.claims_before(self._points, days)[0]
        return self._lows[days]

    def _between(self, sums: np.ndarray, days: Days) -> np.ndarray:
        between: np.ndarray = sums[self._hi] - sums[self._low(days)]
        return between

    def _added(self, values: np.ndarray | None, days: Days) -> np.ndarray:
        total = self._hi - self._low(days) if values is None else self._between(running_sums(values), days)
        lost = self._book.void_moves(values, days)
        return total if lost is None else total + lost.at(self._points)

    def _any(self) -> np.ndarray:
        some: np.ndarray = self._hi > self._low(EVER)
        return some

    def _of_last(self, values: np.ndarray) -> np.ndarray:
        return np.where(self._any(), values[np.maximum(self._hi - 1, 0)], 0)

    def _distinct(self, column: str, days: Days) -> np.ndarray:
        met = self._book.meetings(column)
        new = met.new(days)
        entered = Changes.of(met.key[new], met.day[new] + 1, np.ones(int(new.sum()), dtype=np.int64))
        if days == EVER:
            return entered.at(self._points)
        last = met.last(days)
        left = Changes.of(met.key[last], leaving_day(met.day[last], days), np.ones(int(last.sum()), dtype=np.int64))
        held: np.ndarray = entered.at(self._points) - left.at(self._points)
        return held

    def _first_seen(self, column: str, days: Days) -> np.ndarray:
        met = self._book.meetings(column)
        firsts = np.zeros(len(self._book), dtype=np.int64)
        firsts[met.claim[met.before < 0]] = 1
        return self._between(running_sums(firsts), days)

    def _busiest(self, days: Days) -> np.ndarray:
        book = self._book
        begins = np.flatnonzero(book.first_of_day)
        received = np.diff(np.append(begins, len(book)))
        numbered = running_sums(book.first_of_day)
        return _greatest(received, numbered[self._low(days)], numbered[self._hi])

    def _histogram(self, days: Days) -> np.ndarray:
        bucket = self._book.number("amount_bucket")
        counts = np.empty((len(self._points.packed), AMOUNT_BUCKETS), dtype=np.int64)
        for place in range(AMOUNT_BUCKETS):
            counts[:, place] = self._added((bucket == place).astype(np.int64), days)
        return counts


def _greatest(values: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """The greatest of `values[lo:hi]`, 0 of none: from the greatest of every run of a power of two."""
    runs = [values]
    while 2 ** len(runs) <= len(values):
        half = 2 ** (len(runs) - 1)
        runs.append(np.maximum(runs[-1][:-half], runs[-1][half:]))
    length = hi - lo
    power = np.frexp(length.astype(np.float64))[1] - 1
    greatest = np.zeros(len(lo), dtype=np.int64)
    for exponent, run in enumerate(runs):
        here = (length > 0) & (power == exponent)
        greatest[here] = np.maximum(run[lo[here]], run[hi[here] - 2**exponent])
    return greatest


def _top_at(book: SortedClaims, points: Points, column: str, days: Days) -> np.ndarray:
    """Claims of the most frequent value of `column` in the window at each point.

    For each key, a table of what each of its values gains and loses at each of its points, added up along the points;
    the greatest of a column is the answer. A table has as many places as the key has values times points.
    """
    code = book.ledger.names[column].codes[book.row]
    here = np.flatnonzero(code >= 0)
    key, day = book.key[here], book.day[here]
    pair, value = np.unique(key * (int(code.max(initial=0)) + 1) + code[here], return_inverse=True)
    pair_key = pair // (int(code.max(initial=0)) + 1)
    bounds = np.arange(book.keys + 1, dtype=np.int64)
    first_pair = np.searchsorted(pair_key, bounds)
    first_point = np.searchsorted(points.packed, pack(bounds, np.zeros_like(bounds)))
    void_day = book.ledger.void_day[book.row[here]]
    gone = void_day + 1 if days == EVER else np.minimum(leaving_day(day, days), void_day + 1)
    top = np.zeros(len(points.packed), dtype=np.int64)
    moves = _moves_in_tables(points, key, value - first_pair[key], day + 1, gone, first_point)
    for number in np.unique(points.key):
        begin, end = first_point[number], first_point[number + 1]
        held = np.zeros((first_pair[number + 1] - first_pair[number], end - begin), dtype=np.int64)
        if held.size:
            of_key = slice(*np.searchsorted(moves[0], (number, number + 1)))
            np.add.at(held, (moves[1][of_key], moves[2][of_key]), moves[3][of_key])
            top[begin:end] = held.cumsum(axis=1).max(axis=0)
    return top


def _moves_in_tables(
    points: Points, key: np.ndarray, value: np.ndarray, enters: np.ndarray, gone: np.ndarray, first_point: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Key, row, column and step of each claim's coming and going, sorted by key; what no point sees is left out."""
    keys, rows = np.concatenate((key, key)), np.concatenate((value, value))
    days = np.concatenate((enters, gone))
    steps = np.repeat(np.array((1, -1), dtype=np.int64), len(key))
    place = np.searchsorted(points.packed, pack(keys, np.minimum(days, MAX_DAY)))
    seen = place < first_point[keys + 1]
    keys, rows, place, steps = keys[seen], rows[seen], place[seen], steps[seen]
    order = np.argsort(keys, kind="stable")
    return keys[order], rows[order], (place - first_point[keys])[order], steps[order]
