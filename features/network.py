"""The weekly network: which providers share members, beyond what their sizes explain, and what is known of those.

    write_network(path, ledger) -> rows       the `provider_network` view, and the ties to confirmed providers beside it
    ties_of(path, provider, day) -> [Tie]     the path that explains a provider's row

A week's picture is of the midnight before its Monday, UTC: claims received in the 365 days before it, and labels known
before it. Two providers are *tied* when they share at least three members, and more than providers of their sizes would
share by chance: four standard deviations (of a Poisson count) more. Communities are Louvain's, on ties weighted by the members shared, from a fixed seed.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import sparse
from sknetwork.clustering import Louvain

from features.book import Book, leaves
from features.files import history_times, replace_file
from features.layout import PLANS
from features.ledger import MICROS_A_DAY, Ledger
from features.views import ENTITIES

WINDOW_DAYS = 365
FEWEST_SHARED = 3
LEAST_DEVIATIONS = 4.0
MOST_PROVIDERS = 40
"""A member seen by more providers than this in the window ties nobody: their number would go with its square."""
_SEED = 20_250_101


@dataclass(frozen=True, slots=True)
class Tie:
    """A provider that another is tied to, with confirmed fraud."""

    neighbour_id: str
    shared_members: int
    last_confirmed: date


@dataclass(frozen=True, slots=True)
class _Visits:
    """Which provider saw which member, from a day until the day before another."""

    provider: np.ndarray
    member: np.ndarray
    since: np.ndarray
    until: np.ndarray
    members: int


def edges_path(path: Path) -> Path:
    """Where the ties to confirmed providers are kept, beside the view's file."""
    return path.with_name("network_edges.parquet")


def write_network(path: Path, ledger: Ledger) -> int:
    """Write the view's Parquet file, a row a week and provider seen in the year before, and its ties; how many rows."""
    provider = next(entity for entity in ENTITIES if entity.name == "provider")
    book = Book(ledger, provider)
    visits = _visits(book)
    confirmed = book.labels(confirmed=True)
    last = int(ledger.day.max(initial=0)) + 1
    with ThreadPoolExecutor(2) as pool:  # SciPy's products and NumPy's sorts let the other thread run
        weeks = list(pool.map(lambda day: _week(book.keys, visits, confirmed, day), _mondays(ledger, last)))
    names = PLANS["provider_network"].standing.fields
    rows = np.concatenate([week.rows for week in weeks]) if weeks else np.empty((0, len(names) + 1), dtype=np.int64)
    edges = np.concatenate([week.edges for week in weeks]) if weeks else np.empty((0, 5), dtype=np.int64)
    view = book.key_table(rows[:, 0])
    for place, field in enumerate(names, start=1):
        view = view.append_column(field.name, pa.array(rows[:, place]))
    replace_file(path, history_times(view))
    ties = book.key_table(edges[:, 0]).append_column("neighbour_id", book.key_table(edges[:, 1])["provider_id"])
    for place, name in enumerate(("as_of_day", "shared_members", "last_confirmed_day"), start=2):
        ties = ties.append_column(name, pa.array(edges[:, place]))
    replace_file(edges_path(path), ties)
    return len(view)


def ties_of(path: Path, provider_id: str, day: int) -> list[Tie]:
    """The confirmed providers that one is tied to in the last picture up to a day, the strongest tie first."""
    table = pq.read_table(edges_path(path), filters=[("provider_id", "==", provider_id), ("as_of_day", "<=", day)])
    if not len(table):
        return []
    table = table.filter(pc.equal(table["as_of_day"], pc.max(table["as_of_day"])))
    found = table.sort_by([("shared_members", "descending"), ("neighbour_id", "ascending")]).to_pylist()
    return [
        Tie(row["neighbour_id"], row["shared_members"], date(1970, 1, 1) + timedelta(days=row["last_confirmed_day"]))
        for row in found
    ]


def _mondays(ledger: Ledger, last: int) -> range:
    first = int(ledger.day.min(initial=last)) + 1
    return range(first + (4 - first) % 7, last + 1, 7)  # 5 January 1970, day 4, was a Monday


