"""The offline features: one Parquet file per view, built from the claims and labels frames.

build(home, claims, labels) -> BuildResult     every history and today view and the network, replaced file by file
history_rows(ledger, group, day)               the history rows as of a day: the same computation, for the online store
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from features.declare import AGGREGATION_GROUPS, PLANS, AggregationGroup, View
from features.offline.engine import scratch_duckdb
from features.offline.files import history_times, replace_file, today_times
from features.offline.history import change_points, every_key_on, history_at
from features.offline.ledger import ClaimLedger, Relation, load_ledger, relation
from features.offline.sorted_claims import SortedClaims
from features.offline.today import today_rows
from features.offline.validate import check_claims


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build wrote."""

    claims: int
    until: int
    """The last day whose history is told: the day after the last claim, as days since the epoch."""
    rows: dict[str, int]
    """View name → rows."""


def offline_folder(home: Path) -> Path:
    """Where the offline features of a home are."""
    return home / "features" / "offline"


def file_of(home: Path, view: View) -> Path:
    """The Parquet file of a view."""
    return offline_folder(home) / f"{view.name}.parquet"


def build(
    home: Path, claims: Relation, labels: Relation | None = None, *, done: Callable[[str], None] = lambda view: None
) -> BuildResult:
    """Write every history and today view of these claims under `home`; `done` is told the name of each view written.

    Two entities are computed at a time. Each file is replaced in one step: a reader sees the old one or the new one.
    Raises `MissingColumnError`, `NaiveTimeError`, `UnsoundFrameError`, and then nothing was written.
    """
    from features.offline.network import write_network

    with scratch_duckdb(home / "features" / "spill") as connection:
        source = relation(connection, claims, "claims_frame")
        check_claims(connection, source)
        ledger = load_ledger(connection, source, labels)
    offline_folder(home).mkdir(parents=True, exist_ok=True)
    until = int(ledger.day.max(initial=0)) + 1
    rows: dict[str, int] = {}

    def write(entity: AggregationGroup) -> None:
        book, plan = SortedClaims(ledger, entity), PLANS[entity.name]
        written = [(plan.history, history_times(history_at(book, change_points(book, until=until))))]
        if plan.today is not None:
            written.append((plan.today, today_times(today_rows(book))))
        for view, table in written:
            replace_file(file_of(home, view), table)
            rows[view.name] = len(table)
            done(view.name)

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(write, AGGREGATION_GROUPS):
            pass
    network = PLANS["provider_network"].history
    rows[network.name] = write_network(file_of(home, network), ledger)
    done(network.name)
    return BuildResult(len(ledger), until, rows)


def history_rows(ledger: ClaimLedger, group: AggregationGroup, day: int) -> pa.Table:
    """The history rows of every key of a group as of `day`: key columns, `as_of_day`, fields."""
    claims = SortedClaims(ledger, group)
    return history_at(claims, every_key_on(claims, day))
