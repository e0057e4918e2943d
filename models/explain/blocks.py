"""The trees eight by eight: what one row is explained with. Derived from `LeafTables` when a model is loaded.

The trees of a block are laid over each other. Where one of them has a split the block has a *position*; a tree that
has a leaf there or above has a split between two copies of that leaf instead, which contributes nothing.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.explain import kernels
from models.explain.quadrature import quadrature
from models.explain.simd import LANES

if TYPE_CHECKING:
    from models.explain.tables import LeafTables

_NEVER = -np.inf
"""Threshold that nothing is below."""


@dataclass(frozen=True, slots=True, eq=False)
class TreeBlocks:
    """B blocks with P positions, of which R hold a split on a feature that a split above is on."""

    points: tuple[int, ...]
    base: np.float32
    trees: int
    first: NDArray[np.uint32]
    """(B+1,): first position of each block."""
    inner: NDArray[np.uint32]
    """(B,): its positions with another one below, which come first."""
    first_leaf: NDArray[np.uint32]
    """(B+1,): first row of `leaf` of each block."""
    child: NDArray[np.uint32]
    """(P, 2): slots of the children within the block: positions, then rows of leaves."""
    feature: NDArray[np.uint32]
    """(8P,): per lane."""
    threshold: NDArray[np.float32]
    missing_left: NDArray[np.float32]
    share: NDArray[np.float32]
    repeated: NDArray[np.uint32]
    """(P,): 0, or 1 + the position's place among those with repeated features."""
    before: NDArray[np.uint32]
    """(8R,): slot × 8 + lane of the split before on the same feature."""
    reach: NDArray[np.float32]
    """(8·2R,): as `LeafTables.reach`, first all lanes' a, then their b."""
    knots: NDArray[np.float32]
    """(8·QR,)."""
    weights: NDArray[np.float32]
    default_knots: NDArray[np.float32]
    """(Q,): of the other positions."""
    default_weights: NDArray[np.float32]
    leaf: NDArray[np.float32]
    """(8 × rows,): values of the leaves by lane."""
    first_real: NDArray[np.uint32]
    """(B+1,): first row of `real` of each block."""
    real: NDArray[np.uint32]
    """(S, 2): slot × 8 + lane and feature of each real split."""
    slots: int
    """The most slots of one block."""

    def explain(self, row: NDArray[np.float32], contributions: NDArray[np.float64]) -> np.float32:
        """The margin of one vector (F,); its contributions (F,) are written."""
        return kernels.explain_row(
            self.points,
            row,
            self.base,
            self.trees,
            self.first,
            self.inner,
            self.first_leaf,
            self.child,
            self.feature,
            self.threshold,
            self.missing_left,
            self.share,
            self.repeated,
            self.before,
            self.reach,
            self.knots,
            self.weights,
            self.default_knots,
            self.default_weights,
            self.leaf,
            self.first_real,
            self.real,
            self.slots,
            contributions,
        )


