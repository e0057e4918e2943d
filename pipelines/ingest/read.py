"""A claims file → typed rows: read in chunks, each parsed by one DuckDB query, into a staging Parquet file."""

import re
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from claims.attributes import PREFIX, feature_name
from claims.service_days import receipt_day
from core import clock
from pipelines.duck import connect
from pipelines.ingest.attribute_fields import parse_attributes, staged_columns
from pipelines.ingest.errors import MappingError
from pipelines.ingest.fields import cleaned, literal, parse_all, total
from pipelines.ingest.mapping import FIELDS, Mapping
from pipelines.ingest.records import Record, SourceTable
from pipelines.ingest.rejects import Rejects

CHUNK_ROWS = 65_536
_LONE = re.compile("[\ud800-\udfff]")

_TYPES: dict[str, pa.DataType] = {
    "line": pa.int32(),
    "received_at": pa.int64(),
    "service_from": pa.date32(),
    "service_to": pa.date32(),
    "age_years": pa.int32(),
    "birth_date": pa.date32(),
    "amount": pa.int64(),
    "units": pa.int32(),
    "lines": pa.int32(),
    "diagnoses": pa.int32(),
    "diagnosis_count": pa.int32(),
    "benefit_limit": pa.int64(),
    "voided_at": pa.int64(),
    "label": pa.bool_(),
    "label_known_at": pa.int64(),
}


def staging_schema(mapping: Mapping) -> pa.Schema:
    """A row of the file: `row` is its line number, then our fields (times in microseconds, money in cents), then the
    attributes, each under the name of its feature.
    """
    types = {name: _TYPES.get(name, pa.string()) for name in FIELDS} | staged_columns(mapping)
    return pa.schema([pa.field("row", pa.int64()), *(pa.field(name, kind) for name, kind in types.items())])


def _known_columns(mapping: Mapping, header: list[str]) -> list[str]:
    sources = mapping.all_sources()
    for column in sources:
        if header.count(column) > 1:
            raise MappingError(f"the file has the column {column!r} twice: which is meant? rename one in the file")
        if column not in header:
            near = [name for name in header if name.lower() == column.lower()]
            hint = f"; it has {near[0]!r}" if near else f"; it has {', '.join(name[:40] for name in header[:12])}"
            raise MappingError(f"the file has no column {column!r}, which the mapping {mapping.name!r} names{hint}")
    return list(sources)


def _query(mapping: Mapping, columns: list[str], at: datetime) -> str:
    """The query over `chunk` (`row`, and `c0…` with the texts of `columns`): our fields, and the first problem.

    No date may be later than `at`.
    """
    names = {column: f"t{index}" for index, column in enumerate(columns)}
    raw: dict[str, str] = {}
    for field in mapping.columns:
        if field != "diagnoses":
            sources = [names[column] for column in mapping.sources(field)]
            raw[field] = _first(sources)
    attributes = {
        name: _first([names[column] for column in columns_read])
        for name in mapping.features
        if (columns_read := mapping.attribute_sources(name))
    }
    constants = {field: literal(value) for field, value in mapping.constants.items()}
    parsed = parse_all(mapping, raw | constants, receipt_day(at, ZoneInfo(mapping.time_zone)), clock.micros(at))
    parsed |= parse_attributes(mapping, attributes)
    texts_of = raw | constants | {feature_name(name): sql for name, sql in attributes.items()}
    parsed["amount"] = total(mapping, [raw["amount"], *(names[column] for column in mapping.money.plus)])
    further = [f"({names[column]} IS NOT NULL)::INT" for column in mapping.sources("diagnoses")]
    values = {field: entry.value for field, entry in parsed.items()}
    if "diagnosis_code" in parsed:
        own = set(mapping.sources("diagnosis_code")) & set(mapping.sources("diagnoses"))
        principal = [] if own else [f"({raw['diagnosis_code']} IS NOT NULL)::INT"]
        values["diagnoses"] = f"GREATEST(1, {' + '.join([*principal, *further] or ['1'])})"
    if "diagnosis_count" in parsed:
        values["diagnoses"] = parsed["diagnosis_count"].value
    columns_of = range(len(columns))
    trimmed = ", ".join(f"trim(c{at}, ' \t\u00a0') AS t{at}" for at in columns_of)
    texts = ", ".join(f"{cleaned(f't{at}', mapping.missing)} AS t{at}" for at in columns_of)
    types = {field.name: _sql_type(field.type) for field in staging_schema(mapping) if field.name != "row"}
    named = ", ".join(f"({values[field]})::{types[field]} AS v_{field}" for field in values)
    problems = {field: entry.problem.replace("@v", f"v_{field}") for field, entry in parsed.items()}
    for field in _always(mapping):
        problems[field] = f"CASE WHEN {raw[field]} IS NULL THEN 'no value' ELSE ({problems[field]}) END"
    found = ", ".join(f"({problem})::VARCHAR AS p_{field}" for field, problem in problems.items())
    first = ", ".join(
        f"CASE WHEN p_{field} IS NOT NULL THEN "
        f"{{'field': '{_shown(field)}', 'reason': p_{field}, 'value': ({texts_of[field]})::VARCHAR}} END"
        for field in problems
    )
    chosen = ", ".join(
        f"v_{field} AS {field}" if field in values else f"NULL::{types[field]} AS {field}" for field in types
    )
    # One subquery per step, so that nothing is computed twice.
    return f"""
        SELECT "row", {chosen}, COALESCE({first}) AS problem FROM (
            SELECT *, {found} FROM (
                SELECT *, {named} FROM (SELECT "row", {texts} FROM (SELECT "row", {trimmed} FROM chunk))
            )
        ) ORDER BY "row"
    """


