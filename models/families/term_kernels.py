"""Compiled loops over the terms of an additive model. Shapes and meanings are those of `models.families.terms`."""

import numba
import numpy as np
from numpy.typing import NDArray

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]
_I64 = NDArray[np.int64]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _cuts_at_most(value: float, cuts: _F64, start: int, stop: int) -> int:
    """How many of the sorted `cuts[start:stop]` are at or below a value."""
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if cuts[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low - start


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def add_curves(
    rows: _F32,
    feature: _I64,
    linear: _I64,
    cut_from: _I64,
    cuts: _F64,
    value_from: _I64,
    values: _F64,
    missing: _F64,
    phi: _F64,
) -> None:
    """Add every curve's value to its feature's contribution, `phi` (N, F)."""
    for i in range(rows.shape[0]):
        for t in range(feature.shape[0]):
            x = float(rows[i, feature[t]])
            if np.isnan(x):
                phi[i, feature[t]] += missing[t]
                continue
            start, stop = cut_from[t], cut_from[t + 1]
            below = _cuts_at_most(x, cuts, start, stop)
            at = value_from[t]
            if linear[t] == 0:
                phi[i, feature[t]] += values[at + below]
            elif below == 0:
                phi[i, feature[t]] += values[at]
            elif below == stop - start:
                phi[i, feature[t]] += values[at + below - 1]
            else:
                left, right = cuts[start + below - 1], cuts[start + below]
                share = (x - left) / (right - left)
                phi[i, feature[t]] += values[at + below - 1] * (1.0 - share) + values[at + below] * share


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def add_pairs(
    rows: _F32, features: _I64, cut_from: _I64, cuts: _F64, value_from: _I64, width: _I64, values: _F64, phi: _F64
) -> None:
    """Add half of every pair's value to the contribution of each of its features, `phi` (N, F)."""
    for i in range(rows.shape[0]):
        for t in range(features.shape[0]):
            place = np.zeros(2, dtype=np.int64)
            for side in range(2):
                x = float(rows[i, features[t, side]])
                if not np.isnan(x):
                    place[side] = 1 + _cuts_at_most(x, cuts, cut_from[2 * t + side], cut_from[2 * t + side + 1])
            half = 0.5 * values[value_from[t] + place[0] * width[t] + place[1]]
            phi[i, features[t, 0]] += half
            phi[i, features[t, 1]] += half
