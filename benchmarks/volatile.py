"""An embedded Postgres that does not wait for the disk: for data that need not outlive the machine."""

from pathlib import Path

import psycopg

from core import postgres


def forgo_durability(home: Path) -> None:
    """Let the running server of a home confirm commits, and make databases, without flushing files."""
    with psycopg.connect(postgres.superuser_url(home), autocommit=True) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
