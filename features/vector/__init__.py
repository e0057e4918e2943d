"""The model's feature vector: the inputs read for a claim, the vector built from them, and its wording."""

from features.vector.build import (
    FEATURE,
    FEATURE_NAMES,
    SLICE_ROWS,
    available,
    build_amounts,
    build_many,
    build_one,
    columns_of,
    needs,
    schema_hash,
    vector_of,
)
from features.vector.inputs import ClaimInputs, inputs_of, inputs_of_each, inputs_of_many
from features.vector.page import reference_page
from features.vector.reading import Reading
from features.vector.wording import describe, describe_series, format_value

__all__ = [
    "FEATURE", "FEATURE_NAMES", "SLICE_ROWS", "ClaimInputs", "Reading", "available", "build_amounts", "build_many",
    "build_one", "columns_of", "describe", "describe_series", "format_value", "inputs_of", "inputs_of_each",
    "inputs_of_many", "needs", "reference_page", "schema_hash", "vector_of",
]  # fmt: skip
