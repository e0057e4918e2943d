"""Choose a threshold by review capacity or by cost, with what each choice finds and costs.

Alerts are counted among all claims of a period, labelled or not. What they find is estimated by the labelled claims,
each of which counts for as many as it represents: where labels are findings of investigators, a claim that was
reviewed for its score represents itself, and one that was audited at random represents hundreds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ThresholdError
from models.evaluation.metrics import Ranking


@dataclass(frozen=True, slots=True)
class ScoredClaims:
    """The claims of a period (M), labelled or not: what a threshold flags does not depend on who has a label."""

    probabilities: NDArray[np.float64]
    weights: NDArray[np.float64]
    """How many claims each represents."""
    groups: NDArray[np.object_]
    """What a bootstrap resamples: the provider."""

    def share_flagged(self, threshold: float) -> float:
        """The share of the claims at or above a threshold."""
        return float(np.average(self.probabilities >= threshold, weights=self.weights))


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """Scored claims with known labels (N), which represent those of a period of `days`."""

    probabilities: NDArray[np.float64]
    fraud: NDArray[np.bool_]
    amounts_cents: NDArray[np.int64]
    days: float
    weights: NDArray[np.float64] | None = None
    """How many claims each represents, such as inverse propensities; None: each represents itself."""
    everything: ScoredClaims | None = None
    """All claims of the period; None: the labelled ones represent them."""

    def __post_init__(self) -> None:
        rows = len(self.probabilities)
        if rows == 0 or len(self.fraud) != rows or len(self.amounts_cents) != rows or not self.days > 0:
            raise ThresholdError(
                "probabilities, labels and amounts must be non-empty and of equal length, and days above 0"
            )
        if self.weights is not None and (len(self.weights) != rows or not self.weights.sum() > 0):
            raise ThresholdError("the weights must be as many as the probabilities, with a sum above 0")

    @property
    def represented(self) -> NDArray[np.float64]:
        """How many claims of the period each labelled claim represents (N,)."""
        own = np.ones(len(self.fraud)) if self.weights is None else self.weights
        if self.everything is None:
            return own
        scaled: NDArray[np.float64] = own * (self.everything.weights.sum() / own.sum())
        return scaled

    @property
    def ranked(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The distinct probabilities, highest first, and how many claims of the period are at or above each."""
        if self.everything is None:
            probabilities, mass = self.probabilities, self.represented
        else:
            probabilities, mass = self.everything.probabilities, self.everything.weights
        ranking = Ranking.of(probabilities)
        return probabilities[ranking.order][ranking.ends], ranking.steps(mass)


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """A threshold and its effect on the labelled claims."""

    threshold: float
    alerts_per_day: float
    precision: float
    recall: float
    dollars: float
    """Share of the fraudulent dollars that would have been flagged."""
    cents_saved_per_day: float
    """Fraudulent cents flagged, less the cost of all reviews, per day."""

    def as_dict(self) -> dict[str, float]:
        """Plain values, for storage as JSON."""
        return {name: float(getattr(self, name)) for name in self.__slots__}


def evaluate_threshold(claims: LabelledScores, threshold: float, *, review_cents: float = 0.0) -> ThresholdChoice:
    """The effect of a threshold: alerts among all claims of the period, the rest estimated by the labelled ones."""
    flagged, weights = claims.probabilities >= threshold, claims.represented
    ranked, reached = claims.ranked
    alerts = float(reached[ranked >= threshold].max(initial=0.0))
    labelled_alerts, found = float(weights[flagged].sum()), float(weights[flagged & claims.fraud].sum())
    cents = weights * claims.fraud * claims.amounts_cents
    frauds, lost, caught = float(weights[claims.fraud].sum()), float(cents.sum()), float(cents[flagged].sum())
    return ThresholdChoice(
        threshold=threshold,
        alerts_per_day=alerts / claims.days,
        precision=found / labelled_alerts if labelled_alerts else float("nan"),
        recall=found / frauds if frauds else float("nan"),
        dollars=caught / lost if lost else float("nan"),
        cents_saved_per_day=(caught - review_cents * alerts) / claims.days,
    )


def threshold_by_capacity(
    claims: LabelledScores, reviews_per_day: float, *, review_cents: float = 0.0
) -> ThresholdChoice:
    """The lowest threshold that flags at most the capacity among all claims of the period.

    Raises `ThresholdError` when there is none.
    """
    if not reviews_per_day > 0:
        raise ThresholdError("the capacity must be above 0 reviews per day")
    most = reviews_per_day * claims.days + 1e-9
    if most < 1:
        raise ThresholdError(f"{reviews_per_day} reviews per day over {claims.days:g} days is less than one review")
    ranked, reached = claims.ranked
    fitting = int(np.searchsorted(reached, most, side="right"))
    if fitting == len(ranked):
        return evaluate_threshold(claims, 0.0, review_cents=review_cents)
    if fitting == 0:
        raise ThresholdError(
            f"the {reached[0]:,.0f} claims of highest probability are tied, more than the {int(most)} reviews allowed"
        )
    # Halfway to the next claim, so that future claims fall on either side equally.
    return evaluate_threshold(claims, float((ranked[fitting - 1] + ranked[fitting]) / 2), review_cents=review_cents)


def threshold_by_cost(claims: LabelledScores, review_cents: float) -> ThresholdChoice:
    """The threshold that saves most: fraudulent cents flagged less the cost of reviews. Raises `ThresholdError`."""
    if not review_cents >= 0:
        raise ThresholdError("the cost of a review must be 0 or more")
    ranking, weights = Ranking.of(claims.probabilities), claims.represented
    saved = ranking.steps(weights * claims.fraud * claims.amounts_cents) - review_cents * ranking.steps(weights)
    best = int(np.argmax(saved))
    if saved[best] <= 0:
        raise ThresholdError("at this cost no review pays; lower the cost or use other claims")
    ranked = claims.probabilities[ranking.order][ranking.ends]
    below = float(ranked[best + 1]) if best + 1 < len(ranked) else 0.0
    return evaluate_threshold(claims, (float(ranked[best]) + below) / 2, review_cents=review_cents)


def threshold_table(
    claims: LabelledScores, *, review_cents: float = 0.0, points: int = 20
) -> tuple[ThresholdChoice, ...]:
    """Choices from few to many reviews, spaced evenly by the logarithm of the number of reviews."""
    counts = np.unique(np.geomspace(1, max(1.0, claims.ranked[1][-1]), points).astype(int))
    choices: list[ThresholdChoice] = []
    for count in counts:
        try:
            choice = threshold_by_capacity(claims, count / claims.days, review_cents=review_cents)
        except ThresholdError:
            continue  # a tie wider than the count: the next count takes it whole
        choices.append(choice)
    return tuple(choices)
