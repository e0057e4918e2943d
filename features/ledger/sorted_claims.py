"""Claims sorted by key and time, so that any window is a range of an array.

A *point* is a key and a day. The history of a key at a point follows from binary searches and differences of running
sums, for a million points at once. The offline change log reads it at the points where something changes, the online
store on one day for every key: one definition, two readers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.clock import DAY_US
from features.ledger.claim_ledger import NEVER, ClaimLedger
from features.ledger.windows import EVER, Days, Integers, leaving_day, window_start

Mask = NDArray[np.bool_]

_DAY_BITS = 20
"""A point is packed as `key << 20 | day`: days reach to the year 4840."""
MAX_DAY = (1 << _DAY_BITS) - 1


def pack(key: Integers, day: Integers) -> Integers:
    """Points as single int64 that sort by key, then day."""
    return (key << _DAY_BITS) | day


def unpack(points: Integers) -> tuple[Integers, Integers]:
    """Keys and days of packed points."""
    return points >> _DAY_BITS, points & ((1 << _DAY_BITS) - 1)


def running_sums(values: NDArray[np.int64] | Mask) -> Integers:
    """Running sums, starting with zero: `[lo, hi)` sums to `sums[hi] - sums[lo]`."""
    sums = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


@dataclass(frozen=True)
class Points:
    """Keys and days to evaluate, sorted, as packed points."""

    packed: Integers

    @cached_property
    def key(self) -> Integers:
        """Key numbers."""
        return unpack(self.packed)[0]

    @cached_property
    def day(self) -> Integers:
        """Days since the epoch."""
        return unpack(self.packed)[1]


@dataclass(frozen=True)
class Changes:
    """Amounts that are added to (or, negative, taken from) a key's value from a day on."""

    packed: Integers
    totals: Integers
    """Running sums in the order of `packed`."""

    @classmethod
    def of(cls, key: Integers, day: Integers, value: Integers) -> "Changes":
        """Changes given as columns, in any order."""
        packed = pack(key, day)
        order = np.argsort(packed, kind="stable")
        return cls(packed[order], running_sums(value[order]))

    def at(self, points: Points) -> Integers:
        """The sum of each key's changes up to and including its day."""
        to = np.searchsorted(self.packed, points.packed, side="right")
        since = np.searchsorted(self.packed, pack(points.key, np.zeros_like(points.key)))
        return self.totals[to] - self.totals[since]


@dataclass(frozen=True, slots=True)
class PartnerDays:
    """Days on which a key had a claim with a partner, sorted by key, partner and day; -1: no day before, or after."""

    key: Integers
    day: Integers
    before: Integers
    after: Integers
    claim: Integers
    """Position among the sorted claims of the day's first claim with that partner."""

    def new(self, days: Days) -> Mask:
        """Where no earlier day keeps the partner in the window on the day itself."""
        if days == EVER:
            return self.before < 0
        return (self.before < 0) | (leaving_day(self.before, days) <= self.day)

    def last(self, days: Days) -> Mask:
        """Where no later day comes before the partner would leave the window."""
        return (self.after < 0) | (self.after + 1 > leaving_day(self.day, days))


