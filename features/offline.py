"""The offline features: one Parquet file a view, built from the claims and labels frames.

build(home, claims, labels) -> Built        every history and today view, and the network, replaced file by file
standing(ledger, entity, day)               history rows as they stand on a day   ┐ the same computation, for the
standing_today(ledger, entity)              the last today row of each key        ┘ online store
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.book import Book
from features.engine import engine
from features.files import EVENT_TIME, history_times, replace_file, today_times
from features.history import change_points, every_key, history_at
from features.layout import PLANS, View
from features.ledger import Ledger, Relation, load, relation
from features.sound import check_claims
from features.state import Entity
from features.today import today_rows
from features.views import ENTITIES


@dataclass(frozen=True, slots=True)
class Built:
    """What a build wrote."""

    claims: int
    until: int
    """The last day whose history is told: the day after the last claim, as days since the epoch."""
    rows: dict[str, int]
    """View name → rows."""


def folder(home: Path) -> Path:
    """Where the offline features of a home are."""
    return home / "features" / "offline"


def file_of(home: Path, view: View) -> Path:
    """The Parquet file of a view."""
    return folder(home) / f"{view.name}.parquet"


def build(
    home: Path, claims: Relation, labels: Relation | None = None, *, done: Callable[[str], None] = lambda view: None
) -> Built:
    """Write every history and today view of these claims under `home`; `done` is told the name of each view written.

    Two entities are computed at a time. Each file is replaced in one step: a reader sees the old one or the new one.
    Raises `MissingColumnError`, `NaiveTimeError`, `UnsoundFrameError`, and then nothing was written.
    """
    from features.network import write_network  # its libraries are for jobs only

    with engine(home / "features" / "spill") as connection:
        source = relation(connection, claims, "claims_frame")
        check_claims(connection, source)
        ledger = load(connection, source, labels)
    folder(home).mkdir(parents=True, exist_ok=True)
    until = int(ledger.day.max(initial=0)) + 1
    rows: dict[str, int] = {}

    def write(entity: Entity) -> None:
        book, plan = Book(ledger, entity), PLANS[entity.name]
        written = [(plan.standing, history_times(history_at(book, change_points(book, until=until))))]
        if plan.today is not None:
            written.append((plan.today, today_times(today_rows(book))))
        for view, table in written:
            replace_file(file_of(home, view), table)
            rows[view.name] = len(table)
            done(view.name)

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(write, ENTITIES):
            pass
    network = PLANS["provider_network"].standing
    rows[network.name] = write_network(file_of(home, network), ledger)
    done(network.name)
    return Built(len(ledger), until, rows)


def standing(ledger: Ledger, entity: Entity, day: int, *, only: dict[str, set[str]] | None = None) -> pa.Table:
    """The history rows of every key as they stand on `day`: key columns, `as_of_day`, fields.

    `only` keeps the keys whose columns have one of the names given: `{"member_id": {"M1"}}`.
    """
    book = Book(ledger, entity, _rows_of(ledger, entity, only))
    return history_at(book, every_key(book, day))


def standing_today(ledger: Ledger, entity: Entity, *, only: dict[str, set[str]] | None = None) -> pa.Table:
    """The last today row of every key: key columns, `us` (its event time), fields."""
    rows = today_rows(Book(ledger, entity, _rows_of(ledger, entity, only)))
    last = np.ones(len(rows), dtype=bool)
    if len(rows):
        same = np.ones(len(rows) - 1, dtype=bool)
        for key in entity.keys:
            codes = rows[key].combine_chunks().indices.to_numpy()
            same &= codes[1:] == codes[:-1]
        last[:-1] = ~same
    return rows.filter(pa.array(last))


def _rows_of(ledger: Ledger, entity: Entity, only: dict[str, set[str]] | None) -> np.ndarray | None:
    if only is None:
        return None
    kept = np.ones(len(ledger), dtype=bool)
    for column, names in only.items():
        coded = ledger.names[column]
        wanted = pc.is_in(coded.names, value_set=pa.array(sorted(names), coded.names.type)).to_numpy(
            zero_copy_only=False
        )
        kept &= np.append(wanted, False)[coded.codes]
    return kept


__all__ = ["EVENT_TIME", "Built", "build", "file_of", "folder", "standing", "standing_today"]
