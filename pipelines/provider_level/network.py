"""A graph of providers connected by shared members and physicians, including the unlabelled providers.

The structure of the graph uses no label. Measures of neighbours' labels are computed inside each fold from the labels
of its training providers, never from a provider's own; measures of whole communities without the provider itself are
left out, because in a small community they reveal its label.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sknetwork.ranking import PageRank
from sknetwork.topology import get_core_decomposition

from pipelines.provider_level.source import ProviderSet

PRIOR = 3.0
"""Neighbours of average risk added to each provider's own, so that few neighbours have little effect."""
_PHYSICIANS = """
    SELECT DISTINCT provider, unnest([attending, operating, other]) AS physician FROM claims
"""


@dataclass(frozen=True, slots=True)
class Graph:
    """Ties among all providers; the first `count` are the labelled ones, in their order."""

    count: int
    by_members: sp.csr_matrix
    by_physicians: sp.csr_matrix
    members: NDArray[np.float64]


def build(data: ProviderSet) -> Graph:
    """Ties weighted by what is shared."""
    names = {name: place for place, name in enumerate(data.providers)}
    everyone = data.connection.execute("SELECT DISTINCT provider FROM visits ORDER BY 1").fetchall()
    for (name,) in everyone:
        names.setdefault(name, len(names))
    by_members, members = _ties(data, "SELECT provider, member FROM visits ORDER BY 1, 2", names)
    physicians = f"SELECT * FROM ({_PHYSICIANS}) WHERE physician IS NOT NULL ORDER BY 1, 2"
    by_physicians, _ = _ties(data, physicians, names)
    return Graph(len(data.providers), by_members, by_physicians, members)


def _ties(data: ProviderSet, query: str, names: dict[str, int]) -> tuple[sp.csr_matrix, NDArray[np.float64]]:
    rows = data.connection.execute(query).fetchall()
    shared: dict[str, int] = {}
    at = [(names[provider], shared.setdefault(other, len(shared))) for provider, other in rows]
    where = np.array(at).T
    incidence = sp.csr_matrix((np.ones(len(at)), (where[0], where[1])), shape=(len(names), len(shared)))
    ties = (incidence @ incidence.T).tocsr()
    ties.setdiag(0)
    ties.eliminate_zeros()
    return ties, np.asarray(incidence.sum(axis=1), dtype=np.float64).ravel()


def structure(graph: Graph) -> NDArray[np.float64]:
    """(labelled providers, 10): features of the graph that need no label."""
    columns = []
    for ties in (graph.by_members, graph.by_physicians):
        degree = np.diff(ties.indptr).astype(np.float64)
        weight = np.asarray(ties.sum(axis=1)).ravel()
        strongest = np.asarray(ties.max(axis=1).todense()).ravel()
        columns += [degree, weight, strongest, weight / np.maximum(graph.members, 1)]
    columns.append(PageRank().fit_predict(graph.by_members))
    columns.append(get_core_decomposition((graph.by_members > 0).astype(int)).astype(np.float64))
    return np.column_stack([column[: graph.count] for column in columns])


def neighbour_labels(graph: Graph, fraud: NDArray[np.bool_], train: NDArray[np.intp]) -> NDArray[np.float64]:
    """(labelled providers, 4): frauds among the training providers each is tied to, and their smoothed share."""
    size = graph.by_members.shape[0]
    known, guilty = np.zeros(size), np.zeros(size)
    known[train], guilty[train] = 1.0, fraud[train]
    base = float(fraud[train].mean())
    columns = []
    for ties in (graph.by_members, graph.by_physicians):
        tied, found = ties @ known, ties @ guilty
        columns += [found, (found + base * PRIOR) / (tied + PRIOR)]
    return np.column_stack([column[: graph.count] for column in columns])
