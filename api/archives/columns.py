"""Columns of archived tables: how a value of each type of PostgreSQL is stored in Parquet, so that it comes back equal.

Numbers of `numeric` and values of `jsonb` are the text that PostgreSQL writes of them, which keeps their digits.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
import pyarrow as pa
from psycopg import sql

from api.archives.records import ArchiveError, StoredColumn

Connection = psycopg.Connection[tuple[object, ...]]
Row = tuple[object, ...]

_TEXT: Final = ("numeric", "jsonb", "json", "uuid")
"""Types that are read as text."""
_TYPES: Final[Mapping[str, pa.DataType]] = {
    "text": pa.string(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "double precision": pa.float64(),
    "date": pa.date32(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "bytea": pa.binary(),
    "text[]": pa.list_(pa.string()),
    "date[]": pa.list_(pa.date32()),
    "bigint[]": pa.list_(pa.int64()),
    **dict.fromkeys(_TEXT, pa.string()),
}
_COLUMNS: Final = """
    SELECT attname, format_type(atttypid, atttypmod), attnotnull AND NOT atthasdef AND attidentity = ''
    FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


@dataclass(frozen=True, slots=True)
class TableColumns:
    """The columns of a table of the database, in their order."""

    table: str
    columns: tuple[StoredColumn, ...]
    required: frozenset[str]
    """Columns without a default that cannot be null."""

    @classmethod
    def of(cls, connection: Connection, table: str) -> "TableColumns":
        """Raises `ArchiveError` for a type that an archive cannot hold."""
        found = connection.execute(_COLUMNS, [table]).fetchall()
        columns = tuple(StoredColumn(name=str(name), type=str(kind)) for name, kind, _ in found)
        for one in columns:
            if one.type not in _TYPES:
                raise ArchiveError(f"{table}.{one.name} has the type {one.type}, which archives do not hold")
        return cls(table, columns, frozenset(str(name) for name, _, required in found if required))

    def selected(self) -> sql.Composable:
        """SQL of the columns of the row `one`, as they are stored."""
        return sql.SQL(", ").join(
            sql.SQL("{}::text" if column.type in _TEXT else "{}").format(sql.Identifier("one", column.name))
            for column in self.columns
        )


def schema_of(columns: Sequence[StoredColumn]) -> pa.Schema:
    """The schema of a Parquet file; each field names its type in PostgreSQL."""
    return pa.schema([pa.field(one.name, _TYPES[one.type], metadata={"postgresql_type": one.type}) for one in columns])


def batch_of(schema: pa.Schema, rows: Sequence[Row]) -> pa.RecordBatch:
    """Rows as Arrow holds them. Raises `ArchiveError` for a value that a column cannot hold unchanged."""
    try:
        arrays = [pa.array([row[at] for row in rows], field.type) for at, field in enumerate(schema)]
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise ArchiveError(f"a value cannot be archived unchanged: {error}") from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def rows_of(batch: pa.RecordBatch) -> list[Row]:
    """Rows of Arrow as values of Python."""
    return list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def same(first: Row, second: Row) -> bool:
    """Whether two rows are equal to the bit: NaN equals NaN, and a negative zero is not zero."""
    return len(first) == len(second) and all(map(_equal, first, second))


def _equal(first: object, second: object) -> bool:
    if isinstance(first, float) and isinstance(second, float):
        return struct.pack(">d", first) == struct.pack(">d", second)
    return type(first) is type(second) and first == second
