"""Which values each view stores, in which order, and how an entity's history and today rows become one past.

Derived from the declarations in `features/declare/groups`, and the only such derivation: the offline Parquet columns,
the Feast schema, the packed rows of the online store and the reader of both all follow it.

A *row* is a flat sequence of a view's values in the order of `View.fields`, an array field taking `size` places. Its
items are Python integers (one claim) or integer columns (many claims); `combine` works on both alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any, Protocol

from features.declare import arithmetic as ops
from features.declare.aggregations import (
    EVER,
    YEAR_TO_DATE,
    ActiveDays,
    Aggregation,
    AggregationGroup,
    BusiestDay,
    Count,
    Distinct,
    First,
    FirstSeen,
    Histogram,
    Last,
    LastValue,
    RowKind,
    Sum,
)
from features.declare.derived_columns import AMOUNT_EDGES_CENTS, age_band
from features.declare.groups import AGGREGATION_GROUPS
from features.declare.groups.network import PROVIDER_NETWORK_FIELDS

NETWORK_TTL_DAYS = 21
TODAY_TTL_DAYS = 1
AMOUNT_BUCKETS = len(AMOUNT_EDGES_CENTS) + 1

Row = Sequence[Any]

Key = tuple[str, ...]
"""The key of one aggregation group, in the order of `AggregationGroup.keys`."""
KeyedRows = dict[Key, tuple[int, tuple[int, ...]]]
"""Key → event time in microseconds since the epoch, and the row."""


@dataclass(frozen=True, slots=True)
class StoredField:
    """One stored int64 value, or an array of `size` of them, at place `offset` of its view's row."""

    name: str
    offset: int
    size: int = 1

    @property
    def is_array(self) -> bool:
        """Whether the value is an array (of a histogram's buckets)."""
        return self.size > 1


@dataclass(frozen=True, slots=True)
class View:
    """One kind of row of one entity: what is stored for each of its keys."""

    name: str
    entity: str
    kind: RowKind
    keys: tuple[str, ...]
    fields: tuple[StoredField, ...]
    ttl_days: int | None
    """After how many days a row is no longer to be believed; `None`: a row holds until the next one."""

    @property
    def width(self) -> int:
        """Integers in a row."""
        last = self.fields[-1]
        return last.offset + last.size

    @property
    def zeros(self) -> tuple[int, ...]:
        """The row of a key that was never seen: every count is known to be nought."""
        return (0,) * self.width

    def column(self, field: StoredField) -> str:
        """The name of a field's column in a training set: view and field, as Feast's full feature names have it."""
        return f"{self.name}__{field.name}"


class Keyed(Protocol):
    """What a key is read from: a claim's facts."""

    @property
    def service_from(self) -> date:
        """First day of service."""

    @property
    def age_years(self) -> int | None:
        """Age of the member on that day."""


