"""DuckDB as the pipelines use it: in UTC, with the threads and the spill folder they say."""

from pathlib import Path

import duckdb


def connect(work: Path | None = None, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """A connection in memory, or in a database file under `work` that also takes what does not fit into memory."""
    if work is None:
        connection = duckdb.connect(config={"threads": threads})
    else:
        connection = duckdb.connect(str(work / "work.duckdb"), config={"threads": threads, "temp_directory": str(work)})
    connection.execute("SET TimeZone = 'UTC'")
    return connection
