"""The claims and labels frames out of Postgres: the view `claim_facts` and the table `labels`, by COPY."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from features.declare import AGE_BAND_EDGES, CLAIMS, LABELS, AggregationGroup, Key

Connection: TypeAlias = psycopg.Connection[Any]
Parameters: TypeAlias = dict[str, int | list[str] | None]
"""Parameters of a statement."""

_AGE = "age_years"


def _select_list(schema: pa.Schema, alias: str) -> str:
    """SQL of a frame's columns for COPY: times and dates as numbers, so that none has to be parsed."""
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


def _convert_options(schema: pa.Schema) -> pyarrow.csv.ConvertOptions:
    def type_of(field: pa.Field) -> pa.DataType:
        if pa.types.is_timestamp(field.type):
            return pa.int64()
        return pa.int32() if pa.types.is_date(field.type) else field.type

    return pyarrow.csv.ConvertOptions(
        column_types={field.name: type_of(field) for field in schema},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t"],
        false_values=["f"],
    )


def _with_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return pa.table([table[field.name].cast(field.type) for field in schema], schema=schema)


def _parse(text: bytes, schema: pa.Schema) -> pa.Table:
    if not text:
        return schema.empty_table()
    table = pyarrow.csv.read_csv(
        io.BytesIO(text),
        read_options=pyarrow.csv.ReadOptions(column_names=schema.names),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=_convert_options(schema),
    )
    return _with_schema(table, schema)


def _copy(connection: Connection, query: str, params: Parameters) -> bytes:
    buffer = io.BytesIO()
    with connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT csv)", params) as copy:
        for part in copy:
            buffer.write(part)
    return buffer.getvalue()


def match_keys(group: AggregationGroup, claim: str, keys: str) -> str:
    """SQL: a row of `claim_facts` has a key of the relation `keys(k0, k1 …)`; written so that indexes serve it."""
    conditions = []
    for place, key in enumerate(group.keys):
        if key == "service_day":
            conditions.append(f"{claim}.service_from = {keys}.k{place}::date")
        elif key == "age_band":
            conditions.append(f"{age_band_sql(claim)} = {keys}.k{place}")
        else:
            conditions.append(f"{claim}.{key} = {keys}.k{place}")
    return " AND ".join(conditions)


def age_band_sql(claim: str) -> str:
    """SQL: the age band of a row of `claim_facts`, as `features.declare.age_band`."""
    arms = " + ".join(f"({claim}.{_AGE} >= {edge})::int" for edge in AGE_BAND_EDGES)
    return f"CASE WHEN {claim}.{_AGE} IS NULL THEN '?' ELSE ({arms})::text END"


def requested_keys(group: AggregationGroup) -> str:
    """SQL: the relation of the keys in the parameters `k0`, `k1` …"""
    places = range(len(group.keys))
    arrays = ", ".join(f"%(k{place})s::text[]" for place in places)
    names = ", ".join(f"k{place}" for place in places)
    return f"(SELECT * FROM unnest({arrays}) AS keys({names}))"


def key_params(group: AggregationGroup, keys: Sequence[Key]) -> Parameters:
    """The parameters of `requested_keys`."""
    return {f"k{place}": [key[place] for key in keys] for place in range(len(group.keys))}


def claims_of(
    connection: Connection, group: AggregationGroup, keys: Sequence[Key], *, before_us: int
) -> tuple[pa.Table, pa.Table]:
    """The claims with these keys that were received before an instant, and their labels, as frames."""
    claims, labels, params = _queries_of(group, keys, before_us)
    return _parse(_copy(connection, claims, params), CLAIMS), _parse(_copy(connection, labels, params), LABELS)


def export_claims_of(
    connection: Connection, group: AggregationGroup, keys: Sequence[Key], folder: Path, *, before_us: int
) -> tuple[Path, Path]:
    """As `claims_of`, written as Parquet files in `folder`, in bounded memory; returns their paths."""
    claims, labels, params = _queries_of(group, keys, before_us)
    paths = folder / "claims.parquet", folder / "labels.parquet"
    export_query(connection, claims, CLAIMS, paths[0], params)
    export_query(connection, labels, LABELS, paths[1], params)
    return paths


def count_claims_of(
    connection: Connection, group: AggregationGroup, keys: Sequence[Key], *, before_us: int
) -> dict[Key, int]:
    """Key → how many claims it has that were received before an instant; a key without any is absent."""
    columns = ", ".join(f"t.k{place}" for place in range(len(group.keys)))
    rows = connection.execute(
        f"SELECT {columns}, count(*) {_source(group)} WHERE {_BEFORE} GROUP BY {columns}",
        key_params(group, keys) | {"before": before_us},
    )
    return {row[:-1]: row[-1] for row in rows}


_BEFORE = "c.received_at < 'epoch'::timestamptz + %(before)s * interval '1 microsecond'"


def _source(group: AggregationGroup) -> str:
    return f"""FROM {requested_keys(group)} AS t JOIN claim_facts AS c ON {match_keys(group, "c", "t")}"""


def _queries_of(group: AggregationGroup, keys: Sequence[Key], before_us: int) -> tuple[str, str, Parameters]:
    """The queries of the claims with these keys and of their labels, and their parameters."""
    source = _source(group)
    return (
        f"SELECT {_select_list(CLAIMS, 'c')} {source} WHERE {_BEFORE}",
        f"SELECT {_select_list(LABELS, 'l')} {source} JOIN labels AS l USING (claim_id) WHERE {_BEFORE}",
        key_params(group, keys) | {"before": before_us},
    )


def export_frames(connection: Connection, folder: Path) -> tuple[Path, Path]:
    """Write every claim and every label as Parquet files in `folder`, in bounded memory; returns their paths."""
    claims, labels = folder / "claims.parquet", folder / "labels.parquet"
    export_query(connection, f"SELECT {_select_list(CLAIMS, 'c')} FROM claim_facts AS c", CLAIMS, claims)
    export_query(connection, f"SELECT {_select_list(LABELS, 'l')} FROM labels AS l", LABELS, labels)
    return claims, labels


def export_query(
    connection: Connection, query: str, schema: pa.Schema, path: Path, params: Parameters | None = None
) -> None:
    """Write the rows of a query as a Parquet file, in bounded memory; times and dates are selected as numbers."""
    text = path.with_suffix(".csv")
    with text.open("wb") as file, connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT csv)", params) as copy:
        for part in copy:
            file.write(part)
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        if text.stat().st_size:
            reader = pyarrow.csv.open_csv(
                text,
                read_options=pyarrow.csv.ReadOptions(column_names=schema.names, block_size=1 << 24),
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
                convert_options=_convert_options(schema),
            )
            for batch in reader:
                writer.write_table(_with_schema(pa.table(batch), schema))
        else:
            writer.write_table(schema.empty_table())
    text.unlink()
