"""Compiled loops over the contribution tables. Shapes and meanings are those of `models.tables.LeafTables`.

A split sends a value left if it is below the threshold, both as 32-bit floats, and a missing one (NaN) to the split's
default side, as XGBoost does. Bounds are checked by `read_tables`, not here.
"""

import numba
import numpy as np
from numpy.typing import NDArray

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]
_I32 = NDArray[np.int32]
_I64 = NDArray[np.int64]
_U32 = NDArray[np.uint32]
_U64 = NDArray[np.uint64]

# Every index is unsigned: a signed one makes numba look for negative indices at each access, which doubles the time.
_U = np.uint64
_ONE = np.uint32(1)
_ALL = np.uint32(0xFFFFFFFF)
_BLOCK = 128


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator,unused-ignore]
def _left(value: np.float32, threshold: np.float32, default: np.uint32) -> np.uint32:
    return np.uint32(value < threshold) | (np.uint32(value != value) & default)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def explain_rows(
    rows: _F32,
    base: np.float32,
    uppers: _U64,
    anchors: _U64,
    upper: _U32,
    upper_threshold: _F32,
    anchor: _U32,
    anchor_threshold: _F32,
    offset: _U64,
    leaf: _F32,
    member: _U32,
    table: _F32,
    slots: int,
    phi: _F64,
    margin: _F32,
) -> None:
    """Contributions into `phi` (N, F), margins into `margin` (N); tree by tree, so that a tree's tables stay near."""
    pattern = np.empty(slots, dtype=np.uint32)
    count = _U(rows.shape[0])
    for start in range(_U(0), count, _U(_BLOCK)):
        stop = min(start + _U(_BLOCK), count)
        for i in range(start, stop):
            margin[i] = base
            phi[i, :] = 0.0
        for tree in range(_U(uppers.shape[0] - 1)):
            for i in range(start, stop):
                pattern[_U(0)] = _ALL
                at = _U(0)
                for u in range(uppers[tree], uppers[tree + _U(1)]):
                    left = _left(rows[i, upper[u, 0]], upper_threshold[u], upper[u, 4])
                    bit = upper[u, 1]
                    path = pattern[at]
                    pattern[upper[u, 2]] = path & ~(bit * (_ONE - left))
                    pattern[upper[u, 3]] = path & ~(bit * left)
                    at += _U(1)
                for a in range(anchors[tree], anchors[tree + _U(1)]):
                    mask = anchor[a, 9]
                    path = pattern[at] & mask
                    at += _U(1)
                    b0 = _left(rows[i, anchor[a, 0]], anchor_threshold[a, 0], anchor[a, 3])
                    b1 = _left(rows[i, anchor[a, 1]], anchor_threshold[a, 1], anchor[a, 4])
                    b2 = _left(rows[i, anchor[a, 2]], anchor_threshold[a, 2], anchor[a, 5])
                    index = path | (b0 << anchor[a, 6]) | (b1 << anchor[a, 7]) | (b2 << anchor[a, 8])
                    width = _U(anchor[a, 10])
                    names = _U(anchor[a, 11])
                    begin = offset[a] + _U(index) * width
                    for j in range(width):
                        phi[i, member[names + j]] += table[begin + j]
                    if path == mask:
                        margin[i] += leaf[a, _U(_ONE - b1 if b0 else np.uint32(3) - b2)]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def fill_tables(
    offset: _U64,
    entries: _I64,
    width: _I32,
    leaves: _I64,
    parts: _I64,
    value: _F64,
    slot: _I32,
    care: _I32,
    want: _I32,
    share: _F64,
    knots: _F64,
    weights: _F64,
    table: _F32,
) -> None:
    """Every anchor's table: for each of its bit patterns, the Shapley values of its leaves, summed by feature.

    A leaf of value v whose path tests features 1..m, feature j with `share` z_j of its cover and satisfied (o_j = 1) or
    not (o_j = 0), gives feature i exactly `v (o_i - z_i) ∫₀¹ Π_{j≠i} (o_j t + z_j (1-t)) dt`: Shapley's weights are the
    integrals of t^k (1-t)^(m-1-k). The integrand is a polynomial, so Gauss and Legendre's knots give it exactly.
    """
    points = len(knots)
    before = np.empty((33, points), dtype=np.float64)
    after = np.empty(points, dtype=np.float64)
    term = np.empty((33, points), dtype=np.float64)
    given = np.empty(33, dtype=np.float64)
    for a in range(len(offset)):
        k = width[a]
        total = np.empty(k, dtype=np.float64)
        for index in range(entries[a]):
            total[:] = 0.0
            for leaf in range(leaves[a], leaves[a + 1]):
                start = parts[leaf]
                m = parts[leaf + 1] - start
                before[0, :] = 1.0
                for j in range(m):
                    s = start + j
                    o = 1.0 if ((index ^ want[s]) & care[s]) == 0 else 0.0
                    given[j] = o
                    for q in range(points):
                        term[j, q] = o * knots[q] + share[s] * (1.0 - knots[q])
                        before[j + 1, q] = before[j, q] * term[j, q]
                after[:] = 1.0
                for j in range(m - 1, -1, -1):
                    s = start + j
                    integral = 0.0
                    for q in range(points):
                        integral += weights[q] * before[j, q] * after[q]
                        after[q] *= term[j, q]
                    total[slot[s]] += value[leaf] * (given[j] - share[s]) * integral
            at = np.int64(offset[a]) + index * k
            for j in range(k):
                table[at + j] = total[j]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def margin_rows(
    rows: _F32,
    base: np.float32,
    uppers: _U64,
    anchors: _U64,
    upper: _U32,
    upper_threshold: _F32,
    anchor: _U32,
    anchor_threshold: _F32,
    leaf: _F32,
    margin: _F32,
) -> None:
    """Margins alone, by the one way down each tree; the same bits as `explain_rows` gives."""
    for i in range(_U(rows.shape[0])):
        total = base
        for tree in range(_U(uppers.shape[0] - 1)):
            first, slot = uppers[tree], _U(0)
            count = uppers[tree + _U(1)] - first
            while slot < count:
                u = first + slot
                left = _left(rows[i, upper[u, 0]], upper_threshold[u], upper[u, 4])
                slot = _U(upper[u, 2]) if left else _U(upper[u, 3])
            a = anchors[tree] + slot - count
            if _left(rows[i, anchor[a, 0]], anchor_threshold[a, 0], anchor[a, 3]):
                total += leaf[a, _U(_ONE - _left(rows[i, anchor[a, 1]], anchor_threshold[a, 1], anchor[a, 4]))]
            else:
                total += leaf[a, _U(np.uint32(3) - _left(rows[i, anchor[a, 2]], anchor_threshold[a, 2], anchor[a, 5]))]
        margin[i] = total
