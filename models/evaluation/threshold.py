"""Choose a threshold by review capacity or by cost, with what each choice finds and costs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ThresholdError
from models.evaluation.metrics import Ranking


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """Scored claims with known labels, over a period of `days`."""

    probabilities: NDArray[np.float64]
    fraud: NDArray[np.bool_]
    amounts_cents: NDArray[np.int64]
    days: float

    def __post_init__(self) -> None:
        rows = len(self.probabilities)
        if rows == 0 or len(self.fraud) != rows or len(self.amounts_cents) != rows or not self.days > 0:
            raise ThresholdError(
                "probabilities, labels and amounts must be non-empty and of equal length, and days above 0"
            )


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
    """The effect of a threshold on labelled claims."""
    flagged = claims.probabilities >= threshold
    alerts, found = int(flagged.sum()), int((flagged & claims.fraud).sum())
    caught = float(claims.amounts_cents[flagged & claims.fraud].sum())
    frauds, lost = int(claims.fraud.sum()), float(claims.amounts_cents[claims.fraud].sum())
    return ThresholdChoice(
        threshold=threshold,
        alerts_per_day=alerts / claims.days,
        precision=found / alerts if alerts else float("nan"),
        recall=found / frauds if frauds else float("nan"),
        dollars=caught / lost if lost else float("nan"),
        cents_saved_per_day=(caught - review_cents * alerts) / claims.days,
    )


def threshold_by_capacity(
    claims: LabelledScores, reviews_per_day: float, *, review_cents: float = 0.0
) -> ThresholdChoice:
    """The lowest threshold within a review capacity. Raises `ThresholdError` when there is none."""
    if not reviews_per_day > 0:
        raise ThresholdError("the capacity must be above 0 reviews per day")
    ranked = np.sort(claims.probabilities)[::-1]
    most = int(np.floor(reviews_per_day * claims.days + 1e-9))
    if most < 1:
        raise ThresholdError(f"{reviews_per_day} reviews per day over {claims.days:g} days is less than one review")
    if most >= len(ranked):
        return evaluate_threshold(claims, 0.0, review_cents=review_cents)
    fitting = ranked[:most][ranked[:most] > ranked[most]]
    if not len(fitting):
        raise ThresholdError(
            f"the {int((ranked == ranked[0]).sum())} claims of highest probability are tied, more than the {most} "
            "reviews allowed"
        )
    # Halfway to the next claim, so that future claims fall on either side equally.
    return evaluate_threshold(claims, float((fitting[-1] + ranked[most]) / 2), review_cents=review_cents)


def threshold_by_cost(claims: LabelledScores, review_cents: float) -> ThresholdChoice:
    """The threshold that saves most: fraudulent cents flagged less the cost of reviews. Raises `ThresholdError`."""
    if not review_cents >= 0:
        raise ThresholdError("the cost of a review must be 0 or more")
    ranking = Ranking.of(claims.probabilities)
    ones = np.ones(len(claims.fraud))
    saved = ranking.steps((claims.fraud * claims.amounts_cents).astype(np.float64)) - review_cents * ranking.steps(ones)
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
    counts = np.unique(np.geomspace(1, len(claims.fraud), points).astype(int))
    choices = []
    for count in counts:
        try:
            choices.append(threshold_by_capacity(claims, count / claims.days, review_cents=review_cents))
        except ThresholdError:
            continue  # a tie wider than the count: the next count takes it whole
    return tuple(choices)
