"""Models that are a sum of terms: a curve of one feature, or a table of two. They explain themselves.

A curve's value is its feature's contribution, and a pair's is halved between its two features, which is its Shapley
value where the pair averages zero along each of them.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import SchemaMismatchError
from models.families import term_kernels
from models.families.family import Model

MAX_CUTS = 4_096
TERMS_FILE = "terms.json"


class CurveTerm(BaseModel):
    """A term of one feature."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    feature: int = Field(ge=0, description="Place in the vector.")
    shape: Literal["steps", "lines"]
    cuts: tuple[float, ...] = Field(max_length=MAX_CUTS, description="Strictly rising.")
    values: tuple[float, ...] = Field(
        description="steps: below the first cut, from each cut on; lines: at each cut, joined by lines, level outside."
    )
    missing: float = Field(description="The value where the feature is missing.")
    gain: float = Field(ge=0, description="Mean absolute value over the training claims.")

    @model_validator(mode="after")
    def _consistent(self) -> "CurveTerm":
        _check_cuts(self.cuts)
        expected = len(self.cuts) + (self.shape == "steps")
        if len(self.values) != expected or not expected:
            raise ValueError(f"{len(self.cuts)} cuts of {self.shape} need {max(expected, 1)} values")
        return self


class PairTerm(BaseModel):
    """A term of two features."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    features: tuple[int, int]
    cuts: tuple[tuple[float, ...], tuple[float, ...]]
    values: tuple[tuple[float, ...], ...] = Field(
        description="By the first feature's step and the second's; in both, step 0 is a missing value."
    )
    gain: float = Field(ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> "PairTerm":
        for cuts in self.cuts:
            _check_cuts(cuts)
        rows, columns = (len(cuts) + 2 for cuts in self.cuts)
        if len(self.values) != rows or any(len(row) != columns for row in self.values):
            raise ValueError(f"the values of a pair must be {rows} rows of {columns}")
        if min(self.features) < 0 or self.features[0] == self.features[1]:
            raise ValueError("the features of a pair must be two places in the vector")
        return self


class Terms(BaseModel):
    """An additive model's native form."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = 1
    features: tuple[str, ...] = Field(min_length=1)
    intercept: float
    curves: tuple[CurveTerm, ...]
    pairs: tuple[PairTerm, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "Terms":
        places = [curve.feature for curve in self.curves] + [place for pair in self.pairs for place in pair.features]
        if max(places, default=0) >= len(self.features):
            raise ValueError("a term is of a feature that the model does not have")
        return self


def _check_cuts(cuts: Sequence[float]) -> None:
    if any(high <= low for low, high in pairwise(cuts)):
        raise ValueError("cuts must rise strictly")


class AdditiveModel(Model):
    """A sum of terms, which is its own exact explanation (`models.explain.Additive`)."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.features = terms.features
        self.base_margin = terms.intercept
        curves, pairs = terms.curves, terms.pairs
        self._curves = (
            np.array([curve.feature for curve in curves], dtype=np.int64),
            np.array([curve.shape == "lines" for curve in curves], dtype=np.int64),
            _starts([curve.cuts for curve in curves]),
            _joined([curve.cuts for curve in curves]),
            _starts([curve.values for curve in curves]),
            _joined([curve.values for curve in curves]),
            np.array([curve.missing for curve in curves], dtype=np.float64),
        )
        sides = [cuts for pair in pairs for cuts in pair.cuts]
        flat = [[value for row in pair.values for value in row] for pair in pairs]
        self._pairs = (
            np.array([pair.features for pair in pairs], dtype=np.int64).reshape(-1, 2),
            _starts(sides),
            _joined(sides),
            _starts(flat),
            np.array([len(pair.values[0]) for pair in pairs], dtype=np.int64),
            _joined(flat),
        )

    def margins(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.explain_many(x)[0]

    def explain_many(
        self, rows: NDArray[np.float32], *, threads: int = 1
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Margins (N,) and contributions (N, F) of vectors (N, F); one thread, whatever `threads` is."""
        if rows.ndim != 2 or rows.shape[1] != len(self.features) or rows.dtype != np.float32:
            raise SchemaMismatchError(
                f"expected float32 vectors of {len(self.features)} features, got {rows.dtype} of shape {rows.shape}"
            )
        phi = np.zeros(rows.shape, dtype=np.float64)
        rows = np.ascontiguousarray(rows)
        term_kernels.add_curves(rows, *self._curves, phi)
        if self.terms.pairs:
            term_kernels.add_pairs(rows, *self._pairs, phi)
        # Summed feature by feature, so that a row has the same bits alone and in a batch.
        total = np.full(len(rows), self.base_margin)
        for column in phi.T:
            total += column
        return total.astype(np.float32), phi

    def to_bytes(self) -> bytes:
        return self.terms.model_dump_json().encode()

    def gains(self) -> NDArray[np.float64]:
        found = np.zeros(len(self.features))
        for curve in self.terms.curves:
            found[curve.feature] += curve.gain
        for pair in self.terms.pairs:
            found[list(pair.features)] += pair.gain / 2
        return found

    def additive(self) -> "AdditiveModel":
        return self


def read_terms(raw: bytes, features: tuple[str, ...]) -> AdditiveModel:
    """Read a model from its native form. Raises `ValueError` where these bytes are none for these features."""
    try:
        terms = Terms.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"is not a file of terms: {first['loc']}: {first['msg']}") from None
    if terms.features != features:
        raise ValueError("has other features than the document")
    return AdditiveModel(terms)


def _starts(parts: Sequence[Sequence[float]]) -> NDArray[np.int64]:
    return np.array([0, *accumulate(map(len, parts))], dtype=np.int64)


def _joined(parts: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    return np.array([value for part in parts for value in part], dtype=np.float64)
