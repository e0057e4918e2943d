"""A logistic regression on normal scores: the simplest family, and its curves are its reasons.

Each number becomes its rank among the training claims, as a standard normal deviate, because amounts and counts are
skewed; a missing one has a weight of its own. Rounds are steps of a path of penalties, each half of the one before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, ndtri

from models.families.family import ConstrainedFeatures, Family, Fit, OnRound, SearchRange, TrainingSample
from models.families.terms import TERMS_FILE, AdditiveModel, CurveTerm, Terms, read_terms

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Logistic(Family):
    """Logistic regression with an L2 penalty, and signs of weights as the monotone constraints require."""

    name: ClassVar[str] = "logistic"
    file: ClassVar[str] = TERMS_FILE
    library: ClassVar[str] = "scipy"
    search: ClassVar[Mapping[str, SearchRange]] = {"knots": SearchRange(8, 128, log=True)}

    rounds: int = 14
    """Penalties to try, from the strongest on."""
    early_stopping: int = 3
    """Penalties without a better log loss on the evaluation claims before training stops."""
    penalty: float = 0.5
    """The first one, on the squared weights beside the mean log loss."""
    knots: int = 64
    """Most places at which a curve bends."""

    def _fit(
        self,
        train: TrainingSample,
        evaluation: TrainingSample,
        features: ConstrainedFeatures,
        on_round: OnRound | None,
    ) -> Fit:
        path = _Path(self, train, features)
        history: dict[str, list[float]] = {"train": [], "evaluation": []}
        best, kept = 0, path.model()
        for step in range(self.rounds):
            model = path.next()
            history["train"].append(_log_loss(model, train))
            history["evaluation"].append(_log_loss(model, evaluation))
            if history["evaluation"][step] <= min(history["evaluation"]):
                best, kept = step, model
            stopped = on_round is not None and on_round(step, history["evaluation"][step])
            if stopped or step - best >= self.early_stopping:
                break
        return Fit(kept, self, best + 1, history)

    def _fit_rounds(self, train: TrainingSample, rounds: int, features: ConstrainedFeatures) -> Fit:
        path = _Path(replace(self, penalty=self.penalty / 2 ** (rounds - 1)), train, features)
        return Fit(path.next(), self, rounds, {})

    def load(self, raw: bytes, features: tuple[str, ...]) -> AdditiveModel:
        return read_terms(raw, features)


class _Path:
    """The solutions for ever smaller penalties, each started from the one before."""

    def __init__(self, family: Logistic, train: TrainingSample, features: ConstrainedFeatures) -> None:
        self._features = features.names
        self._scales = [normal_scores(column, family.knots) for column in train.x.T]
        lacking = np.isnan(train.x)
        self._missing = np.flatnonzero(lacking.any(axis=0) & ~lacking.all(axis=0))
        scores = [
            np.where(np.isnan(x), 0.0, np.interp(x, *scale)) for x, scale in zip(train.x.T, self._scales, strict=True)
        ]
        self._x = np.column_stack([*scores, lacking[:, self._missing].astype(np.float64), np.ones(len(train.x))])
        self._sign = np.where(train.fraud, 1.0, -1.0)
        weights = np.ones(len(train.x)) if train.weights is None else train.weights
        self._weights = weights / weights.sum()
        self._bounds = [_BOUNDS[direction] for direction in features.directions]
        self._bounds += [(None, None)] * (len(self._missing) + 1)
        self._penalty = 2 * family.penalty
        self._w = np.zeros(self._x.shape[1])
        rate = float(np.clip(train.base_rate, 1e-6, 1 - 1e-6))
        self._w[-1] = np.log(rate / (1 - rate))

    def next(self) -> AdditiveModel:
        """The model of the next penalty."""
        self._penalty /= 2
        found = minimize(
            self._loss, self._w, jac=True, method="L-BFGS-B", bounds=self._bounds,
            options={"maxiter": 200, "ftol": 1e-9, "gtol": 1e-6},
        )  # fmt: skip
        self._w = found.x
        return self.model()

    def model(self) -> AdditiveModel:
        """The model of the present weights, each curve centred on its mean over the training claims."""
        count = len(self._features)
        absent = dict(zip(self._missing.tolist(), self._w[count:-1].tolist(), strict=True))
        curves, intercept = [], float(self._w[-1])
        of_missing = {place: self._x[:, count + n] for n, place in enumerate(self._missing.tolist())}
        for place, (cuts, scores) in enumerate(self._scales):
            contribution = self._w[place] * self._x[:, place] + absent.get(place, 0.0) * of_missing.get(place, 0.0)
            mean = float(np.dot(self._weights, contribution))
            intercept += mean
            curves.append(
                CurveTerm(
                    feature=place,
                    shape="lines",
                    cuts=tuple(cuts.tolist()),
                    values=tuple((self._w[place] * scores - mean).tolist()),
                    missing=absent.get(place, 0.0) - mean,
                    gain=float(np.dot(self._weights, np.abs(contribution - mean))),
                )
            )
        return AdditiveModel(Terms(features=self._features, intercept=intercept, curves=tuple(curves)))

    def _loss(self, w: Floats) -> tuple[float, Floats]:
        margin = self._sign * (self._x @ w)
        slope = -self._weights * self._sign * expit(-margin)
        penalised = self._penalty * w
        penalised[-1] = 0.0
        loss = float(np.dot(self._weights, np.logaddexp(0.0, -margin)) + 0.5 * np.dot(penalised, w))
        return loss, self._x.T @ slope + penalised


_BOUNDS: dict[int, tuple[float | None, float | None]] = {0: (None, None), 1: (0.0, None), -1: (None, 0.0)}


def normal_scores(column: NDArray[np.float32], knots: int) -> tuple[Floats, Floats]:
    """Up to `knots` values of a column, rising, and the normal score of each: that of the middle of its ranks.

    Standardised over the column's claims. A column without a value is flat.
    """
    known = np.sort(column[~np.isnan(column)].astype(np.float64))
    if not len(known):
        return np.zeros(1), np.zeros(1)
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, knots), method="closest_observation"))
    first, last = (np.searchsorted(known, cuts, side=side) for side in ("left", "right"))
    scores: Floats = ndtri((first + last) / (2 * len(known)))
    spread = np.interp(known, cuts, scores)
    deviation = float(spread.std())
    return cuts, (scores - spread.mean()) / deviation if deviation > 0 else np.zeros(len(cuts))


def _log_loss(model: AdditiveModel, sample: TrainingSample) -> float:
    margin = np.where(sample.fraud, 1.0, -1.0) * model.margins(sample.x)
    return float(np.average(np.logaddexp(0.0, -margin), weights=sample.weights))
