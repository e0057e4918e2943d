"""How good the model is, as seen through the claims that were looked into, without the bias of having chosen them.

Each finding counts for as many claims as it stands for: the inverse of its logged chance. Totals (frauds, dollars) are
then right on average over the draws (Horvitz and Thompson), ratios (precision, average precision, calibration) nearly
so, the more the more findings.
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation import Ranking, at_k, average_precision, brier, calibration_error
from pipelines.loop.errors import LoopError

MOST_WEIGHT = 20.0
"""A finding counts for no more than this many claims in training and calibration."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Claims that were looked into, a row each."""

    fraud: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    """What the model said when they were selected."""
    amounts_cents: NDArray[np.int64]
    weights: NDArray[np.float64]
    """Inverse propensities, at least 1."""

    def __post_init__(self) -> None:
        rows = {len(self.fraud), len(self.probabilities), len(self.amounts_cents), len(self.weights)}
        if len(rows) != 1 or not len(self.fraud):
            raise LoopError("an estimate wants findings, with a probability, an amount and a weight for each")
        if not (self.weights >= 1 - 1e-9).all():
            raise LoopError("a weight is the inverse of a chance, so at least 1")


@dataclass(frozen=True, slots=True)
class Estimate:
    """All claims of the time, as the findings tell of them."""

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
    """Five bins: with few findings more would be noise, which this measure counts as error."""

    def as_dict(self) -> dict[str, float]:
        """Plain values."""
        return asdict(self)


def estimate(found: Findings, *, k: float) -> Estimate:
    """What would be seen if every claim were looked into; K is the number of reviews the model is judged by."""
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


def training_weights(weights: NDArray[np.float64], *, most: float) -> NDArray[np.float64]:
    """Inverse propensities as training uses them: cut at `most`.

    A few huge weights make a model of those few claims: one fraud found by lot that counts for 400 claims bends the
    trees and the calibration both. Cutting trades bias (unflagged claims count for too little) for much less variance;
    `docs/concepts/learning-loop.md` has what was measured. Estimates never cut.
    """
    if most < 1:
        raise LoopError("weights are cut at 1 or more")
    return np.minimum(weights, most)