class _Builder:
    """The lists while blocks are added. A node is a split's number, or -1 - the number of a leaf."""

    def __init__(self, tables: "LeafTables") -> None:
        first, first_leaf = tables.first.astype(np.int64), tables.first_leaf.astype(np.int64)
        count = np.diff(first)
        begin, splits = np.repeat(first[:-1], count), np.repeat(count, count)
        leaf = np.repeat(first_leaf[:-1], count)
        slots = tables.split[:, 1:3].astype(np.int64)
        is_leaf = slots >= splits[:, None]
        nodes = np.where(is_leaf, -1 - (slots - splits[:, None] + leaf[:, None]), slots + begin[:, None])
        self.children = nodes.tolist()
        self.before = (tables.split[:, 3].astype(np.int64) + begin).tolist()
        self.repeated = (tables.split[:, 5] != 0).tolist()
        self.nothing = -1 - len(tables.leaf)
        self.positions: list[list[int]] = []
        """Per position, the node of each lane."""
        self.child: list[tuple[int, int]] = []
        self.above: list[list[int]] = []
        self.place: list[int] = []
        self.leaves: list[list[int]] = []
        self.real: list[int] = []
        self.real_split: list[int] = []
        self.ends: list[tuple[int, int, int, int]] = []

    def add(self, roots: list[int]) -> None:
        """Add the block of these trees, given by their first splits."""
        queue = [roots + [self.nothing] * (LANES - len(roots))]
        below: list[tuple[list[int], list[int]]] = []
        places: list[list[int]] = []
        for nodes in queue:
            sides = [[self.children[n][side] if n >= 0 else n for n in nodes] for side in (0, 1)]
            below.append((sides[0], sides[1]))
            found = []
            for side in sides:
                if max(side) >= 0:
                    found.append(len(queue))
                    queue.append(side)
                else:
                    found.append(-1)
            places.append(found)
        order = sorted(range(len(queue)), key=lambda n: max(places[n]) < 0)
        slot = {position: i for i, position in enumerate(order)}
        rows = 0
        lanes_slot: dict[int, int] = {}
        for position in order:
            for lane, node in enumerate(queue[position]):
                if node >= 0:
                    lanes_slot[node] = slot[position] * LANES + lane
        for position in order:
            nodes = queue[position]
            child = []
            for side, place in zip(below[position], places[position], strict=True):
                if place >= 0:
                    child.append(slot[place])
                else:
                    child.append(len(order) + rows)
                    self.leaves.append([-1 - node for node in side])
                    rows += 1
            self.positions.append(nodes)
            self.child.append((child[0], child[1]))
            if any(node >= 0 and self.repeated[node] for node in nodes):
                self.above.append(
                    [
                        lanes_slot[self.before[n]] if n >= 0 and self.repeated[n] else lane
                        for lane, n in enumerate(nodes)
                    ]
                )
                self.place.append(len(self.above))
            else:
                self.place.append(0)
        # Tree by tree: splits of one tree are on different features, so that additions need not wait for each other.
        for lane in range(len(roots)):
            for position in order:
                node = queue[position][lane]
                if node >= 0:
                    self.real.append(slot[position] * LANES + lane)
                    self.real_split.append(node)
        inner = sum(max(places[n]) >= 0 for n in order)
        self.ends.append((len(self.positions), inner, len(self.leaves), len(self.real)))


def build_blocks(tables: "LeafTables") -> TreeBlocks:
    """Lay the trees over each other, eight at a time, in their order."""
    b = _Builder(tables)
    roots = tables.first[:-1].tolist()
    for start in range(0, len(roots), LANES):
        b.add(roots[start : start + LANES])
    node = np.array(b.positions, dtype=np.int64).reshape(-1)
    present = node >= 0
    of = np.where(present, node, 0)
    is_special = np.array(b.place, dtype=np.int64) > 0
    special = np.repeat(is_special, LANES)
    points = int(tables.points[0])
    standard, standard_weights = quadrature(points, np.ones(1, dtype=np.float32)).for_kernels()
    earlier = np.where(present, tables.earlier[of], np.float32(1))[special]
    knots, weights = quadrature(points, earlier).for_kernels()
    reach = np.where(present[:, None], tables.reach[of], np.array([[1, 0]], dtype=np.float32))[special]
    values = np.append(tables.leaf, np.float32(0))
    ends = np.array([(0, 0, 0, 0), *b.ends], dtype=np.uint32)
    first, first_leaf = ends[:, 0], ends[:, 2]
    return TreeBlocks(
        points=(0,) * points,
        base=tables.base[0],
        trees=len(roots),
        first=first.copy(),
        inner=ends[1:, 1].copy(),
        first_leaf=first_leaf.copy(),
        child=np.array(b.child, dtype=np.uint32),
        feature=np.where(present, tables.split[of, 0], 0).astype(np.uint32),
        threshold=np.where(present, tables.threshold[of], np.float32(_NEVER)),
        missing_left=np.where(present, tables.split[of, 4], 0).astype(np.float32),
        share=np.where(present, tables.share[of], np.float32(0)),
        repeated=np.array(b.place, dtype=np.uint32),
        before=np.array(b.above, dtype=np.uint32).reshape(-1),
        reach=_by_lane(reach),
        knots=_by_lane(knots),
        weights=_by_lane(weights),
        default_knots=standard[0],
        default_weights=standard_weights[0],
        leaf=values[np.array(b.leaves, dtype=np.int64)].reshape(-1),
        first_real=ends[:, 3].copy(),
        real=np.stack([np.array(b.real, dtype=np.uint32), tables.split[b.real_split, 0]], axis=1),
        slots=int((np.diff(first) + np.diff(first_leaf)).max()),
    )


def _by_lane(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(8R, K), eight lanes of each position → (8KR,): for each position K rows of eight lanes."""
    return np.ascontiguousarray(values.reshape(-1, LANES, values.shape[1]).transpose(0, 2, 1)).reshape(-1)
