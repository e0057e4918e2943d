"""Bootstrap intervals of a metric, resampling whole groups such as providers, whose claims are correlated."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Metric = Callable[[NDArray[np.float64]], float]
"""Maps the weight of each claim to the metric; NaN where it is undefined."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its percentile interval."""

    value: float
    low: float
    high: float
    level: float


def bootstrap(
    metric: Metric,
    groups: NDArray[np.generic],
    *,
    replicates: int = 500,
    level: float = 0.95,
    seed: int = 0,
    weights: NDArray[np.floating] | None = None,
) -> Interval:
    """The metric of the sample with its percentile interval from a cluster bootstrap.

    A replicate draws groups with replacement and weights each claim by how often its group was drawn, times its own
    weight. For a paired comparison let `metric` return a difference. Replicates where the metric is undefined are
    excluded; the interval is NaN if more than half are.
    """
    if not 0 < level < 1 or replicates < 2:
        raise ValueError("level must be between 0 and 1, and replicates at least 2")
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1 if len(group) else 0
    if count == 0:
        raise ValueError("groups must not be empty: there is nothing to resample")
    own = np.ones(len(group)) if weights is None else np.asarray(weights, dtype=np.float64)
    value = metric(own)
    rng = np.random.default_rng(seed)
    drawn = np.empty(replicates)
    for i in range(replicates):
        times = np.bincount(rng.integers(0, count, count), minlength=count)
        drawn[i] = metric(times[group] * own)
    defined = drawn[~np.isnan(drawn)]
    if len(defined) * 2 < replicates:
        return Interval(value, float("nan"), float("nan"), level)
    # A ratio may be infinite; between two infinite values there is nothing to interpolate.
    method: Literal["linear", "inverted_cdf"] = "linear" if np.isfinite(defined).all() else "inverted_cdf"
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2], method=method)
    return Interval(value, float(low), float(high), level)
