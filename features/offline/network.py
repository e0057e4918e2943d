"""The weekly provider network: which providers share members, and which of those were confirmed for fraud.

    write_network(path, ledger) -> rows       the `provider_network` view, and the ties to confirmed providers beside it
    ties_of(path, provider, day) -> [Tie]     the ties that explain a provider's row

A weekly row describes the midnight before its Monday, UTC: claims received in the 365 days before it, and findings in
force then that became known in those days. Two providers *share* a member who has claims at both within 14 days. They
are *tied* when they share at least three, and more than expected by chance: four standard deviations (of a Poisson
count) above what two providers that share as many members with others of their region would share. Communities are
Louvain's (Blondel et al. 2008), on ties weighted by the members shared, from a fixed seed.
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
from features.ledger import ClaimLedger, Integers, Points, SortedClaims, leaving_day, pack, partner_days_of
from features.offline.files import history_times, replace_file

WINDOW_DAYS = 365
WITHIN_DAYS = 14
MIN_SHARED = 3
MIN_DEVIATIONS = 4.0
MAX_FOLLOWING = 20
"""Following claims of a member that each claim is compared with: a bound for members with a claim every hour."""
_SEED = 20_250_101


@dataclass(frozen=True, slots=True)
class Tie:
    """A provider with confirmed fraud that another is tied to."""

    neighbour_id: str
    shared_members: int
    last_confirmed: date


@dataclass(frozen=True, slots=True)
class _SharedMembers:
    """Members shared by pairs of providers, each counted from a day until the day before another."""

    left: Integers
    right: Integers
    """Providers of each pair."""
    pair: Integers
    since: Integers
    until: Integers


@dataclass(frozen=True, slots=True)
class _Confirmations:
    """Provider, day known and last day in force of each confirmation of fraud."""

    provider: Integers
    since: Integers
    until: Integers

    def latest(self, providers: int, day: int) -> Integers:
        """The day of each provider's latest confirmation in force on `day` and known in the year before; -1: none."""
        current = (self.since < day) & (self.since >= day - WINDOW_DAYS) & (day <= self.until)
        latest = np.full(providers, -1, dtype=np.int64)
        np.maximum.at(latest, self.provider[current], self.since[current])
        return latest


@dataclass(frozen=True, slots=True)
class _Week:
    rows: Integers
    """Provider, then the fields of the view."""
    edges: Integers
    """Provider, confirmed neighbour, day, members shared, day of the neighbour's latest confirmation."""


def edges_path(path: Path) -> Path:
    """The file of the ties to confirmed providers, beside the view's file."""
    return path.with_name("network_edges.parquet")


def write_network(path: Path, ledger: ClaimLedger) -> int:
    """Write the view's Parquet file, one row per week and provider with claims in the year before, and its ties.

    Returns the number of rows.
    """
    group = {group.name: group for group in AGGREGATION_GROUPS}
    providers = SortedClaims(ledger, group["provider"].keys)
    shared = _shared_members(providers, SortedClaims(ledger, group["member"].keys))
    confirmations = _Confirmations(*providers.confirmations())
    names = PLANS["provider_network"].history.fields
    weeks = [_week(providers, shared, confirmations, day) for day in _mondays(ledger)]
    rows = np.concatenate([np.empty((0, len(names) + 1), dtype=np.int64), *(week.rows for week in weeks)])
    edges = np.concatenate([np.empty((0, 5), dtype=np.int64), *(week.edges for week in weeks)])
    view = providers.key_table(rows[:, 0])
    for place, field in enumerate(names, start=1):
        view = view.append_column(field.name, pa.array(rows[:, place]))
    replace_file(path, history_times(view))
    neighbours = providers.key_table(edges[:, 1])["provider_id"]
    ties = providers.key_table(edges[:, 0]).append_column("neighbour_id", neighbours)
    for place, name in enumerate(("as_of_day", "shared_members", "last_confirmed_day"), start=2):
        ties = ties.append_column(name, pa.array(edges[:, place]))
    replace_file(edges_path(path), ties)
    return len(view)


def ties_of(path: Path, provider_id: str, day: int) -> list[Tie]:
    """The confirmed providers that one is tied to in the last weekly row up to `day`, the strongest tie first.

    `path` is the view's file.
    """
    table = pq.read_table(edges_path(path), filters=[("provider_id", "==", provider_id), ("as_of_day", "<=", day)])
    weeks = pq.read_table(path, columns=["as_of_day"], filters=[("as_of_day", "<=", day)])["as_of_day"]
    if not len(table) or not len(weeks):
        return []
    table = table.filter(pc.equal(table["as_of_day"], pc.max(weeks)))
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


