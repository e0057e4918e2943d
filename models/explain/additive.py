"""What an exact explanation is: a model's margins as a sum over its features."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Additive(Protocol):
    """The margins of a model of F features, each split exactly into a base and one contribution per feature."""

    @property
    def base_margin(self) -> float:
        """With the contributions of a row it sums to the row's margin."""

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Margins (N,) of vectors (N, F), NaN where missing; the same bits as `explain_many` gives."""

    def explain_many(
        self, rows: NDArray[np.float32], *, threads: int = 1
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Margins (N,) and contributions (N, F) of vectors (N, F)."""
