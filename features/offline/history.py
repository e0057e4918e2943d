"""The history rows of an aggregation group at any points (keys and days)."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from features.declare import PLANS, AggregationGroup
from features.ledger import HistoryWindows, Points, SortedClaims, leaving_day, pack, unpack


def change_points(group: AggregationGroup, claims: SortedClaims, *, until: int | None = None) -> Points:
    """Each key with each day on which its history changes, up to the day `until`.

    History changes when claims enter or leave a window, one is voided, or a finding changes.
    """
    days = claims.first_of_day
    key, day = claims.key[days], claims.day[days]
    windows = dict.fromkeys(a.leaves_after for a in group.aggregations if a.leaves_after is not None)
    found = [pack(key, day + 1)] + [pack(key, leaving_day(day, window)) for window in windows]
    at = claims.voided
    if len(at):
        found.append(pack(claims.key[at], claims.void_day[at] + 1))
    extra = (aggregation.extra_change_points(claims) for aggregation in group.aggregations)
    found += [points for points in extra if points is not None]
    merged = np.sort(np.concatenate(found), kind="stable")
    kept = np.ones(len(merged), dtype=bool)
    kept[1:] = merged[1:] != merged[:-1]
    if until is not None:
        kept &= unpack(merged)[1] <= until
    return Points(merged[kept])


def every_key_on(claims: SortedClaims, days: Sequence[int]) -> Points:
    """Each key, as of each of these days before which it has a claim."""
    day = np.unique(np.asarray(days, dtype=np.int64))
    first = claims.day[claims.first_of_key]
    key, place = np.nonzero(first[:, None] < day[None, :])
    return Points(pack(key, day[place]))


def history_at(group: AggregationGroup, claims: SortedClaims, points: Points) -> pa.Table:
    """The rows of the group's history view at these points: key columns, then the view's fields."""
    windows = HistoryWindows(claims, points)
    table = claims.key_table(points.key)
    table = table.append_column("as_of_day", pa.array(points.day))
    fields = PLANS[group.name].history.fields[1:]
    for aggregation, field in zip(group.aggregations, fields, strict=True):
        values = aggregation.history(windows)
        if field.is_array:
            flat = pa.array(np.ascontiguousarray(values).reshape(-1))
            table = table.append_column(field.name, pa.FixedSizeListArray.from_arrays(flat, field.size))
        else:
            table = table.append_column(field.name, pa.array(values))
    return table
