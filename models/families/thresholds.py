"""Splits of other libraries as splits of the contribution tables."""

import numpy as np


def below_after(threshold: float) -> float:
    """The 32-bit float such that a 32-bit `x <= threshold` is `x < below_after(threshold)`.

    It is the one after the largest 32-bit float that is at most the threshold. Raises `ValueError` for NaN.
    """
    if threshold != threshold:
        raise ValueError("a split has no threshold")
    with np.errstate(over="ignore"):
        rounded = np.float32(threshold)
    if float(rounded) > threshold:
        rounded = np.nextafter(rounded, np.float32(-np.inf))
    return float(np.nextafter(rounded, np.float32(np.inf)))
