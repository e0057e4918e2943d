"""Exact Shapley values of a booster from tables made once, instead of a walk through every tree for every row.

Path-dependent TreeSHAP gives each leaf's value to the features on its path, and how much each gets depends only on
*which* of them the row satisfies. So the answer for every combination can be written down beforehand. A tree is cut into
*anchors*, subtrees of at most three splits (four leaves); the splits above are *upper*. For one row:

* upper splits are decided top down; each anchor receives a pattern, one bit per different feature above it: satisfied or
  not (a feature asked twice is satisfied when both answers lead here);
* the anchor's own splits add up to three bits; the pattern is now the index of a row of its table, which holds the
  contribution of its four leaves to each feature on their paths, summed;
* the anchor whose path is satisfied throughout has the leaf the row falls into: its value goes to the margin.

Four leaves share one table and one look-up, which needs half the memory and a quarter of the reads of a table per leaf.
"""

import io
import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from models import kernels
from models.errors import SchemaMismatchError, TablesTooLargeError, UnsupportedBoosterError

DEFAULT_LIMIT_BYTES = 192 << 20
"""Largest tables worth their memory; above it `pred_contribs` explains."""
_MOST_BITS = 24
_ANCHOR_HEIGHT = 2
_FEATURE, _DEFAULT, _SHIFT, _MASK, _WIDTH, _NAMES = 0, 3, 6, 9, 10, 11


