"""A rival without features: gradient boosting as scikit-learn has it, untuned, on the columns of the source itself."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from claims.attributes import AttributeType
from pipelines.datasets import Examples

_NUMBERS = ("amount_cents", "units", "lines", "diagnoses", "age_years", "benefit_limit_cents")
_DATES = ("received_at", "service_from", "service_to")
_CATEGORIES = ("procedure_code", "diagnosis_code", "place_of_service", "region", "specialty", "sex")
_MOST_LEVELS = 254
"""Categories that scikit-learn's histogram trees take as such; one with more levels is a number, the place of a level
in alphabetical order."""


def raw_booster(examples: Examples, train: NDArray[np.intp], test: NDArray[np.intp]) -> NDArray[np.float64]:
    """Scores (test,) of a `HistGradientBoostingClassifier` with default parameters, trained on `train`.

    Its columns are those of the claims frame and every declared attribute, without the identifiers.
    """
    from joblib import parallel_config
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns, categorical = raw_columns(examples, train)
    booster = HistGradientBoostingClassifier(categorical_features=np.flatnonzero(categorical), random_state=0)
    with parallel_config("threading", n_jobs=1):  # it would start processes to bin columns
        booster.fit(columns[train], examples.fraud[train], sample_weight=examples.training_weights(train))
    scores: NDArray[np.float64] = booster.decision_function(columns[test])
    return scores


def raw_columns(examples: Examples, train: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(N, columns) of every claim, NaN where missing, and which are categories (codes below `_MOST_LEVELS`).

    Levels are those of the training claims; a text that they do not have is missing. Columns without two different
    values there are left out.
    """
    claims = examples.claims
    texts = {name: claims[name] for name in _CATEGORIES}
    numbers = {name: claims[name] for name in _NUMBERS} | {name: claims[name].cast(pa.date32()) for name in _DATES}
    for name, declared in examples.declared.items():
        if not declared.stated or declared.type is AttributeType.KEY or examples.attributes is None:
            continue  # a field of the claims frame is among the columns already
        if name not in examples.attributes.column_names:
            continue
        (texts if declared.type is AttributeType.CATEGORY else numbers)[f"attribute {name}"] = examples.attributes[name]
    columns, categorical = [_number(column) for column in numbers.values()], [False] * len(numbers)
    for column in texts.values():
        codes, levels = _codes(column, train)
        columns.append(codes)
        categorical.append(levels <= _MOST_LEVELS)
    found = np.column_stack(columns)
    least, most = (reduce(found[train], axis=0) for reduce in (np.fmin.reduce, np.fmax.reduce))
    varies = least < most  # NaN, without a value, is not
    return found[:, varies], np.array(categorical)[varies]


def _number(column: pa.ChunkedArray) -> NDArray[np.float64]:
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    found: NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return found


def _codes(column: pa.ChunkedArray, train: NDArray[np.intp]) -> tuple[NDArray[np.float64], int]:
    """The place of each text among the sorted texts of the training claims, and how many those are."""
    levels = pc.unique(column.take(pa.array(train))).drop_null().sort()
    found: NDArray[np.float64] = pc.index_in(column, value_set=levels).cast(pa.float64()).to_numpy()
    return found, len(levels)
