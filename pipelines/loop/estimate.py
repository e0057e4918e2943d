"""Estimate the quality of the model from reviewed claims, corrected for how they were selected.

Each reviewed claim counts for as many claims as it represents: the inverse of its logged propensity, adjusted for the
claims of its list without a label. Totals (frauds, amounts) are then unbiased (Horvitz and Thompson), ratios
(precision, average precision, calibration) approximately so.

Intervals are those of the rescaled bootstrap within strata (Rao and Wu 1988): of a stratum of n claims n - 1 are drawn
with replacement, so that small strata are not taken for certain. A stratum of one claim adds nothing.
"""

from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from models.evaluation import Interval, Ranking, at_k, average_precision, brier, calibration_error
from pipelines.loop.comparable import comparable_scores
from pipelines.loop.errors import LoopError


@dataclass(frozen=True, slots=True)
class ReviewedClaims:
    """Claims that were reviewed; every array has one row per claim (N,)."""

    fraud: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    """The model's probabilities when they were selected."""
    amounts_cents: NDArray[np.int64]
    weights: NDArray[np.float64]
    """How many claims each represents, at least 1."""
    models: NDArray[np.object_] | None = None
    """The model that each was scored with; None: the same. Two models' probabilities are not ranked together."""

    def __post_init__(self) -> None:
        rows = {len(self.fraud), len(self.probabilities), len(self.amounts_cents), len(self.weights)}
        if len(rows) != 1 or not len(self.fraud):
            raise LoopError("an estimate requires reviewed claims, with a probability, an amount and a weight for each")
        if not (self.weights >= 1 - 1e-9).all():
            raise LoopError("a weight is an inverse propensity, so it must be at least 1")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated metrics over all scored claims of the period: a claim without a score could not be selected."""

    claims: float
    frauds: float
    fraud_cents: float
    base_rate: float
    average_precision: float
    precision_at_k: float
    recall_at_k: float
    dollars_at_k: float
    brier: float
    calibration_error: float
    """With five bins: with few reviewed claims, more bins would measure noise."""

    def as_dict(self) -> dict[str, float]:
        """Metric → value."""
        return asdict(self)


def estimate(found: ReviewedClaims, *, k: float) -> Estimate:
    """Estimate the metrics as if every claim were reviewed; `k` is the number of reviews of the metrics at K."""
    return _estimate(found, found.weights, _ranking(found), k)


def estimate_intervals(
    found: ReviewedClaims,
    strata: NDArray[np.object_],
    *,
    k: float,
    replicates: int = 300,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Metric of `Estimate` → its interval; `strata` (N,) are the week and reason for which each claim was selected."""
    ranking, value = _ranking(found), estimate(found, k=k).as_dict()
    _, of = np.unique(strata.astype(str), return_inverse=True)
    members = [np.flatnonzero(of == stratum) for stratum in range(int(of.max()) + 1)]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(replicates):
        times = np.ones(len(of))
        for rows in members:
            if len(rows) > 1:
                counts = np.bincount(rng.integers(0, len(rows), len(rows) - 1), minlength=len(rows))
                times[rows] = counts * len(rows) / (len(rows) - 1)
        drawn.append(_estimate(found, found.weights * times, ranking, k).as_dict())
    found_intervals = {}
    for field in fields(Estimate):
        values = np.array([one[field.name] for one in drawn])
        defined = values[np.isfinite(values)]
        low, high = (
            (float("nan"), float("nan"))
            if len(defined) * 2 < replicates
            else np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]).tolist()
        )
        found_intervals[field.name] = Interval(value[field.name], low, high, level)
    return found_intervals


def _ranking(found: ReviewedClaims) -> Ranking:
    if found.models is None:
        return Ranking.of(found.probabilities)
    return Ranking.of(comparable_scores(found.probabilities, [str(one) for one in found.models], found.weights))


def _estimate(found: ReviewedClaims, w: NDArray[np.float64], ranking: Ranking, k: float) -> Estimate:
    fraud = found.fraud
    top = at_k(fraud, ranking, k, found.amounts_cents, w)
    return Estimate(
        claims=float(w.sum()),
        frauds=float(w[fraud].sum()),
        fraud_cents=float((w * fraud * found.amounts_cents).sum()),
        base_rate=float(np.average(fraud, weights=w)),
        average_precision=average_precision(fraud, ranking, w),
        precision_at_k=top.precision,
        recall_at_k=top.recall,
        dollars_at_k=top.dollars,
        brier=brier(fraud, found.probabilities, w),
        calibration_error=calibration_error(fraud, found.probabilities, w, bins=5),
    )
