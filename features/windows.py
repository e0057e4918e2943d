"""The values of windows (`claims.windows`) for every claim of a data set.

`api/windows/statements.py` computes the same for one claim, in Postgres.

Each claim of an entity, or finding about one, counts for later claims from one moment until another: until it leaves
the window, is voided, is followed by a claim with the same value, or by `MAX_CLAIMS` others. So every value is a sum of
intervals that hold the moment of receipt, and follows from two sorted arrays and running sums.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from claims.windows import (
    CLAIM_KEYS,
    CLAIM_TEXTS,
    MAX_CLAIMS,
    MAX_SUMMAND,
    OF_FINDINGS,
    PARTS,
    WindowValue,
    WindowValueKind,
)
from core.clock import DAY_US
from features.ledger import FindingIntervals, Integers, finding_intervals, label_values

_NEVER = int(np.iinfo(np.int64).max) // 4
"""Later than any moment, with room to add to."""
_HOUR_US = 3_600_000_000.0
_CENTS = 100
Floats = NDArray[np.float64]


def window_values(
    values: Mapping[str, WindowValue], claims: pa.Table, attributes: pa.Table | None, labels: pa.Table
) -> pa.Table:
    """A float64 column per value, null where it has none, for the rows of `claims` (the claims frame) in their order.

    `attributes` has the attributes of the same claims, row by row; `labels` is the labels frame.
    """
    by_key: dict[str, dict[str, WindowValue]] = {}
    for name, value in values.items():
        by_key.setdefault(value.key, {})[name] = value
    findings = _findings(claims, labels) if any(value.kind in OF_FINDINGS for value in values.values()) else None
    columns: dict[str, pa.Array] = {}
    for key, some in by_key.items():
        past = _Past(claims, attributes, key, findings)
        for name, value in some.items():
            found = np.full(len(claims), np.nan)
            found[past.row] = past.value(value)
            columns[name] = pa.array(found, from_pandas=True)
    return pa.table({name: columns[name] for name in values})


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A number of each claim, as an integer, and where it has one."""

    parts: Integers
    present: NDArray[np.bool_]
    per_unit: int


