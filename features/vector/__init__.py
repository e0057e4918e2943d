"""The model's feature vector: the inputs read for a claim, the vector built from them, and its wording."""

from features.vector.attributes import (
    ARROW_TYPES,
    AttributeEncoder,
    DeclaredAttributes,
    column_of,
    fit_encoder,
    wire_values,
)
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
    vectors_of,
)
from features.vector.inputs import (
    ClaimInputs,
    each_of,
    inputs_of,
    inputs_of_each,
    inputs_of_many,
    inputs_of_readings,
)
from features.vector.page import reference_page
from features.vector.reading import Reading
from features.vector.readings import Readings
from features.vector.schema import ClaimVectors, ModelSchema, feature_of
from features.vector.wording import describe, describe_series, format_value, in_sentence, show

__all__ = [
    "ARROW_TYPES",
    "FEATURE",
    "FEATURE_NAMES",
    "SLICE_ROWS",
    "AttributeEncoder",
    "ClaimInputs",
    "ClaimVectors",
    "DeclaredAttributes",
    "ModelSchema",
    "Reading",
    "Readings",
    "available",
    "build_amounts",
    "build_many",
    "build_one",
    "column_of",
    "columns_of",
    "describe",
    "describe_series",
    "each_of",
    "feature_of",
    "fit_encoder",
    "format_value",
    "in_sentence",
    "inputs_of",
    "inputs_of_each",
    "inputs_of_many",
    "inputs_of_readings",
    "needs",
    "reference_page",
    "schema_hash",
    "show",
    "vector_of",
    "vectors_of",
    "wire_values",
]  # fmt: skip
