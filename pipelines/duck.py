"""DuckDB as the pipelines use it: in UTC, with the threads and the spill folder they say."""

from pathlib import Path

import duckdb


def connect(spill: Path | None = None, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """A connection in memory; what does not fit goes to the folder `spill`."""
    if spill is None:
        connection = duckdb.connect(config={"threads": threads})
    else:
        connection = duckdb.connect(config={"threads": threads, "temp_directory": str(spill)})
    connection.execute("SET TimeZone = 'UTC'")
    return connection
