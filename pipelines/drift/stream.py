"""The scored claims that drift is measured on, and their columns."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.vector import AttributeEncoder, ModelSchema
from pipelines.drift.limits import CODE_LIMIT, FEATURE_LIMIT, GROUP_LIMITS, AlarmLimit, DriftMeasure

CODES = "claim codes"
"""The group of the columns of codes."""


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """The codes of one column of the claims frame."""

    values: NDArray[np.float32]
    """(N,): the place of each claim's code in `texts`; NaN: it has none."""
    texts: tuple[str, ...]

    def text(self, place: float) -> str:
        """The code at a place."""
        return self.texts[int(place)] if 0 <= int(place) < len(self.texts) else "other codes"


@dataclass(frozen=True, slots=True, eq=False)
class StreamColumn:
    """One column whose values are compared."""

    name: str
    measure: DriftMeasure
    group: str
    """The aggregation group of a feature, or `CODES`: the columns of a group change together."""
    values: NDArray[np.float32]
    category: bool
    limit: AlarmLimit
    text: Callable[[float], str]
    """A value for a reader."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredStream:
    """Scored claims in the order of receipt (N rows), and their labels where known."""

    schema: ModelSchema
    x: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    day: NDArray[np.int64]
    """Day of receipt, since the epoch."""
    known_day: NDArray[np.int64]
    """Day on which the label became known; -1: not yet."""
    fraud: NDArray[np.bool_]
    codes: Mapping[str, Codes] = field(default_factory=dict)
    """Column of the claims frame → its codes."""

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features, in the order of `x`."""
        return self.schema.names

    def columns(self) -> Iterator[StreamColumn]:
        """The features, then the columns of codes."""
        encoders = {encoder.feature: encoder for encoder in self.schema.encoders}
        for place, feature in enumerate(self.schema.features):
            encoder = encoders.get(feature.name) if feature.unit == "level" else None
            yield StreamColumn(
                name=feature.name,
                measure=DriftMeasure.FEATURE,
                group=feature.aggregation_group,
                values=self.x[:, place],
                category=encoder is not None,
                limit=GROUP_LIMITS.get(feature.aggregation_group, FEATURE_LIMIT),
                text="{:.6g}".format if encoder is None else _level_text(encoder),
            )
        for name, codes in self.codes.items():
            yield StreamColumn(name, DriftMeasure.CODE, CODES, codes.values, True, CODE_LIMIT, codes.text)

    def rows_of(self, day: int, *, days: int = 1) -> NDArray[np.intp]:
        """Indices of the claims received on a day, or in so many days that end with it."""
        return np.flatnonzero((self.day > day - days) & (self.day <= day))

    def known_on(self, day: int, *, days: int = 1) -> NDArray[np.intp]:
        """Indices of the claims whose label became known on a day, or in so many days that end with it."""
        return np.flatnonzero((self.known_day > day - days) & (self.known_day <= day))


def _level_text(encoder: AttributeEncoder) -> Callable[[float], str]:
    """The text of a code of an attribute, which may lie between codes or outside of them."""
    levels = len(encoder.levels) + (encoder.other is not None)
    return lambda code: (encoder.level(code) if 0 <= code < levels else None) or "other"
