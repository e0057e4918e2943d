"""The point-in-time join: entity rows in, the same rows in the same order out, each with the last rows before it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import MissingColumnError, NaiveTimeError, OfflineStoreError
from features.feast.sorted_search import sorted_join

TIME = "event_timestamp"
_PLACE = "__place"
"""The number of an entity row, beside its own columns."""
_TEXT = ("VARCHAR", "ENUM")
MAX_ROWS_IN_MEMORY = 1_500_000
"""Entity rows above which each view's result is kept on disk, not in memory."""
BATCH_ROWS = 131_072


@dataclass(frozen=True, slots=True)
class AsofView:
    """What to join of one view."""

    name: str
    source: str
    """SQL that can follow FROM."""
    time: str
    keys: dict[str, str]
    """Key column of the view → of the entity rows."""
    fields: dict[str, str]
    """Column of the view → its name in the result."""
    ttl: timedelta
    """Zero: a row is valid until the next one."""
    file: Path | None = None
    """The one Parquet file the source is, if it is one."""


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def sql_string(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class AsofJoin:
    """A join of entity rows (a frame, SQL, or a path of Parquet files) with views."""

    entity_rows: pd.DataFrame | pa.Table | str
    views: list[AsofView]

    def table(self, connection: duckdb.DuckDBPyConnection) -> pa.Table:
        """The whole result in memory."""
        with _rows(connection, self.entity_rows) as rows:
            result = rows.table()
            for view in self.views:
                found = self._joined(connection, view, rows)
                for name in view.fields.values():
                    result = result.append_column(name, found[name])
            return result

    def batches(self, connection: duckdb.DuckDBPyConnection, rows_each: int = BATCH_ROWS) -> Iterator[pa.Table]:
        """The result in order, `rows_each` rows at a time; what is still to come is on disk if it is large."""
        with _rows(connection, self.entity_rows) as rows, TemporaryDirectory(dir=_spill(connection)) as folder:
            entity = _spilled(rows.table(), Path(folder) / "entity.arrow")
            found = [
                _spilled(self._joined(connection, view, rows), Path(folder) / f"{place}.arrow")
                for place, view in enumerate(self.views)
            ]
            for start in range(0, len(entity), rows_each):
                batch = entity.slice(start, rows_each)
                for view, table in zip(self.views, found, strict=True):
                    for name in view.fields.values():
                        batch = batch.append_column(name, table[name].slice(start, rows_each))
                yield batch

    def _joined(self, connection: duckdb.DuckDBPyConnection, view: AsofView, rows: "_Rows") -> pa.Table:
        """The view's fields for each entity row, in the order of the rows; null where there is no row before it."""
        _check_view(connection, view)
        missing = [column for column in view.keys.values() if column not in rows.columns]
        if missing:
            raise MissingColumnError("the frame of entity rows", missing, rows.columns)
        taken = [name for name in view.fields.values() if name in rows.columns]
        if taken:
            raise OfflineStoreError(
                f"the frame of entity rows already has {', '.join(taken)}, which {view.name} would add;"
                " rename it, or pass full_feature_names=True"
            )
        if view.file is not None and rows.frame is not None:
            try:
                found = sorted_join(
                    view.file,
                    rows.frame,
                    keys=view.keys,
                    time=view.time,
                    moment=rows.time,
                    fields=list(view.fields),
                    ttl=view.ttl,
                )
            except (OSError, pa.ArrowException) as error:
                raise _unreadable(view, error) from error
            if found is not None:
                return found.rename_columns(list(view.fields.values()))
        return self._joined_by_sql(connection, view, rows)

    def _joined_by_sql(self, connection: duckdb.DuckDBPyConnection, view: AsofView, rows: "_Rows") -> pa.Table:
        _check_kinds(connection, view, rows)
        on = [f"e.{quoted(theirs)} = v.{quoted(ours)}" for ours, theirs in view.keys.items()]
        fields = "".join(f", v.{quoted(column)} AS {quoted(name)}" for column, name in view.fields.items())
        micros = view.ttl // timedelta(microseconds=1)
        not_expired = f"WHERE epoch_us(e.t) - epoch_us(v.{quoted(view.time)}) <= {micros}" if micros else ""
        keys = ", ".join(f"{quoted(column)}" for column in dict.fromkeys(view.keys.values()))
        found = connection.sql(f"""
            SELECT e.{_PLACE}{fields} FROM (SELECT {_PLACE}, {keys}, {quoted(rows.time)} AS t FROM {rows.name}) e
            ASOF JOIN {view.source} v ON {" AND ".join(on)} AND e.t > v.{quoted(view.time)} {not_expired}
        """).to_arrow_table()
        where = np.full(rows.count, -1, dtype=np.int64)
        where[found[_PLACE].to_numpy()] = np.arange(len(found))
        return found.drop_columns([_PLACE]).take(pa.array(where, mask=where < 0))


@dataclass(frozen=True)
class _Rows:
    """The entity rows as a relation of the connection, numbered."""

    connection: duckdb.DuckDBPyConnection
    name: str
    columns: list[str]
    count: int
    time: str
    frame: pa.Table | None

    def table(self) -> pa.Table:
        if self.frame is not None:
            return self.frame
        return self.connection.sql(f"SELECT * EXCLUDE ({_PLACE}) FROM {self.name} ORDER BY {_PLACE}").to_arrow_table()


@contextmanager
def _rows(connection: duckdb.DuckDBPyConnection, entity: pd.DataFrame | pa.Table | str) -> Iterator[_Rows]:
    if isinstance(entity, str):
        connection.execute("SET preserve_insertion_order = true")
        source = entity if entity.lstrip().lower().startswith(("select", "with", "from")) else _parquet(entity)
        connection.execute(
            f"CREATE OR REPLACE TABLE entity_rows AS SELECT *, row_number() OVER () - 1 AS {_PLACE} FROM ({source})"
        )
        connection.execute("SET preserve_insertion_order = false")
        described = connection.execute("DESCRIBE entity_rows").fetchall()
        kinds = {row[0]: row[1] for row in described if row[0] != _PLACE}
        count = connection.execute("SELECT count(*) FROM entity_rows").fetchall()[0][0]
        time = _time_of(kinds, "TIMESTAMP WITH TIME ZONE", "TIMESTAMP")
        yield _Rows(connection, "entity_rows", list(kinds), count, time, None)
        return
    frame = entity if isinstance(entity, pa.Table) else pa.Table.from_pandas(entity, preserve_index=False)
    kinds = {field.name: _time_kind(field.type) for field in frame.schema}
    time = _time_of(kinds, "aware", "naive")
    numbered = frame.append_column(_PLACE, pa.array(np.arange(len(frame))))
    # Fractions of a microsecond are cut off, so that an entity row is never before a feature row it is later than.
    moment = frame[time].cast(pa.timestamp("us", tz="UTC"), safe=False)
    numbered = numbered.set_column(frame.schema.get_field_index(time), time, moment)
    connection.register("entity_frame", numbered)
    yield _Rows(connection, "entity_frame", frame.column_names, len(frame), time, frame)
    connection.unregister("entity_frame")


def _parquet(path: str) -> str:
    """SQL that reads a Parquet file, a folder of them, or a pattern."""
    place = Path(path)
    pattern = place / "**" / "*.parquet" if place.is_dir() else place
    if not place.exists() and not any(sign in path for sign in "*?["):
        raise OfflineStoreError(f"entity rows: {path} is neither a SELECT nor a Parquet file or folder")
    return f"SELECT * FROM read_parquet({sql_string(str(pattern))})"


def _time_kind(type_: pa.DataType) -> str:
    if not pa.types.is_timestamp(type_):
        return str(type_)
    return "naive" if type_.tz is None else "aware"


def _time_of(kinds: dict[str, str], aware: str, naive: str) -> str:
    """The entity rows' time column: `event_timestamp`, or the only one."""
    times = [name for name, kind in kinds.items() if kind.startswith((aware, naive))]
    if TIME not in times and len(times) != 1:
        raise MissingColumnError("the frame of entity rows", [TIME], list(kinds))
    time = TIME if TIME in times else times[0]
    if not kinds[time].startswith(aware):
        raise NaiveTimeError("the frame of entity rows", time)
    return time


def _check_view(connection: duckdb.DuckDBPyConnection, view: AsofView) -> None:
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {view.source}").fetchall()
    except duckdb.Error as error:
        raise _unreadable(view, error) from error
    kinds = {row[0]: row[1] for row in described}
    missing = [column for column in (*view.keys, view.time, *view.fields) if column not in kinds]
    if missing:
        raise MissingColumnError(f"the source of {view.name}", missing, list(kinds))
    if kinds[view.time] != "TIMESTAMP WITH TIME ZONE":
        raise NaiveTimeError(f"the source of {view.name}", view.time)


def _unreadable(view: AsofView, error: Exception) -> OfflineStoreError:
    reason = str(error).splitlines()[0]
    return OfflineStoreError(f"the source of {view.name} cannot be read ({reason}); run `ginja features build`")


def _check_kinds(connection: duckdb.DuckDBPyConnection, view: AsofView, rows: _Rows) -> None:
    """Check that text is compared with text: DuckDB would convert it to a number, or fail to."""
    of_rows, of_view = (
        {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        for source in (rows.name, view.source)
    )
    for ours, theirs in view.keys.items():
        if of_rows[theirs].startswith(_TEXT) != of_view[ours].startswith(_TEXT):
            raise OfflineStoreError(
                f"{theirs} of the frame of entity rows is {of_rows[theirs]}, {ours} of {view.name} is {of_view[ours]};"
                " both must have the same type"
            )


def _spilled(table: pa.Table, path: Path) -> pa.Table:
    """The table, memory-mapped from disk where it is large."""
    if len(table) <= MAX_ROWS_IN_MEMORY:
        return table
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _spill(connection: duckdb.DuckDBPyConnection) -> str:
    """The folder the connection's database is in."""
    return str(Path(connection.execute("PRAGMA database_list").fetchall()[0][2]).parent)


def write_parquet(batches: Iterator[pa.Table], path: Path) -> int:
    """Write batches as one Parquet file; returns the number of rows."""
    writer: pq.ParquetWriter | None = None
    rows = 0
    for batch in batches:
        if writer is None:
            writer = pq.ParquetWriter(path, batch.schema, compression="zstd")
        writer.write_table(batch)
        rows += len(batch)
    if writer is not None:
        writer.close()
    return rows
