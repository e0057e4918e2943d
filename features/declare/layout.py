"""Which values each view stores, in which order, and how a history row and a today row add up.

Derived from the declarations in `features/declare/groups`, and the only such derivation: the offline Parquet columns,
the Feast schema, the packed rows of the online store and the reader of both all follow it.

A row holds a view's values in the order of `View.fields`; an array field takes `size` places. Its items are integers
(one claim) or integer columns (many claims); `combine` works on both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.declare import arithmetic
from features.declare.aggregation_group import AggregationGroup, RowKind
from features.declare.aggregations import RECEIVED, Merge
from features.declare.derived_columns import age_band
from features.declare.feature_inputs import GroupValues
from features.declare.groups import AGGREGATION_GROUPS
from features.declare.groups.network import NETWORK_TTL_DAYS, PROVIDER_NETWORK_FIELDS
from features.declare.values import Cells

TODAY_TTL_DAYS = 1


@dataclass(frozen=True, slots=True)
class StoredField:
    """One stored int64 value, or an array of `size` of them, at place `offset` of its view's row."""

    name: str
    offset: int
    size: int = 1

    @property
    def is_array(self) -> bool:
        """Whether the value is an array (the buckets of a histogram)."""
        return self.size > 1


@dataclass(frozen=True, slots=True)
class View:
    """One kind of row of one aggregation group: what is stored per key."""

    name: str
    group: str
    """The aggregation group."""
    kind: RowKind
    keys: tuple[str, ...]
    fields: tuple[StoredField, ...]
    ttl_days: int | None
    """Days after which a row has expired; `None`: a row is valid until the next one."""

    @property
    def width(self) -> int:
        """Integers in a row."""
        last = self.fields[-1]
        return last.offset + last.size

    @property
    def zeros(self) -> tuple[int, ...]:
        """The row of a key that was never seen: all counts are zero."""
        return (0,) * self.width

    def column(self, field: StoredField) -> str:
        """The name of a field's column in a training set: view and field, as in Feast's full feature names."""
        return f"{self.name}__{field.name}"


class KeyFacts(Protocol):
    """The facts of a claim that derived key columns are computed from."""

    @property
    def service_from(self) -> date:
        """First day of service."""

    @property
    def age_years(self) -> int | None:
        """Age of the member on that day."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The views of one aggregation group, and how their rows become the values that features read."""

    name: str
    keys: tuple[str, ...]
    history: View
    """The history view, or the weekly one."""
    today: View | None
    merges: tuple[tuple[str, Merge], ...]
    """Value name → function of (history row, today row)."""

    @property
    def views(self) -> tuple[View, ...]:
        """The views to read for this group."""
        return (self.history,) if self.today is None else (self.history, self.today)


def _fields(names: Sequence[tuple[str, int]]) -> tuple[StoredField, ...]:
    fields, offset = [], 0
    for name, size in names:
        fields.append(StoredField(name, offset, size))
        offset += size
    return tuple(fields)


def history_view(group: AggregationGroup) -> View:
    """`as_of_day`, then one field per aggregation, in the order declared."""
    names = [("as_of_day", 1), *((aggregation.name, aggregation.size) for aggregation in group.aggregations)]
    return View(f"{group.name}_history", group.name, RowKind.HISTORY, group.keys, _fields(names), None)


def today_view(group: AggregationGroup) -> View:
    """`day`, `received` (claims of the day, voided ones included), then each field an aggregation reads, once."""
    names = dict.fromkeys(("day", RECEIVED, *(a.today_field for a in group.aggregations if a.today_field is not None)))
    fields = _fields([(name, 1) for name in names])
    return View(f"{group.name}_today", group.name, RowKind.TODAY, group.keys, fields, TODAY_TTL_DAYS)


def _plan(group: AggregationGroup) -> Plan:
    history = history_view(group)
    today = today_view(group) if group.today else None
    place = {} if today is None else {field.name: field.offset for field in today.fields}
    merges = []
    for aggregation, field in zip(group.aggregations, history.fields[1:], strict=True):
        if today is None or aggregation.today_field is None:
            merges.append((aggregation.name, aggregation.from_history(field.offset)))
        else:
            merge = aggregation.merge(field.offset, place[aggregation.today_field], place[RECEIVED])
            merges.append((aggregation.name, merge))
    return Plan(group.name, group.keys, history, today, tuple(merges))


def _network_plan() -> Plan:
    names = [("as_of_day", 1), *((name, 1) for name in PROVIDER_NETWORK_FIELDS)]
    keys = ("provider_id",)
    view = View("provider_network", "provider_network", RowKind.WEEKLY, keys, _fields(names), NETWORK_TTL_DAYS)

    def item(offset: int) -> Merge:
        return lambda h, t: h[offset]

    return Plan(view.name, view.keys, view, None, tuple((f.name, item(f.offset)) for f in view.fields[1:]))


PLANS: dict[str, Plan] = {
    **{group.name: _plan(group) for group in AGGREGATION_GROUPS},
    "provider_network": _network_plan(),
}
"""Group name → plan, in the order in which rows are read. The weekly network row is a group of its own."""

VIEWS: tuple[View, ...] = tuple(view for plan in PLANS.values() for view in plan.views)
"""Every view, in the order in which an online read requests them."""

VIEW: dict[str, View] = {view.name: view for view in VIEWS}

_DERIVED_KEYS: dict[str, Callable[[KeyFacts], str]] = {
    "age_band": lambda facts: age_band(facts.age_years),
    "service_day": lambda facts: facts.service_from.isoformat(),
}


def key_of(keys: Sequence[str], facts: KeyFacts) -> tuple[str, ...] | None:
    """The key of a claim; `None` where a part of it is missing: its history is then missing too."""
    parts = []
    for key in keys:
        part = key_part(key, facts)
        if part is None:
            return None
        parts.append(part)
    return tuple(parts)


def key_part(key: str, facts: KeyFacts) -> str | None:
    """One part of a claim's keys."""
    derived = _DERIVED_KEYS.get(key)
    part: str | None = getattr(facts, key) if derived is None else derived(facts)
    return part


def combine(plan: Plan, history: Cells, today: Cells | None, day: int | NDArray[np.int64]) -> GroupValues:
    """The values of a group as of a claim of `day` (days since the epoch): `claims_30d = history + today`.

    A today row of another day counts as empty. Values are floats (float64 columns), histograms as they are stored; all
    are exact: integers below 2**53, or the one rounding of an integer to a float.
    """
    rest: Cells = ()
    if plan.today is not None and today is not None:
        rest = _only_of_day(today, day)
    combined = GroupValues()
    values = combined.__dict__
    for name, merge in plan.merges:
        values[name] = arithmetic.as_float(merge(history, rest))
    return combined


def _only_of_day(today: Cells, day: int | NDArray[np.int64]) -> Cells:
    if isinstance(today, np.ndarray):
        return np.where(today[0] == day, today, 0)
    if isinstance(today[0], np.ndarray):
        is_of_day = today[0] == day
        return [today[0], *(np.where(is_of_day, value, 0) for value in today[1:])]
    return today if today[0] == day else (0,) * len(today)
