"""History rows of some keys, recomputed from their claims in Postgres: for a late claim or a claim scored again."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.clock import DAY_US
from core.scratch import scratch_folder
from features.declare import AGGREGATION_GROUPS, PLANS, AggregationGroup, Key, KeyedRows, View
from features.ledger import ClaimLedger, Integers
from features.offline import EVENT_TIME, hide_progress, history_rows, load_ledger, scratch_duckdb
from features.update.database import Connection, claims_of, count_claims_of, export_claims_of

KeysByDay: TypeAlias = Mapping[int, Mapping[str, Collection[Key]]]
"""Day, in days since the epoch → group name → keys."""

MAX_CLAIMS = 50_000
"""Claims that are copied into memory at a time."""
_NETWORK = PLANS["provider_network"].history


def recompute_history(connection: Connection, keys: KeysByDay) -> dict[int, dict[str, KeyedRows]]:
    """Day → group name → the history rows of the day's keys as of the midnight at which it begins.

    A key without a claim before that has no row. The claims of a key are copied once for all its days. Memory is
    bounded: a batch whose keys have more than `MAX_CLAIMS` claims is computed in portions, and a key that has more by
    itself, such as a common procedure, by way of files.
    """
    found: dict[int, dict[str, KeyedRows]] = {day: {} for day in keys}
    with duckdb.connect() as engine:
        hide_progress(engine)
        engine.execute("SET TimeZone = 'UTC'")
        for group in AGGREGATION_GROUPS:
            requested = {day: set(groups.get(group.name, ())) for day, groups in keys.items()}
            days = [day for day in requested if requested[day]]
            if not days:
                continue
            until, distinct = max(days), dict.fromkeys(key for day in days for key in keys[day][group.name])
            counts = count_claims_of(connection, group, list(distinct), before_us=until * DAY_US)
            for portion in portions(counts, MAX_CLAIMS):
                ledger = _ledger_of(connection, engine, group, portion, until)
                for key, row in rows_of_table(PLANS[group.name].history, history_rows(ledger, group, days)):
                    day = row[0]
                    if key in requested[day]:
                        found[day].setdefault(group.name, {})[key] = (day * DAY_US - 1, row)
    return found


@dataclass(frozen=True, slots=True)
class Portion:
    """Keys of a group that are recomputed together."""

    keys: tuple[Key, ...]
    claims: int


def portions(counts: Mapping[Key, int], limit: int) -> Iterator[Portion]:
    """Keys in portions with at most `limit` claims each; a key that has more is a portion of its own."""
    keys: list[Key] = []
    claims = 0
    for key, count in counts.items():
        if keys and claims + count > limit:
            yield Portion(tuple(keys), claims)
            keys, claims = [], 0
        keys.append(key)
        claims += count
    if keys:
        yield Portion(tuple(keys), claims)


def _ledger_of(
    connection: Connection, engine: duckdb.DuckDBPyConnection, group: AggregationGroup, portion: Portion, day: int
) -> ClaimLedger:
    """The claims of a portion's keys before `day`, with their labels."""
    if portion.claims <= MAX_CLAIMS:
        return load_ledger(engine, *claims_of(connection, group, portion.keys, before_us=day * DAY_US))
    with scratch_folder("ginja-history-") as folder, scratch_duckdb(folder) as on_disk:
        files = export_claims_of(connection, group, portion.keys, folder, before_us=day * DAY_US)
        return load_ledger(on_disk, *files)


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
