"""A claims file → typed rows: read in chunks, each parsed by one DuckDB query, into a staging Parquet file."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from claims.attributes import PREFIX
from claims.identifiers import normalize_identifier
from core import clock
from pipelines.duck import connect
from pipelines.ingest.errors import MappingError
from pipelines.ingest.mapping import Mapping
from pipelines.ingest.query import RowQuery, row_query, staging_schema
from pipelines.ingest.records import Record, SourceTable
from pipelines.ingest.rejects import Rejects

__all__ = ["CHUNK_ROWS", "StagedRows", "stage", "staging_schema"]

CHUNK_ROWS = 65_536
_LONE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class StagedRows:
    """What was counted while a file was read."""

    rows: int = 0
    """Records of the file."""
    normalized: Counter[str] = field(default_factory=Counter)
    """`FIELD: CHANGE` → values of accepted rows."""
    set_to_null: Counter[str] = field(default_factory=Counter)
    """`FIELD: REASON` → invalid values of accepted rows that `on_bad` sets to null."""
    ambiguous: Counter[str] = field(default_factory=Counter)
    """Date field → rows that two of its formats read as different days."""

    def count(self, mapping: Mapping, query: RowQuery, parsed: pa.Table) -> None:
        """Add the accepted rows of a chunk."""
        for name in query.normalized:
            kind = mapping.identifier_kind(name)
            if kind is not None:
                for text, times in _tally(parsed.column(f"n_{name}")).items():
                    for change in normalize_identifier(text, kind).changes:
                        self.normalized[f"{name}: {change}"] += times
        for name in query.nullable:
            shown = name.removeprefix(PREFIX)
            for reason, times in _tally(parsed.column(f"b_{name}")).items():
                self.set_to_null[f"{shown}: {reason}"] += times
        for name in query.ambiguous:
            found = pc.sum(parsed.column(f"a_{name}")).as_py()
            if found:
                self.ambiguous[name] += found


def _tally(column: pa.ChunkedArray) -> dict[str, int]:
    """Text → its rows."""
    counts = pc.value_counts(column.drop_null())
    return {entry["values"]: entry["counts"] for entry in counts.to_pylist()}


def _known_columns(mapping: Mapping, table: SourceTable) -> list[str]:
    sources, header = mapping.all_sources(), table.header
    for column in sources:
        if column in table.nested:
            raise MappingError(f"the column {column!r} is {table.nested[column]}")
        if header.count(column) > 1:
            raise MappingError(f"the file has the column {column!r} twice: which is meant? rename one in the file")
        if column not in header:
            near = [name for name in header if name.lower() == column.lower()]
            hint = f"; it has {near[0]!r}" if near else f"; it has {', '.join(name[:40] for name in header[:12])}"
            raise MappingError(f"the file has no column {column!r}, which the mapping {mapping.name!r} names{hint}")
    return list(sources)


def _strings(values: list[str]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # bytes that are not of the encoding: marked, for the field parsers to refuse
        return pa.array([_LONE.sub("\ufffd", value) for value in values], pa.string())


def stage(
    table: SourceTable,
    mapping: Mapping,
    target: Path,
    rejects: Rejects,
    progress: Callable[[int], None],
    latest: datetime | None = None,
) -> StagedRows:
    """Parse every record of `table` into the Parquet file `target`; what cannot be parsed goes to `rejects`.

    No date may be later than `latest` (default: now). Memory is bounded by the chunk. Raises `MappingError` if a mapped
    column is absent.
    """
    columns = _known_columns(mapping, table)
    places = [table.header.index(column) for column in columns]
    query, found, staging = row_query(mapping, columns, latest or clock.now()), StagedRows(), staging_schema(mapping)
    names = ["row", "record", *(f"c{i}" for i in range(len(columns)))]
    with connect(threads=2) as connection, pq.ParquetWriter(target, staging) as out:
        while batch := list(islice(table.records, CHUNK_ROWS)):
            found.rows += len(batch)
            good = _split(batch, rejects)
            digests = [hash(tuple(record.values)) for record in good]
            arrays = [pa.array([record.line for record in good], pa.int64()), pa.array(digests, pa.int64())]
            arrays += [_strings([record.values[place] for record in good]) for place in places]
            connection.register("chunk", pa.table(arrays, names=names))
            parsed = connection.sql(query.sql).to_arrow_table()
            problem = parsed.column("problem")
            _reject(parsed.filter(problem.is_valid()), rejects)
            accepted = parsed.filter(problem.is_null())
            found.count(mapping, query, accepted)
            out.write_table(accepted.select(staging.names).cast(staging))
            progress(table.position())
    return found


def _split(batch: list[Record], rejects: Rejects) -> list[Record]:
    """The records of a batch that have the header's columns; the others are rejected."""
    for record in batch:
        if record.problem is not None:
            rejects.add(record.line, "", None, record.problem)
    return [record for record in batch if record.problem is None]


def _reject(wrong: pa.Table, rejects: Rejects) -> None:
    columns = (wrong.column(name).to_pylist() for name in ("row", "problem", "label"))
    for line, found, label in zip(*columns, strict=True):
        rejects.add(line, found["field"], found["value"], found["reason"], label)
