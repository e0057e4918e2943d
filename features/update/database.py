"""The claims frame and the labels frame out of Postgres: the view `claim_facts` and the table `labels`, by COPY."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from features.declare import CLAIMS, LABELS, AggregationGroup

Connection = psycopg.Connection[Any]

_AGE_BAND = "age_years"
_CHUNK = 1 << 16


def _sent(schema: pa.Schema, alias: str) -> str:
    """SQL of a frame's columns as COPY sends them: times and days as numbers, so that none is parsed."""
    columns = []
    for field in schema:
        column = f"{alias}.{field.name}"
        if pa.types.is_timestamp(field.type):
            columns.append(f"(extract(epoch FROM {column}) * 1000000)::bigint")
        elif pa.types.is_date(field.type):
            columns.append(f"{column} - DATE '1970-01-01'")
        else:
            columns.append(column)
    return ", ".join(columns)


def _reading(schema: pa.Schema) -> pyarrow.csv.ConvertOptions:
    def kind(field: pa.Field) -> pa.DataType:
        if pa.types.is_timestamp(field.type):
            return pa.int64()
        return pa.int32() if pa.types.is_date(field.type) else field.type

    return pyarrow.csv.ConvertOptions(
        column_types={field.name: kind(field) for field in schema},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t"],
        false_values=["f"],
    )


def _framed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return pa.table([table[field.name].cast(field.type) for field in schema], schema=schema)


def _parsed(text: bytes, schema: pa.Schema) -> pa.Table:
    if not text:
        return schema.empty_table()
    table = pyarrow.csv.read_csv(
        io.BytesIO(text),
        read_options=pyarrow.csv.ReadOptions(column_names=schema.names),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=_reading(schema),
    )
    return _framed(table, schema)


def _copied(connection: Connection, query: str, params: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT csv)", params) as copy:
        for part in copy:
            buffer.write(part)
    return buffer.getvalue()


def match_keys(entity: AggregationGroup, claim: str, keys: str) -> str:
    """SQL: a row of `claim_facts` is of a key of the relation `keys(k0, k1 …)`; shaped so that indexes serve."""
    conditions = []
    for place, key in enumerate(entity.keys):
        if key == "service_day":
            conditions.append(f"{claim}.service_from = {keys}.k{place}::date")
        elif key == "age_band":
            conditions.append(f"{age_band(claim)} = {keys}.k{place}")
        else:
            conditions.append(f"{claim}.{key} = {keys}.k{place}")
    return " AND ".join(conditions)


def age_band(claim: str) -> str:
    """SQL: the age band of a row of `claim_facts`, as `features.declare.age_band`."""
    from features.declare import AGE_BAND_EDGES

    arms = " + ".join(f"({claim}.{_AGE_BAND} >= {edge})::int" for edge in AGE_BAND_EDGES)
    return f"CASE WHEN {claim}.{_AGE_BAND} IS NULL THEN '?' ELSE ({arms})::text END"


def requested_keys(entity: AggregationGroup) -> str:
    """SQL: the relation of keys that are asked about, from the parameters `k0`, `k1` …"""
    places = range(len(entity.keys))
    arrays = ", ".join(f"%(k{place})s::text[]" for place in places)
    names = ", ".join(f"k{place}" for place in places)
    return f"(SELECT * FROM unnest({arrays}) AS keys({names}))"


def key_params(entity: AggregationGroup, keys: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """The parameters of `requested_keys`."""
    return {f"k{place}": [key[place] for key in keys] for place in range(len(entity.keys))}


def claims_of(
    connection: Connection, entity: AggregationGroup, keys: Sequence[tuple[str, ...]], *, before_us: int
) -> tuple[pa.Table, pa.Table]:
    """The claims of these keys that were received before an instant, and their labels, as frames."""
    params = key_params(entity, keys) | {"before": before_us}
    source = f"""FROM {requested_keys(entity)} AS t JOIN claim_facts AS c ON {match_keys(entity, "c", "t")}"""
    until = "c.received_at < 'epoch'::timestamptz + %(before)s * interval '1 microsecond'"
    claims = _copied(connection, f"SELECT {_sent(CLAIMS, 'c')} {source} WHERE {until}", params)
    labels = _copied(
        connection, f"SELECT {_sent(LABELS, 'l')} {source} JOIN labels AS l USING (claim_id) WHERE {until}", params
    )
    return _parsed(claims, CLAIMS), _parsed(labels, LABELS)


def export_frames(connection: Connection, folder: Path) -> tuple[Path, Path]:
    """Every claim and every label as Parquet files in `folder`; never all of them in memory."""
    claims, labels = folder / "claims.parquet", folder / "labels.parquet"
    _export(connection, f"SELECT {_sent(CLAIMS, 'c')} FROM claim_facts AS c", CLAIMS, claims)
    _export(connection, f"SELECT {_sent(LABELS, 'l')} FROM labels AS l", LABELS, labels)
    return claims, labels


def _export(connection: Connection, query: str, schema: pa.Schema, path: Path) -> None:
    text = path.with_suffix(".csv")
    with text.open("wb") as file, connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as copy:
        for part in copy:
            file.write(part)
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        if text.stat().st_size:
            reader = pyarrow.csv.open_csv(
                text,
                read_options=pyarrow.csv.ReadOptions(column_names=schema.names, block_size=1 << 24),
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
                convert_options=_reading(schema),
            )
            for batch in reader:
                writer.write_table(_framed(pa.table(batch), schema))
        else:
            writer.write_table(schema.empty_table())
    text.unlink()
