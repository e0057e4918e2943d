"""The today rows of an entity: the day so far after each entry, a claim or its voiding on the same day."""

import numpy as np
import pyarrow as pa

from features.declare import PLANS, Aggregation, Count, Distinct, First, FirstSeen, Last, LastValue, Sum, today_field
from features.offline.sorted_claims import SortedClaims, running_sums


def today_rows(book: SortedClaims) -> pa.Table:
    """Key columns, `us` (the event time), then the fields of the today view; entries of one microsecond make one row.

    A row tells what came up to its event time, that included: a claim reads the last row strictly before itself, and
    only one of its own day.
    """
    view = PLANS[book.entity.name].today
    if view is None:
        raise ValueError(f"{book.entity.name} keeps no today row")
    entries = _Entries(book)
    table = book.key_table(entries.row_key).append_column("us", pa.array(entries.row_us))
    table = table.append_column("day", pa.array(entries.row_day))
    aggregations: dict[str, Aggregation] = {}
    for aggregation in book.entity.aggregations:
        aggregations.setdefault(today_field(aggregation) or "", aggregation)
    for field in view.fields[1:]:
        value = entries.received() if field.name == "received" else entries.value(aggregations[field.name])
        table = table.append_column(field.name, pa.array(value))
    return table


class _Entries:
    """Claims and same-day voidings of a book, sorted by key and time, and the rows they make."""

    def __init__(self, book: SortedClaims) -> None:
        self._book = book
        void_us = book.ledger.void_us[book.row]
        same_day = np.flatnonzero(book.ledger.void_day[book.row] == book.day)
        claims = np.arange(len(book), dtype=np.int64)
        claim = np.concatenate((claims, same_day))
        us = np.concatenate((book.us, void_us[same_day]))
        key = book.key[claim]
        order = np.lexsort((us, key)) if len(same_day) else claims
        self._claim = claim[order]
        self._is_claim = (np.arange(len(claim)) < len(book))[order]
        key, us, day = key[order], us[order], book.day[self._claim]
        last = np.ones(len(order), dtype=bool)
        last[:-1] = (key[1:] != key[:-1]) | (us[1:] != us[:-1])
        begins = np.ones(len(order), dtype=bool)
        begins[1:] = (key[1:] != key[:-1]) | (day[1:] != day[:-1])
        self._to = np.flatnonzero(last) + 1
        since = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
        self._since = since[self._to - 1]
        self.row_key, self.row_us, self.row_day = key[self._to - 1], us[self._to - 1], day[self._to - 1]
        self._latest = np.maximum.accumulate(np.where(self._is_claim, np.arange(len(order)), 0))[self._to - 1]

    def received(self) -> np.ndarray:
        """Claims of the day so far, those voided since with them."""
        return self._so_far(self._is_claim.astype(np.int64))

    def value(self, aggregation: Aggregation) -> np.ndarray:
        """int64 a row: the field of the today view that `aggregation` adds from."""
        sign = np.where(self._is_claim, 1, -1)
        match aggregation:
            case Count():
                return self._so_far(sign)
            case Sum(column=column):
                return self._so_far(sign * self._book.number(column)[self._claim])
            case Last():
                return self._book.us[self._claim[self._latest]]
            case First():
                return self._book.us[self._claim[self._since]]
            case LastValue(column=column):
                return self._book.number(column)[self._claim[self._latest]]
            case Distinct(column=column, days=days):
                met = self._book.meetings(column)
                return self._firsts(met.claim[met.new(days)])
            case FirstSeen(column=column):
                met = self._book.meetings(column)
                return self._firsts(met.claim[met.before < 0])
            case _:
                raise ValueError(f"{aggregation.name} has no today field of its own")

    def _firsts(self, claims: np.ndarray) -> np.ndarray:
        """How many of these claims came so far today."""
        counted = np.zeros(len(self._book), dtype=np.int64)
        counted[claims] = 1
        return self._so_far(np.where(self._is_claim, counted[self._claim], 0))

    def _so_far(self, values: np.ndarray) -> np.ndarray:
        sums = running_sums(values)
        so_far: np.ndarray = sums[self._to] - sums[self._since]
        return so_far
