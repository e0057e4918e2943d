"""Exact explanations that concern pairs: interactions of two features, and contributions compared with peers."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import SchemaMismatchError
from models.explain import pair_kernels
from models.explain.tables import LeafTables


@dataclass(frozen=True, slots=True)
class Interaction:
    """Two features (by their place) and the log-odds that having both values adds to what each adds alone."""

    first: int
    second: int
    push: float


def interactions(tables: LeafTables, row: NDArray[np.float32]) -> NDArray[np.float64]:
    """The Shapley interaction index of each pair of features (F, F), in log-odds, of one vector (F,).

    It is symmetric, with zeros on the diagonal, and path-dependent like the contributions: for each set of the other
    features, how much more both features together change the expected margin than each of them alone, averaged with
    Shapley's weights. XGBoost's `pred_interactions` has half of it in each of the two places.
    """
    row = _checked(tables, row)
    pairs = np.zeros((len(row), len(row)), dtype=np.float64)
    points = tables.quadrature
    pair_kernels.interactions_of_row(
        row,
        tables.first,
        tables.first_leaf,
        tables.split,
        tables.threshold,
        tables.share,
        tables.reach,
        points.knots,
        points.slopes,
        points.weights,
        tables.leaf,
        tables.slots,
        tables.depth,
        pairs,
    )
    return pairs + pairs.T


def strongest_interaction(tables: LeafTables, row: NDArray[np.float32]) -> Interaction | None:
    """The pair of features with the largest interaction of one vector (F,); None where no two features interact."""
    pairs = interactions(tables, row)
    first, second = sorted(map(int, np.unravel_index(np.argmax(np.abs(pairs)), pairs.shape)))
    push = float(pairs[first, second])
    return Interaction(first, second, push) if push else None


def contributions_against(
    tables: LeafTables, row: NDArray[np.float32], peers: NDArray[np.float32]
) -> tuple[float, NDArray[np.float64]]:
    """The mean margin of the peers (N, F), N ≥ 1, and the contributions (F,) of one vector (F,) compared with them.

    Together they sum to the margin of the vector. What is not known of the vector is taken from a peer (interventional
    Shapley values), averaged over all peers.
    """
    row, peers = _checked(tables, row), np.ascontiguousarray(peers)
    if peers.ndim != 2 or peers.shape[1] != len(row) or peers.dtype != np.float32 or not len(peers):
        raise SchemaMismatchError(
            f"the peers are {peers.dtype} of shape {peers.shape}; expected float32 (N, {len(row)})"
        )
    contributions = np.zeros(len(row), dtype=np.float64)
    pair_kernels.contributions_against(
        row,
        peers,
        tables.first,
        tables.first_leaf,
        tables.split,
        tables.threshold,
        tables.leaf,
        tables.depth,
        _chances(tables.depth),
        contributions,
    )
    return float(tables.margins(peers).mean(dtype=np.float64)), contributions / len(peers)


def _chances(depth: int) -> NDArray[np.float64]:
    """(depth + 1, depth + 1): (a - 1)! b! / (a + b)! at [a, b]; 0 for a = 0."""
    found = np.zeros((depth + 1, depth + 1), dtype=np.float64)
    for a in range(1, depth + 1):
        for b in range(depth + 1 - a):
            found[a, b] = 1 / (a * math.comb(a + b, a))
    return found


def _checked(tables: LeafTables, row: NDArray[np.float32]) -> NDArray[np.float32]:
    if row.shape != (tables.features[0],) or row.dtype != np.float32:
        raise SchemaMismatchError(
            f"expected a float32 vector of {tables.features[0]} features, got {row.dtype} of shape {row.shape}"
        )
    return np.ascontiguousarray(row)
