"""Attributes: columns of a source that are not claim fields, declared so that a model can use each as a feature.

A declaration states what a value is and what it describes. The feature of an attribute has its name with the prefix
`own_` in a model's schema, so that it never collides with a built-in feature.
"""

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, StringConstraints

MAX_ATTRIBUTES = 100
"""Most attributes of a mapping, a model or a claim."""
MAX_TEXT = 64
"""Longest text of an attribute, in characters."""
MAX_NUMBER = 1e15
"""Largest magnitude of a number."""
PREFIX = "own_"
"""Prefix of an attribute's feature in a model's schema."""

MappedCategory = Literal["procedure_code", "diagnosis_code", "place_of_service", "region", "specialty", "sex"]
"""Claim fields that may be declared as a category."""

AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
AttributeValue: TypeAlias = (
    StrictBool
    | Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-MAX_NUMBER, le=MAX_NUMBER)]
    | Annotated[StrictStr, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00-\x1f\x7f]*$")]
    | None
)
"""A value on the wire: a date is ISO text (`2024-05-31`); None: the source has no value."""
Attributes = Annotated[dict[AttributeName, AttributeValue], Field(max_length=MAX_ATTRIBUTES)]
"""Attribute → value of one claim."""


class AttributeType(StrEnum):
    """What the values of an attribute are."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    DATE = "date"


class Attribute(BaseModel):
    """The declaration of one attribute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: AttributeType
    meaning: str = Field(
        min_length=1,
        max_length=120,
        pattern=r"^[^\x00-\x1f\x7f{}]+$",
        description="What it is, as reasons state it before the value.",
    )
    unit: str = Field("", max_length=20, pattern=r"^[^\x00-\x1f\x7f{}]*$", description="Of a number, such as `years`.")
    of: Literal["claim", "member", "provider", "line"] = Field(
        "claim",
        description="What it describes. A line's values are aggregated to the claim: the largest number, whether any "
        "boolean is true, the earliest date, the category of the first line that has one.",
    )
    field: MappedCategory | None = Field(
        None, description="The claim field that a category is read from; null: an attribute of the source."
    )


def feature_name(attribute: str) -> str:
    """The name of an attribute's feature in a model's schema."""
    return PREFIX + attribute
