"""Calibrate margins to probabilities: beta calibration (Kull, Silva Filho, Flach 2017), monotone and smooth.

The logit of the calibrated probability is `c - a * softplus(-margin) + b * softplus(margin)` with `a, b > 0`: strictly
increasing, so the order of claims is the booster's. `a = b = 1, c = 0` changes nothing, `a = b` is Platt's scaling; the
third parameter lets the two tails bend apart, which is what boosted trees on rare classes need.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.errors import CalibrationError

_LEAST_SLOPE = 1e-3
_FARTHEST_MARGIN = 60.0


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _softplus_many(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


@dataclass(frozen=True, slots=True)
class BetaCalibrator:
    """The three parameters; `a` bends the low tail, `b` the high one, `c` moves the whole curve."""

    a: float
    b: float
    c: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(x) for x in (self.a, self.b, self.c)) or self.a <= 0 or self.b <= 0:
            raise CalibrationError(
                f"calibrator parameters must be finite with a > 0 and b > 0; got {self.a}, {self.b}, {self.c}"
            )

    def probability(self, margin: float) -> float:
        """The probability at one margin (log-odds of the booster)."""
        m = min(max(margin, -_FARTHEST_MARGIN), _FARTHEST_MARGIN)
        logit = self.c - self.a * _softplus(-m) + self.b * _softplus(m)
        if logit >= 0:
            return 1.0 / (1.0 + math.exp(-logit))
        e = math.exp(max(logit, -700.0))
        return e / (1.0 + e)

    def probabilities(self, margins: NDArray[np.floating]) -> NDArray[np.float64]:
        """The probabilities at many margins."""
        m = np.clip(np.asarray(margins, dtype=np.float64), -_FARTHEST_MARGIN, _FARTHEST_MARGIN)
        logit = self.c - self.a * _softplus_many(-m) + self.b * _softplus_many(m)
        e = np.exp(-np.minimum(np.abs(logit), 700.0))
        return np.where(logit >= 0, 1.0 / (1.0 + e), e / (1.0 + e))


def fit_calibrator(
    margins: NDArray[np.floating], fraud: NDArray[np.bool_], *, weights: NDArray[np.floating] | None = None
) -> BetaCalibrator:
    """Fit the calibrator of least log loss on claims the booster was not trained on.

    `weights` are inverse sampling propensities. Targets are softened as in Platt scaling, by one claim of each class,
    so that a separable sample has a finite solution. Raises `CalibrationError` when a class is absent.
    """
    m = np.clip(np.asarray(margins, dtype=np.float64), -_FARTHEST_MARGIN, _FARTHEST_MARGIN)
    y = np.asarray(fraud, dtype=bool)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not (len(m) == len(y) == len(w)):
        raise CalibrationError(f"{len(m)} margins, {len(y)} labels and {len(w)} weights must have equal length")
    if not np.isfinite(m).all() or not np.isfinite(w).all() or (w < 0).any():
        raise CalibrationError("margins and weights must be finite, and no weight negative")
    positives, negatives = float(w[y].sum()), float(w[~y].sum())
    if positives <= 0 or negatives <= 0:
        raise CalibrationError("the calibration sample needs claims of both classes; use a longer window")
    target = np.where(y, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    low, high = -_softplus_many(-m), _softplus_many(m)
    total = float(w.sum())

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logit = parameters[2] + parameters[0] * low + parameters[1] * high
        e = np.exp(-np.abs(logit))
        p = np.where(logit >= 0, 1 / (1 + e), e / (1 + e))
        value = float(np.dot(w, _softplus_many(logit) - target * logit)) / total
        slope = w * (p - target) / total
        return value, np.array([np.dot(slope, low), np.dot(slope, high), slope.sum()])

    found = minimize(
        loss,
        np.array([1.0, 1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(_LEAST_SLOPE, None), (_LEAST_SLOPE, None), (None, None)],
        options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-10},
    )
    a, b, c = (float(x) for x in found.x)
    return BetaCalibrator(a, b, c)
