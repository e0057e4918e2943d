"""DuckDB as every offline step uses it: bounded memory, a folder to spill to, UTC."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from core.scratch import scratch_folder

MEMORY_LIMIT = "3GB"


@contextmanager
def scratch_duckdb(
    spill_under: Path | None = None, *, memory_limit: str = MEMORY_LIMIT, threads: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to a scratch database on disk, so that its tables may be larger than memory.

    The database and its spill files are in a folder under `spill_under` (default: the system's temporary folder) that
    is removed at the end. Nothing is downloaded: extensions are neither installed nor loaded.
    """
    if spill_under is not None:
        spill_under.mkdir(parents=True, exist_ok=True)
    with scratch_folder("ginja-duckdb-", under=spill_under) as folder:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "temp_directory": f"{folder}/spill",
            "autoinstall_known_extensions": False,
            "preserve_insertion_order": False,
        }
        if threads is not None:
            settings["threads"] = threads
        connection = duckdb.connect(f"{folder}/scratch.duckdb", config=settings)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            hide_progress(connection)
            yield connection
        finally:
            connection.close()


def hide_progress(connection: duckdb.DuckDBPyConnection) -> None:
    """Draw no progress bar, which would be among what a command prints.

    In a notebook there is none, and DuckDB refuses the setting where the package that would draw it is missing.
    """
    ((drawn,),) = connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()
    if drawn:
        connection.execute("SET enable_progress_bar = false")
