"""Boosters with splits of every kind: trained to have them, or edited into the JSON of any version."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xgboost as xgb

Tree = dict[str, Any]


def train(x: np.ndarray, y: np.ndarray, rounds: int = 12, **params: object) -> xgb.Booster:
    """A booster of one thread; QuantileDMatrix, as `models.families` uses it."""
    defaults = {"objective": "binary:logistic", "max_depth": 4, "eta": 0.3, "nthread": 1, "min_child_weight": 0.1}
    kind = xgb.QuantileDMatrix if params.get("tree_method", "hist") == "hist" else xgb.DMatrix
    return xgb.train({**defaults, **params}, kind(x, y, nthread=1), rounds)


def edited(booster: xgb.Booster, change: Callable[[Tree], None]) -> xgb.Booster:
    """The booster with `change` applied to each tree of its JSON."""
    document = json.loads(bytes(booster.save_raw("json")))
    for tree in trees_of(document):
        change(tree)
    again = xgb.Booster({"nthread": 1})
    again.load_model(bytearray(json.dumps(document).encode()))
    return again


def trees_of(document: dict[str, Any]) -> list[Tree]:
    return document["learner"]["gradient_booster"]["model"]["trees"]


def splits(tree: Tree) -> Iterator[int]:
    """Nodes of a tree that are splits, the root first."""
    return (node for node, left in enumerate(tree["left_children"]) if left != -1)


def split_thresholds(booster: xgb.Booster) -> np.ndarray:
    trees = trees_of(json.loads(bytes(booster.save_raw("json"))))
    return np.array([tree["split_conditions"][node] for tree in trees for node in splits(tree)], dtype=np.float32)


def with_thresholds(booster: xgb.Booster, threshold: Callable[[int, int], float | None]) -> xgb.Booster:
    """The booster with `threshold(n, node)` at its n-th split, a node of its tree; None leaves that split alone."""
    count = 0

    def change(tree: Tree) -> None:
        nonlocal count
        for node in splits(tree):
            found = threshold(count, node)
            count += 1
            if found is not None:
                tree["split_conditions"][node] = found

    return edited(booster, change)


def flipped_defaults(booster: xgb.Booster) -> xgb.Booster:
    """The booster with missing values sent to the other side of every split."""

    def change(tree: Tree) -> None:
        for node in splits(tree):
            tree["default_left"][node] = 1 - int(tree["default_left"][node])

    return edited(booster, change)
