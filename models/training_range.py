"""The range of the training claims, per feature and jointly: whether the model applies to a vector.

Trees do not extrapolate: beyond the last split a feature has the same effect whatever its value. So each score
states how far the vector lies outside the training data, in two ways:

* **per feature**: values beyond the minimum and maximum of the training claims, widened per unit (`MARGINS`);
* **jointly**: how many features of the claim's own numbers lie at once in the outermost 0.1 % of the training claims on
  either side, against the most that 99.9 % of later claims, which the model was not trained on, have at once. Features
  of the past count only where they are out of range: months after the training, most of them lie beyond its tails.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from claims.scoring import OutOfRange
from features.declare import ATTRIBUTES, Feature, Unit
from features.vector import ModelSchema, needs

TAIL = 0.001
"""Share of the training claims beyond each tail bound."""
TAIL_LIMIT_QUANTILE = 0.999
"""Share of later claims with at most `tail_limit` features in the tails."""


class RangeWidening(Enum):
    """How a range is widened."""

    FACTOR = "factor"
    """Multiply the maximum, divide a positive minimum: amounts, counts, ratios, times."""
    DISTANCE = "distance"
    """Move by a fixed distance: standard scores."""
    NATURAL = "natural"
    """Use the declared bounds of the feature: shares and flags."""


@dataclass(frozen=True, slots=True)
class Margin:
    """How far beyond the training claims a value may lie before it counts as out of range."""

    widening: RangeWidening
    amount: float = 1.0


MARGINS: dict[Unit, Margin] = {
    "currency": Margin(RangeWidening.FACTOR, 2.0),
    "ratio": Margin(RangeWidening.FACTOR, 2.0),
    "units": Margin(RangeWidening.FACTOR, 2.0),
    "count": Margin(RangeWidening.FACTOR, 2.0),
    "days": Margin(RangeWidening.FACTOR, 2.0),
    "hours": Margin(RangeWidening.FACTOR, 2.0),
    "deviations": Margin(RangeWidening.DISTANCE, 2.0),
    "share": Margin(RangeWidening.NATURAL),
    "flag": Margin(RangeWidening.NATURAL),
    "level": Margin(RangeWidening.NATURAL),
}
"""The margin of each unit, for features that read the claim's own numbers. A share without a declared upper bound (of a
limit, which may be passed) is widened like a ratio."""
HISTORY_FACTOR = 10.0
"""The factor for features computed from history alone (counts, sums and times of provider, member, network). They grow
with the business and the length of the history, so last year's range says little about next month. Their only lower
bound is the declared one: two claims within a second may come from one batch."""
HISTORY_MIN_HIGH = 100.0
"""Smallest upper bound of such a feature."""
_OF_THE_CLAIM = frozenset(
    ("amount_cents", "log_e4", "units", "lines", "diagnoses", "service_from_day", "service_to_day")
)
"""Numbers of `features.vector.inputs.READS` that are on the claim itself."""


class TrainingRange(BaseModel):
    """The range as stored in the model document: one number per feature, in feature order."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    low: tuple[float, ...] = Field(description="Values below it are out of range.")
    high: tuple[float, ...] = Field(description="Values above it are out of range.")
    tail_low: tuple[float, ...] = Field(description="0.1 % of the training claims lie below.")
    tail_high: tuple[float, ...] = Field(description="0.1 % of the training claims lie above.")
    tail_limit: int = Field(ge=0, description="Most tail features of 99.9 % of the calibration claims.")
    claims: int = Field(ge=1, description="Training claims the range was taken from.")

    @model_validator(mode="after")
    def _consistent(self) -> "TrainingRange":
        if len({len(self.low), len(self.high), len(self.tail_low), len(self.tail_high)}) != 1:
            raise ValueError("the bounds must have equal length")
        if any(low > high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError("a lower bound exceeds its upper bound")
        if any(low > high for low, high in zip(self.tail_low, self.tail_high, strict=True)):
            raise ValueError("a lower tail bound exceeds its upper bound")
        return self


class RangeCheck:
    """Checks vectors against a range. Stateless; may be shared by threads."""

    def __init__(self, schema: ModelSchema, training: TrainingRange) -> None:
        self._features = schema.features
        self._lows = np.array([training.low, training.tail_low], dtype=np.float32)
        self._highs = np.array([training.high, training.tail_high], dtype=np.float32)
        self.tail_limit = training.tail_limit

    def outside(self, rows: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether each value of vectors (N, F) is out of range and in a tail (N, 2, F). A missing value is neither."""
        values = rows[:, None, :]
        outside: NDArray[np.bool_] = (values < self._lows) | (values > self._highs)
        return outside

    def findings(self, rows: NDArray[np.float32]) -> list[tuple[list[OutOfRange], int]]:
        """For each vector (N, F): its features out of range, and the number in a tail."""
        outside = self.outside(rows)
        found: list[list[OutOfRange]] = [[] for _ in range(len(rows))]
        for row, place in np.argwhere(outside[:, 0]).tolist():
            found[row].append(
                OutOfRange(
                    feature=self._features[place].name,
                    meaning=self._features[place].meaning,
                    value=float(rows[row, place]),
                    low=float(self._lows[0, place]),
                    high=float(self._highs[0, place]),
                )
            )
        return list(zip(found, np.count_nonzero(outside[:, 1], axis=1).tolist(), strict=True))


def training_range(schema: ModelSchema, train: NDArray[np.float32], later: NDArray[np.float32]) -> TrainingRange:
    """The range of training vectors (N, F); `later` (M, F) are vectors the model was not trained on.

    A feature without any training value gets its declared bounds. Both samples need at least one row.
    """
    bounds = [_bounds(feature, train[:, place]) for place, feature in enumerate(schema.features)]
    low, high, tail_low, tail_high = (tuple(one) for one in zip(*bounds, strict=True))
    unlimited = TrainingRange(
        low=low, high=high, tail_low=tail_low, tail_high=tail_high, tail_limit=0, claims=len(train)
    )
    tails = RangeCheck(schema, unlimited).outside(later)[:, 1].sum(axis=1)
    limit = int(np.quantile(tails, TAIL_LIMIT_QUANTILE, method="higher"))
    return unlimited.model_copy(update={"tail_limit": limit})


def _bounds(feature: Feature, column: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """Low, high, lower and upper tail bound of one feature; each is a float32, so that comparisons are exact."""
    known = column[~np.isnan(column)]
    if not len(known):
        low = 0.0 if feature.low is None else feature.low
        high = low if feature.high is None else feature.high
        return low, high, low, high
    least, greatest = float(known.min()), float(known.max())
    tail_low, tail_high = (
        float(known_at) for known_at in np.quantile(known, (TAIL, 1 - TAIL), method="inverted_cdf").astype(np.float32)
    )
    if feature.aggregation_group != ATTRIBUTES and not needs(feature) & _OF_THE_CLAIM:
        # A shorter or more recent history than any training claim had is not out of range.
        low = least if feature.low is None else min(feature.low, least)
        high = max(greatest * HISTORY_FACTOR, HISTORY_MIN_HIGH) if feature.high is None else max(feature.high, greatest)
        return low, _float32(high), low, _float32(high)
    margin = MARGINS[feature.unit]
    if margin.widening is RangeWidening.NATURAL and feature.high is not None:
        declared = 0.0 if feature.low is None else feature.low
        return min(declared, least), max(feature.high, greatest), tail_low, tail_high
    if margin.widening is RangeWidening.DISTANCE:
        return _float32(least - margin.amount), _float32(greatest + margin.amount), tail_low, tail_high
    factor = MARGINS["ratio"].amount if margin.widening is RangeWidening.NATURAL else margin.amount
    low = least / factor if least > 0 else least * factor
    high = greatest * factor if greatest > 0 else greatest / factor
    return _float32(low), _float32(high), tail_low, tail_high


def _float32(value: float) -> float:
    return float(np.float32(value))
