"""Statistics of stored fields for Feast's data-quality monitoring, computed by DuckDB.

Feast stores them as rows of named values. An array (the histogram of an aggregation group) is described by the sum of
its elements: the claims that it counts.
"""

import math
from dataclasses import dataclass
from datetime import datetime

import duckdb

from features.feast.asof_join import quoted, sql_string

QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
MetricRow = dict[str, object]
"""What Feast stores of one field: the columns of `feast.monitoring.monitoring_utils.FEATURE_METRICS_COLUMNS` that a
store computes."""


@dataclass(frozen=True, slots=True)
class MonitoredRows:
    """The rows of a source between two instants, both inclusive; `None`: no bound."""

    source: str
    """SQL of the source."""
    time: str
    """The column of the event time."""
    start: datetime | None = None
    end: datetime | None = None

    @property
    def sql(self) -> str:
        """SQL of the rows."""
        bounds = [
            f"{quoted(self.time)} {sign} TIMESTAMPTZ {sql_string(bound.isoformat())}"
            for sign, bound in ((">=", self.start), ("<=", self.end))
            if bound is not None
        ]
        return f"(SELECT * FROM {self.source} WHERE {' AND '.join(bounds) or 'TRUE'})"


def numeric_metrics(
    connection: duckdb.DuckDBPyConnection, rows: MonitoredRows, columns: dict[str, str], *, bins: int
) -> list[MetricRow]:
    """The statistics of numeric fields (name → stored column), with histograms of `bins` bins of equal width."""
    if not columns:
        return []
    described = connection.execute(f"DESCRIBE SELECT * FROM {rows.source}").fetchall()
    types = {str(column[0]): str(column[1]) for column in described}
    numbers = {
        f"c{place}": f"list_sum({quoted(column)})" if types[column].endswith("]") else quoted(column)
        for place, column in enumerate(columns.values())
    }
    selected = ", ".join(f"CAST({number} AS DOUBLE) AS {name}" for name, number in numbers.items())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE monitored AS SELECT {selected} FROM {rows.sql}")
    points = list(QUANTILES.values())
    statistics = ", ".join(
        f"[count({name}), avg({name}), stddev_samp({name}), min({name}), max({name})], quantile_cont({name}, {points})"
        for name in numbers
    )
    [(count, *found)] = connection.execute(f"SELECT count(*), {statistics} FROM monitored").fetchall()
    made = []
    for place, field in enumerate(columns):
        present, mean, deviation, low, high = found[2 * place]
        made.append(
            _row(
                field,
                "numeric",
                rows=int(count),
                present=int(present),
                mean=_finite(mean),
                stddev=_finite(deviation),
                min_val=low,
                max_val=high,
                histogram=_histogram(connection, f"c{place}", int(present), low, high, bins) if present else None,
                **dict(zip(QUANTILES, found[2 * place + 1] or [None] * len(points), strict=True)),
            )
        )
    return made


def category_metrics(
    connection: duckdb.DuckDBPyConnection, rows: MonitoredRows, columns: dict[str, str], *, top: int
) -> list[MetricRow]:
    """The most frequent values of categorical fields (name → stored column)."""
    made = []
    for field, column in columns.items():
        counted = f"SELECT CAST({quoted(column)} AS VARCHAR) AS value, count(*) AS claims FROM {rows.sql} GROUP BY 1"
        [(count, present, values)] = connection.execute(
            f"""SELECT coalesce(sum(claims), 0), coalesce(sum(claims) FILTER (value IS NOT NULL), 0),
                count(value) FROM ({counted})"""
        ).fetchall()
        frequent = connection.execute(
            f"SELECT value, claims FROM ({counted}) WHERE value IS NOT NULL ORDER BY claims DESC, value LIMIT {top}"
        ).fetchall()
        histogram = {
            "values": [{"value": value, "count": claims} for value, claims in frequent],
            "other_count": int(present) - sum(claims for _, claims in frequent),
            "unique_count": values,
        }
        made.append(
            _row(field, "categorical", rows=int(count), present=int(present), histogram=histogram if frequent else None)
        )
    return made


def newest_event(connection: duckdb.DuckDBPyConnection, rows: MonitoredRows) -> int | None:
    """The newest event time, in microseconds since the epoch; None without rows."""
    [(newest,)] = connection.execute(f"SELECT epoch_us(max({quoted(rows.time)})) FROM {rows.sql}").fetchall()
    return None if newest is None else int(newest)


def _row(field: str, kind: str, *, rows: int, present: int, **values: object) -> MetricRow:
    unknown = dict.fromkeys(("mean", "stddev", "min_val", "max_val", *QUANTILES, "histogram"))
    return {
        "feature_name": field,
        "feature_type": kind,
        "row_count": rows,
        "null_count": rows - present,
        "null_rate": (rows - present) / rows if rows else 0.0,
        **unknown,
        **values,
    }


def _histogram(
    connection: duckdb.DuckDBPyConnection, name: str, present: int, low: float, high: float, bins: int
) -> MetricRow:
    if low == high:
        return {"bins": [low, high], "counts": [present], "bin_width": 0.0}
    width = (high - low) / bins
    counts = [0] * bins
    for place, count in connection.execute(
        f"""SELECT least(CAST(floor(({name} - ?) / ?) AS INTEGER), ?) AS place, count(*) FROM monitored
            WHERE {name} IS NOT NULL GROUP BY place""",
        [low, width, bins - 1],
    ).fetchall():
        counts[place] = count
    return {"bins": [low + place * width for place in range(bins + 1)], "counts": counts, "bin_width": width}


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
