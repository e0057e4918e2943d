"""Shapley values by their definition: every set of features, the expected margin of a tree by walking it.

An oracle for `models.explain`: it shares no formula with it, and is only feasible for a few features.
"""

import json
import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import xgboost as xgb

from tests.models import boosters

Known = frozenset[int]
Game = Callable[[Known], float]
"""The expected margin when the values of these features are known."""


def by_cover(booster: xgb.Booster, row: np.ndarray) -> Game:
    """Unknown features are averaged by the cover of the trees (path-dependent TreeSHAP)."""
    trees = boosters.trees_of(json.loads(bytes(booster.save_raw("json"))))

    def expected(tree: boosters.Tree, node: int, known: Known) -> float:
        children = (tree["left_children"][node], tree["right_children"][node])
        if children[0] == -1:
            return tree["split_conditions"][node]
        if tree["split_indices"][node] in known:
            return expected(tree, children[0 if _left(tree, node, row) else 1], known)
        cover = [tree["sum_hessian"][child] for child in children]
        shares = [one / sum(cover) for one in cover] if sum(cover) else [0.5, 0.5]
        return sum(share * expected(tree, child, known) for share, child in zip(shares, children, strict=True))

    return lambda known: sum(expected(tree, 0, known) for tree in trees)


def by_peers(booster: xgb.Booster, row: np.ndarray, peers: np.ndarray) -> Game:
    """Unknown features are those of a peer, averaged over the peers (interventional)."""

    def mean(known: Known) -> float:
        mixed = peers.copy()
        mixed[:, list(known)] = row[list(known)]
        return float(booster.predict(xgb.DMatrix(mixed), output_margin=True).mean(dtype=np.float64))

    return mean


def shapley_values(game: Game, features: int) -> np.ndarray:
    """(F,): the mean marginal value of each feature, with Shapley's weights."""
    values = np.zeros(features)
    for i in range(features):
        others = [j for j in range(features) if j != i]
        for size in range(features):
            weight = 1 / (features * math.comb(features - 1, size))
            for known in map(frozenset, combinations(others, size)):
                values[i] += weight * (game(known | {i}) - game(known))
    return values


def shapley_interactions(game: Game, features: int) -> np.ndarray:
    """(F, F): what two features together add beyond each alone, with the weights of the interaction index."""
    pairs = np.zeros((features, features))
    for i, j in combinations(range(features), 2):
        others = [k for k in range(features) if k not in (i, j)]
        for size in range(features - 1):
            weight = 1 / ((features - 1) * math.comb(features - 2, size))
            for known in map(frozenset, combinations(others, size)):
                together = game(known | {i, j}) - game(known | {i}) - game(known | {j}) + game(known)
                pairs[i, j] += weight * together
    return pairs + pairs.T


def _left(tree: boosters.Tree, node: int, row: np.ndarray) -> bool:
    value = row[tree["split_indices"][node]]
    if np.isnan(value):
        return bool(tree["default_left"][node])
    return bool(value < np.float32(tree["split_conditions"][node]))
