"""Metrics of a ranking and its probabilities, suited to rare fraud.

Every metric takes `fraud` (N bool), `scores` or `probabilities` (N) and `weights` (N, or None for ones). Weights are
inverse propensities of an audit, or how often a bootstrap drew the claim. Tied claims are taken together, as one step
or in equal parts, so no metric depends on the order of the rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Fraud = NDArray[np.bool_]
Numbers = NDArray[np.floating] | NDArray[np.integer]
Weights = NDArray[np.floating] | NDArray[np.integer] | None


@dataclass(frozen=True, slots=True)
class AtK:
    """Result of reviewing the K claims of highest score."""

    k: float
    precision: float
    recall: float
    dollars: float
    """Share of the fraudulent dollars in the K claims."""
    cents: float
    """Fraudulent cents in the K claims."""


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Claims of similar probability: number, expected and observed share of fraud."""

    claims: float
    expected: float
    observed: float
    low: float
    """Lower end of the exact binomial 95 % interval of `observed`, as if the claims were independent."""
    high: float


def _ones(fraud: Fraud, weights: Weights) -> NDArray[np.float64]:
    return np.ones(len(fraud)) if weights is None else np.asarray(weights, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Claims sorted once by score, so that a bootstrap can reweight without sorting again."""

    order: NDArray[np.intp]
    """Row numbers, highest score first."""
    ends: NDArray[np.intp]
    """Last place of each run of equal scores."""

    @classmethod
    def of(cls, scores: Numbers) -> "Ranking":
        """Sort; scores must be finite."""
        values = np.asarray(scores, dtype=np.float64)
        if not np.isfinite(values).all():
            raise ValueError("scores must be finite numbers")
        order = np.argsort(-values, kind="stable")
        ranked = values[order]
        ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
        return cls(order, ends)

    def steps(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Running sums of `values` down the ranking, at the end of each run of equal scores."""
        sums: NDArray[np.float64] = np.cumsum(values[self.order])[self.ends]
        return sums


def average_precision(fraud: Fraud, scores: Numbers | Ranking, weights: Weights = None) -> float:
    """Area under the precision-recall curve, by steps; NaN without fraud."""
    ranking = scores if isinstance(scores, Ranking) else Ranking.of(scores)
    w = _ones(fraud, weights)
    reviewed, found = ranking.steps(w), ranking.steps(w * fraud)
    if not len(found) or found[-1] <= 0:
        return float("nan")
    precision = np.divide(found, reviewed, out=np.zeros_like(found), where=reviewed > 0)
    return float(np.sum(np.diff(found, prepend=0.0) * precision) / found[-1])


def roc_auc(fraud: Fraud, scores: Numbers | Ranking, weights: Weights = None) -> float:
    """Chance that a fraud outranks a clean claim, ties counting a half; NaN when either is absent."""
    ranking = scores if isinstance(scores, Ranking) else Ranking.of(scores)
    w = _ones(fraud, weights)
    found, wrong = ranking.steps(w * fraud), ranking.steps(w * ~fraud)
    if not len(found) or found[-1] <= 0 or wrong[-1] <= 0:
        return float("nan")
    before = np.concatenate(([0.0], found[:-1]))
    return float(np.sum(np.diff(wrong, prepend=0.0) * (before + found) / 2) / (found[-1] * wrong[-1]))


def at_k(fraud: Fraud, scores: Numbers | Ranking, k: float, amounts_cents: Numbers, weights: Weights = None) -> AtK:
    """Precision, recall and dollars of the K claims of highest score; K may be any number above 0, up to N."""
    if k <= 0:
        raise ValueError("K must be above 0")
    ranking = scores if isinstance(scores, Ranking) else Ranking.of(scores)
    w = _ones(fraud, weights)
    cents = w * fraud * np.asarray(amounts_cents, dtype=np.float64)
    reviewed = np.concatenate(([0.0], ranking.steps(w)))
    k = min(k, float(reviewed[-1]))

    def upto(values: NDArray[np.float64]) -> tuple[float, float]:
        steps = np.concatenate(([0.0], ranking.steps(values)))
        return float(np.interp(k, reviewed, steps)), float(steps[-1])

    found, all_found = upto(w * fraud)
    saved, all_saved = upto(cents)
    return AtK(
        k=k,
        precision=found / k if k > 0 else float("nan"),
        recall=found / all_found if all_found > 0 else float("nan"),
        dollars=saved / all_saved if all_saved > 0 else float("nan"),
        cents=saved,
    )


def brier(fraud: Fraud, probabilities: Numbers, weights: Weights = None) -> float:
    """Mean squared error of the probabilities."""
    return float(np.average((np.asarray(probabilities, dtype=np.float64) - fraud) ** 2, weights=weights))


def log_loss(fraud: Fraud, probabilities: Numbers, weights: Weights = None) -> float:
    """Mean negative log likelihood, probabilities kept off 0 and 1 by 1e-15."""
    p = np.clip(np.asarray(probabilities, dtype=np.float64), 1e-15, 1 - 1e-15)
    return float(-np.average(np.where(fraud, np.log(p), np.log1p(-p)), weights=weights))


def calibration_bins(
    fraud: Fraud, probabilities: Numbers, weights: Weights = None, *, bins: int = 15
) -> tuple[CalibrationBin, ...]:
    """Bins of about equal weight, by probability; equal probabilities stay together.

    Intervals are those of Clopper and Pearson (Biometrika 26, 1934) on Kish's effective number of claims.
    """
    mass, expected, observed, effective = _binned(fraud, probabilities, weights, bins)
    low, high = _exact_interval(observed / mass * effective, effective)
    columns = (mass, expected / mass, observed / mass, low, high)
    return tuple(CalibrationBin(*row) for row in zip(*(column.tolist() for column in columns), strict=True))


def calibration_error(fraud: Fraud, probabilities: Numbers, weights: Weights = None, *, bins: int = 15) -> float:
    """Expected calibration error: mean distance of expected from observed over bins of equal weight."""
    mass, expected, observed, _ = _binned(fraud, probabilities, weights, bins)
    return float(np.abs(expected - observed).sum() / mass.sum()) if len(mass) else float("nan")


def _binned(
    fraud: Fraud, probabilities: Numbers, weights: Weights, bins: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each bin: weight, expected and observed frauds by weight, effective number of claims (Kish, 1965)."""
    p = np.asarray(probabilities, dtype=np.float64)
    w = _ones(fraud, weights)
    ranking = Ranking.of(-p)
    steps = [ranking.steps(values) for values in (w, w * p, w * fraud, w * w)]
    mass = steps[0]
    if not len(mass) or mass[-1] <= 0:
        nothing = np.zeros(0)
        return nothing, nothing, nothing, nothing
    cuts = np.unique(np.searchsorted(mass, np.linspace(0, mass[-1], bins + 1)[1:] * (1 - 1e-12)))
    cuts = np.minimum(cuts, len(mass) - 1)
    total, expected, observed, squares = (np.diff(values[cuts], prepend=0.0) for values in steps)
    held = total > 0
    return total[held], expected[held], observed[held], total[held] ** 2 / squares[held]


def _exact_interval(
    successes: NDArray[np.float64], trials: NDArray[np.float64], level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    failures = np.maximum(trials - successes, 0.0)
    none, all_of_them = successes <= 0, failures <= 0
    low = np.where(none, 0.0, betaincinv(np.maximum(successes, 1e-300), failures + 1, tail))
    high = np.where(all_of_them, 1.0, betaincinv(successes + 1, np.maximum(failures, 1e-300), 1 - tail))
    return low, high
