"""The weekly network: which providers pass members between them, and what is known of those they are tied to.

    write_network(path, ledger) -> rows       the `provider_network` view, and the ties to confirmed providers beside it
    ties_of(path, provider, day) -> [Tie]     the path that explains a provider's row

A week's picture is of the midnight before its Monday, UTC: claims received in the 365 days before it, and findings in
force then (`findings.py`) that became known in those days. Two providers *share* a member who claimed at both within 14
days. They are *tied* when they share at least three, and more than expected by chance: four standard deviations (of a
Poisson count) above what two providers that share as many members with others of their region would
share. Communities are Louvain's, on ties weighted by the members shared, from a fixed seed.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import sparse
from sknetwork.clustering import Louvain

from core.clock import DAY_US
from features.declare import AGGREGATION_GROUPS, PLANS
from features.offline.files import history_times, replace_file
from features.offline.ledger import ClaimLedger
from features.offline.sorted_claims import Points, SortedClaims, leaving_day, meetings_of, pack

WINDOW_DAYS = 365
WITHIN_DAYS = 14
FEWEST_SHARED = 3
LEAST_DEVIATIONS = 4.0
MOST_NEXT = 20
"""Claims of a member after one of them that are looked at: a bound for the few who claim every hour."""
_SEED = 20_250_101


@dataclass(frozen=True, slots=True)
class Tie:
    """A provider that another is tied to, with confirmed fraud."""

    neighbour_id: str
    shared_members: int
    last_confirmed: date


@dataclass(frozen=True, slots=True)
class _Shared:
    """Members two providers share, each from a day until the day before another."""

    left: np.ndarray
    right: np.ndarray
    """Providers of each pair."""
    pair: np.ndarray
    since: np.ndarray
    until: np.ndarray


@dataclass(frozen=True, slots=True)
class _Week:
    rows: np.ndarray
    """int64: provider, then the fields of the view."""
    edges: np.ndarray
    """int64: provider, confirmed neighbour, day, members shared, day of the neighbour's latest confirmation."""


def edges_path(path: Path) -> Path:
    """Where the ties to confirmed providers are kept, beside the view's file."""
    return path.with_name("network_edges.parquet")


def write_network(path: Path, ledger: ClaimLedger) -> int:
    """Write the view's Parquet file, a row a week and provider seen in the year before, and its ties; how many rows."""
    entity = {entity.name: entity for entity in AGGREGATION_GROUPS}
    book = SortedClaims(ledger, entity["provider"])
    shared = _shared(book, SortedClaims(ledger, entity["member"]))
    findings = book.confirmations()
    names = PLANS["provider_network"].history.fields
    weeks = [_week(book, shared, findings, day) for day in _mondays(ledger)]
    rows = np.concatenate([np.empty((0, len(names) + 1), dtype=np.int64), *(week.rows for week in weeks)])
    edges = np.concatenate([np.empty((0, 5), dtype=np.int64), *(week.edges for week in weeks)])
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
    """The confirmed providers that one is tied to in the last picture up to a day, the strongest tie first.

    `path` is the view's file.
    """
    table = pq.read_table(edges_path(path), filters=[("provider_id", "==", provider_id), ("as_of_day", "<=", day)])
    pictures = pq.read_table(path, columns=["as_of_day"], filters=[("as_of_day", "<=", day)])["as_of_day"]
    if not len(table) or not len(pictures):
        return []
    table = table.filter(pc.equal(table["as_of_day"], pc.max(pictures)))
    found = table.sort_by([("shared_members", "descending"), ("neighbour_id", "ascending")]).to_pylist()
    return [
        Tie(row["neighbour_id"], row["shared_members"], date(1970, 1, 1) + timedelta(days=row["last_confirmed_day"]))
        for row in found
    ]


def _mondays(ledger: ClaimLedger) -> range:
    """The Mondays after the first claim, up to the day after the last."""
    if not len(ledger):
        return range(0)
    first = int(ledger.day[0]) + 1
    return range(first + (4 - first) % 7, int(ledger.day[-1]) + 2, 7)  # day 4, 5 January 1970, was a Monday


def _shared(providers: SortedClaims, members: SortedClaims) -> _Shared:
    """Each pair of providers with the members who claimed at both within 14 days, and when that is in the window."""
    provider_of = np.full(len(providers.ledger), -1, dtype=np.int64)
    provider_of[providers.row] = providers.key
    provider = provider_of[members.row]
    known = provider >= 0
    provider, member, day = provider[known], members.key[known], members.day[known]
    found = []
    for step in range(1, min(MOST_NEXT, len(member) - 1) + 1):
        close = (member[step:] == member[:-step]) & (day[step:] - day[:-step] <= WITHIN_DAYS)
        close &= provider[step:] != provider[:-step]
        at = np.flatnonzero(close)
        one, other = provider[at], provider[at + step]
        found.append((np.minimum(one, other), np.maximum(one, other), member[at], day[at + step]))
    empty = np.empty(0, dtype=np.int64)
    left, right, who, when = (np.concatenate(part) for part in zip(*found, strict=True)) if found else (empty,) * 4
    in_time = np.argsort(when, kind="stable")
    left, right, who, when = left[in_time], right[in_time], who[in_time], when[in_time]
    pairs, pair = np.unique(left * providers.keys + right, return_inverse=True)
    met = meetings_of(pair, who, when, np.arange(len(pair)))
    new, last = met.new(WINDOW_DAYS), met.last(WINDOW_DAYS)
    return _Shared(
        left=pairs // max(providers.keys, 1),
        right=pairs % max(providers.keys, 1),
        pair=met.key[new],
        since=met.day[new] + 1,
        until=leaving_day(met.day[last], WINDOW_DAYS),
    )