class SortedClaims:
    """The claims that have a key, sorted by key, receipt and claim id."""

    def __init__(self, ledger: ClaimLedger, key_columns: Sequence[str], rows: Mask | None = None) -> None:
        """Sort by `key_columns`, text columns; claims with a null key, and those not in `rows`, are left out."""
        self.ledger = ledger
        self.key_columns = tuple(key_columns)
        mixed, complete = _mixed([ledger.texts[key].codes for key in key_columns])
        if rows is not None:
            complete &= rows
        places = np.flatnonzero(complete)
        order = np.argsort(mixed[places], kind="stable")
        self.row = places[order]
        """The ledger's row of each claim."""
        sorted_mixed = mixed[self.row]
        first = np.ones(len(self.row), dtype=bool)
        first[1:] = sorted_mixed[1:] != sorted_mixed[:-1]
        self.key = np.cumsum(first, dtype=np.int64) - 1
        self.first_of_key = np.flatnonzero(first)
        """Position of each key's first claim."""
        self.day = ledger.day[self.row]
        self.us = ledger.us[self.row]
        self.packed = pack(self.key, self.day)

    def __len__(self) -> int:
        return len(self.row)

    @property
    def keys(self) -> int:
        """Number of keys."""
        return len(self.first_of_key)

    def key_table(self, key: Integers) -> pa.Table:
        """The key columns of these keys, as text."""
        rows = self.row[self.first_of_key[key]]
        columns = []
        for name in self.key_columns:
            coded = self.ledger.texts[name]
            columns.append(pa.DictionaryArray.from_arrays(pa.array(coded.codes[rows].astype(np.int32)), coded.values))
        return pa.table(columns, names=list(self.key_columns))

    def number(self, column: str) -> Integers:
        """A number column in the order of the sorted claims."""
        return self.ledger.numbers[column][self.row]

    def codes(self, column: str) -> Integers:
        """A text column, as codes, in the order of the sorted claims."""
        return self.ledger.texts[column].codes[self.row]

    @cached_property
    def first_of_day(self) -> Mask:
        """Whether a claim is the first of its key and day."""
        first = np.ones(len(self), dtype=bool)
        first[1:] = self.packed[1:] != self.packed[:-1]
        return first

    def claims_before(self, points: Points, days: Days) -> tuple[Integers, Integers]:
        """The claims in each point's window, as ranges `[lo, hi)` of the sorted claims."""
        hi = np.searchsorted(self.packed, points.packed)
        lo = np.searchsorted(self.packed, pack(points.key, window_start(points.day, days)))
        return lo, hi

    @cached_property
    def voided(self) -> Integers:
        """Positions of the claims that were voided."""
        return np.flatnonzero(self.ledger.void_us[self.row] < NEVER)

    @property
    def void_day(self) -> Integers:
        """The UTC day of voiding of each claim; later than any other day where it was not voided."""
        return self.ledger.void_day[self.row]

    def void_changes(self, values: Integers | None, days: Days) -> Changes | None:
        """What voiding takes from a window: a claim is subtracted from the day after, until it would have left."""
        at = self.voided
        if not len(at):
            return None
        lost = np.ones(len(at), dtype=np.int64) if values is None else values[at]
        key, gone = self.key[at], self.void_day[at] + 1
        if days == EVER:
            return Changes.of(key, gone, -lost)
        back = leaving_day(self.day[at], days)
        counted = gone < back
        key, gone, back, lost = key[counted], gone[counted], back[counted], lost[counted]
        return Changes.of(np.concatenate((key, key)), np.concatenate((gone, back)), np.concatenate((-lost, lost)))

    def confirmed_changes(self, days: Days) -> Changes:
        """Claims confirmed as fraud: counted from the day after that became known, for as long as it is in force.

        A window counts from the day on which the finding became known.
        """
        key, since, until = self.confirmations()
        enters = since + 1
        gone = until + 1 if days == EVER else np.minimum(leaving_day(since, days), until + 1)
        counted = enters < gone
        ends = counted & (gone <= MAX_DAY)
        one = np.ones(len(key), dtype=np.int64)
        return Changes.of(
            np.concatenate((key[counted], key[ends])),
            np.concatenate((enters[counted], gone[ends])),
            np.concatenate((one[counted], -one[ends])),
        )

    def confirmations(self) -> tuple[Integers, Integers, Integers]:
        """Key, day known and last day of each confirmation of fraud; a last day past `MAX_DAY`: it is in force."""
        place = np.full(len(self.ledger), -1, dtype=np.int64)
        place[self.row] = np.arange(len(self))
        findings = self.ledger.findings
        own = findings.take(findings.confirmed & (place[findings.claim] >= 0))
        return self.key[place[own.claim]], own.since_us // DAY_US, own.until_us // DAY_US

    def partner_days(self, column: str) -> PartnerDays:
        """The days on which each key had a claim with each value of a text column."""
        partner = self.codes(column)
        present = np.flatnonzero(partner >= 0)
        return partner_days_of(self.key[present], partner[present], self.day[present], present)


def partner_days_of(key: Integers, partner: Integers, day: Integers, claim: Integers) -> PartnerDays:
    """The days on which each key had a claim with each partner; rows of one key and partner are in order of time."""
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
    return PartnerDays(key, day, before, after, claim)


def _mixed(codes: list[Integers]) -> tuple[Integers, Mask]:
    """Several columns of codes as one that sorts like them, and where none of them is null."""
    mixed = codes[0].astype(np.int64)
    complete: Mask = mixed >= 0
    for column in codes[1:]:
        complete = complete & (column >= 0)
        span = int(column.max(initial=0)) + 1
        if int(mixed.max(initial=0)) >= (1 << 62) // span:
            mixed = np.unique(mixed, return_inverse=True)[1].astype(np.int64)
        mixed = mixed * span + column
    return mixed, complete
