"""DuckDB connections in UTC that print nothing, with a number of threads and a spill folder."""

from pathlib import Path

import duckdb

from features.offline import hide_progress


def connect(spill: Path | None = None, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """Open an in-memory connection; what does not fit is written to the folder `spill`."""
    if spill is None:
        connection = duckdb.connect(config={"threads": threads})
    else:
        connection = duckdb.connect(config={"threads": threads, "temp_directory": str(spill)})
    connection.execute("SET TimeZone = 'UTC'")
    hide_progress(connection)
    return connection
