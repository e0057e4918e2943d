"""Build the contribution tables of trees: exact Shapley values without walking every tree for every row.

Path-dependent TreeSHAP gives each leaf's value to the features on its path, and how much each gets depends only on
*which* of them the row satisfies. So the result of every combination can be computed in advance. A tree is cut
into *anchors*, subtrees of at most three splits (four leaves); the splits above are *upper*. For one row:

* upper splits are decided top down; each anchor receives a pattern, one bit per different feature above it: satisfied
  or not (a feature split on twice is satisfied when both splits lead here);
* the anchor's own splits add up to three bits; the pattern is now the index of a row of its table, which holds the
  contribution of its four leaves to each feature on their paths, summed;
* the anchor whose path is satisfied throughout has the leaf the row falls into: its value goes to the margin.

Four leaves share one table and one look-up, which needs half the memory and a quarter of the reads of a table per leaf.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import xgboost as xgb

from models.errors import TablesTooLargeError
from models.explain import kernels
from models.explain.tables import DEFAULT, FEATURE, FORMAT, MASK, MOST_BITS, NAMES, SHIFT, WIDTH, LeafTables
from models.explain.trees import BinaryTree, TreeEnsemble
from models.explain.xgboost_trees import read_booster

DEFAULT_LIMIT_BYTES = 192 << 20
"""Size limit of the tables."""
_ANCHOR_HEIGHT = 2


@dataclass(slots=True)
class _Builder:
    """The flat arrays while the trees are walked: those of `LeafTables`, then those of `kernels.fill_tables`."""

    uppers: list[int] = field(default_factory=lambda: [0])
    anchors: list[int] = field(default_factory=lambda: [0])
    upper: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    upper_threshold: list[float] = field(default_factory=list)
    anchor: list[list[int]] = field(default_factory=list)
    anchor_threshold: list[list[float]] = field(default_factory=list)
    present: list[list[int]] = field(default_factory=list)
    leaf: list[list[float]] = field(default_factory=list)
    member: list[int] = field(default_factory=list)
    expected: float = 0.0
    entries: list[int] = field(default_factory=list)
    leaves: list[int] = field(default_factory=lambda: [0])
    parts: list[int] = field(default_factory=lambda: [0])
    value: list[float] = field(default_factory=list)
    slot: list[int] = field(default_factory=list)
    care: list[int] = field(default_factory=list)
    want: list[int] = field(default_factory=list)
    share: list[float] = field(default_factory=list)


_Path = dict[int, tuple[int, float]]
"""Feature → its bit, and the product of the cover shares of its splits so far."""


def build_tables(booster: xgb.Booster, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> LeafTables:
    """Build the tables of an XGBoost booster: `tables_of` what `read_booster` reads, with the errors of both."""
    return tables_of(read_booster(booster), limit_bytes=limit_bytes)


def tables_of(trees: TreeEnsemble, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> LeafTables:
    """Build the tables of trees. Raises `TablesTooLargeError` when they would take more than `limit_bytes`."""
    b = _Builder()
    for tree in trees.trees:
        _add_tree(b, tree, limit_bytes)
    width = np.array([a[WIDTH] for a in b.anchor], dtype=np.int32)
    entries = np.array(b.entries, dtype=np.int64)
    ends = np.cumsum(entries * width)
    offset = np.concatenate(([0], ends[:-1])).astype(np.uint64)
    size = int(ends[-1]) * 4
    if size > limit_bytes:
        raise TablesTooLargeError(f"the tables would take {size:,} bytes, over the limit of {limit_bytes:,}")
    table = np.empty(int(ends[-1]), dtype=np.float32)
    deepest = int(np.max(np.diff(np.array(b.parts)), initial=1))
    knots, weights = np.polynomial.legendre.leggauss((deepest + 1) // 2 + 1)
    kernels.fill_tables(
        offset,
        entries,
        width,
        np.array(b.leaves, dtype=np.int64),
        np.array(b.parts, dtype=np.int64),
        np.array(b.value, dtype=np.float64),
        np.array(b.slot, dtype=np.int32),
        np.array(b.care, dtype=np.int32),
        np.array(b.want, dtype=np.int32),
        np.array(b.share, dtype=np.float64),
        (knots + 1) / 2,
        weights / 2,
        table,
    )
    return LeafTables(
        format=np.array([FORMAT], dtype=np.int64),
        features=np.array([trees.features], dtype=np.int64),
        base=np.array([trees.base], dtype=np.float32),
        expected=np.array([trees.base + b.expected], dtype=np.float64),
        slots=np.array([np.max(np.diff(b.uppers) + np.diff(b.anchors))], dtype=np.int64),
        uppers=np.array(b.uppers, dtype=np.uint64),
        anchors=np.array(b.anchors, dtype=np.uint64),
        upper=np.array(b.upper, dtype=np.uint32).reshape(-1, 5),
        upper_threshold=np.array(b.upper_threshold, dtype=np.float32),
        anchor=np.array(b.anchor, dtype=np.uint32).reshape(-1, 12),
        anchor_threshold=np.array(b.anchor_threshold, dtype=np.float32).reshape(-1, 3),
        present=np.array(b.present, dtype=np.uint8).reshape(-1, 3),
        offset=offset,
        leaf=np.array(b.leaf, dtype=np.float32).reshape(-1, 4),
        member=np.array(b.member, dtype=np.uint32),
        table=table,
    )


def _add_tree(b: _Builder, tree: BinaryTree, limit_bytes: int) -> None:
    height = tree.heights()
    uppers: list[int] = []
    anchors: list[tuple[int, _Path]] = []
    queue: list[tuple[int, _Path]] = [(0, {})]
    bits: list[int] = []
    for node, path in queue:
        if height[node] <= _ANCHOR_HEIGHT:
            anchors.append((node, path))
            continue
        uppers.append(node)
        feature = tree.feature[node]
        bit, share = path.get(feature, (len(path), 1.0))
        bits.append(bit)
        queue += [
            (child, {**path, feature: (bit, share * tree.share(node, child))})
            for child in (tree.left[node], tree.right[node])
        ]
    slot = {node: i for i, node in enumerate([*uppers, *(node for node, _ in anchors)])}
    for node, bit in zip(uppers, bits, strict=True):
        b.upper.append(
            (tree.feature[node], 1 << bit, slot[tree.left[node]], slot[tree.right[node]], int(tree.default_left[node]))
        )
        b.upper_threshold.append(tree.threshold[node])
    b.uppers.append(len(b.upper))
    for node, path in anchors:
        _add_anchor(b, tree, node, path, limit_bytes)
    b.anchors.append(len(b.anchor))


def _add_anchor(b: _Builder, tree: BinaryTree, root: int, path: _Path, limit_bytes: int) -> None:
    """Add one anchor: its record, and feature, care bits, required bits and share for each part of its leaves."""
    record = [0] * 12
    thresholds = [-math.inf] * 3
    present = [0] * 3
    places: dict[int, int] = {}
    children = (tree.left[root], tree.right[root])
    for i, node in enumerate((root, *children) if tree.left[root] != -1 else ()):
        if tree.left[node] == -1:
            continue
        places[node] = len(path) + len(places)
        record[FEATURE + i] = tree.feature[node]
        record[DEFAULT + i] = int(tree.default_left[node])
        record[SHIFT + i] = places[node]
        thresholds[i] = tree.threshold[node]
        present[i] = 1
    columns: dict[int, int] = {}
    for feature in (*path, *(tree.feature[node] for node in places)):
        columns.setdefault(feature, len(columns))
    entries = 1 << (len(path) + len(places))
    if len(path) + len(places) > MOST_BITS or entries * len(columns) * 4 > limit_bytes:
        raise TablesTooLargeError(f"a path has {len(path) + len(places)} conditions; the trees are too deep for tables")
    record[MASK], record[WIDTH], record[NAMES] = (1 << len(path)) - 1, len(columns), len(b.member)
    start = {feature: (1 << bit, 1 << bit, share) for feature, (bit, share) in path.items()}
    values: dict[int, float] = {}

    def descend(node: int, conditions: dict[int, tuple[int, int, float]], place: tuple[int, int]) -> None:
        if tree.left[node] == -1:
            values.update(dict.fromkeys(range(*place), tree.threshold[node]))
            b.value.append(tree.threshold[node])
            b.expected += tree.threshold[node] * math.prod(share for _, _, share in conditions.values())
            for feature, (care, want, share) in conditions.items():
                b.slot.append(columns[feature])
                b.care.append(care)
                b.want.append(want)
                b.share.append(share)
            b.parts.append(len(b.slot))
            return
        bit = 1 << places[node]
        care, want, share = conditions.get(tree.feature[node], (0, 0, 1.0))
        middle = (place[0] + place[1]) // 2
        for child, side, half in (
            (tree.left[node], bit, (place[0], middle)),
            (tree.right[node], 0, (middle, place[1])),
        ):
            now = (care | bit, want | side, share * tree.share(node, child))
            descend(child, {**conditions, tree.feature[node]: now}, half)

    descend(root, start, (0, 4))
    b.anchor.append(record)
    b.anchor_threshold.append(thresholds)
    b.present.append(present)
    b.leaf.append([values[i] for i in range(4)])
    b.member.extend(columns)
    b.entries.append(entries)
    b.leaves.append(len(b.value))
