"""The profile of a training set: the distribution of each feature in a few numbers, kept with the model."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.gates.binning import bin_counts, bins_of, distance


@dataclass(frozen=True, slots=True)
class FeatureProfile:
    """One feature: `edges` are between its bins, `shares` the share of rows per bin and, last, of missing ones."""

    missing_share: float
    edges: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TrainingProfile:
    """The features of one training set by name."""

    rows: int
    features: dict[str, FeatureProfile]

    def to_json(self) -> str:
        """Text for `profile_from_json`."""
        return json.dumps(asdict(self), indent=1)


def profile_from_json(text: str) -> TrainingProfile:
    """Read a profile that `Profile.to_json` wrote."""
    found: dict[str, Any] = json.loads(text)
    features = {
        name: FeatureProfile(entry["missing_share"], tuple(entry["edges"]), tuple(entry["shares"]))
        for name, entry in found["features"].items()
    }
    return TrainingProfile(found["rows"], features)


def _shares(column: NDArray[np.float32], edges: tuple[float, ...]) -> tuple[float, ...]:
    counts = bin_counts(column, edges)
    return tuple(float(count) / max(len(column), 1) for count in (*counts, len(column) - counts.sum()))


def profile_of(matrix: NDArray[np.float32], names: tuple[str, ...]) -> TrainingProfile:
    """Profile a matrix (rows, features): bins from at most 100,000 rows, shares from all rows."""
    features = {}
    for place, name in enumerate(names):
        column = matrix[:, place]
        _, edges = bins_of(column)
        shares = _shares(column, edges)
        features[name] = FeatureProfile(shares[-1], edges, shares)
    return TrainingProfile(len(matrix), features)


def stability(column: NDArray[np.float32], before: FeatureProfile) -> float:
    """The stability index (`distance`) of a feature (rows,) against an earlier profile; above 0.25 the population
    changed.
    """
    return distance(np.array(_shares(column, before.edges)), np.array(before.shares))
