"""Estimate the quality of the model from reviewed claims, corrected for how they were selected.

Each reviewed claim counts for as many claims as it represents: the inverse of its logged propensity. Totals (frauds,
amounts) are then unbiased (Horvitz and Thompson), ratios (precision, average precision, calibration) approximately so.
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation import Ranking, at_k, average_precision, brier, calibration_error
from pipelines.loop.errors import LoopError


@dataclass(frozen=True, slots=True)
class ReviewedClaims:
    """Claims that were reviewed; every array has one row per claim (N,)."""

    fraud: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    """The model's probabilities when they were selected."""
    amounts_cents: NDArray[np.int64]
    weights: NDArray[np.float64]
    """Inverse propensities, at least 1."""

    def __post_init__(self) -> None:
        rows = {len(self.fraud), len(self.probabilities), len(self.amounts_cents), len(self.weights)}
        if len(rows) != 1 or not len(self.fraud):
            raise LoopError("an estimate requires reviewed claims, with a probability, an amount and a weight for each")
        if not (self.weights >= 1 - 1e-9).all():
            raise LoopError("a weight is an inverse propensity, so it must be at least 1")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated metrics over all claims of the period."""

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
    w, fraud = found.weights, found.fraud
    ranking = Ranking.of(found.probabilities)
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
