"""The today rows of an aggregation group: the day so far after each claim, or its voiding on the same day."""

import pyarrow as pa

from features.declare import PLANS, RECEIVED, Aggregation, AggregationGroup
from features.ledger import DayEntries, SortedClaims


def today_rows(group: AggregationGroup, claims: SortedClaims) -> pa.Table:
    """Key columns, `us` (the event time), then the fields of the group's today view; one row per key and microsecond.

    A row states what was received up to and including its event time: a claim reads the last row strictly before it,
    and only one of its own day. Raises `ValueError` where the group has no today row.
    """
    view = PLANS[group.name].today
    if view is None:
        raise ValueError(f"aggregation group {group.name} has no today row")
    entries = DayEntries(claims)
    table = claims.key_table(entries.row_key).append_column("us", pa.array(entries.row_us))
    table = table.append_column("day", pa.array(entries.row_day))
    readers: dict[str | None, Aggregation] = {}
    for aggregation in group.aggregations:
        readers.setdefault(aggregation.today_field, aggregation)
    for field in view.fields[1:]:
        values = entries.received() if field.name == RECEIVED else readers[field.name].today(entries)
        table = table.append_column(field.name, pa.array(values))
    return table