class _Past:
    """The claims that name an entity, sorted by entity, receipt and claim id."""

    def __init__(
        self, claims: pa.Table, attributes: pa.Table | None, key: str, findings: FindingIntervals | None
    ) -> None:
        self._claims, self._attributes, self._findings = claims, attributes, findings
        entity = _codes(self._column(key))
        us = claims["received_at"].cast(pa.int64()).to_numpy()
        ids = pc.rank(claims["claim_id"].combine_chunks(), tiebreaker="first").to_numpy().astype(np.int64)
        order = np.lexsort((ids, us, entity))
        self.row: Integers = order[entity[order] >= 0]
        """The row of the frame of each claim."""
        self.entity, self.us = entity[self.row], us[self.row]
        voided = claims["voided_at"].cast(pa.int64())
        void_us = pc.fill_null(voided, _NEVER).to_numpy()[self.row]
        self._void_us: Integers = np.where(void_us == _NEVER, _NEVER, np.maximum(void_us, self.us))
        self._capped = self._leaves_by_count()
        place = np.arange(len(self.row))
        moment = np.ones(len(self.row), dtype=bool)
        moment[1:] = (self.entity[1:] != self.entity[:-1]) | (self.us[1:] != self.us[:-1])
        begins = np.ones(len(self.row), dtype=bool)
        begins[1:] = self.entity[1:] != self.entity[:-1]
        before = np.maximum.accumulate(np.where(moment, place, 0)) - 1
        self._last: Integers = np.where(before >= np.maximum.accumulate(np.where(begins, place, 0)), before, -1)
        """Position of the entity's last claim before the moment of each claim; -1: there is none."""

    def value(self, value: WindowValue) -> Floats:
        """The value for each of the sorted claims; NaN where there is none."""
        match value.kind:
            case WindowValueKind.CLAIMS:
                return self._total(value, np.ones(len(self.row), dtype=np.int64)).astype(np.float64)
            case WindowValueKind.SUM:
                numbers = self._numbers(value.column)
                return self._total(value, numbers.parts).astype(np.float64) / numbers.per_unit
            case WindowValueKind.MEAN | WindowValueKind.SHARE:
                numbers = self._numbers(value.column)
                count = self._total(value, numbers.present.astype(np.int64))
                return _ratio(self._total(value, numbers.parts).astype(np.float64), count) / numbers.per_unit
            case WindowValueKind.DISTINCT:
                return self._distinct(value).astype(np.float64)
            case WindowValueKind.LAST:
                numbers = self._numbers(value.column)
                found = np.where(numbers.present, numbers.parts.astype(np.float64) / numbers.per_unit, np.nan)
                return np.where(self._last >= 0, found[self._last], np.nan)
            case WindowValueKind.HOURS_SINCE_LAST:
                elapsed = (self.us - self.us[self._last]).astype(np.float64)
                return np.where(self._last >= 0, elapsed / _HOUR_US, np.nan)
            case WindowValueKind.FRAUDS:
                return self._found(value, confirmed=True).astype(np.float64)
            case WindowValueKind.FRAUD_RATE:
                confirmed, cleared = (self._found(value, confirmed=which) for which in (True, False))
                return _ratio(confirmed.astype(np.float64), confirmed + cleared)

    def _total(self, value: WindowValue, weights: Integers) -> Integers:
        """The sum of `weights` over the claims of the window that are not voided."""
        until = np.minimum(self._leaves(value), self._void_us)
        return self._sum_at(self.entity, self.us + 1, until + 1, weights)

    def _distinct(self, value: WindowValue) -> Integers:
        """A value counts by its last claim: until the next one with it."""
        code = _codes(self._column(str(value.column)))[self.row]
        order = np.lexsort((code, self.entity))  # stable: by receipt within an entity and value
        again = np.full(len(order), _NEVER, dtype=np.int64)
        same = (self.entity[order][1:] == self.entity[order][:-1]) & (code[order][1:] == code[order][:-1])
        again[order[:-1][same]] = self.us[order[1:][same]]
        until = np.minimum(self._leaves(value), again)
        return self._sum_at(self.entity, self.us + 1, until + 1, (code >= 0).astype(np.int64))

    def _found(self, value: WindowValue, *, confirmed: bool) -> Integers:
        """Claims of the window with a finding in force `delay_days` before."""
        assert self._findings is not None
        place = np.full(len(self._claims), -1, dtype=np.int64)
        place[self.row] = np.arange(len(self.row))
        found = self._findings.take((self._findings.confirmed == confirmed) & (place[self._findings.claim] >= 0))
        at, delay = place[found.claim], value.delay_days * DAY_US
        since = np.maximum(self.us[at], found.since_us + delay)
        until = np.minimum(self._leaves(value)[at], np.minimum(found.until_us, _NEVER) + delay)
        return self._sum_at(self.entity[at], since + 1, until + 1, np.ones(len(at), dtype=np.int64))

    def _leaves(self, value: WindowValue) -> Integers:
        """The last moment at which each claim lies in the window."""
        if value.length_us is None:
            return self._capped
        leaves: Integers = np.minimum(self.us + value.length_us, self._capped)
        return leaves

    def _leaves_by_count(self) -> Integers:
        """The receipt of the claim of the entity by which a claim is no longer among the last `MAX_CLAIMS`."""
        found = np.full(len(self.row), _NEVER, dtype=np.int64)
        if len(found) > MAX_CLAIMS:
            same = self.entity[MAX_CLAIMS:] == self.entity[:-MAX_CLAIMS]
            found[:-MAX_CLAIMS][same] = self.us[MAX_CLAIMS:][same]
        return found

    def _sum_at(self, entity: Integers, start: Integers, end: Integers, weights: Integers) -> Integers:
        """For each claim, the sum over intervals [start, end) of its entity that hold its moment of receipt."""
        kept = (start < end) & (weights != 0)
        entity, start, end, weights = entity[kept], start[kept], end[kept], weights[kept]
        # Moments as ranks, so that entity and moment fit into one integer.
        moments = np.unique(self.us)
        span = len(moments) + 1
        asked = self.entity * span + np.searchsorted(moments, self.us)
        total = np.zeros(len(self.row), dtype=np.int64)
        for sign, bound in ((1, start), (-1, end)):
            packed = entity * span + np.searchsorted(moments, bound)
            order = np.argsort(packed, kind="stable")
            sums = np.zeros(len(order) + 1, dtype=np.int64)
            np.cumsum(weights[order], out=sums[1:])
            total += sign * sums[np.searchsorted(packed[order], asked, side="right")]
        return total

    def _column(self, name: str) -> pa.ChunkedArray:
        if name in CLAIM_KEYS or name in CLAIM_TEXTS:
            return self._claims[name]
        if self._attributes is None or name not in self._attributes.column_names:
            return pa.chunked_array([pa.nulls(len(self._claims), pa.string())])
        return self._attributes[name]

    def _numbers(self, name: str | None) -> _Numbers:
        """A number column in the order of the sorted claims."""
        if name == "amount":
            cents = self._claims["amount_cents"].to_numpy()[self.row]
            return _Numbers(cents, np.ones(len(cents), dtype=bool), _CENTS)
        if name == "units":
            units = self._claims["units"]
            return _Numbers(pc.fill_null(units, 0).to_numpy()[self.row].astype(np.int64), self._present(units), 1)
        column = self._column(str(name))
        if pa.types.is_boolean(column.type):
            return _Numbers(pc.fill_null(column, False).to_numpy()[self.row].astype(np.int64), self._present(column), 1)
        numbers = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy()[self.row]
        parts = np.rint(np.clip(numbers, -MAX_SUMMAND, MAX_SUMMAND) * PARTS).astype(np.int64)
        return _Numbers(parts, self._present(column), PARTS)

    def _present(self, column: pa.ChunkedArray) -> NDArray[np.bool_]:
        present: NDArray[np.bool_] = column.is_valid().to_numpy()[self.row]
        return present


def _ratio(total: Floats, count: Integers) -> Floats:
    """The quotient; NaN where nothing is counted."""
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _codes(column: pa.ChunkedArray) -> Integers:
    """A number per text; -1 for null."""
    encoded = column.combine_chunks().dictionary_encode()
    codes: Integers = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _findings(claims: pa.Table, labels: pa.Table) -> FindingIntervals:
    """The findings about these claims; one that was known before its claim was received counts from receipt."""
    row = pc.fill_null(pc.index_in(labels["claim_id"], value_set=claims["claim_id"].combine_chunks()), -1)
    row = row.to_numpy().astype(np.int64)
    here = row >= 0
    known = labels["known_at"].cast(pa.int64()).to_numpy()[here]
    return finding_intervals(row[here], label_values(labels["is_fraud"])[here], known)
