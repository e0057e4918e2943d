"""Loading a claims frame and a labels frame into a ledger."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.clock import DAY_US
from features.declare import AGGREGATION_GROUPS, CLAIMS, DERIVED_SQL, LABELS
from features.errors import MissingColumnError, NaiveTimeError
from features.ledger import (
    NEVER,
    OPEN_ENDED,
    ClaimLedger,
    FindingIntervals,
    Integers,
    encode_column,
    finding_intervals,
    label_values,
)

Relation: TypeAlias = pa.Table | Path | Sequence[Path] | str
"""A frame in memory, Parquet files, or SQL that can stand after FROM."""


def text_columns() -> list[str]:
    """The text columns that a group's key or an aggregation reads."""
    columns = dict.fromkeys(key for group in AGGREGATION_GROUPS for key in group.keys)
    read = (aggregation.text_column for group in AGGREGATION_GROUPS for aggregation in group.aggregations)
    return list(columns | dict.fromkeys(column for column in read if column is not None))


def number_columns() -> list[str]:
    """The number columns that an aggregation reads."""
    read = (aggregation.number_column for group in AGGREGATION_GROUPS for aggregation in group.aggregations)
    return list(dict.fromkeys(column for column in read if column is not None))


def load_ledger(
    connection: duckdb.DuckDBPyConnection, claims: Relation, labels: Relation | None = None, *, only: str = "TRUE"
) -> ClaimLedger:
    """The ledger of a claims frame (`CLAIMS`) and a labels frame (`LABELS`).

    `only` is SQL over the claims frame that keeps part of the claims; labels of the others are left out. A number that
    is null counts as zero; a claim with a null key makes no row. A claim voided before it was received counts as voided
    at receipt, a label known before it as known at receipt. Raises `MissingColumnError`, `NaiveTimeError`.
    """
    source = relation(connection, claims, "claims_frame")
    check_columns(connection, source, "the claims frame", CLAIMS, ("received_at", "voided_at"))
    texts = [f"{DERIVED_SQL.get(c, c)} AS {c}" for c in text_columns()]
    numbers = [f"coalesce({DERIVED_SQL.get(c, c)}, 0)::BIGINT AS {c}" for c in number_columns()]
    table = connection.sql(f"""
        SELECT claim_id, epoch_us(received_at) AS us,
               CASE WHEN voided_at IS NULL THEN {NEVER} ELSE epoch_us(greatest(voided_at, received_at)) END AS void_us,
               {", ".join(texts + numbers)}
        FROM {source} WHERE {only} ORDER BY us, claim_id""").to_arrow_table()
    us = table["us"].to_numpy()
    return ClaimLedger(
        us=us,
        day=us // DAY_US,
        void_us=table["void_us"].to_numpy(),
        numbers={c: table[c].to_numpy() for c in number_columns()},
        texts={c: encode_column(table[c]) for c in text_columns()},
        findings=_findings(connection, labels, table["claim_id"], us),
    )


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
    """Check that `source` has the columns of `schema`, and time zones in its time columns.

    Raises `MissingColumnError`, `NaiveTimeError`; `where` names the source in the message.
    """
    found = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    missing = [name for name in schema.names if name not in found]
    if missing:
        raise MissingColumnError(where, missing, list(found))
    for column in times:
        if found[column] != "TIMESTAMP WITH TIME ZONE":
            raise NaiveTimeError(where, column)


def _findings(
    connection: duckdb.DuckDBPyConnection, labels: Relation | None, claim_ids: pa.ChunkedArray, us: Integers
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
