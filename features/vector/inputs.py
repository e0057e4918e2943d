"""Building feature inputs: the claim's own numbers, and the values of each aggregation group for its keys.

The same inputs are built for one claim (Python floats) or for many (float64 columns). What is missing is listed, and
`build.py` makes NaN of every feature that reads it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from claims.scoring import ClaimFacts
from core import clock
from core.clock import DAY_US
from features.declare import PLANS, FeatureInputs, GroupValues, Plan, Row, RowKind, View, combine, key_of, log_e4
from features.vector.readings import Readings

States: TypeAlias = Mapping[str, Row | None]
"""View name → row. A key never seen has the row of zeros (`View.zeros`); `None` or absent: unreadable, behind or
expired, so that its values are missing."""

_EPOCH = date(1970, 1, 1).toordinal()
_INPATIENT = frozenset(("21", "51", "61"))
_EMERGENCY = frozenset(("20", "23"))
_REMOTE = frozenset(("02", "10"))

SOURCE_COLUMN: dict[str, str] = {
    "amount_cents": "amount_cents",
    "log_e4": "amount_cents",
    "units": "units",
    "lines": "lines",
    "diagnoses": "diagnoses",
    "benefit_limit_cents": "benefit_limit_cents",
    "received_us": "received_at",
    "received_day": "received_at",
    "service_from_day": "service_from",
    "service_to_day": "service_to",
    "service_weekend": "service_from",
    "inpatient": "place_of_service",
    "emergency": "place_of_service",
    "remote": "place_of_service",
    "missing_groups": "claim_id",
}
"""Number of `FeatureInputs` → the column of the claims frame it comes from."""

_ALWAYS_PRESENT_KEYS = frozenset(("age_band", "service_day"))
"""Key columns that are never null."""
_MAY_BE_NULL = tuple(
    key
    for key in dict.fromkeys(key for plan in PLANS.values() for key in plan.keys)
    if key not in _ALWAYS_PRESENT_KEYS and not ClaimFacts.model_fields[key].is_required()
)
"""Key columns that a claim may lack."""


class ClaimCodes(Protocol):
    """The codes of a claim that texts name."""

    @property
    def procedure_code(self) -> str | None:
        """Procedure of the first line."""

    @property
    def diagnosis_code(self) -> str | None:
        """Principal diagnosis."""

    @property
    def region(self) -> str | None:
        """Region of the provider."""

    @property
    def specialty(self) -> str | None:
        """Specialty of the provider."""


@dataclass(slots=True, kw_only=True)
class ClaimInputs(FeatureInputs):
    """The inputs of one claim; for what-if amounts, columns where the amount enters."""

    claim: ClaimCodes
    missing: Sequence[str]
    """Names of the numbers and groups that are missing."""


@dataclass(slots=True, kw_only=True)
class BatchInputs(FeatureInputs):
    """The inputs of many claims."""

    missing: Mapping[str, NDArray[np.bool_]]
    """Name of a number or group that some claims lack → which of them."""


_NUMBERS = tuple(name for name in SOURCE_COLUMN if name != "missing_groups")
"""Names of the numbers of `_numbers`."""


def _numbers(facts: ClaimFacts, received_us: int) -> tuple[float, ...]:
    """A claim's own numbers, in the order of `_NUMBERS`."""
    service_from = facts.service_from.toordinal() - _EPOCH
    place = facts.place_of_service
    return (
        float(facts.amount_cents),
        float(log_e4(facts.amount_cents)),
        float(facts.units),
        float(facts.lines),
        float(facts.diagnoses),
        float(facts.benefit_limit_cents or 0),
        float(received_us),
        float(received_us // DAY_US),
        float(service_from),
        float(facts.service_to.toordinal() - _EPOCH),
        1.0 if (service_from + 3) % 7 >= 5 else 0.0,
        1.0 if place in _INPATIENT else 0.0,
        1.0 if place in _EMERGENCY else 0.0,
        1.0 if place in _REMOTE else 0.0,
    )


def _missing_numbers(facts: ClaimFacts) -> list[str]:
    missing = [] if facts.place_of_service is not None else ["inpatient", "emergency", "remote"]
    if facts.benefit_limit_cents is None:
        missing.append("benefit_limit_cents")
    return missing


def inputs_of(facts: ClaimFacts, states: States) -> ClaimInputs:
    """The inputs of one claim."""
    received_us = clock.micros(facts.received_at)
    received_day = received_us // DAY_US
    missing = _missing_numbers(facts)
    groups: dict[str, GroupValues] = {}
    missing_groups = 0
    for plan in PLANS.values():
        history = states.get(plan.history.name)
        today = None if plan.today is None else states.get(plan.today.name)
        if history is None or (today is None and plan.today is not None) or key_of(plan.keys, facts) is None:
            missing_groups += 1
            missing.append(plan.name)
            history, today = plan.history.zeros, None if plan.today is None else plan.today.zeros
        groups[plan.name] = combine(plan, history, today, received_day)
    inputs: dict[str, Any] = dict(zip(_NUMBERS, _numbers(facts, received_us), strict=True)) | groups
    return ClaimInputs(claim=facts, missing=missing, missing_groups=float(missing_groups), **inputs)


def inputs_of_readings(claims: Sequence[ClaimFacts], readings: Readings) -> BatchInputs:
    """The inputs of several claims, with the rows read for them."""
    received_us = [clock.micros(facts.received_at) for facts in claims]
    received_day = np.array(received_us, dtype=np.int64) // DAY_US
    table = np.array([_numbers(facts, us) for facts, us in zip(claims, received_us, strict=True)], dtype=np.float64)
    missing: dict[str, NDArray[np.bool_]] = {}
    for row, facts in enumerate(claims):
        for name in _missing_numbers(facts):
            missing.setdefault(name, np.zeros(len(claims), dtype=np.bool_))[row] = True
    lacks = {key: np.array([getattr(facts, key) is None for facts in claims], dtype=np.bool_) for key in _MAY_BE_NULL}
    groups = {}
    for plan in PLANS.values():
        absent = ~np.logical_and.reduce([readings.is_usable(view) for view in plan.views])
        for key in plan.keys:
            if key in lacks:
                absent |= lacks[key]
        history = readings.rows_of(plan.history)
        today = None if plan.today is None else readings.rows_of(plan.today)
        if absent.any():
            missing[plan.name] = absent
            history = np.where(absent, 0, history)
            today = None if today is None else np.where(absent, 0, today)
        groups[plan.name] = combine(plan, history, today, received_day)
    absent_groups = np.zeros(len(claims))
    for name in groups.keys() & missing.keys():
        absent_groups += missing[name]
    numbers: dict[str, Any] = dict(zip(_NUMBERS, np.ascontiguousarray(table.T), strict=True))
    return BatchInputs(missing=missing, missing_groups=absent_groups, **(numbers | groups))


def inputs_at_amounts(facts: ClaimFacts, states: States, amounts_cents: NDArray[np.int64]) -> ClaimInputs:
    """The inputs of the same claim at other amounts (int64, cents): columns where the amount enters, else one value."""
    x = inputs_of(facts, states)
    x.amount_cents = amounts_cents.astype(np.float64)
    x.log_e4 = np.array([log_e4(int(cents)) for cents in amounts_cents], dtype=np.float64)
    return x


def inputs_of_many(table: pa.Table) -> BatchInputs:
    """The inputs of many claims: the columns of the claims frame, and `<view>__<field>` of each view (null: no row)."""
    missing: dict[str, NDArray[np.bool_]] = {}

    def number(name: str, column: str, read: Callable[[str], NDArray[Any]] | None = None) -> NDArray[Any]:
        if table[column].null_count:
            missing[name] = table[column].is_null().to_numpy()
        return _integers(table[column]) if read is None else read(column)

    def days(column: str) -> NDArray[np.int64]:
        return _integers(table[column].cast(pa.int32()))

    def placed(codes: frozenset[str]) -> Callable[[str], NDArray[np.bool_]]:
        return lambda column: _flags(table[column], codes)

    received_us = _integers(table["received_at"].cast(pa.int64()))
    received_day = received_us // DAY_US
    amounts = _integers(table["amount_cents"])
    values: dict[str, NDArray[Any]] = {
        "amount_cents": amounts,
        "log_e4": _logs(amounts),
        "received_us": received_us,
        "received_day": received_day,
        "service_from_day": days("service_from"),
        "service_to_day": days("service_to"),
        "inpatient": number("inpatient", "place_of_service", placed(_INPATIENT)),
        "emergency": number("emergency", "place_of_service", placed(_EMERGENCY)),
        "remote": number("remote", "place_of_service", placed(_REMOTE)),
    }
    for name in ("units", "lines", "diagnoses", "benefit_limit_cents"):
        values[name] = number(name, name)
    values["service_weekend"] = (values["service_from_day"] + 3) % 7 >= 5
    groups = {plan.name: _group_of_many(plan, table, received_day, missing) for plan in PLANS.values()}
    missing_groups = np.zeros(len(table))
    for name in groups.keys() & missing.keys():
        missing_groups += missing[name]
    inputs: dict[str, Any] = {name: value.astype(np.float64) for name, value in values.items()}
    return BatchInputs(missing=missing, missing_groups=missing_groups, **(inputs | groups))


def inputs_of_each(table: pa.Table) -> Iterator[ClaimInputs]:
    """The inputs of each of many claims, in order. `table` is as for `inputs_of_many`."""
    codes = [table[name].to_pylist() for name in _Codes.__slots__]
    return each_of(inputs_of_many(table), [_Codes(*own) for own in zip(*codes, strict=True)])


def each_of(batch: BatchInputs, claims: Sequence[ClaimCodes]) -> Iterator[ClaimInputs]:
    """The inputs of each claim of a batch, in order; each is read out of its column when it is used."""
    missing: list[list[str]] = [[] for _ in claims]
    for name, mask in batch.missing.items():
        for row in np.flatnonzero(mask).tolist():
            missing[row].append(name)
    return (_ClaimOfBatch(batch, row, claim, missing[row]) for row, claim in enumerate(claims))


class _ClaimOfBatch(ClaimInputs):
    """The inputs of one claim of a batch."""

    def __init__(self, batch: BatchInputs, row: int, claim: ClaimCodes, missing: Sequence[str]) -> None:
        self._batch, self._row = batch, row
        self.claim, self.missing = claim, missing

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> float | GroupValues:
            found = getattr(self._batch, name)
            return _GroupRow(found, self._row) if isinstance(found, GroupValues) else float(found[self._row])


@dataclass(frozen=True, slots=True)
class _Codes:
    procedure_code: str | None
    diagnosis_code: str | None
    region: str | None
    specialty: str | None


class _GroupRow(GroupValues):
    """One claim's values of a group, out of its columns."""

    _columns: GroupValues
    _row: int

    def __init__(self, columns: GroupValues, row: int) -> None:
        self.__dict__.update(_columns=columns, _row=row)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> float:
            return float(getattr(self._columns, name)[self._row])

    def histogram(self, name: str) -> list[int]:
        """The counts per bucket."""
        return [int(np.asarray(column)[self._row]) for column in self._columns.histogram(name)]


def _group_of_many(
    plan: Plan, table: pa.Table, day: NDArray[np.int64], missing: dict[str, NDArray[np.bool_]]
) -> GroupValues:
    mask = np.zeros(len(table), dtype=bool)
    for key in plan.keys:
        if key not in _ALWAYS_PRESENT_KEYS and table[key].null_count:
            mask |= table[key].is_null().to_numpy()
    if plan.history.kind is RowKind.WEEKLY:
        mask |= table[plan.history.column(plan.history.fields[0])].is_null().to_numpy()
    if mask.any():
        missing[plan.name] = mask
    history = _row_of_many(plan.history, table)
    return combine(plan, history, None if plan.today is None else _row_of_many(plan.today, table), day)


def _row_of_many(view: View, table: pa.Table) -> list[NDArray[np.int64]]:
    row: list[NDArray[np.int64]] = []
    for field in view.fields:
        column = table[view.column(field)]
        if field.is_array:
            row.extend(_matrix(column, field.size))
        else:
            row.append(_integers(column))
    return row


def _integers(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """int64, 0 for null."""
    values: NDArray[np.int64] = pc.fill_null(column, 0).to_numpy().astype(np.int64, copy=False)
    return values


def _matrix(column: pa.ChunkedArray, size: int) -> NDArray[np.int64]:
    """A column of lists as `size` columns; zeros for null."""
    array = column.combine_chunks()
    matrix = np.zeros((len(array), size), dtype=np.int64)
    present = array.is_valid().to_numpy(zero_copy_only=False)
    matrix[present] = array.flatten().to_numpy(zero_copy_only=False).reshape(-1, size)
    return np.ascontiguousarray(matrix.T)


def _flags(column: pa.ChunkedArray, codes: frozenset[str]) -> NDArray[np.bool_]:
    values: NDArray[np.bool_] = pc.fill_null(pc.is_in(column, value_set=pa.array(sorted(codes))), False).to_numpy()
    return values


def _logs(amounts: NDArray[np.int64]) -> NDArray[np.int64]:
    """`log_e4` of each amount, by the function for one claim: libraries differ in the last bit of a logarithm."""
    different, places = np.unique(amounts, return_inverse=True)
    return np.array([log_e4(int(cents)) for cents in different], dtype=np.int64)[places]
