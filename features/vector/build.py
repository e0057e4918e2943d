"""The model's vector: one function for training and serving, the same bits from both.

build_one(facts, states) -> float32[F]      one claim, as the scorer calls it
build_many(table)        -> float32[N, F]   many claims with their rows side by side, as training calls it
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from claims.scoring import ClaimFacts
from features.declare import AMOUNT_BUCKETS, FEATURES, PLANS, Feature, GroupValues
from features.vector.inputs import (
    SOURCE_COLUMN,
    BatchInputs,
    ClaimInputs,
    States,
    inputs_at_amounts,
    inputs_of,
    inputs_of_many,
)

Vectors = NDArray[np.float32]

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
FEATURE: dict[str, Feature] = {feature.name: feature for feature in FEATURES}
SLICE_ROWS = 65_536
"""Claims computed at a time: bounds memory, and keeps columns in the processor's cache."""


class _RecordedGroup(GroupValues):
    """Replaces the values of a group while it is recorded what a computation reads."""

    def __init__(self, plan_name: str) -> None:
        self.__dict__.update({name: 1.0 for name, _ in PLANS[plan_name].merges})

    def histogram(self, name: str) -> list[int]:
        """One claim per bucket."""
        return [1] * AMOUNT_BUCKETS


class _Recorder:
    """Replaces feature inputs, and records what a computation reads of them."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> float | GroupValues:
        self.read.add(name)
        return _RecordedGroup(name) if name in PLANS else 1.0


def needs(feature: Feature) -> frozenset[str]:
    """What a feature reads: numbers of `FeatureInputs` (the keys of `SOURCE_COLUMN`), and aggregation groups."""
    recorder = _Recorder()
    feature.compute(recorder)  # type: ignore[arg-type]
    return frozenset(recorder.read)


def _places() -> dict[str, NDArray[np.intp]]:
    places: dict[str, list[int]] = {}
    for place, feature in enumerate(FEATURES):
        for name in needs(feature):
            places.setdefault(name, []).append(place)
    return {name: np.array(found) for name, found in places.items()}


_PLACES = _places()
"""What may be missing → the places in the vector of the features that need it."""
_COMPUTE = tuple(feature.compute for feature in FEATURES)


def columns_of(feature: Feature) -> frozenset[str]:
    """The columns of the claims frame that the feature cannot do without."""
    columns: set[str] = set()
    for name in needs(feature):
        if name in PLANS:
            columns.update({"age_band": "age_years", "service_day": "service_from"}.get(k, k) for k in PLANS[name].keys)
        else:
            columns.add(SOURCE_COLUMN[name])
    return frozenset(columns)


def available(columns: Iterable[str]) -> tuple[str, ...]:
    """Names of the features that can be computed from data with these columns, in the order of the vector."""
    held = set(columns) | {"claim_id"}
    return tuple(feature.name for feature in FEATURES if columns_of(feature) <= held)


def schema_hash(names: Sequence[str]) -> str:
    """SHA-256, in hex, of feature names in their order, joined by newlines."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def vector_of(x: ClaimInputs) -> Vectors:
    """float32[F] of the inputs of one claim."""
    vector = np.array([compute(x) for compute in _COMPUTE], dtype=np.float32)
    for name in x.missing:
        places = _PLACES.get(name)
        if places is not None:
            vector[places] = np.nan
    return vector


def vectors_of(x: BatchInputs) -> Vectors:
    """float32[N, F] of the inputs of several claims."""
    matrix = np.empty((len(x.amount_cents), len(FEATURES)), dtype=np.float32)  # type: ignore[arg-type]  # a column
    _fill(matrix, x)
    return matrix


def build_one(facts: ClaimFacts, states: States) -> Vectors:
    """float32[F] of one claim; NaN where an input that a feature needs is missing."""
    return vector_of(inputs_of(facts, states))


def build_amounts(facts: ClaimFacts, states: States, amounts_cents: NDArray[np.int64]) -> Vectors:
    """float32[K, F] of the same claim at K other amounts (cents): the candidates of a counterfactual."""
    x = inputs_at_amounts(facts, states, amounts_cents)
    matrix = np.empty((len(amounts_cents), len(FEATURES)), dtype=np.float32)
    for place, compute in enumerate(_COMPUTE):
        matrix[:, place] = compute(x)
    for name in x.missing:
        if name in _PLACES:
            matrix[:, _PLACES[name]] = np.nan
    return matrix


def build_many(table: pa.Table) -> Vectors:
    """float32[N, F] of claims with their rows: the claims frame's columns, and `<view>__<field>` for every view."""
    matrix = np.empty((len(table), len(FEATURES)), dtype=np.float32)
    for start in range(0, len(table), SLICE_ROWS):
        _fill(matrix[start : start + SLICE_ROWS], inputs_of_many(table.slice(start, SLICE_ROWS)))
    return matrix


def _fill(matrix: Vectors, x: BatchInputs) -> None:
    for place, compute in enumerate(_COMPUTE):
        matrix[:, place] = compute(x)
    for name, mask in x.missing.items():
        for place in _PLACES.get(name, ()):
            matrix[mask, place] = np.nan
