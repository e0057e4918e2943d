"""The tables of Feast's data-quality monitoring as Parquet files in one folder, one per kind of metric.

A write replaces the rows with the same key, under a lock of the folder, and puts the new file in place of the old one
in one step: readers see one or the other.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from feast.monitoring.monitoring_utils import (
    MONITORING_PARQUET_FILES,
    monitoring_parquet_meta,
    normalize_monitoring_row,
)

from features.feast.monitoring import QUANTILES, MetricRow

_INSTANTS = ("computed_at", "max_event_timestamp", "started_at", "completed_at")
_COUNTS = (
    "row_count", "null_count", "total_row_count", "total_features", "features_with_nulls", "total_feature_views",
)  # fmt: skip
_NUMBERS = ("null_rate", "mean", "stddev", "min_val", "max_val", *QUANTILES, "avg_null_rate", "max_null_rate")
_TYPES: dict[str, pa.DataType] = {
    "metric_date": pa.date32(),
    "is_baseline": pa.bool_(),
    **dict.fromkeys(_INSTANTS, pa.timestamp("us", tz="UTC")),
    **dict.fromkeys(_COUNTS, pa.int64()),
    **dict.fromkeys(_NUMBERS, pa.float64()),
}
"""Column → type; the others are texts."""


class MonitoringTables:
    """The tables in a folder; `kind` is one of Feast's metric types: feature, feature_view, feature_service, job."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self) -> None:
        """Create the tables that do not exist."""
        with self._locked():
            for kind in MONITORING_PARQUET_FILES:
                if not self._path(kind).exists():
                    self._write(kind, [])

    def save(self, kind: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert rows; a row replaces the one with its key. Raises `ValueError` for an unknown kind."""
        _, columns, key = monitoring_parquet_meta(kind)
        new = {tuple(str(row.get(name)) for name in key): _typed(row, columns) for row in rows}
        with self._locked():
            old = {tuple(str(row[name]) for name in key): row for row in self._read(kind)}
            self._write(kind, list((old | new).values()))

    def find(
        self, kind: str, *, project: str = "", where: Mapping[str, object] | None = None, first: date | None = None,
        last: date | None = None,
    ) -> list[MetricRow]:  # fmt: skip
        """The rows of a project (empty: of any) with these values, between two dates inclusive, by date.

        A value of None in `where` does not restrict the rows.
        """
        values = {name: value for name, value in (where or {}).items() if value is not None}
        if project:
            values["project_id"] = project
        found = [
            row
            for row in self._read(kind)
            if all(row[name] == value for name, value in values.items())
            and (first is None or _date_of(row) >= first)
            and (last is None or _date_of(row) <= last)
        ]
        order = "job_id" if kind == "job" else "metric_date"
        return [normalize_monitoring_row(row) for row in sorted(found, key=lambda row: str(row[order]))]

    def clear_baseline(self, *, where: Mapping[str, object]) -> None:
        """Make the matching rows of features no baseline."""
        values = {name: value for name, value in where.items() if value is not None}
        with self._locked():
            rows = self._read("feature")
            for row in rows:
                if all(row[name] == value for name, value in values.items()):
                    row["is_baseline"] = False
            self._write("feature", rows)

    def _path(self, kind: str) -> Path:
        return self._folder / monitoring_parquet_meta(kind)[0]

    def _read(self, kind: str) -> list[MetricRow]:
        path = self._path(kind)
        rows: list[MetricRow] = pq.read_table(path).to_pylist() if path.exists() else []
        return rows

    def _write(self, kind: str, rows: list[MetricRow]) -> None:
        columns = monitoring_parquet_meta(kind)[1]
        schema = pa.schema([(name, _TYPES.get(name, pa.string())) for name in columns])
        path = self._path(kind)
        draft = path.with_name(f".{path.name}.new")
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), draft)
        draft.replace(path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _typed(row: Mapping[str, object], columns: Sequence[str]) -> MetricRow:
    """The columns of a row as they are stored: instants may be texts, and what is neither text nor number is JSON."""
    made: MetricRow = {}
    for name in columns:
        value = row.get(name)
        if name in _INSTANTS and isinstance(value, str):
            value = datetime.fromisoformat(value)
        elif name == "metric_date" and isinstance(value, str):
            value = date.fromisoformat(value)
        elif name not in _TYPES and value is not None and not isinstance(value, str):
            value = json.dumps(value)
        made[name] = value
    return made


def _date_of(row: MetricRow) -> date:
    found = row["metric_date"]
    assert isinstance(found, date)
    return found
