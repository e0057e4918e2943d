"""Compiled loops over the trees. Shapes and meanings are those of `models.explain.tables`; `table_builder.py` has the
formulas.

A split sends a value left if it is below the threshold, both as 32-bit floats, and a missing one (NaN) to the split's
default side, as XGBoost does. Bounds are checked by `read_tables`, not here.

Both ways to explain do the same operations on 32-bit floats for each split, so that one row alone and the same row
among many have the same bits. `points` is a tuple whose length, not its content, counts: with it the compiler unrolls
the loops over the quadrature.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from models.explain.simd import (
    LANES,
    ROUNDING,
    add_rounded,
    choose,
    fma,
    gather,
    goes_left,
    load,
    multiply,
    splat,
    store,
    subtract,
)

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]
_U32 = NDArray[np.uint32]

# Every index is unsigned: a signed one makes numba look for negative indices at each access, which doubles the time.
_U = np.uint64
_L = np.uint64(LANES)
_ZERO, _ONE = np.float32(0), np.float32(1)
_GROUPS = 4
BLOCK = _GROUPS * LANES
"""Rows that are explained together, tree by tree, so that a tree's splits are read once for all of them."""
_B = np.uint64(BLOCK)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def explain_rows(
    points: tuple[int, ...],
    rows: _F32,
    base: np.float32,
    first: _U32,
    inner: _U32,
    first_leaf: _U32,
    split: _U32,
    threshold: _F32,
    missing_left: _F32,
    share: _F32,
    reach: _F32,
    knot: _F32,
    weight: _F32,
    leaf: _F32,
    slots: int,
    phi: _F64,
    margin: _F32,
) -> None:
    """Contributions into `phi` (N, F), margins into `margin` (N); eight rows at once."""
    size = _U(len(points))
    features = _U(rows.shape[1])
    count = _U(rows.shape[0])
    x = np.zeros(features * _B, dtype=np.float32)
    sums = np.empty(features * _B, dtype=np.float64)
    total = np.empty(_B, dtype=np.float32)
    went = np.zeros(_U(slots) * _L, dtype=np.float32)
    live = np.ones(_U(slots) * _L, dtype=np.float32)
    excess = np.empty(_U(slots) * _L, dtype=np.float32)
    value = np.empty(_U(slots) * _L, dtype=np.float32)
    above = np.ones(_U(slots) * size * _L, dtype=np.float32)
    below = np.empty(_U(slots) * size * _L, dtype=np.float32)
    for start in range(_U(0), count, _B):
        stop = min(start + _B, count)
        for i in range(start, stop):
            for f in range(features):
                x[f * _B + (i - start)] = rows[i, f]
        total[:] = base
        sums[:] = 0.0
        for tree in range(_U(len(inner))):
            begin = _U(first[tree])
            splits = _U(first[tree + _U(1)]) - begin
            uppers = _U(inner[tree])
            leaves = _U(first_leaf[tree])
            for j in range(_U(first_leaf[tree + _U(1)]) - leaves):
                constant = splat(leaf[leaves + j])
                store(value, (splits + j) * _L, constant)
                for q in range(_U(len(points))):
                    store(below, ((splits + j) * size + q) * _L, constant)
            for group in range(_U(0), stop - start, _L):
                for down in range(splits):
                    s = begin + down
                    left = goes_left(load(x, _U(split[s, 0]) * _B + group), splat(threshold[s]), splat(missing_left[s]))
                    before = _U(split[s, 3]) * _L
                    alive = multiply(
                        load(live, before), fma(splat(reach[s, 1]), load(went, before), splat(reach[s, 0]))
                    )
                    store(went, down * _L, left)
                    store(live, down * _L, alive)
                    store(excess, down * _L, multiply(alive, subtract(left, splat(share[s]))))
                for down in range(uppers):
                    s = begin + down
                    e = load(excess, down * _L)
                    for q in range(_U(len(points))):
                        p = load(above, (down * size + q) * _L)
                        lower = multiply(p, fma(splat(knot[s, q]), e, splat(share[s])))
                        store(above, (_U(split[s, 1]) * size + q) * _L, lower)
                        store(above, (_U(split[s, 2]) * size + q) * _L, subtract(p, lower))
                for up in range(_U(1), splits + _U(1)):
                    u = splits - up
                    s = begin + u
                    one, two = _U(split[s, 1]), _U(split[s, 2])
                    e = load(excess, u * _L)
                    change = splat(_ZERO)
                    for q in range(_U(len(points))):
                        other = load(below, (two * size + q) * _L)
                        d = subtract(load(below, (one * size + q) * _L), other)
                        p = load(above, (u * size + q) * _L)
                        change = fma(multiply(p, splat(weight[s, q])), d, change)
                        store(below, (u * size + q) * _L, fma(fma(splat(knot[s, q]), e, splat(share[s])), d, other))
                    add_rounded(sums, _U(split[s, 0]) * _B + group, multiply(e, change))
                    store(value, u * _L, choose(load(went, u * _L), load(value, one * _L), load(value, two * _L)))
                for lane in range(_L):
                    total[group + lane] += value[lane]
        for i in range(start, stop):
            margin[i] = total[i - start]
            for f in range(features):
                phi[i, f] = sums[f * _B + (i - start)]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def explain_row(
    points: tuple[int, ...],
    row: _F32,
    base: np.float32,
    trees: int,
    first: _U32,
    inner: _U32,
    first_leaf: _U32,
    child: _U32,
    feature: _U32,
    threshold: _F32,
    missing_left: _F32,
    share: _F32,
    repeated: _U32,
    before: _U32,
    reach: _F32,
    knot: _F32,
    weight: _F32,
    default_knot: _F32,
    default_weight: _F32,
    leaf: _F32,
    first_real: _U32,
    real: _U32,
    slots: int,
    phi: _F64,
) -> np.float32:
    """Contributions of one row into `phi` (F,), and its margin; eight trees at once (`TreeBlocks`)."""
    size = _U(len(points))
    went = np.zeros(_U(slots) * _L, dtype=np.float32)
    live = np.ones(_U(slots) * _L, dtype=np.float32)
    excess = np.empty(_U(slots) * _L, dtype=np.float32)
    change = np.empty(_U(slots) * _L, dtype=np.float32)
    value = np.empty(_U(slots) * _L, dtype=np.float32)
    above = np.ones(_U(slots) * size * _L, dtype=np.float32)
    below = np.empty(_U(slots) * size * _L, dtype=np.float32)
    phi[:] = 0.0
    margin = base
    for block in range(_U(len(inner))):
        begin = _U(first[block])
        splits = _U(first[block + _U(1)]) - begin
        uppers = _U(inner[block])
        leaves = _U(first_leaf[block])
        for j in range(_U(first_leaf[block + _U(1)]) - leaves):
            constant = load(leaf, (leaves + j) * _L)
            store(value, (splits + j) * _L, constant)
            for q in range(_U(len(points))):
                store(below, ((splits + j) * size + q) * _L, constant)
        for down in range(splits):
            s = begin + down
            left = goes_left(gather(row, feature, s * _L), load(threshold, s * _L), load(missing_left, s * _L))
            store(went, down * _L, left)
            e = subtract(left, load(share, s * _L))
            if repeated[s] != 0:
                k = _U(repeated[s] - np.uint32(1))
                alive = multiply(
                    gather(live, before, k * _L),
                    fma(
                        load(reach, (_U(2) * k + _U(1)) * _L), gather(went, before, k * _L), load(reach, _U(2) * k * _L)
                    ),
                )
                store(live, down * _L, alive)
                e = multiply(alive, e)
            else:
                store(live, down * _L, splat(_ONE))
            store(excess, down * _L, e)
        for down in range(uppers):
            s = begin + down
            e = load(excess, down * _L)
            part = load(share, s * _L)
            one, two = _U(child[s, 0]), _U(child[s, 1])
            if repeated[s] != 0:
                k = _U(repeated[s] - np.uint32(1)) * size
                for q in range(_U(len(points))):
                    p = load(above, (down * size + q) * _L)
                    lower = multiply(p, fma(load(knot, (k + q) * _L), e, part))
                    store(above, (one * size + q) * _L, lower)
                    store(above, (two * size + q) * _L, subtract(p, lower))
            else:
                for q in range(_U(len(points))):
                    p = load(above, (down * size + q) * _L)
                    lower = multiply(p, fma(splat(default_knot[q]), e, part))
                    store(above, (one * size + q) * _L, lower)
                    store(above, (two * size + q) * _L, subtract(p, lower))
        for up in range(_U(1), splits + _U(1)):
            u = splits - up
            s = begin + u
            e = load(excess, u * _L)
            part = load(share, s * _L)
            one, two = _U(child[s, 0]), _U(child[s, 1])
            total = splat(_ZERO)
            if repeated[s] != 0:
                k = _U(repeated[s] - np.uint32(1)) * size
                for q in range(_U(len(points))):
                    other = load(below, (two * size + q) * _L)
                    d = subtract(load(below, (one * size + q) * _L), other)
                    p = load(above, (u * size + q) * _L)
                    total = fma(multiply(p, load(weight, (k + q) * _L)), d, total)
                    store(below, (u * size + q) * _L, fma(fma(load(knot, (k + q) * _L), e, part), d, other))
            else:
                for q in range(_U(len(points))):
                    other = load(below, (two * size + q) * _L)
                    d = subtract(load(below, (one * size + q) * _L), other)
                    p = load(above, (u * size + q) * _L)
                    total = fma(multiply(p, splat(default_weight[q])), d, total)
                    store(below, (u * size + q) * _L, fma(fma(splat(default_knot[q]), e, part), d, other))
            store(change, u * _L, multiply(e, total))
            store(value, u * _L, choose(load(went, u * _L), load(value, one * _L), load(value, two * _L)))
        for n in range(_U(first_real[block]), _U(first_real[block + _U(1)])):
            phi[real[n, 1]] += (np.float64(change[real[n, 0]]) + ROUNDING) - ROUNDING
        for lane in range(min(_L, _U(trees) - block * _L)):
            margin += value[lane]
    return margin


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def margin_rows(
    rows: _F32,
    base: np.float32,
    first: _U32,
    first_leaf: _U32,
    split: _U32,
    threshold: _F32,
    leaf: _F32,
    margin: _F32,
) -> None:
    """Margins alone, by the one way down each tree; the same bits as the loops above give."""
    for i in range(_U(rows.shape[0])):
        total = base
        for tree in range(_U(first.shape[0] - 1)):
            begin = _U(first[tree])
            splits = _U(first[tree + _U(1)]) - begin
            at = _U(0)
            while at < splits:
                s = begin + at
                x = rows[i, split[s, 0]]
                left = np.uint32(x < threshold[s]) | (np.uint32(x != x) & split[s, 4])
                at = _U(split[s, 2]) - _U(left) * (_U(split[s, 2]) - _U(split[s, 1]))
            total += leaf[_U(first_leaf[tree]) + at - splits]
        margin[i] = total
