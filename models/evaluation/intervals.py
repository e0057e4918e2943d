"""Bootstrap intervals of a metric, resampling whole groups such as providers, whose claims are correlated."""

from collections.abc import Callable, Iterator
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
    own = np.ones(len(groups)) if weights is None else np.asarray(weights, dtype=np.float64)
    draws = draws_of(groups, replicates=replicates, seed=seed, weights=own)
    return percentile_interval(metric(own), np.array([metric(drawn) for drawn in draws]), level=level)


def draws_of(
    groups: NDArray[np.generic], *, replicates: int, seed: int = 0, weights: NDArray[np.floating] | None = None
) -> Iterator[NDArray[np.float64]]:
    """The weights of each claim in every replicate of a cluster bootstrap, for several metrics on the same draws."""
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1 if len(group) else 0
    if count == 0:
        raise ValueError("groups must not be empty: there is nothing to resample")
    own = np.ones(len(group)) if weights is None else np.asarray(weights, dtype=np.float64)
    rng = np.random.default_rng(seed)
    return (np.bincount(rng.integers(0, count, count), minlength=count)[group] * own for _ in range(replicates))


def percentile_interval(value: float, drawn: NDArray[np.float64], *, level: float = 0.95) -> Interval:
    """The percentile interval of a metric from its replicates; NaN if more than half of them are undefined."""
    defined = drawn[~np.isnan(drawn)]
    if len(defined) * 2 < len(drawn):
        return Interval(value, float("nan"), float("nan"), level)
    # A ratio may be infinite; between two infinite values there is nothing to interpolate.
    method: Literal["linear", "inverted_cdf"] = "linear" if np.isfinite(defined).all() else "inverted_cdf"
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2], method=method)
    return Interval(value, float(low), float(high), level)
