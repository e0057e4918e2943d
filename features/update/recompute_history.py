"""History rows of some keys, recomputed from their claims in Postgres: for a late claim or a claim scored again."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.clock import DAY_US
from features.declare import AGGREGATION_GROUPS, PLANS, Key, KeyedRows, View
from features.ledger import Integers
from features.offline import EVENT_TIME, history_rows, load_ledger
from features.update.database import Connection, claims_of

_NETWORK = PLANS["provider_network"].history


def recompute_history(connection: Connection, keys: Mapping[str, Sequence[Key]], *, day: int) -> dict[str, KeyedRows]:
    """Group name → the history rows of these keys as of the midnight at which `day` begins.

    A key without a claim before that has no row.
    """
    found: dict[str, KeyedRows] = {}
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        for group in AGGREGATION_GROUPS:
            of_group = keys.get(group.name)
            if not of_group:
                continue
            claims, labels = claims_of(connection, group, of_group, before_us=day * DAY_US)
            if len(claims):
                table = history_rows(load_ledger(engine, claims, labels), group, day)
                rows = rows_of_table(PLANS[group.name].history, table)
                found[group.name] = {key: (day * DAY_US - 1, row) for key, row in rows}
    return found


def network_history(path: Path | None) -> dict[Key, list[tuple[int, tuple[int, ...]]]]:
    """Each provider's rows in the weekly job's file with their event times, in order; empty where there is no file."""
    if path is None or not path.exists():
        return {}
    table = pq.read_table(path).sort_by([(EVENT_TIME, "ascending")])
    found: dict[Key, list[tuple[int, tuple[int, ...]]]] = {}
    times = table[EVENT_TIME].cast("int64").to_pylist()
    for (key, row), us in zip(rows_of_table(_NETWORK, table), times, strict=True):
        found.setdefault(key, []).append((us, row))
    return found


def rows_of_table(view: View, table: pa.Table) -> Iterator[tuple[Key, tuple[int, ...]]]:
    """A table of key columns and fields as keys with their rows."""
    matrix = np.concatenate([column.reshape(len(table), -1) for column in field_columns(view, table)], axis=1)
    return zip(keys_of_table(view, table), map(tuple, matrix.tolist()), strict=True)


def keys_of_table(view: View, table: pa.Table) -> Iterator[Key]:
    """The keys of a table, row by row."""
    return zip(*(table[key].to_pylist() for key in view.keys), strict=True)


def field_columns(view: View, table: pa.Table) -> list[Integers]:
    """The view's fields as int64 columns; those of an array field are `[N, size]`."""
    columns = []
    for field in view.fields:
        column = table[field.name].combine_chunks()
        values = column.flatten() if field.is_array else column
        flat = values.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
        columns.append(flat.reshape(len(table), field.size) if field.is_array else flat)
    return columns
