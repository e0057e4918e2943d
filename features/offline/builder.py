"""Building the offline features: one Parquet file per view, from the claims and labels frames.

build(home, claims, labels) -> BuildResult     every history and today view and the network, replaced file by file
history_rows(ledger, group, days) -> table     the history rows as of some days: the same computation, for online rows
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from features.declare import AGGREGATION_GROUPS, PLANS, AggregationGroup
from features.ledger import ClaimLedger, SortedClaims
from features.offline.engine import scratch_duckdb
from features.offline.files import file_of, history_times, offline_folder, replace_file, today_times
from features.offline.history import change_points, every_key_on, history_at
from features.offline.load import Relation, load_ledger, relation
from features.offline.today import today_rows
from features.offline.validate import check_claims


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build wrote."""

    claims: int
    until: int
    """The last day that history covers: the day after the last claim, days since the epoch."""
    rows: dict[str, int]
    """View name → rows."""


def build(
    home: Path, claims: Relation, labels: Relation | None = None, *, done: Callable[[str], None] = lambda view: None
) -> BuildResult:
    """Write every history and today view of these claims under `home`; `done` receives the name of each view written.

    Two groups are computed at a time. Each file is replaced in one step: a reader sees the old file or the new one.
    Raises `MissingColumnError`, `NaiveTimeError`, `InvalidFrameError`; nothing is written then.
    """
    from features.offline.network import write_network  # imports SciPy and scikit-network, which only jobs need

    with scratch_duckdb(home / "features" / "spill") as connection:
        source = relation(connection, claims, "claims_frame")
        check_claims(connection, source)
        ledger = load_ledger(connection, source, labels)
    offline_folder(home).mkdir(parents=True, exist_ok=True)
    until = int(ledger.day.max(initial=0)) + 1
    rows: dict[str, int] = {}

    def write(group: AggregationGroup) -> None:
        own, plan = SortedClaims(ledger, group.keys), PLANS[group.name]
        points = change_points(group, own, until=until)
        tables = [(plan.history, history_times(history_at(group, own, points)))]
        if plan.today is not None:
            tables.append((plan.today, today_times(today_rows(group, own))))
        for view, table in tables:
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


def history_rows(ledger: ClaimLedger, group: AggregationGroup, days: Sequence[int]) -> pa.Table:
    """The history rows of a group as of these days: key columns, `as_of_day`, fields.

    Every key with a claim before the day has a row; claims, voidings and findings from the day on change nothing in it.
    """
    claims = SortedClaims(ledger, group.keys)
    return history_at(group, claims, every_key_on(claims, days))
