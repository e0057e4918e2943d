"""A view's Parquet file: where it is, its event times in microseconds, and replacing it in one step."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.clock import DAY_US
from features.declare import View

EVENT_TIME = "event_timestamp"
ROW_GROUP = 262_144
INSTANT = pa.timestamp("us", tz="UTC")


def offline_folder(home: Path) -> Path:
    """The folder of a home's offline features."""
    return home / "features" / "offline"


def file_of(home: Path, view: View) -> Path:
    """The Parquet file of a view."""
    return offline_folder(home) / f"{view.name}.parquet"


def history_times(table: pa.Table) -> pa.Table:
    """Add event times: a row as of a day is known from the last microsecond of the day before."""
    us = table["as_of_day"].to_numpy() * DAY_US - 1
    return table.append_column(EVENT_TIME, pa.array(us).cast(INSTANT))


def today_times(table: pa.Table) -> pa.Table:
    """Replace `us` with event times."""
    return table.append_column(EVENT_TIME, table["us"].cast(INSTANT)).drop_columns(["us"])


def replace_file(path: Path, table: pa.Table) -> None:
    """Write a Parquet file next to `path` and move it there: a reader sees the old file or the new one."""
    draft = path.with_name(f"{path.name}.new")
    pq.write_table(table, draft, row_group_size=ROW_GROUP, compression="zstd", store_schema=False)
    draft.replace(path)
