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

import math
from dataclasses import dataclass, field

import numpy as np
import xgboost as xgb

from models.explain.quadrature import points_for
from models.explain.tables import FIRST, FORMAT, ON_THE_LEFT, ON_THE_RIGHT, LeafTables
from models.explain.trees import BinaryTree, TreeEnsemble
from models.explain.xgboost_trees import read_booster


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
    """Build the tables of an XGBoost booster: `tables_of` what `read_booster` reads, with the errors of both."""
    return tables_of(read_booster(booster))


def tables_of(trees: TreeEnsemble) -> LeafTables:
    """Build the tables of trees. Raises `UnsupportedBoosterError` where the cover of a tree does not add up."""
    b = _Builder()
    for tree in trees.trees:
        _add_tree(b, tree)
    return LeafTables(
        format=np.array([FORMAT], dtype=np.int64),
        features=np.array([trees.features], dtype=np.int64),
        points=np.array([points_for(b.most_features)], dtype=np.int64),
        base=np.array([trees.base], dtype=np.float32),
        expected=np.array([trees.base + b.expected], dtype=np.float64),
        first=np.array(b.first, dtype=np.uint32),
        inner=np.array(b.inner, dtype=np.uint32),
        first_leaf=np.array(b.first_leaf, dtype=np.uint32),
        split=np.array(b.split, dtype=np.uint32),
        threshold=np.array(b.threshold, dtype=np.float32),
        share=np.array(b.share, dtype=np.float32),
        earlier=np.array(b.earlier, dtype=np.float32),
        leaf=np.array(b.leaf, dtype=np.float32),
    )


def _add_tree(b: _Builder, tree: BinaryTree) -> None:
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


def _walk(b: _Builder, tree: BinaryTree) -> list[_Visit]:
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


def _is_last(tree: BinaryTree, node: int) -> bool:
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
