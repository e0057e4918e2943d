"""Build the contribution tables of trees: exact Shapley values by integrating a recursion down and up each tree.

Owen's multilinear extension gives the Shapley value of feature i as an integral from 0 to 1 of the derivative by i of
the expected value of the tree when each feature is known with probability t. For path-dependent TreeSHAP, what is not
known is averaged by cover. Along a tree this is a recursion. A split with cover share s to the left, where the row goes
left (o = 1) or right (o = 0), passes to the left a part

    f(t) = s + t (o - s),     and 1 - f(t) to the right,

so going down, P(t) is the product of the parts on the way to a split; coming up, G(t) is the expected value below it:

    G = G_right + f (G_left - G_right),     and the feature of the split gets   (o - s) ∫ P (G_left - G_right) dt.

A split on a feature that was split on before, with z the product of the shares at those splits, is decided by the same
coin. Where the row took all those splits' sides to get here, t is replaced by t / (t + z (1 - t)) in f, and dt by the
derivative of that; where it did not, the split averages (f = s) and contributes nothing. Summed over a tree the
integrands are polynomials of a degree below the number m of different features on a path, so Gauss and Legendre's
quadrature with m / 2 points gives the integrals exactly (`quadrature.py`).

Nothing is divided by a factor and no case is enumerated: the work is linear in the splits, at any depth.
"""

import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xgboost as xgb

from models.errors import UnsupportedBoosterError
from models.explain.quadrature import points_for
from models.explain.tables import FIRST, FORMAT, ON_THE_LEFT, ON_THE_RIGHT, LeafTables

_SAME_COVER = 1e-3
"""Largest relative difference between a split's cover, a 32-bit float, and the sum of its children's."""


@dataclass(slots=True)
class _Builder:
    """The flat arrays of `LeafTables` while the trees are walked."""

    first: list[int] = field(default_factory=lambda: [0])
    inner: list[int] = field(default_factory=list)
    first_leaf: list[int] = field(default_factory=lambda: [0])
    split: list[tuple[int, int, int, int, int, int]] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    earlier: list[float] = field(default_factory=list)
    leaf: list[float] = field(default_factory=list)
    expected: float = 0.0
    most_features: int = 1
    """Most different features on one path."""


@dataclass(frozen=True, slots=True)
class _Tree:
    """One tree of the booster's JSON: parallel lists by node; a leaf's left child is -1."""

    left: list[int]
    right: list[int]
    feature: list[int]
    threshold: list[float]
    default_left: list[int]
    cover: list[float]

    def share(self, node: int, child: int) -> float:
        """The part of a node's cover that went to a child; half if none did, as in XGBoost from 3.4 on.

        Cover is the sum of the Hessian, so a split that no training row reaches has none, as in a refreshed tree.
        """
        total = self.cover[self.left[node]] + self.cover[self.right[node]]
        least = min(self.cover[self.left[node]], self.cover[self.right[node]], self.cover[node])
        if not (least >= 0 and abs(total - self.cover[node]) <= _SAME_COVER * max(total, self.cover[node])):
            raise UnsupportedBoosterError(
                f"node {node} has a cover of {self.cover[node]}; it must be the sum of its children's, {total}"
            )
        return self.cover[child] / total if total > 0 else 0.5


@dataclass(frozen=True, slots=True)
class _Before:
    """The last split on a feature on the way down."""

    node: int
    side: int
    share: float
    """Product of the cover shares of all splits on the feature so far."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """A split on the way down a tree."""

    node: int
    path: dict[int, _Before]
    cover: float
    """Share of the tree's cover that gets here."""


def build_tables(booster: xgb.Booster) -> LeafTables:
    """Build the tables of a booster. Every round counts, so cut it at its best iteration first.

    Splits at plus or minus infinity are splits like any other. Raises `UnsupportedBoosterError` for anything but
    one-output trees with numeric splits.
    """
    base, features, trees = _read_booster(booster)
    b = _Builder()
    for tree in trees:
        _add_tree(b, tree)
    return LeafTables(
        format=np.array([FORMAT], dtype=np.int64),
        features=np.array([features], dtype=np.int64),
        points=np.array([points_for(b.most_features)], dtype=np.int64),
        base=np.array([base], dtype=np.float32),
        expected=np.array([base + b.expected], dtype=np.float64),
        first=np.array(b.first, dtype=np.uint32),
        inner=np.array(b.inner, dtype=np.uint32),
        first_leaf=np.array(b.first_leaf, dtype=np.uint32),
        split=np.array(b.split, dtype=np.uint32),
        threshold=np.array(b.threshold, dtype=np.float32),
        share=np.array(b.share, dtype=np.float32),
        earlier=np.array(b.earlier, dtype=np.float32),
        leaf=np.array(b.leaf, dtype=np.float32),
    )


