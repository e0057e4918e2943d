"""All of the database as a ledger, of one snapshot: what a roll-over and a rebuild compute from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from core import clock
from features.declare import KeyedRows
from features.offline import ClaimLedger, load_ledger, scratch_duckdb
from features.update.database import Connection, export_frames
from features.update.recompute_history import network_history


@contextmanager
def repeatable_read(connection: Connection) -> Iterator[None]:
    """A transaction all of whose statements see one state of the database."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def ledger_of(connection: Connection, spill: Path | None = None) -> ClaimLedger:
    """Every claim and label of the database."""
    with TemporaryDirectory(prefix="ginja-ledger-", dir=spill) as folder:
        claims, labels = export_frames(connection, Path(folder))
        with scratch_duckdb(Path(folder)) as duck:
            return load_ledger(duck, claims, labels)


def network_rows(path: Path | None) -> KeyedRows:
    """The network's rows now in force: each provider's last of the weekly job's file; none where there is no file."""
    now_us = clock.micros(clock.now())
    past = {key: [tie for tie in ties if tie[0] < now_us] for key, ties in network_history(path).items()}
    return {key: ties[-1] for key, ties in past.items() if ties}