Merge = Callable[[Row, Row], Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """How the rows of one entity become its past: named values as the features read them."""

    name: str
    keys: tuple[str, ...]
    history: View
    """The history view, or the weekly one."""
    today: View | None
    merges: tuple[tuple[str, Merge], ...]
    """Value name → function of (history row, today row)."""

    @property
    def views(self) -> tuple[View, ...]:
        """The views to read for this entity."""
        return (self.history,) if self.today is None else (self.history, self.today)


def window_name(days: int) -> str:
    """`"30d"`, `"ever"`, `"ytd"`."""
    if days == EVER:
        return "ever"
    return "ytd" if days == YEAR_TO_DATE else f"{days}d"


def today_field(aggregation: Aggregation) -> str | None:
    """The field of the today row a aggregation adds from; `None`: it is kept in history only."""
    match aggregation:
        case Count():
            return "claims"
        case Sum(column=column):
            return f"sum_{column}"
        case Distinct(column=column, days=days):
            return f"new_{column}_{window_name(days)}"
        case FirstSeen(column=column):
            return f"first_{column}"
        case ActiveDays() | BusiestDay():
            return "received"
        case Last():
            return "last_us"
        case First():
            return "first_us"
        case LastValue(column=column):
            return f"last_{column}"
        case _:
            return None


def _fields(names: Sequence[tuple[str, int]]) -> tuple[StoredField, ...]:
    fields, offset = [], 0
    for name, size in names:
        fields.append(StoredField(name, offset, size))
        offset += size
    return tuple(fields)


def history_view(entity: AggregationGroup) -> View:
    """`as_of_day`, then one field a aggregation, in the order declared."""
    names = [("as_of_day", 1)]
    names += [(m.name, AMOUNT_BUCKETS if isinstance(m, Histogram) else 1) for m in entity.aggregations]
    return View(f"{entity.name}_history", entity.name, RowKind.HISTORY, entity.keys, _fields(names), None)


def today_view(entity: AggregationGroup) -> View:
    """`day`, `received` (claims of the day, voided ones too), then each field some aggregation adds from, once."""
    names = ["day", "received"]
    for aggregation in entity.aggregations:
        field = today_field(aggregation)
        if field is not None and field not in names:
            names.append(field)
    fields = _fields([(name, 1) for name in names])
    return View(f"{entity.name}_today", entity.name, RowKind.TODAY, entity.keys, fields, TODAY_TTL_DAYS)


def _merge(aggregation: Aggregation, history: int, today: int | None, received: int | None) -> Merge:
    """One aggregation's value out of the two rows; the places are those of its fields."""
    if isinstance(aggregation, Histogram):
        return lambda h, t: h[history : history + AMOUNT_BUCKETS]
    if today is None or received is None:
        return lambda h, t: h[history]
    match aggregation:
        case ActiveDays():
            return lambda h, t: h[history] + (t[today] > 0)
        case BusiestDay() | Last():
            return lambda h, t: ops.maximum(h[history], t[today])
        case First():
            return lambda h, t: ops.where(h[history] != 0, h[history], t[today])
        case LastValue():
            return lambda h, t: ops.where(t[received] > 0, t[today], h[history])
        case _:
            return lambda h, t: h[history] + t[today]


def _plan(entity: AggregationGroup) -> Plan:
    history = history_view(entity)
    today = today_view(entity) if entity.today else None
    place = {} if today is None else {field.name: field.offset for field in today.fields}
    merges = tuple(
        (
            aggregation.name,
            _merge(aggregation, field.offset, place.get(today_field(aggregation) or ""), place.get("received")),
        )
        for aggregation, field in zip(entity.aggregations, history.fields[1:], strict=True)
    )
    return Plan(entity.name, entity.keys, history, today, merges)


def _network_plan() -> Plan:
    names = [("as_of_day", 1), *((name, 1) for name in PROVIDER_NETWORK_FIELDS)]
    view = View(
        "provider_network", "provider_network", RowKind.WEEKLY, ("provider_id",), _fields(names), NETWORK_TTL_DAYS
    )

    def item(offset: int) -> Merge:
        return lambda h, t: h[offset]

    return Plan(view.name, view.keys, view, None, tuple((f.name, item(f.offset)) for f in view.fields[1:]))


PLANS: dict[str, Plan] = {
    **{entity.name: _plan(entity) for entity in AGGREGATION_GROUPS},
    "provider_network": _network_plan(),
}
"""Entity name → plan, in the order in which states are read. The network's weekly row is an entity of its own."""

VIEWS: tuple[View, ...] = tuple(view for plan in PLANS.values() for view in plan.views)
"""Every view, in the order in which an online read asks for them."""

VIEW: dict[str, View] = {view.name: view for view in VIEWS}

_DERIVED_KEYS: dict[str, Callable[[Keyed], str]] = {
    "age_band": lambda facts: age_band(facts.age_years),
    "service_day": lambda facts: facts.service_from.isoformat(),
}


def key_of(keys: Sequence[str], facts: Keyed) -> tuple[str, ...] | None:
    """The entity key of a claim; `None` when a part of it is not known, and then the entity's past is not known."""
    parts = []
    for key in keys:
        derived = _DERIVED_KEYS.get(key)
        part = getattr(facts, key) if derived is None else derived(facts)
        if part is None:
            return None
        parts.append(part)
    return tuple(parts)


def combine(plan: Plan, history: Row, today: Row | None, day: Any) -> SimpleNamespace:
    """The past of an entity as of a claim of `day` (days since the epoch): `claims_30d = history + today`.

    A today row of another day counts as empty. Values come back as floats (float64 columns), histograms as they are
    stored; all are exact: integers below 2**53, or the one rounding of an integer to a float.
    """
    rest: Row = ()
    if plan.today is not None and today is not None:
        rest = _only_of_day(today, day)
    past = SimpleNamespace()
    values = past.__dict__
    for name, merge in plan.merges:
        values[name] = ops.as_float(merge(history, rest))
    return past


def _only_of_day(today: Row, day: Any) -> Row:
    if ops.is_column(today[0]):
        live = today[0] == day
        return [today[0], *(ops.where(live, value, 0) for value in today[1:])]
    return today if today[0] == day else (0,) * len(today)
