"""Writing a view's Parquet file: times in microseconds, replaced in one step."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.clock import DAY_US

EVENT_TIME = "event_timestamp"
ROW_GROUP = 262_144
INSTANT = pa.timestamp("us", tz="UTC")


def history_times(table: pa.Table) -> pa.Table:
    """With event times: what holds as of a day is known from the last microsecond of the day before."""
    us = table["as_of_day"].to_numpy() * DAY_US - 1
    return table.append_column(EVENT_TIME, pa.array(us).cast(INSTANT))


def today_times(table: pa.Table) -> pa.Table:
    """With event times in the place of `us`."""
    return table.append_column(EVENT_TIME, table["us"].cast(INSTANT)).drop_columns(["us"])


def replace_file(path: Path, table: pa.Table) -> None:
    """Write a Parquet file beside `path` and put it in its place: a reader sees the old one or the new one."""
    beside = path.with_name(f"{path.name}.new")
    pq.write_table(table, beside, row_group_size=ROW_GROUP, compression="zstd", store_schema=False)
    beside.replace(path)