def _always(mapping: Mapping) -> list[str]:
    """Mapped fields that a claim requires."""
    owner = ("provider_id",) if mapping.label_of == "provider" else ()
    return [field for field in ("claim_id", "amount", *owner) if field in mapping.columns]


def _shown(staged: str) -> str:
    """The name of a staged column in rejects."""
    return f"features.{staged.removeprefix(PREFIX)}" if staged.startswith(PREFIX) else staged


def _first(texts: list[str]) -> str:
    """SQL of the first text with a value."""
    return texts[0] if len(texts) == 1 else f"COALESCE({', '.join(texts)})"


def _sql_type(kind: pa.DataType) -> str:
    types = {pa.int32(): "INTEGER", pa.int64(): "BIGINT", pa.date32(): "DATE", pa.bool_(): "BOOLEAN"}
    return (types | {pa.float64(): "DOUBLE"}).get(kind, "VARCHAR")


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
) -> int:
    """Parse every record of `table` into the Parquet file `target`; what cannot be parsed goes to `rejects`.

    No date may be later than `latest` (default: now). Returns the number of records. Memory is bounded by the chunk.
    Raises `MappingError` if a mapped column is absent.
    """
    columns = _known_columns(mapping, table.header)
    places = [table.header.index(column) for column in columns]
    query, count, staging = _query(mapping, columns, latest or clock.now()), 0, staging_schema(mapping)
    schema = pa.schema([pa.field("row", pa.int64()), *(pa.field(f"c{i}", pa.string()) for i in range(len(columns)))])
    with connect(threads=2) as connection, pq.ParquetWriter(target, staging) as out:
        while batch := list(islice(table.records, CHUNK_ROWS)):
            count += len(batch)
            good: list[Record] = []
            for record in batch:
                if record.problem is None:
                    good.append(record)
                else:
                    rejects.add(record.line, "", None, record.problem)
            arrays = [pa.array([record.line for record in good], pa.int64())]
            arrays += [_strings([record.values[place] for record in good]) for place in places]
            connection.register("chunk", pa.table(arrays, schema=schema))
            parsed = connection.sql(query).to_arrow_table()
            problem = parsed.column("problem")
            wrong = problem.is_valid()
            for line, found in zip(
                parsed.column("row").filter(wrong).to_pylist(), problem.filter(wrong).to_pylist(), strict=True
            ):
                rejects.add(line, found["field"], found["value"], found["reason"])
            out.write_table(parsed.filter(problem.is_null()).select(staging.names).cast(staging))
            progress(table.position())
    return count
