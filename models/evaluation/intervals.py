"""How sure a metric is: intervals from resampling whole groups (providers), whose claims resemble each other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Metric = Callable[[NDArray[np.float64]], float]
"""From the weight of each claim to the metric; NaN where it is not defined."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its percentile interval."""

    value: float
    low: float
    high: float
    level: float


def bootstrap(
    metric: Metric,
    groups: NDArray[Any],
    *,
    replicates: int = 500,
    level: float = 0.95,
    seed: int = 0,
    weights: NDArray[np.floating] | None = None,
) -> Interval:
    """The metric of the sample, with the interval it would have had in other samples of as many groups.

    A replicate draws groups with replacement and hands each claim how often its group was drawn, times its own weight.
    For a paired comparison let `metric` return the difference of two. Replicates where the metric is not
    defined are left out; the interval is NaN when more than half are.
    """
    if not 0 < level < 1 or replicates < 2:
        raise ValueError("a bootstrap wants a level between 0 and 1 and at least 2 replicates")
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1 if len(group) else 0
    if count == 0:
        raise ValueError("there is nothing to resample")
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
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), level)
