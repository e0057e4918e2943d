"""The model's vector: one function for training and serving, the same bits from both.

build_one(facts, states) -> float32[F]      one claim, as the scorer asks
build_many(table)        -> float32[N, F]   many claims with their states side by side, as training asks
"""

import hashlib
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from claims.scoring import ClaimFacts
from features.declare import FEATURES, PLANS, Feature
from features.vector.inputs import READS, States, inputs_at_amounts, inputs_of, inputs_of_many

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
FEATURE: dict[str, Feature] = {feature.name: feature for feature in FEATURES}
SLICE_ROWS = 65_536
"""Claims computed at a time: bounds memory, and keeps columns in the processor's cache."""


class _Recorder:
    """Stands for `x`, and for each past in it, to find out what a computation reads."""

    def __init__(self, seen: set[str]) -> None:
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        self._seen.add(name)
        if name not in PLANS:
            return 1.0
        past = SimpleNamespace()
        for value, _ in PLANS[name].merges:
            setattr(past, value, 1.0)
        if hasattr(past, "amounts_365d"):
            past.amounts_365d = [1] * 49
        return past


def needs(feature: Feature) -> frozenset[str]:
    """What a feature reads of a claim: numbers of `features.vector.inputs.READS`, and entities."""
    seen: set[str] = set()
    feature.compute(_Recorder(seen))  # type: ignore[arg-type]
    return frozenset(seen)


def _places() -> dict[str, np.ndarray]:
    places: dict[str, list[int]] = {}
    for place, feature in enumerate(FEATURES):
        for name in needs(feature):
            places.setdefault(name, []).append(place)
    return {name: np.array(found) for name, found in places.items()}


_PLACES = _places()
"""What may be unknown → the places in the vector of the features that need it."""
_COMPUTE = tuple(feature.compute for feature in FEATURES)


def columns_of(feature: Feature) -> frozenset[str]:
    """The columns of the claims frame without which the feature means nothing."""
    columns: set[str] = set()
    for name in needs(feature):
        if name in PLANS:
            columns.update({"age_band": "age_years", "service_day": "service_from"}.get(k, k) for k in PLANS[name].keys)
        else:
            columns.add(READS[name])
    return frozenset(columns)


def available(columns: Iterable[str]) -> tuple[str, ...]:
    """Names of the features that data with these columns can tell, in the order of the vector."""
    held = set(columns) | {"claim_id"}
    return tuple(feature.name for feature in FEATURES if columns_of(feature) <= held)


def schema_hash(names: Sequence[str]) -> str:
    """SHA-256, in hex, of feature names in their order, joined by newlines."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def vector_of(x: SimpleNamespace) -> np.ndarray:
    """float32[F] of what is known of one claim (`features.vector.inputs_of`)."""
    vector = np.array([compute(x) for compute in _COMPUTE], dtype=np.float32)
    for name in x.unknown:
        places = _PLACES.get(name)
        if places is not None:
            vector[places] = np.nan
    return vector


def build_one(facts: ClaimFacts, states: States) -> np.ndarray:
    """float32[F] of one claim; NaN where something a feature needs is not known."""
    return vector_of(inputs_of(facts, states))


def build_amounts(facts: ClaimFacts, states: States, amounts_cents: np.ndarray) -> np.ndarray:
    """float32[K, F] of the same claim at K other amounts: what a counterfactual is searched among."""
    x = inputs_at_amounts(facts, states, amounts_cents)
    matrix = np.empty((len(amounts_cents), len(FEATURES)), dtype=np.float32)
    for place, compute in enumerate(_COMPUTE):
        matrix[:, place] = compute(x)
    for name in x.unknown:
        if name in _PLACES:
            matrix[:, _PLACES[name]] = np.nan
    return matrix


def build_many(table: pa.Table) -> np.ndarray:
    """float32[N, F] of claims with their states: the claims frame's columns, and `<view>__<field>` for every view."""
    matrix = np.empty((len(table), len(FEATURES)), dtype=np.float32)
    for start in range(0, len(table), SLICE_ROWS):
        _fill(matrix[start : start + SLICE_ROWS], table.slice(start, SLICE_ROWS))
    return matrix


def _fill(matrix: np.ndarray, table: pa.Table) -> None:
    x = inputs_of_many(table)
    for place, compute in enumerate(_COMPUTE):
        matrix[:, place] = compute(x)
    for name, mask in x.unknown.items():
        for place in _PLACES.get(name, ()):
            matrix[mask, place] = np.nan
