"""The quadrature that contributions are integrated with: Gauss and Legendre's, on the interval from 0 to 1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_STEPS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Numbers of points that are used, so that the loops are compiled for few of them; then multiples of 16."""


@dataclass(frozen=True, slots=True)
class Quadrature:
    """Q points, as S splits see them."""

    knots: NDArray[np.float64]
    """(S, Q): a split on a feature that was split on before sees t as t / (t + z(1 - t)), see `table_builder.py`."""
    slopes: NDArray[np.float64]
    """(S, Q): the derivative of that by t."""
    weights: NDArray[np.float64]
    """(Q,)."""

    def for_kernels(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Points and weights of each split (S, Q), as `kernels.py` takes them."""
        return self.knots.astype(np.float32), (self.weights * self.slopes).astype(np.float32)


_STEPS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Numbers of points that are used, so that the loops are compiled for few of them; then multiples of 16."""


def points_for(features: int) -> int:
    """Points that integrate exactly what a path with so many different features needs: a polynomial of a degree less.

    Q points are exact up to degree 2Q - 1.
    """
    least = max(1, (features + 1) // 2)
    return next((step for step in _STEPS if step >= least), -(-least // 16) * 16)


def quadrature(points: int, earlier: NDArray[np.float32]) -> Quadrature:
    """For splits with these products z (S,) of cover shares at the splits on the same feature above; 1 without one."""
    roots, weights = np.polynomial.legendre.leggauss(points)
    t, z = (roots + 1) / 2, earlier.astype(np.float64)[:, None]
    scale = t + z * (1 - t)
    return Quadrature(t / scale, z / scale**2, weights / 2)