def _week(book: SortedClaims, shared: _Shared, findings: tuple[np.ndarray, np.ndarray, np.ndarray], day: int) -> _Week:
    providers = book.keys
    ties = _ties(book, shared, day)
    key, since, until = findings
    stands = (since < day) & (since >= day - WINDOW_DAYS) & (day <= until)
    confirmed = np.full(providers, -1, dtype=np.int64)
    np.maximum.at(confirmed, key[stands], since[stands])
    fraud = (confirmed >= 0).astype(np.int64)
    community = _communities(ties)
    in_community = np.bincount(community, weights=fraud)[community] - fraud
    to_fraud = fraud[ties.col] == 1
    row, column, count = ties.row[to_fraud], ties.col[to_fraud], ties.data[to_fraud]
    strongest = np.zeros(providers, dtype=np.int64)
    np.maximum.at(strongest, ties.row, ties.data)
    latest = np.full(providers, -1, dtype=np.int64)
    np.maximum.at(latest, row, confirmed[column])
    fields = (
        np.full(providers, day),
        np.bincount(ties.row, minlength=providers),
        np.bincount(ties.row, weights=ties.data, minlength=providers),
        strongest,
        np.bincount(community)[community],
        in_community,
        np.bincount(row, minlength=providers),
        np.bincount(row, weights=count, minlength=providers),
        np.where(latest >= 0, latest * DAY_US, 0),
    )
    lo, hi = book.claims_before(_every_provider(book, day), WINDOW_DAYS)
    here = np.flatnonzero(hi > lo)
    rows = np.column_stack([here, *(field[here] for field in fields)]).astype(np.int64)
    edges = np.column_stack([row, column, np.full(len(row), day), count, confirmed[column]]).astype(np.int64)
    return _Week(rows, edges)


def _every_provider(book: SortedClaims, day: int) -> Points:
    keys = np.arange(book.keys, dtype=np.int64)
    return Points(pack(keys, np.full(book.keys, day, dtype=np.int64)))


def _ties(book: SortedClaims, shared: _Shared, day: int) -> sparse.coo_array:
    """Members shared by each pair of providers that is tied; symmetric, without the diagonal."""
    now = (shared.since <= day) & (day < shared.until)
    count = np.bincount(shared.pair[now], minlength=len(shared.left))
    some = np.flatnonzero(count)
    left, right, count = shared.left[some], shared.right[some], count[some]
    strength = np.bincount(np.concatenate((left, right)), np.concatenate((count, count)), minlength=book.keys)
    region = _regions(book, day)
    of_region = np.bincount(region, weights=strength)
    total = np.where(region[left] == region[right], of_region[region[left]], strength.sum())
    by_chance = (strength[left] - count) * (strength[right] - count) / np.maximum(total - 2 * count, 1.0)
    tied = (count >= FEWEST_SHARED) & (count >= by_chance + LEAST_DEVIATIONS * np.sqrt(by_chance))
    left, right, count = left[tied], right[tied], count[tied]
    return sparse.coo_array(
        (np.concatenate((count, count)), (np.concatenate((left, right)), np.concatenate((right, left)))),
        shape=(book.keys, book.keys),
    )


def _regions(book: SortedClaims, day: int) -> np.ndarray:
    """The region of each provider on its last claim before `day`, as a number; 0: not known."""
    last = np.searchsorted(book.packed, _every_provider(book, day).packed) - 1
    row = np.maximum(last, 0)
    codes = book.ledger.names["region"].codes[book.row[row]] + 1
    return np.where((last >= 0) & (book.key[row] == np.arange(book.keys)), codes, 0)


def _communities(ties: sparse.coo_array) -> np.ndarray:
    """The number of each provider's community; one without ties is a community of its own."""
    if not ties.nnz:
        return np.arange(ties.shape[0])
    weights = sparse.csr_matrix((ties.data.astype(np.float64), (ties.row, ties.col)), shape=ties.shape)
    labels: np.ndarray = Louvain(random_state=_SEED).fit_predict(weights).astype(np.int64)
    alone = np.diff(weights.indptr) == 0
    labels[alone] = labels.max() + 1 + np.arange(int(alone.sum()))
    return labels
