"""Inverse-propensity weights as training uses them."""

import numpy as np
from numpy.typing import NDArray

MAX_TRAINING_WEIGHT = 20.0
"""The largest weight of one label in training and calibration."""


def training_weights(weights: NDArray[np.float64], *, maximum: float) -> NDArray[np.float64]:
    """Truncate inverse propensities (N,) at `maximum`. Raises `ValueError` for a maximum below 1.

    A few very large weights fit the model to those few claims: one randomly selected fraud that stands for 400 claims
    distorts both trees and calibration. Truncating trades bias (unflagged claims count for too little) for a much lower
    variance; `docs/concepts/learning-loop.md` has the measurements. Estimates never truncate.
    """
    if not maximum >= 1:
        raise ValueError("the maximum training weight must be at least 1")
    return np.minimum(weights, maximum)
