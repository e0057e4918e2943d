"""What is known when a claim is looked at: the claim's own numbers and the past of each of its entities.

This is the `x` that every feature computes from, built for one claim (Python floats) or for many (float64 columns).
What is not known, because the claim lacks the fact or the key, or because a view could not be read, is noted here, and
`features/vector/build.py` makes NaN of every feature that needed it: no computation has to think of that.
"""

from collections.abc import Callable, Mapping
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from claims.scoring import ClaimFacts
from core import clock
from core.clock import DAY_US
from features.declare import PLANS, Plan, Row, RowKind, View, combine, key_of, log_e4

States = Mapping[str, Row | None]
"""View name → row. A key never seen has the row of zeros (`View.zeros`); `None` or absent: could not be read, behind or
expired, so that nothing is known."""

_EPOCH = date(1970, 1, 1)
_INPATIENT = frozenset(("21", "51", "61"))
_EMERGENCY = frozenset(("20", "23"))
_REMOTE = frozenset(("02", "10"))

READS: dict[str, str] = {
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
    "unknown_pasts": "claim_id",
}
"""Number of `x` → the column of the claims frame it comes from."""

_DEFAULTED_KEYS = frozenset(("age_band", "service_day"))
"""Key columns that always have a value."""


def inputs_of(facts: ClaimFacts, states: States) -> SimpleNamespace:
    """`x` of one claim; `x.unknown` names the numbers and entities that are not known."""
    service_from = facts.service_from.toordinal() - _EPOCH.toordinal()
    received_us = clock.micros(facts.received_at)
    received_day = received_us // DAY_US
    place = facts.place_of_service
    unknown = [] if place is not None else ["inpatient", "emergency", "remote"]
    if facts.benefit_limit_cents is None:
        unknown.append("benefit_limit_cents")
    x = SimpleNamespace(
        claim=facts,
        unknown=unknown,
        amount_cents=float(facts.amount_cents),
        log_e4=float(log_e4(facts.amount_cents)),
        units=float(facts.units),
        lines=float(facts.lines),
        diagnoses=float(facts.diagnoses),
        benefit_limit_cents=float(facts.benefit_limit_cents or 0),
        received_us=float(received_us),
        received_day=float(received_day),
        service_from_day=float(service_from),
        service_to_day=float(facts.service_to.toordinal() - _EPOCH.toordinal()),
        service_weekend=1.0 if (service_from + 3) % 7 >= 5 else 0.0,
        inpatient=1.0 if place in _INPATIENT else 0.0,
        emergency=1.0 if place in _EMERGENCY else 0.0,
        remote=1.0 if place in _REMOTE else 0.0,
    )
    pasts = x.__dict__
    missing = 0
    for plan in PLANS.values():
        standing = states.get(plan.history.name)
        today = None if plan.today is None else states.get(plan.today.name)
        if standing is None or (today is None and plan.today is not None) or key_of(plan.keys, facts) is None:
            missing += 1
            unknown.append(plan.name)
            zeros = None if plan.today is None else plan.today.zeros
            pasts[plan.name] = combine(plan, plan.history.zeros, zeros, received_day)
        else:
            pasts[plan.name] = combine(plan, standing, today, received_day)
    x.unknown_pasts = float(missing)
    return x


def inputs_at_amounts(facts: ClaimFacts, states: States, amounts_cents: np.ndarray) -> SimpleNamespace:
    """`x` of the same claim at other amounts (int64, cents): columns where the amount goes in, else one value."""
    x = inputs_of(facts, states)
    x.amount_cents = amounts_cents.astype(np.float64)
    x.log_e4 = np.array([log_e4(int(cents)) for cents in amounts_cents], dtype=np.float64)
    return x


def inputs_of_many(table: pa.Table) -> SimpleNamespace:
    """`x` of many claims: the columns of the claims frame, and `<view>__<field>` of each view, null: no row.

    `x.unknown` maps what is not known of some claims to a mask of those.
    """
    rows = len(table)
    unknown: dict[str, np.ndarray] = {}

    def number(name: str, column: str, read: Callable[[str], np.ndarray] | None = None) -> np.ndarray:
        nulls = table[column].null_count
        if nulls:
            unknown[name] = table[column].is_null().to_numpy()
        return _integers(table[column]) if read is None else read(column)

    def days(column: str) -> np.ndarray:
        return _integers(table[column].cast(pa.int32()))

    def placed(codes: frozenset[str]) -> Callable[[str], np.ndarray]:
        return lambda column: _flags(table[column], codes)

    received_us = _integers(table["received_at"].cast(pa.int64()))
    received_day = received_us // DAY_US
    amounts = _integers(table["amount_cents"])
    values: dict[str, np.ndarray] = {
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
    x = SimpleNamespace(**{name: value.astype(np.float64) for name, value in values.items()}, unknown=unknown)
    missing = np.zeros(rows)
    for plan in PLANS.values():
        setattr(x, plan.name, _past_of_many(plan, table, received_day, unknown))
        if plan.name in unknown:
            missing += unknown[plan.name]
    x.unknown_pasts = missing
    return x


def _past_of_many(plan: Plan, table: pa.Table, day: np.ndarray, unknown: dict[str, np.ndarray]) -> SimpleNamespace:
    mask = np.zeros(len(table), dtype=bool)
    for key in plan.keys:
        if key not in _DEFAULTED_KEYS and table[key].null_count:
            mask |= table[key].is_null().to_numpy()
    if plan.history.kind is RowKind.WEEKLY:
        mask |= table[plan.history.column(plan.history.fields[0])].is_null().to_numpy()
    if mask.any():
        unknown[plan.name] = mask
    standing = _row_of_many(plan.history, table)
    return combine(plan, standing, None if plan.today is None else _row_of_many(plan.today, table), day)


def _row_of_many(view: View, table: pa.Table) -> list[Any]:
    row: list[Any] = []
    for field in view.fields:
        column = table[view.column(field)]
        if field.is_array:
            row.extend(_matrix(column, field.size))
        else:
            row.append(_integers(column))
    return row


def _integers(column: pa.ChunkedArray) -> np.ndarray:
    """int64, 0 for null."""
    values: np.ndarray = pc.fill_null(column, 0).to_numpy().astype(np.int64, copy=False)
    return values


def _matrix(column: pa.ChunkedArray, size: int) -> np.ndarray:
    """A column of lists as `size` columns; zeros for null."""
    array = column.combine_chunks()
    matrix = np.zeros((len(array), size), dtype=np.int64)
    present = array.is_valid().to_numpy(zero_copy_only=False)
    matrix[present] = array.flatten().to_numpy(zero_copy_only=False).reshape(-1, size)
    return np.ascontiguousarray(matrix.T)


def _flags(column: pa.ChunkedArray, codes: frozenset[str]) -> np.ndarray:
    values: np.ndarray = pc.fill_null(pc.is_in(column, value_set=pa.array(sorted(codes))), False).to_numpy()
    return values


def _logs(amounts: np.ndarray) -> np.ndarray:
    """`log_e4` of each amount, by the function for one claim: libraries differ in the last bit of a logarithm."""
    different, places = np.unique(amounts, return_inverse=True)
    return np.array([log_e4(int(cents)) for cents in different], dtype=np.int64)[places]
