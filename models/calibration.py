"""Calibrate margins to probabilities: beta calibration (Kull, Silva Filho, Flach 2017), monotone and smooth.

The logit of the calibrated probability is `c - a * softplus(-margin) + b * softplus(margin)` with `a, b > 0`: strictly
increasing, so the order of claims is the booster's. `a = b = 1, c = 0` changes nothing, `a = b` is Platt's scaling; the
third parameter lets the two tails bend apart, which is what boosted trees on rare classes need.

The slopes have a prior, because few frauds do not determine them: a ~ Normal(1, `SLOPE_DEVIATION`²) and
b ~ Normal(a, `BEND_DEVIATION`²), so that without evidence the margin is its own log-odds. `c` has none: the mean
probability remains the share of fraud. The prior is worth a few frauds; with hundreds it changes nothing that counts.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.errors import CalibrationError

SLOPE_DEVIATION = 1.0
BEND_DEVIATION = 1.0
LEAST_FRAUDS = 5
"""Frauds below which no calibrator is fitted."""
LEVEL = 0.9
"""Level of an interval where none is given."""
_LEAST_SLOPE = 1e-3
_FARTHEST_MARGIN = 60.0
_SLOPE, _BEND = SLOPE_DEVIATION**-2, BEND_DEVIATION**-2
_PRECISION = np.array([[_SLOPE + _BEND, -_BEND, 0.0], [-_BEND, _BEND, 0.0], [0.0, 0.0, 0.0]])
"""Of the prior of (a, b, c)."""
_UPPER = np.triu_indices(3)


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
    covariance: tuple[float, ...] | None = None
    """Of the estimates of the parameters: aa, ab, ac, bb, bc, cc; None: not known, so there is no interval."""
    frauds: int | None = None
    """Frauds that it was fitted on; None: not known."""

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
        """The probabilities at many margins (N,), each as `probability` gives it.

        NumPy's exponentials and logarithms differ from Python's in the last bit on some processors.
        """
        found = [self.probability(margin) for margin in np.asarray(margins, dtype=np.float64).tolist()]
        return np.array(found, dtype=np.float64)

    def interval(self, margin: float, *, level: float = LEVEL) -> tuple[float, float] | None:
        """The interval of the share of fraud among claims at a margin; None where the covariance is not known.

        It covers the uncertainty of the parameters: their Laplace approximation, and the delta method on the logit.
        Frauds that come in bursts carry less information than their number, so that it is too narrow for them.
        """
        if self.covariance is None:
            return None
        m = min(max(margin, -_FARTHEST_MARGIN), _FARTHEST_MARGIN)
        gradient = np.array([-_softplus(-m), _softplus(m), 1.0])
        matrix = np.empty((3, 3))
        matrix[_UPPER] = matrix.T[_UPPER] = self.covariance
        reach = NormalDist().inv_cdf((1 + level) / 2) * float(np.sqrt(gradient @ matrix @ gradient))
        logit = float(gradient @ np.array([self.a, self.b, self.c]))
        low, high = (float(_logistic(np.array(logit + way * reach))) for way in (-1, 1))
        return low, high

    def margin_of(self, probability: float) -> float:
        """The margin with a calibrated probability: the inverse of `probability`, by bisection."""
        low, high = -_FARTHEST_MARGIN, _FARTHEST_MARGIN
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self.probability(middle) < probability else (low, middle)
        return (low + high) / 2


def fit_calibrator(
    margins: NDArray[np.floating], fraud: NDArray[np.bool_], *, weights: NDArray[np.floating] | None = None
) -> BetaCalibrator:
    """Fit the most probable calibrator, given the prior, on claims the booster was not trained on.

    `weights` are inverse sampling propensities; together they count as their effective number of claims, (Σw)² / Σw²
    (Kish 1965). Raises `CalibrationError` for fewer than `LEAST_FRAUDS` frauds and without an honest claim.
    """
    m = np.clip(np.asarray(margins, dtype=np.float64), -_FARTHEST_MARGIN, _FARTHEST_MARGIN)
    y = np.asarray(fraud, dtype=bool)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not (len(m) == len(y) == len(w)):
        raise CalibrationError(f"{len(m)} margins, {len(y)} labels and {len(w)} weights must have equal length")
    if not np.isfinite(m).all() or not np.isfinite(w).all() or (w < 0).any():
        raise CalibrationError("margins and weights must be finite, and no weight negative")
    frauds = int((w[y] > 0).sum())
    if frauds < LEAST_FRAUDS or not (w[~y] > 0).any():
        raise CalibrationError(
            f"the calibration sample needs at least {LEAST_FRAUDS} frauds and an honest claim, and has {frauds} frauds "
            f"among {len(y)} claims; use a longer window (--calibrate-share), or --refit always"
        )
    evidence = w * w.sum() / np.dot(w, w)
    basis = np.stack([-_softplus_many(-m), _softplus_many(m), np.ones(len(m))])
    total = float(evidence.sum())

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logit = parameters @ basis
        value = float(np.dot(evidence, _softplus_many(logit) - y * logit))
        slope = basis @ (evidence * (_logistic(logit) - y))
        away = parameters - np.array([1.0, 1.0, 0.0])
        pull = _PRECISION @ away
        return (value + float(away @ pull) / 2) / total, (slope + pull) / total

    found = minimize(
        loss,
        np.array([1.0, 1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(_LEAST_SLOPE, None), (_LEAST_SLOPE, None), (None, None)],
        options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-10},
    )
    a, b, c = (float(x) for x in found.x)
    p = _logistic(found.x @ basis)
    covariance = np.linalg.inv((basis * (evidence * p * (1 - p))) @ basis.T + _PRECISION)
    return BetaCalibrator(a, b, c, tuple(float(f"{value:.6g}") for value in covariance[_UPPER]), frauds)


def _logistic(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(-np.abs(logit))
    return np.where(logit >= 0, 1 / (1 + e), e / (1 + e))
