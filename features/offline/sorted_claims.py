"""An entity's pages of the ledger: its claims sorted by key and time, so that any window is two places in an array.

A *point* is a key and a day. What an entity's history was at a point is told by binary search and differences of
running sums, for a million points at once. `history.py` asks at the points where something changes (the
offline change log) and at one day for every key (the online store): one definition, two readers.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from core.clock import DAY_US
from features.declare import EVER, YEAR_TO_DATE, AggregationGroup, Days
from features.offline.ledger import NEVER, ClaimLedger

_DAY_BITS = 20
"""A point is packed as `key << 20 | day`: days reach to the year 4840."""
MAX_DAY = (1 << _DAY_BITS) - 1


def pack(key: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Points as single int64 that sort by key, then day."""
    packed: np.ndarray = (key << _DAY_BITS) | day
    return packed


def unpack(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keys and days of packed points."""
    return points >> _DAY_BITS, points & ((1 << _DAY_BITS) - 1)


def new_year(day: np.ndarray, *, years_on: int = 0) -> np.ndarray:
    """The day number of 1 January of the year of `day`, or of a later year."""
    year = day.astype("datetime64[D]").astype("datetime64[Y]") + years_on
    return year.astype("datetime64[D]").astype(np.int64)


def leaving_day(day: np.ndarray, days: Days) -> np.ndarray:
    """The first day on which what happened on `day` is no longer in a window (which must end)."""
    return new_year(day, years_on=1) if days == YEAR_TO_DATE else day + days + 1


def starts(day: np.ndarray, days: Days) -> np.ndarray:
    """The first day of the window that ends with the midnight before `day`."""
    if days == EVER:
        return np.zeros_like(day)
    return new_year(day) if days == YEAR_TO_DATE else np.maximum(day - days, 0)


def running_sums(values: np.ndarray) -> np.ndarray:
    """Running sums with a nought before the first: `[lo, hi)` sums to `running[hi] - running[lo]`."""
    sums = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


@dataclass(frozen=True)
class Points:
    """Keys and days to be asked about, sorted, as packed points."""

    packed: np.ndarray

    @cached_property
    def key(self) -> np.ndarray:
        return unpack(self.packed)[0]

    @cached_property
    def day(self) -> np.ndarray:
        return unpack(self.packed)[1]


@dataclass(frozen=True)
class Changes:
    """Values that are gained (or, negative, lost) by a key from a day on."""

    packed: np.ndarray
    totals: np.ndarray
    """Running sums in the order of `packed`."""

    @classmethod
    def of(cls, key: np.ndarray, day: np.ndarray, value: np.ndarray) -> "Changes":
        packed = pack(key, day)
        order = np.argsort(packed, kind="stable")
        return cls(packed[order], running_sums(value[order]))

    def at(self, points: Points) -> np.ndarray:
        """What each key has gained up to its day, that day with it."""
        to = np.searchsorted(self.packed, points.packed, side="right")
        since = np.searchsorted(self.packed, pack(points.key, np.zeros_like(points.key)))
        gained: np.ndarray = self.totals[to] - self.totals[since]
        return gained


@dataclass(frozen=True, slots=True)
class Meetings:
    """Days on which a key met a partner, sorted by key, partner and day; -1: no meeting before, or after."""

    key: np.ndarray
    day: np.ndarray
    before: np.ndarray
    after: np.ndarray
    claim: np.ndarray
    """Place in the book of the day's first claim with that partner."""

    def new(self, days: Days) -> np.ndarray:
        """Where no earlier meeting still holds the partner in the window on the day itself."""
        if days == EVER:
            return self.before < 0
        return (self.before < 0) | (leaving_day(self.before, days) <= self.day)

    def last(self, days: Days) -> np.ndarray:
        """Where no later meeting comes before the partner would leave the window."""
        return (self.after < 0) | (self.after + 1 > leaving_day(self.day, days))


class SortedClaims:
    """The claims of one entity, those whose key is not known left out, sorted by key, receipt and claim."""

    def __init__(self, ledger: ClaimLedger, entity: AggregationGroup, rows: np.ndarray | None = None) -> None:
        self.ledger = ledger
        self.entity = entity
        mixed, known = _mixed([ledger.names[key].codes for key in entity.keys])
        if rows is not None:
            known &= rows
        places = np.flatnonzero(known)
        order = np.argsort(mixed[places], kind="stable")
        self.row = places[order]
        """The ledger's row of each claim of the book."""
        sorted_mixed = mixed[self.row]
        first = np.ones(len(self.row), dtype=bool)
        first[1:] = sorted_mixed[1:] != sorted_mixed[:-1]
        self.key = np.cumsum(first, dtype=np.int64) - 1
        self.first_of_key = np.flatnonzero(first)
        """Where each key's claims begin."""
        self.day = ledger.day[self.row]
        self.us = ledger.us[self.row]
        self.packed = pack(self.key, self.day)

    def __len__(self) -> int:
        return len(self.row)

    @property
    def keys(self) -> int:
        """How many keys there are."""
        return len(self.first_of_key)

    def key_table(self, key: np.ndarray) -> pa.Table:
        """The key columns of these keys, as names."""
        rows = self.row[self.first_of_key[key]]
        columns = []
        for name in self.entity.keys:
            coded = self.ledger.names[name]
            columns.append(pa.DictionaryArray.from_arrays(pa.array(coded.codes[rows].astype(np.int32)), coded.names))
        return pa.table(columns, names=list(self.entity.keys))

    def number(self, column: str) -> np.ndarray:
        """A column of numbers in the order of the book."""
        return self.ledger.numbers[column][self.row]

    @cached_property
    def first_of_day(self) -> np.ndarray:
        """Whether a claim is the first of its key and day."""
        first = np.ones(len(self), dtype=bool)
        first[1:] = self.packed[1:] != self.packed[:-1]
        return first

    def claims_before(self, points: Points, days: Days) -> tuple[np.ndarray, np.ndarray]:
        """The claims of each point's window in history, as `[lo, hi)` of the book."""
        hi = np.searchsorted(self.packed, points.packed)
        lo = np.searchsorted(self.packed, pack(points.key, starts(points.day, days)))
        return lo, hi

    @cached_property
    def voided(self) -> np.ndarray:
        """Places in the book of the claims that were voided."""
        return np.flatnonzero(self.ledger.void_us[self.row] < NEVER)

    def void_moves(self, values: np.ndarray | None, days: Days) -> Changes | None:
        """What voiding takes from a window: a claim is lost the day after, until it would have left by itself."""
        at = self.voided
        if not len(at):
            return None
        lost = np.ones(len(at), dtype=np.int64) if values is None else values[at]
        key, gone = self.key[at], self.ledger.void_us[self.row[at]] // DAY_US + 1
        if days == EVER:
            return Changes.of(key, gone, -lost)
        back = leaving_day(self.day[at], days)
        there = gone < back
        key, gone, back, lost = key[there], gone[there], back[there], lost[there]
        return Changes.of(np.concatenate((key, key)), np.concatenate((gone, back)), np.concatenate((-lost, lost)))

    def finding_moves(self, days: Days) -> Changes:
        """Claims that stand confirmed as fraud: from the day after it became known, for as long as it stands.

        A window counts from the day on which the finding became known.
        """
        key, since, until = self.confirmations()
        enters = since + 1
        gone = until + 1 if days == EVER else np.minimum(leaving_day(since, days), until + 1)
        there = enters < gone
        ends = there & (gone <= MAX_DAY)
        one = np.ones(len(key), dtype=np.int64)
        return Changes.of(
            np.concatenate((key[there], key[ends])),
            np.concatenate((enters[there], gone[ends])),
            np.concatenate((one[there], -one[ends])),
        )

    def confirmations(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Key, day known and day of the end of each confirmation of fraud; an end past `MAX_DAY`: it still stands."""
        place = np.full(len(self.ledger), -1, dtype=np.int64)
        place[self.row] = np.arange(len(self))
        found = self.ledger.findings
        mine = found.take(found.confirmed & (place[found.claim] >= 0))
        return self.key[place[mine.claim]], mine.since_us // DAY_US, mine.until_us // DAY_US

    def meetings(self, column: str) -> Meetings:
        """The days on which each key met each value of a column of names."""
        partner = self.ledger.names[column].codes[self.row]
        known = np.flatnonzero(partner >= 0)
        return meetings_of(self.key[known], partner[known], self.day[known], known)


def meetings_of(key: np.ndarray, partner: np.ndarray, day: np.ndarray, claim: np.ndarray) -> Meetings:
    """The days on which each key met each partner. Of one key and partner, what is given must be in order of time."""
    pair, _ = _mixed([key, partner])
    order = np.argsort(pair, kind="stable")
    pair, key, day, claim = pair[order], key[order], day[order], claim[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (pair[1:] != pair[:-1]) | (day[1:] != day[:-1])
    pair, key, day, claim = pair[first], key[first], day[first], claim[first]
    before = np.full(len(day), -1, dtype=np.int64)
    after = before.copy()
    same = pair[1:] == pair[:-1]
    before[1:][same] = day[:-1][same]
    after[:-1][same] = day[1:][same]
    return Meetings(key, day, before, after, claim)


def _mixed(codes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Several columns of numbers as one that sorts like them, and where all of them are known."""
    mixed = codes[0].astype(np.int64)
    known: np.ndarray = mixed >= 0
    for column in codes[1:]:
        known = known & (column >= 0)
        span = int(column.max(initial=0)) + 1
        if int(mixed.max(initial=0)) >= (1 << 62) // span:
            mixed = np.unique(mixed, return_inverse=True)[1].astype(np.int64)
        mixed = mixed * span + column
    return mixed, known
