"""Compiled loops over pairs: of features (interactions), and of a claim with others (reasons against peers).

Shapes and meanings are those of `models.explain.tables`. They serve single claims off the request path, so they work
in 64-bit floats, one split at a time.
"""

import numba
import numpy as np
from numpy.typing import NDArray

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]
_U32 = NDArray[np.uint32]

_U = np.uint64


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def tree_depth(first: _U32, split: _U32) -> int:
    """The most splits on one way down."""
    deepest = 0
    for tree in range(_U(len(first) - 1)):
        begin = _U(first[tree])
        splits = _U(first[tree + _U(1)]) - begin
        level = np.ones(splits, dtype=np.int64)
        for u in range(splits):
            deepest = max(deepest, level[u])
            for side in range(_U(1), _U(3)):
                child = _U(split[begin + u, side])
                if child < splits:
                    level[child] = level[u] + 1
    return deepest


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def interactions_of_row(
    row: _F32,
    first: _U32,
    first_leaf: _U32,
    split: _U32,
    threshold: _F32,
    share: _F32,
    reach: _F32,
    knot: _F64,
    slope: _F64,
    weight: _F64,
    leaf: _F32,
    slots: int,
    depth: int,
    pairs: _F64,
) -> None:
    """Add the Shapley interaction of each pair of features into `pairs` (F, F), in either order of the pair.

    `knot` (S, Q) is where each split sees the points, `slope` (S, Q) the derivative of that, `weight` (Q,) the weights.
    """
    points = _U(len(weight))
    went = np.zeros(slots, dtype=np.float64)
    live = np.ones(slots, dtype=np.float64)
    excess = np.empty(slots, dtype=np.float64)
    value = np.empty((slots, points), dtype=np.float64)
    above = np.ones((slots, points), dtype=np.float64)
    count = np.zeros(slots, dtype=np.uint64)
    who = np.empty((slots, depth), dtype=np.uint32)
    without = np.empty((slots, depth, points), dtype=np.float64)
    for tree in range(_U(len(first) - 1)):
        begin = _U(first[tree])
        splits = _U(first[tree + _U(1)]) - begin
        leaves = _U(first_leaf[tree])
        for j in range(_U(first_leaf[tree + _U(1)]) - leaves):
            for q in range(points):
                value[splits + j, q] = leaf[leaves + j]
        for u in range(splits):
            s = begin + u
            x = row[split[s, 0]]
            went[u] = 1.0 if x < threshold[s] or (x != x and split[s, 4] == 1) else 0.0
            before = _U(split[s, 3])
            live[u] = live[before] * (reach[s, 0] + reach[s, 1] * went[before])
            excess[u] = live[u] * (went[u] - share[s])
        for reverse in range(_U(1), splits + _U(1)):
            up = splits - reverse
            s = begin + up
            one, two = _U(split[s, 1]), _U(split[s, 2])
            for q in range(points):
                part = share[s] + knot[s, q] * excess[up]
                value[up, q] = value[two, q] + part * (value[one, q] - value[two, q])
        count[_U(0)] = _U(0)
        for q in range(points):
            above[_U(0), q] = 1.0
        for u in range(splits):
            s = begin + u
            one, two = _U(split[s, 1]), _U(split[s, 2])
            for a in range(count[u]):
                if who[u, a] != split[s, 0]:
                    total = 0.0
                    for q in range(points):
                        total += weight[q] * slope[s, q] * without[u, a, q] * (value[one, q] - value[two, q])
                    pairs[who[u, a], split[s, 0]] += excess[u] * total
            for side in range(_U(2)):
                child = two if side else one
                if child >= splits:
                    continue
                sign = -1.0 if side else 1.0
                count[child] = count[u] + _U(1)
                who[child, count[u]] = split[s, 0]
                for q in range(points):
                    left = share[s] + knot[s, q] * excess[u]
                    part = 1.0 - left if side else left
                    without[child, count[u], q] = sign * above[u, q] * slope[s, q] * excess[u]
                    above[child, q] = above[u, q] * part
                    for a in range(count[u]):
                        without[child, a, q] = without[u, a, q] * part
                for a in range(count[u]):
                    who[child, a] = who[u, a]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def contributions_against(
    row: _F32,
    others: _F32,
    first: _U32,
    first_leaf: _U32,
    split: _U32,
    threshold: _F32,
    leaf: _F32,
    depth: int,
    chance: _F64,
    phi: _F64,
) -> None:
    """Add to `phi` (F,), over all `others` (N, F), the Shapley values of the row where what is unknown is the other's.

    A feature whose value is needed where row and other go different ways is the row's on one side and the other's on
    the other; further down its splits go the same way. A leaf reached with a features of the row and b of the other
    gives each of the former v (a-1)! b! / (a+b)!, and takes v a! (b-1)! / (a+b)! from each of the latter.
    `chance[a, b]` is (a-1)! b! / (a+b)!.
    """
    at = np.empty(2 * depth + 2, dtype=np.uint64)
    level = np.empty(2 * depth + 2, dtype=np.int64)
    owner = np.empty(2 * depth + 2, dtype=np.int64)
    taken = np.empty(depth + 1, dtype=np.uint32)
    mine = np.empty(depth + 1, dtype=np.bool_)
    for n in range(_U(others.shape[0])):
        for tree in range(_U(len(first) - 1)):
            begin = _U(first[tree])
            splits = _U(first[tree + _U(1)]) - begin
            size = 1
            at[0], level[0], owner[0] = _U(0), 0, -1
            ours = 0
            known = 0
            while size > 0:
                size -= 1
                slot = at[size]
                while known > level[size] - (1 if owner[size] >= 0 else 0):
                    known -= 1
                    ours -= 1 if mine[known] else 0
                if owner[size] >= 0:
                    taken[known] = np.uint32(owner[size] >> 1)
                    mine[known] = (owner[size] & 1) == 1
                    ours += owner[size] & 1
                    known += 1
                if slot >= splits:
                    v = np.float64(leaf[_U(first_leaf[tree]) + slot - splits])
                    theirs = known - ours
                    for k in range(known):
                        if mine[k]:
                            phi[taken[k]] += v * chance[ours, theirs]
                        else:
                            phi[taken[k]] -= v * chance[theirs, ours]
                    continue
                s = begin + slot
                feature = split[s, 0]
                x, y = row[feature], others[n, feature]
                left = x < threshold[s] or (x != x and split[s, 4] == 1)
                other_left = y < threshold[s] or (y != y and split[s, 4] == 1)
                way = _U(split[s, 1]) if left else _U(split[s, 2])
                other_way = _U(split[s, 1]) if other_left else _U(split[s, 2])
                if left != other_left:
                    decided = -1
                    for k in range(known):
                        if taken[k] == feature:
                            decided = 1 if mine[k] else 0
                    if decided < 0:
                        at[size], level[size], owner[size] = other_way, known + 1, 2 * np.int64(feature)
                        size += 1
                        at[size], level[size], owner[size] = way, known + 1, 2 * np.int64(feature) + 1
                        size += 1
                        continue
                    if decided == 0:
                        way = other_way
                at[size], level[size], owner[size] = way, known, -1
                size += 1
