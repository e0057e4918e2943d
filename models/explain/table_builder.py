"""Build the contribution tables of a booster: exact Shapley values without walking every tree for every row.

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

import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xgboost as xgb

from models.errors import TablesTooLargeError, UnsupportedBoosterError
from models.explain import kernels
from models.explain.tables import DEFAULT, FEATURE, FORMAT, MASK, MOST_BITS, NAMES, SHIFT, WIDTH, LeafTables

DEFAULT_LIMIT_BYTES = 192 << 20
"""Size limit of the tables; above it `pred_contribs` is used."""
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


@dataclass(frozen=True, slots=True)
class _Tree:
    """One tree of the booster's JSON: parallel lists by node; a leaf's left child is -1."""

    left: list[int]
    right: list[int]
    feature: list[int]
    threshold: list[float]
    default_left: list[int]
    cover: list[float]

    def heights(self) -> dict[int, int]:
        """Splits on the longest way down from each node."""
        order, stack = [], [0]
        while stack:
            node = stack.pop()
            order.append(node)
            if self.left[node] != -1:
                stack += (self.left[node], self.right[node])
        height: dict[int, int] = {}
        for node in reversed(order):
            split = self.left[node] != -1
            height[node] = 1 + max(height[self.left[node]], height[self.right[node]]) if split else 0
        return height

    def share(self, node: int, child: int) -> float:
        """The part of a node's cover that went to a child; half if the node has none, as in XGBoost from 3.4 on.

        Cover is the sum of the Hessian, so a split that no training row reaches has none, as in a refreshed tree.
        """
        if not (self.cover[node] >= 0 and self.cover[child] >= 0):
            raise UnsupportedBoosterError(f"node {node} has a cover of {self.cover[node]}; it must be 0 or more")
        return self.cover[child] / self.cover[node] if self.cover[node] > 0 else 0.5


_Path = dict[int, tuple[int, float]]
"""Feature → its bit, and the product of the cover shares of its splits so far."""


def build_tables(booster: xgb.Booster, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> LeafTables:
    """Build the tables of a booster. Every round counts, so cut it at its best iteration first.

    Splits at plus or minus infinity are splits like any other. Raises `UnsupportedBoosterError` for anything but
    one-output trees with numeric splits, `TablesTooLargeError` when the tables would take more than `limit_bytes`.
    """
    base, features, trees = _read_booster(booster)
    b = _Builder()
    for tree in trees:
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
        features=np.array([features], dtype=np.int64),
        base=np.array([base], dtype=np.float32),
        expected=np.array([base + b.expected], dtype=np.float64),
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


def _add_tree(b: _Builder, tree: _Tree, limit_bytes: int) -> None:
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


def _add_anchor(b: _Builder, tree: _Tree, root: int, path: _Path, limit_bytes: int) -> None:
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