def _read_booster(booster: xgb.Booster) -> tuple[float, int, list[_Tree]]:
    """Base margin, number of features and trees, from XGBoost's JSON."""
    learner: dict[str, Any] = json.loads(bytes(booster.save_raw("json")))["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        raise UnsupportedBoosterError(f"only gbtree is supported, not {learner['gradient_booster']['name']}")
    model = learner["gradient_booster"]["model"]
    if any(weight != 1 for weight in model.get("weight_drop", ())):  # how dart is written from XGBoost 3.4 on
        raise UnsupportedBoosterError("boosters with dropped trees are not supported")
    shape = learner["learner_model_param"]
    if int(shape.get("num_class", 0)) > 1 or int(shape.get("num_target", 1)) > 1 or any(model["tree_info"]):
        raise UnsupportedBoosterError("only boosters with one output are supported")
    trees = []
    for t in model["trees"]:
        if any(t.get("split_type", ())) or int(t["tree_param"].get("size_leaf_vector", 1)) > 1:
            raise UnsupportedBoosterError("categorical splits and vector leaves are not supported")
        trees.append(
            _Tree(
                t["left_children"],
                t["right_children"],
                t["split_indices"],
                t["split_conditions"],
                t["default_left"],
                t["sum_hessian"],
            )
        )
    if not trees:
        raise UnsupportedBoosterError("the booster has no trees")
    features = int(shape["num_feature"])
    return _base_margin(booster, features), features, trees


def _base_margin(booster: xgb.Booster, features: int) -> float:
    """The margin before any tree: the booster's prediction with one round whose leaves are set to zero.

    Computed by XGBoost so that the bits agree. Its link function bounds `base_score` and takes a 32-bit
    logarithm, whose last bit differs from NumPy's for about one score in five.
    """
    document: dict[str, Any] = json.loads(bytes(booster[:1].save_raw("json")))
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        tree["split_conditions"] = [
            0.0 if left == -1 else threshold
            for left, threshold in zip(tree["left_children"], tree["split_conditions"], strict=True)
        ]
    flat = xgb.Booster({"nthread": 1})
    flat.load_model(bytearray(json.dumps(document).encode()))
    row = np.full((1, features), np.nan, dtype=np.float32)
    return float(flat.inplace_predict(row, predict_type="margin", validate_features=False)[0])


def _add_tree(b: _Builder, tree: _Tree) -> None:
    if tree.left[0] == -1:
        _add_constant(b, tree.threshold[0])
        return
    visits = _walk(b, tree)
    inner = [v for v in visits if not _is_last(tree, v.node)]
    order = inner + [v for v in visits if _is_last(tree, v.node)]
    slot = {v.node: i for i, v in enumerate(order)}
    leaves = [child for v in order for child in (tree.left[v.node], tree.right[v.node]) if tree.left[child] == -1]
    slot |= {node: len(order) + i for i, node in enumerate(leaves)}
    for visit in order:
        node = visit.node
        before = visit.path.get(tree.feature[node])
        above, side = (0, FIRST) if before is None else (slot[before.node], before.side)
        children = (slot[tree.left[node]], slot[tree.right[node]])
        b.split.append((tree.feature[node], *children, above, int(tree.default_left[node]), side))
        b.threshold.append(tree.threshold[node])
        b.share.append(tree.share(node, tree.left[node]))
        b.earlier.append(1.0 if before is None else before.share)
    b.leaf += [tree.threshold[node] for node in leaves]
    b.inner.append(len(inner))
    b.first.append(len(b.split))
    b.first_leaf.append(len(b.leaf))


def _walk(b: _Builder, tree: _Tree) -> list[_Visit]:
    """The splits of a tree top down; its mean value and the features of its paths are added to the builder."""
    visits = [_Visit(0, {}, 1.0)]
    for visit in visits:
        node, feature = visit.node, tree.feature[visit.node]
        before = visit.path.get(feature)
        for child, side in ((tree.left[node], ON_THE_LEFT), (tree.right[node], ON_THE_RIGHT)):
            share = tree.share(node, child)
            so_far = share if before is None else before.share * share
            path = {**visit.path, feature: _Before(node, side, so_far)}
            if tree.left[child] == -1:
                b.expected += tree.threshold[child] * visit.cover * share
                b.most_features = max(b.most_features, len(path))
            else:
                visits.append(_Visit(child, path, visit.cover * share))
    return visits


def _is_last(tree: _Tree, node: int) -> bool:
    """Whether both children of a split are leaves."""
    return tree.left[tree.left[node]] == -1 and tree.left[tree.right[node]] == -1


def _add_constant(b: _Builder, value: float) -> None:
    """Add a tree that is one leaf, as a split that nothing passes to the left of two such leaves."""
    b.split.append((0, 1, 2, 0, 0, FIRST))
    b.threshold.append(-math.inf)
    b.share.append(0.0)
    b.earlier.append(1.0)
    b.leaf += [value, value]
    b.expected += value
    b.inner.append(0)
    b.first.append(len(b.split))
    b.first_leaf.append(len(b.leaf))