def _shared_members(providers: SortedClaims, members: SortedClaims) -> _SharedMembers:
    """Each pair of providers with the members who have claims at both within 14 days, and when that counts."""
    provider_of = np.full(len(providers.ledger), -1, dtype=np.int64)
    provider_of[providers.row] = providers.key
    provider = provider_of[members.row]
    present = provider >= 0
    provider, member, day = provider[present], members.key[present], members.day[present]
    found = []
    for step in range(1, min(MAX_FOLLOWING, len(member) - 1) + 1):
        close = (member[step:] == member[:-step]) & (day[step:] - day[:-step] <= WITHIN_DAYS)
        close &= provider[step:] != provider[:-step]
        at = np.flatnonzero(close)
        one, other = provider[at], provider[at + step]
        found.append((np.minimum(one, other), np.maximum(one, other), member[at], day[at + step]))
    empty = np.empty(0, dtype=np.int64)
    left, right, member_of, when = (
        (np.concatenate(part) for part in zip(*found, strict=True)) if found else (empty,) * 4
    )
    in_time = np.argsort(when, kind="stable")
    left, right, member_of, when = left[in_time], right[in_time], member_of[in_time], when[in_time]
    pairs, pair = np.unique(left * providers.keys + right, return_inverse=True)
    shared = partner_days_of(pair, member_of, when, np.arange(len(pair)))
    new, last = shared.new(WINDOW_DAYS), shared.last(WINDOW_DAYS)
    return _SharedMembers(
        left=pairs // max(providers.keys, 1),
        right=pairs % max(providers.keys, 1),
        pair=shared.key[new],
        since=shared.day[new] + 1,
        until=leaving_day(shared.day[last], WINDOW_DAYS),
    )


def _week(providers: SortedClaims, shared: _SharedMembers, confirmations: _Confirmations, day: int) -> _Week:
    count = providers.keys
    ties = _ties(providers, shared, day)
    confirmed = confirmations.latest(count, day)
    fraud = (confirmed >= 0).astype(np.int64)
    community = _communities(ties)
    in_community = np.bincount(community, weights=fraud)[community] - fraud
    to_fraud = fraud[ties.col] == 1
    row, column, members = ties.row[to_fraud], ties.col[to_fraud], ties.data[to_fraud]
    strongest = np.zeros(count, dtype=np.int64)
    np.maximum.at(strongest, ties.row, ties.data)
    latest = np.full(count, -1, dtype=np.int64)
    np.maximum.at(latest, row, confirmed[column])
    fields = (
        np.full(count, day),
        np.bincount(ties.row, minlength=count),
        np.bincount(ties.row, weights=ties.data, minlength=count),
        strongest,
        np.bincount(community)[community],
        in_community,
        np.bincount(row, minlength=count),
        np.bincount(row, weights=members, minlength=count),
        np.where(latest >= 0, latest * DAY_US, 0),
    )
    lo, hi = providers.claims_before(_every_provider(providers, day), WINDOW_DAYS)
    here = np.flatnonzero(hi > lo)
    rows = np.column_stack([here, *(field[here] for field in fields)]).astype(np.int64)
    edges = np.column_stack([row, column, np.full(len(row), day), members, confirmed[column]]).astype(np.int64)
    return _Week(rows, edges)


def _every_provider(providers: SortedClaims, day: int) -> Points:
    keys = np.arange(providers.keys, dtype=np.int64)
    return Points(pack(keys, np.full(providers.keys, day, dtype=np.int64)))


def _ties(providers: SortedClaims, shared: _SharedMembers, day: int) -> sparse.coo_array:
    """Members shared by each pair of providers that is tied; symmetric, without the diagonal."""
    current = (shared.since <= day) & (day < shared.until)
    count = np.bincount(shared.pair[current], minlength=len(shared.left))
    some = np.flatnonzero(count)
    left, right, count = shared.left[some], shared.right[some], count[some]
    strength = np.bincount(np.concatenate((left, right)), np.concatenate((count, count)), minlength=providers.keys)
    region = _regions(providers, day)
    of_region = np.bincount(region, weights=strength)
    total = np.where(region[left] == region[right], of_region[region[left]], strength.sum())
    by_chance = (strength[left] - count) * (strength[right] - count) / np.maximum(total - 2 * count, 1.0)
    tied = (count >= MIN_SHARED) & (count >= by_chance + MIN_DEVIATIONS * np.sqrt(by_chance))
    left, right, count = left[tied], right[tied], count[tied]
    return sparse.coo_array(
        (np.concatenate((count, count)), (np.concatenate((left, right)), np.concatenate((right, left)))),
        shape=(providers.keys, providers.keys),
    )


def _regions(providers: SortedClaims, day: int) -> Integers:
    """The region of each provider on its last claim before `day`, as a number; 0: missing."""
    last = np.searchsorted(providers.packed, _every_provider(providers, day).packed) - 1
    row = np.maximum(last, 0)
    codes = providers.codes("region")[row] + 1
    return np.where((last >= 0) & (providers.key[row] == np.arange(providers.keys)), codes, 0)


def _communities(ties: sparse.coo_array) -> Integers:
    """The number of each provider's community; a provider without ties is a community of its own."""
    if not ties.nnz:
        return np.arange(ties.shape[0])
    weights = sparse.csr_matrix((ties.data.astype(np.float64), (ties.row, ties.col)), shape=ties.shape)
    labels: Integers = Louvain(random_state=_SEED).fit_predict(weights).astype(np.int64)
    alone = np.diff(weights.indptr) == 0
    labels[alone] = labels.max() + 1 + np.arange(int(alone.sum()))
    return labels