def _visits(book: Book) -> _Visits:
    met = book.meetings("member_id")
    codes = book.ledger.names["member_id"].codes[book.row[met.claim]]
    new, last = met.new(WINDOW_DAYS), met.last(WINDOW_DAYS)
    return _Visits(
        provider=met.key[new],
        member=codes[new],
        since=met.day[new] + 1,
        until=leaves(met.day[last], WINDOW_DAYS),
        members=len(book.ledger.names["member_id"].names),
    )


@dataclass(frozen=True, slots=True)
class _Week:
    rows: np.ndarray
    """int64: provider, then the fields of the view."""
    edges: np.ndarray
    """int64: provider, confirmed neighbour, day, members shared, day of the neighbour's latest confirmation."""


def _week(providers: int, visits: _Visits, labels: tuple[np.ndarray, np.ndarray], day: int) -> _Week:
    seen = (visits.since <= day) & (day < visits.until)
    saw = sparse.csr_array(
        (np.ones(int(seen.sum()), dtype=np.int64), (visits.provider[seen], visits.member[seen])),
        shape=(providers, visits.members),
    )
    of_member = np.bincount(saw.indices, minlength=visits.members)
    size = np.diff(saw.indptr)
    saw.data[of_member[saw.indices] > MOST_PROVIDERS] = 0
    saw.eliminate_zeros()
    ties = _ties(saw, int((of_member > 0).sum()))
    known = (labels[1] < day) & (labels[1] >= day - WINDOW_DAYS)
    confirmed = np.full(providers, -1, dtype=np.int64)
    np.maximum.at(confirmed, labels[0][known], labels[1][known])
    community = _communities(ties)
    sizes = np.bincount(community)[community]
    fraud = (confirmed >= 0).astype(np.int64)
    in_community = np.bincount(community, weights=fraud).astype(np.int64)[community] - fraud
    tied = sparse.coo_array(ties)
    to_fraud = fraud[tied.col] == 1
    row, column, shared = tied.row[to_fraud], tied.col[to_fraud], tied.data[to_fraud]
    latest = np.full(providers, -1, dtype=np.int64)
    np.maximum.at(latest, row, confirmed[column])
    fields = (
        np.full(providers, day),
        np.diff(ties.indptr),
        ties.sum(axis=1),
        ties.max(axis=1).toarray() if ties.nnz else np.zeros(providers),
        sizes,
        in_community,
        np.bincount(row, minlength=providers),
        _shared_with(saw, row, column),
        np.where(latest >= 0, latest * MICROS_A_DAY, 0),
    )
    here = np.flatnonzero(size)
    rows = np.column_stack([here, *(np.asarray(field).reshape(-1)[here] for field in fields)]).astype(np.int64)
    edges = np.column_stack([row, column, np.full(len(row), day), shared, confirmed[column]]).astype(np.int64)
    return _Week(rows, edges)


def _ties(saw: sparse.csr_array, members: int) -> sparse.csr_array:
    """Members shared by each pair of providers that is tied; symmetric, without the diagonal."""
    shared = sparse.coo_array(saw @ saw.T)
    size = np.diff(saw.indptr).astype(np.float64)
    by_chance = size[shared.row] * size[shared.col] / max(members, 1)
    tied = (shared.row != shared.col) & (shared.data >= FEWEST_SHARED) & (shared.data >= by_chance + LEAST_DEVIATIONS * np.sqrt(by_chance))
    ties = sparse.csr_array((shared.data[tied], (shared.row[tied], shared.col[tied])), shape=shared.shape)
    ties.sort_indices()
    return ties


def _communities(ties: sparse.csr_array) -> np.ndarray:
    """The number of each provider's community; one without ties is a community of its own."""
    if not ties.nnz:
        return np.arange(ties.shape[0])
    weights = sparse.csr_matrix((ties.data.astype(np.float64), ties.indices, ties.indptr), shape=ties.shape)
    labels: np.ndarray = Louvain(random_state=_SEED).fit_predict(weights)
    alone = np.diff(ties.indptr) == 0
    labels = labels.astype(np.int64)
    labels[alone] = labels.max() + 1 + np.arange(int(alone.sum()))
    return labels


def _shared_with(saw: sparse.csr_array, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Members of each provider `row` who also went to one of its `column`, each counted once."""
    to = sparse.csr_array((np.ones(len(row), dtype=np.int64), (row, column)), shape=(saw.shape[0], saw.shape[0]))
    both = (to @ saw).multiply(saw)
    return np.diff(sparse.csr_array(both).indptr)
