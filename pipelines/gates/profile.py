"""The profile of a training set: the distribution of each feature in a few numbers, kept with the model."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10
_FLOOR = 1e-4
"""Minimum share of a bin, so that an empty one does not make the stability index infinite."""


@dataclass(frozen=True, slots=True)
class FeatureProfile:
    """One feature: `edges` are the inner deciles, `shares` the share of rows per bin and, last, of missing ones."""

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


def _shares(values: NDArray[np.float32], missing: int, edges: tuple[float, ...]) -> tuple[float, ...]:
    counts = np.bincount(np.searchsorted(np.array(edges), values, side="right"), minlength=len(edges) + 1)
    return tuple(float(count) / max(len(values) + missing, 1) for count in (*counts, missing))


def _known(column: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    known = column[np.isfinite(column)]
    return known, len(column) - len(known)


def profile_of(matrix: NDArray[np.float32], names: tuple[str, ...]) -> TrainingProfile:
    """Profile a matrix (rows, features): deciles from at most 100,000 rows, shares from all rows."""
    features = {}
    for place, name in enumerate(names):
        known, missing = _known(matrix[:, place])
        step = max(1, len(known) // 100_000)
        inner = np.quantile(known[::step], np.linspace(0, 1, BINS + 1)[1:-1]) if len(known) else np.zeros(0)
        edges = tuple(float(edge) for edge in np.unique(inner))
        features[name] = FeatureProfile(missing / max(len(matrix), 1), edges, _shares(known, missing, edges))
    return TrainingProfile(len(matrix), features)


def stability(column: NDArray[np.float32], before: FeatureProfile) -> float:
    """The population stability index of a feature (rows,) against an earlier profile; above 0.25 the population
    changed.
    """
    known, missing = _known(column)
    now = np.maximum(_shares(known, missing, before.edges), _FLOOR)
    then = np.maximum(before.shares, _FLOOR)
    return float(np.sum((now - then) * np.log(now / then)))
