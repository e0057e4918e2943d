"""The typical claim of a model: the baseline of reasons.

Contributions are differences from the average over the training claims, which no single claim resembles, so nearly
every claim would have "1 diagnosis on the claim" as a reason. Reasons are stated relative to what most claims have.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from features.declare import Feature
from features.vector import ModelSchema

MAX_TYPICAL_SAMPLE = 5_000
"""Most claims used to measure the typical claim; more would change the medians by less than `MIN_PUSH`."""
_DIGITS = 6


class TypicalClaim(BaseModel):
    """The typical contribution and value of each feature, measured on claims the model was not trained on.

    The contributions of each reason group sum to the median of that group's sum over the claims, so at most half of
    the claims lie on either side of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    claims: int
    """Number of claims it was measured on."""
    contributions: dict[str, float]
    """Feature → log-odds."""
    values: dict[str, float | None]
    """Feature → median value, or the most frequent level of a category; None: missing for most claims."""

    @model_validator(mode="after")
    def _consistent(self) -> "TypicalClaim":
        if self.contributions.keys() != self.values.keys():
            raise ValueError("contributions and values must have the same features")
        return self


def sample_rows(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """At most `MAX_TYPICAL_SAMPLE` of the rows, evenly spaced."""
    if len(rows) <= MAX_TYPICAL_SAMPLE:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MAX_TYPICAL_SAMPLE).astype(np.intp)]


def typical_claim(schema: ModelSchema, x: NDArray[np.float32], phi: NDArray[np.float64]) -> TypicalClaim:
    """Measure it on vectors (N, F) and their contributions (N, F), N ≥ 1, both in the order of the schema."""
    names = schema.names
    median = np.median(phi, axis=0)
    spread = np.abs(phi - median).mean(axis=0)
    for members in _groups(schema.features):
        # Medians do not add up; the difference goes to the features of the group that vary.
        missing = float(np.median(phi[:, members].sum(axis=1)) - median[members].sum())
        total = float(spread[members].sum())
        if total > 0:
            median[members] += missing * spread[members] / total
    lacking = np.isnan(x).mean(axis=0) > 0.5
    values = np.nanmedian(np.where(lacking, 0.0, x).astype(np.float64), axis=0)
    for place, feature in enumerate(schema.features):
        if feature.unit == "level" and not lacking[place]:  # codes have no middle
            levels, counts = np.unique(x[~np.isnan(x[:, place]), place], return_counts=True)
            values[place] = levels[counts.argmax()]
    return TypicalClaim(
        claims=len(x),
        contributions={name: round(float(value), _DIGITS) for name, value in zip(names, median, strict=True)},
        values={
            name: None if absent else float(np.float32(value))
            for name, value, absent in zip(names, values, lacking, strict=True)
        },
    )


def _groups(features: Sequence[Feature]) -> list[list[int]]:
    """Column indices of the features of each group."""
    places: dict[str, list[int]] = {}
    for place, feature in enumerate(features):
        places.setdefault(feature.group, []).append(place)
    return list(places.values())