@dataclass(frozen=True, slots=True, eq=False)
class LeafTables:
    """The compiled form of a booster of T trees, U upper splits, A anchors and F features."""

    features: NDArray[np.int64]
    """(1,): F."""
    base: NDArray[np.float32]
    """(1,): the margin before any tree."""
    expected: NDArray[np.float64]
    """(1,): the mean margin by cover, from which contributions are counted."""
    uppers: NDArray[np.int64]
    """(T+1,): first upper split of each tree."""
    anchors: NDArray[np.int64]
    """(T+1,): first anchor of each tree."""
    upper: NDArray[np.int32]
    """(U, 5): feature, bit, left slot, right slot, whether missing goes left. Slots: upper splits, then anchors."""
    upper_threshold: NDArray[np.float32]
    anchor: NDArray[np.int32]
    """(A, 12): features, default sides and bit positions of the three splits, path mask, width, place in `member`."""
    anchor_threshold: NDArray[np.float32]
    """(A, 3); minus infinity where there is no such split."""
    offset: NDArray[np.int64]
    """(A,): where each anchor's table begins."""
    leaf: NDArray[np.float32]
    """(A, 4): values of the leaves, left to right."""
    member: NDArray[np.int32]
    """Features of each anchor's table columns."""
    table: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(getattr(self, f.name).nbytes for f in fields(self))

    @property
    def base_margin(self) -> float:
        """With the contributions of a row it sums to the row's margin."""
        return float(self.expected[0])

    def explain(self, row: NDArray[np.float32]) -> tuple[float, NDArray[np.float64]]:
        """Margin and contributions (F,) of one vector (F,)."""
        margins, contributions = self.explain_many(row.reshape(1, -1))
        return float(margins[0]), contributions[0]

    def explain_many(
        self, rows: NDArray[np.float32], *, threads: int = 1
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Margins (N,) and contributions (N, F) of vectors (N, F), 32-bit floats, NaN where missing."""
        if rows.ndim != 2 or rows.shape[1] != self.features[0] or rows.dtype != np.float32:
            raise SchemaMismatchError(
                f"the model wants float32 vectors of {self.features[0]} features, got {rows.dtype} of shape {rows.shape}"
            )
        rows = np.ascontiguousarray(rows)
        contributions = np.empty(rows.shape, dtype=np.float64)
        margins = np.empty(len(rows), dtype=np.float32)
        if threads <= 1 or len(rows) < 2 * threads:
            self._explain_into(rows, contributions, margins)
            return margins, contributions
        cuts = np.linspace(0, len(rows), threads + 1, dtype=int)
        with ThreadPoolExecutor(threads) as pool:
            for done in [
                pool.submit(self._explain_into, rows[i:j], contributions[i:j], margins[i:j]) for i, j in pairwise(cuts)
            ]:
                done.result()
        return margins, contributions

    def _explain_into(
        self, rows: NDArray[np.float32], contributions: NDArray[np.float64], margins: NDArray[np.float32]
    ) -> None:
        kernels.explain_rows(
            rows,
            self.base[0],
            self.uppers,
            self.anchors,
            self.upper,
            self.upper_threshold,
            self.anchor,
            self.anchor_threshold,
            self.offset,
            self.leaf,
            self.member,
            self.table,
            int(np.max(np.diff(self.uppers) + np.diff(self.anchors))),
            contributions,
            margins,
        )


@dataclass(slots=True)
class _Builder:
    """Collects the flat arrays while the trees are walked."""

    uppers: list[int]
    anchors: list[int]
    upper: list[tuple[int, int, int, int, int]]
    upper_threshold: list[float]
    anchor: list[list[int]]
    anchor_threshold: list[list[float]]
    leaf: list[list[float]]
    member: list[int]
    entries: list[int]
    leaves: list[int]
    parts: list[int]
    value: list[float]
    slot: list[int]
    care: list[int]
    want: list[int]
    share: list[float]
    expected: float


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
        """The part of a node's cover that went to a child."""
        if not self.cover[node] > 0:
            raise UnsupportedBoosterError("a split has no cover, so its expectation is not defined")
        return self.cover[child] / self.cover[node]


_Path = dict[int, tuple[int, float]]
"""Feature → its bit, and the product of the cover shares of its splits so far."""


def build_tables(booster: xgb.Booster, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> LeafTables:
    """The tables of a booster; every round it holds counts, so cut it at its best iteration first.

    Raises `UnsupportedBoosterError` for anything but one-output trees with numeric splits, `TablesTooLargeError` when
    the tables would take more than `limit_bytes`.
    """
    base, features, trees = _read_booster(booster)
    b = _Builder([0], [0], [], [], [], [], [], [], [], [0], [0], [], [], [], [], [], 0.0)
    for tree in trees:
        _add_tree(b, tree, limit_bytes)
    width = np.array([a[_WIDTH] for a in b.anchor], dtype=np.int32)
    entries = np.array(b.entries, dtype=np.int64)
    ends = np.cumsum(entries * width)
    offset = np.concatenate(([0], ends[:-1])).astype(np.int64)
    table = np.empty(int(ends[-1]), dtype=np.float32)
    if table.nbytes > limit_bytes:
        raise TablesTooLargeError(f"the tables would take {table.nbytes:,} bytes, the limit is {limit_bytes:,}")
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
        features=np.array([features], dtype=np.int64),
        base=np.array([base], dtype=np.float32),
        expected=np.array([base + b.expected], dtype=np.float64),
        uppers=np.array(b.uppers, dtype=np.int64),
        anchors=np.array(b.anchors, dtype=np.int64),
        upper=np.array(b.upper, dtype=np.int32).reshape(-1, 5),
        upper_threshold=np.array(b.upper_threshold, dtype=np.float32),
        anchor=np.array(b.anchor, dtype=np.int32).reshape(-1, 12),
        anchor_threshold=np.array(b.anchor_threshold, dtype=np.float32).reshape(-1, 3),
        offset=offset,
        leaf=np.array(b.leaf, dtype=np.float32).reshape(-1, 4),
        member=np.array(b.member, dtype=np.int32),
        table=table,
    )


def _read_booster(booster: xgb.Booster) -> tuple[float, int, list[_Tree]]:
    """Base margin, number of features and trees, from XGBoost's JSON (3.0 writes the base score bare, later as a list)."""
    learner: dict[str, Any] = json.loads(bytes(booster.save_raw("json")))["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        raise UnsupportedBoosterError(f"only gbtree has tables, not {learner['gradient_booster']['name']}")
    model = learner["gradient_booster"]["model"]
    shape = learner["learner_model_param"]
    if int(shape.get("num_class", 0)) > 1 or int(shape.get("num_target", 1)) > 1 or any(model["tree_info"]):
        raise UnsupportedBoosterError("only boosters of one output have tables")
    score = json.loads(shape["base_score"])
    score = float(score[0] if isinstance(score, list) else score)
    objective = learner["objective"]["name"]
    if objective in ("binary:logistic", "reg:logistic"):
        base = float(-np.log(np.float32(1) / np.float32(score) - np.float32(1)))
    elif objective in ("binary:logitraw", "reg:squarederror"):
        base = score
    else:
        raise UnsupportedBoosterError(f"the link of {objective} is not known here")
    trees = []
    for t in model["trees"]:
        if any(t.get("split_type", ())) or int(t["tree_param"].get("size_leaf_vector", 1)) > 1:
            raise UnsupportedBoosterError("categorical splits and vector leaves have no tables")
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
    return base, int(shape["num_feature"]), trees


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
        for child in (tree.left[node], tree.right[node]):
            queue.append((child, {**path, feature: (bit, share * tree.share(node, child))}))
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
    """One anchor: its record, and for each leaf the (feature, bits to look at, bits wanted, cover share) of its path."""
    record = [0] * 12
    thresholds = [-math.inf] * 3
    places: dict[int, int] = {}
    children = (tree.left[root], tree.right[root])
    for i, node in enumerate((root, *children) if tree.left[root] != -1 else ()):
        if tree.left[node] == -1:
            continue
        places[node] = len(path) + len(places)
        record[_FEATURE + i] = tree.feature[node]
        record[_DEFAULT + i] = int(tree.default_left[node])
        record[_SHIFT + i] = places[node]
        thresholds[i] = tree.threshold[node]
    columns: dict[int, int] = {}
    for feature in (*path, *(tree.feature[node] for node in places)):
        columns.setdefault(feature, len(columns))
    entries = 1 << (len(path) + len(places))
    if len(path) + len(places) > _MOST_BITS or entries * len(columns) * 4 > limit_bytes:
        raise TablesTooLargeError(f"a path asks {len(path) + len(places)} things; the trees are too deep for tables")
    record[_MASK], record[_WIDTH], record[_NAMES] = (1 << len(path)) - 1, len(columns), len(b.member)
    start = {feature: (1 << bit, 1 << bit, share) for feature, (bit, share) in path.items()}
    values: dict[int, float] = {}

    def descend(node: int, asked: dict[int, tuple[int, int, float]], place: tuple[int, int]) -> None:
        if tree.left[node] == -1:
            values.update(dict.fromkeys(range(*place), tree.threshold[node]))
            b.value.append(tree.threshold[node])
            b.expected += tree.threshold[node] * math.prod(share for _, _, share in asked.values())
            for feature, (care, want, share) in asked.items():
                b.slot.append(columns[feature])
                b.care.append(care)
                b.want.append(want)
                b.share.append(share)
            b.parts.append(len(b.slot))
            return
        bit = 1 << places[node]
        care, want, share = asked.get(tree.feature[node], (0, 0, 1.0))
        middle = (place[0] + place[1]) // 2
        for child, side, half in (
            (tree.left[node], bit, (place[0], middle)),
            (tree.right[node], 0, (middle, place[1])),
        ):
            now = (care | bit, want | side, share * tree.share(node, child))
            descend(child, {**asked, tree.feature[node]: now}, half)

    descend(root, start, (0, 4))
    b.anchor.append(record)
    b.anchor_threshold.append(thresholds)
    b.leaf.append([values[i] for i in range(4)])
    b.member.extend(columns)
    b.entries.append(entries)
    b.leaves.append(len(b.value))


def tables_to_bytes(tables: LeafTables) -> bytes:
    """The tables as an uncompressed `.npz`; the same tables give the same bytes."""
    out = io.BytesIO()
    np.savez(out, **{f.name: getattr(tables, f.name) for f in fields(tables)})
    return out.getvalue()


def read_tables(raw: bytes, *, features: int) -> LeafTables:
    """Tables from the bytes of `tables_to_bytes`, with every index checked. Raises `ValueError` when they do not fit."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as file:
        if set(file.files) != {f.name for f in fields(LeafTables)}:
            raise ValueError("these are not leaf tables")
        tables = LeafTables(**{name: np.ascontiguousarray(file[name]) for name in file.files})
    _check(tables, features)
    return tables


def _check(t: LeafTables, features: int) -> None:
    """Refuse what would make the compiled loops read outside an array."""
    kinds = {
        "features": np.int64, "base": np.float32, "expected": np.float64, "uppers": np.int64, "anchors": np.int64,
        "upper": np.int32, "upper_threshold": np.float32, "anchor": np.int32, "anchor_threshold": np.float32,
        "offset": np.int64, "leaf": np.float32, "member": np.int32, "table": np.float32,
    }  # fmt: skip
    if any(getattr(t, name).dtype != kind for name, kind in kinds.items()):
        raise ValueError("an array of the tables has another type")
    u, a = len(t.upper_threshold), len(t.offset)
    trees = len(t.uppers) - 1
    shapes = {
        "features": (1,), "base": (1,), "expected": (1,), "anchors": (trees + 1,), "upper": (u, 5),
        "anchor": (a, 12), "anchor_threshold": (a, 3), "leaf": (a, 4),
    }  # fmt: skip
    if trees < 1 or a < 1 or any(getattr(t, name).shape != shape for name, shape in shapes.items()):
        raise ValueError("an array of the tables has another shape")
    if t.uppers.ndim != 1 or t.member.ndim != 1 or t.table.ndim != 1 or t.upper_threshold.ndim != 1:
        raise ValueError("an array of the tables has another shape")
    for starts, end in ((t.uppers, u), (t.anchors, a)):
        if starts[0] != 0 or starts[-1] != end or (np.diff(starts) < 0).any():
            raise ValueError("the trees of the tables overlap")
    if (np.diff(t.anchors) < 1).any() or t.features[0] != features:
        raise ValueError(f"the tables are not those of {features} features")
    slots = np.repeat(np.diff(t.uppers) + np.diff(t.anchors), np.diff(t.uppers))
    width, names = t.anchor[:, _WIDTH].astype(np.int64), t.anchor[:, _NAMES].astype(np.int64)
    shifts, mask = t.anchor[:, _SHIFT:_MASK], t.anchor[:, _MASK].astype(np.int64)
    sound = (
        _within(t.upper[:, 0], features)
        and _within(t.upper[:, 2], slots)
        and _within(t.upper[:, 3], slots)
        and _within(t.upper[:, 4], 2)
        and _within(t.anchor[:, _FEATURE:_DEFAULT], features)
        and _within(t.anchor[:, _DEFAULT:_SHIFT], 2)
        and _within(shifts, _MOST_BITS + 1)
        and _within(mask, 1 << _MOST_BITS)
        and _within(width, features + 1)
        and _within(names, len(t.member) + 1)
        and _within(names + width, len(t.member) + 1)
        and _within(t.member, features)
    )
    if not sound:
        raise ValueError("an index of the tables points outside")
    present = np.isfinite(t.anchor_threshold)
    furthest = mask | np.bitwise_or.reduce(np.where(present, np.int64(1) << shifts, 0), axis=1)
    if not (_within(t.offset, len(t.table) + 1) and _within(t.offset + (furthest + 1) * width, len(t.table) + 1)):
        raise ValueError("an index of the tables points outside")
    if not (np.isfinite(t.table).all() and np.isfinite(t.leaf).all() and np.isfinite(t.expected).all()):
        raise ValueError("the tables hold numbers that are not finite")


def _within(values: NDArray[Any], end: NDArray[Any] | int) -> bool:
    return bool(((values >= 0) & (values < end)).all())
