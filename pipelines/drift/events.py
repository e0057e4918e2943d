"""Numbers of events by day against those expected: what chance allows, in both directions.

Events come in bursts: the frauds of a provider, the labels of a week. How much more than independent events they vary
is measured in the reference period (`dispersion`), and the usual range is that of a negative binomial distribution with
that variance. None at all is a number like any other: over enough days, silence is out of the usual range.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import nbinom, poisson

from pipelines.drift.limits import FALSE_EVENT_ALARMS

_BURST_DAYS = (1, 7)


def dispersion(counts: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Variance over mean of the events of each day (D,), or of a week where that is larger; at least 1."""
    found = [1.0]
    for window in _BURST_DAYS:
        ones = np.ones(window)
        seen, usual = np.convolve(counts, ones, "valid"), np.convolve(expected, ones, "valid")
        if usual.sum() > 0:
            found.append(float(((seen - usual) ** 2).sum() / usual.sum()))
    return max(found)


def usual_ratios(expected: float, spread: float, window: int, *, ratio: float) -> tuple[float, float]:
    """The usual range of (events + 1) / (expected + 1), given the expected events and their dispersion.

    `ratio` is the least number of times more or fewer than expected that is unusual. NaN where `expected` is.
    """
    if not math.isfinite(expected) or not math.isfinite(spread):
        return math.nan, math.nan
    chance = FALSE_EVENT_ALARMS[window]
    mean = max(expected, 1e-9)
    events = nbinom(mean / (spread - 1), 1 / spread) if spread > 1.001 else poisson(mean)
    fewest, most = float(events.ppf(chance)), float(events.isf(chance))
    return min(1 / ratio, (fewest + 1) / (expected + 1)), max(ratio, (most + 1) / (expected + 1))
