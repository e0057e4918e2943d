"""The whole database as a ledger, read from one snapshot: the input of a roll-over and of a rebuild."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core import clock
from core.scratch import scratch_folder
from features.declare import KeyedRows
from features.ledger import ClaimLedger
from features.offline import load_ledger, scratch_duckdb
from features.update.database import Connection, export_frames
from features.update.recompute_history import network_history


@contextmanager
def repeatable_read(connection: Connection) -> Iterator[None]:
    """A transaction all of whose statements see one state of the database."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


_TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


@contextmanager
def without_timeouts(connection: Connection) -> Iterator[None]:
    """No limits of the session in the block: reading everything takes as long as the data need."""
    for name in _TIMEOUTS:
        connection.execute(f"SET {name} = 0")
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            for name in _TIMEOUTS:
                connection.execute(f"RESET {name}")


def ledger_of(connection: Connection) -> ClaimLedger:
    """Every claim and label of the database."""
    with scratch_folder("ginja-ledger-") as folder:
        claims, labels = export_frames(connection, folder)
        with scratch_duckdb(folder) as duckdb_connection:
            return load_ledger(duckdb_connection, claims, labels)


def network_rows(path: Path | None) -> KeyedRows:
    """The network rows in force: each provider's last row in the weekly job's file; empty where there is no file."""
    now_us = clock.micros(clock.now())
    past = {key: [row for row in rows if row[0] < now_us] for key, rows in network_history(path).items()}
    return {key: rows[-1] for key, rows in past.items() if rows}
