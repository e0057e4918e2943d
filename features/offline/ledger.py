"""The ledger: the claims and labels frames as the past is computed from them, one NumPy array a column.

About 250 bytes a claim: 20 million claims fit into 5 GB. Keys are held as numbers in the order of their names.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.clock import DAY_US
from features.declare import (
    AGGREGATION_GROUPS,
    CLAIMS,
    DERIVED_SQL,
    LABELS,
    Distinct,
    FirstSeen,
    Histogram,
    LastValue,
    Sum,
    Top,
)
from features.errors import MissingColumnError, NaiveTimeError
from features.offline.findings import OPEN_ENDED, FindingIntervals, finding_intervals, label_values

NEVER = np.iinfo(np.int64).max

Relation: TypeAlias = pa.Table | Path | Sequence[Path] | str
"""A frame in memory, Parquet files, or SQL that can stand after FROM."""


@dataclass(frozen=True, slots=True)
class CodedColumn:
    """A column of names as numbers: `codes` (int64, -1 for null) count into `names`, which is sorted."""

    codes: np.ndarray
    names: pa.Array


@dataclass(frozen=True, slots=True)
class ClaimLedger:
    """Claims in the order of `(received_at, claim_id)`, and what became known of some of them."""

    us: np.ndarray
    """int64: received, microseconds since the epoch."""
    day: np.ndarray
    """int64: the UTC day of that, days since the epoch."""
    void_us: np.ndarray
    """int64: voided; `NEVER` where it was not."""
    numbers: dict[str, np.ndarray]
    """Column → int64, 0 for null."""
    names: dict[str, CodedColumn]
    findings: FindingIntervals
    """What was found of the claims, as it stood; `claim` is the row of this ledger."""

    def __len__(self) -> int:
        return len(self.us)

    @property
    def void_day(self) -> np.ndarray:
        """int64: the day of voiding; a day past all others where there is none."""
        return self.void_us // DAY_US


def name_columns() -> list[str]:
    """The columns of names some entity or aggregation reads."""
    columns = dict.fromkeys(key for entity in AGGREGATION_GROUPS for key in entity.keys)
    for entity in AGGREGATION_GROUPS:
        for aggregation in entity.aggregations:
            if isinstance(aggregation, Distinct | FirstSeen | Top):
                columns[aggregation.column] = None
    return list(columns)


def number_columns() -> list[str]:
    """The columns of numbers some aggregation reads."""
    columns: dict[str, None] = {}
    for entity in AGGREGATION_GROUPS:
        for aggregation in entity.aggregations:
            if isinstance(aggregation, Sum | LastValue):
                columns[aggregation.column] = None
            elif isinstance(aggregation, Histogram):
                columns["amount_bucket"] = None
    return list(columns)


def load_ledger(
    connection: duckdb.DuckDBPyConnection, claims: Relation, labels: Relation | None = None, *, only: str = "TRUE"
) -> ClaimLedger:
    """The ledger of a claims frame (`features.declare.CLAIMS`) and a labels frame.

    `only` is SQL over the claims frame that keeps part of the claims; the labels of others are left out. A number a
    source does not have (units, say) counts as nought; a key it does not have makes no row. A claim voided before it
    was received counts as voided at receipt, a label known before it as known then. Raises `MissingColumnError`,
    `NaiveTimeError`.
    """
    source = relation(connection, claims, "claims_frame")
    check_columns(connection, source, "the claims frame", CLAIMS, ("received_at", "voided_at"))
    names = [f"{DERIVED_SQL.get(c, c)} AS {c}" for c in name_columns()]
    numbers = [f"coalesce({DERIVED_SQL.get(c, c)}, 0)::BIGINT AS {c}" for c in number_columns()]
    table = connection.sql(f"""
        SELECT claim_id, epoch_us(received_at) AS us,
               CASE WHEN voided_at IS NULL THEN {NEVER} ELSE epoch_us(greatest(voided_at, received_at)) END AS void_us,
               {", ".join(names + numbers)}
        FROM {source} WHERE {only} ORDER BY us, claim_id""").to_arrow_table()
    us = table["us"].to_numpy()
    return ClaimLedger(
        us=us,
        day=us // DAY_US,
        void_us=table["void_us"].to_numpy(),
        numbers={c: table[c].to_numpy() for c in number_columns()},
        names={c: encode_column(table[c]) for c in name_columns()},
        findings=_findings(connection, labels, table["claim_id"], us),
    )


def encode_column(column: pa.ChunkedArray) -> CodedColumn:
    """Names as numbers in the order of the names."""
    encoded = column.combine_chunks().dictionary_encode()
    order = pc.sort_indices(encoded.dictionary)
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    rank[-1] = -1
    codes = pc.fill_null(encoded.indices, len(order)).to_numpy(zero_copy_only=False)
    return CodedColumn(rank[codes], encoded.dictionary.take(order))


def relation(connection: duckdb.DuckDBPyConnection, source: Relation, name: str) -> str:
    """SQL that reads `source`; a frame in memory is registered under `name`."""
    if isinstance(source, str):
        return source
    if isinstance(source, pa.Table):
        connection.register(name, source)
        return name
    paths = [source] if isinstance(source, Path) else list(source)
    files = ", ".join("'" + str(path.resolve()).replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{files}])"


def check_columns(
    connection: duckdb.DuckDBPyConnection, source: str, where: str, schema: pa.Schema, times: Sequence[str]
) -> None:
    """Raise `MissingColumnError` or `NaiveTimeError` unless `source` has the columns, and zones in those of time."""
    found = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    missing = [name for name in schema.names if name not in found]
    if missing:
        raise MissingColumnError(where, missing, list(found))
    for column in times:
        if found[column] != "TIMESTAMP WITH TIME ZONE":
            raise NaiveTimeError(where, column)


def _findings(
    connection: duckdb.DuckDBPyConnection, labels: Relation | None, claim_ids: pa.ChunkedArray, us: np.ndarray
) -> FindingIntervals:
    source = relation(connection, LABELS.empty_table() if labels is None else labels, "labels_frame")
    check_columns(connection, source, "the labels frame", LABELS, ("known_at",))
    known = connection.sql(f"SELECT claim_id, is_fraud, epoch_us(known_at) AS us FROM {source}").to_arrow_table()
    row = pc.fill_null(pc.index_in(known["claim_id"], value_set=claim_ids.combine_chunks()), -1)
    row = row.to_numpy().astype(np.int64)
    here = row >= 0
    found = finding_intervals(row[here], label_values(known["is_fraud"])[here], known["us"].to_numpy()[here])
    since = np.maximum(found.since_us, us[found.claim])
    until = np.where(found.until_us == OPEN_ENDED, OPEN_ENDED, np.maximum(found.until_us, us[found.claim]))
    return replace(found, since_us=since, until_us=until)
