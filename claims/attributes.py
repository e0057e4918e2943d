"""Attributes: columns of a source that are not claim fields, declared so that a model can use each as a feature.

A declaration states what a value is and what it describes. The feature of an attribute has its name with the prefix
`own_` in a model's schema, so that it never collides with a built-in feature.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, StringConstraints

from claims.windows import (
    CLAIM_KEYS,
    CLAIM_NUMBERS,
    CLAIM_TEXTS,
    OF_FINDINGS,
    EntityWindow,
    WindowValue,
    WindowValueKind,
    meaning_of,
)

MAX_ATTRIBUTES = 100
"""Most attributes of a mapping or a claim."""
MAX_VALUES = 500
"""Most attributes of a model, those of windows included."""
MAX_TEXT = 64
"""Longest text of an attribute, in characters."""
MAX_NUMBER = 1e15
"""Largest magnitude of a number."""
PREFIX = "own_"
"""Prefix of an attribute's feature in a model's schema."""

MappedCategory = Literal["procedure_code", "diagnosis_code", "place_of_service", "region", "specialty", "sex"]
"""Claim fields that may be declared as a category."""

AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
ValueName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}(\.[a-z0-9_]{1,60})?$")]
"""The name of an attribute, or with a dot that of a window's value, which no source can state."""
AttributeValue: TypeAlias = (
    StrictBool
    | Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-MAX_NUMBER, le=MAX_NUMBER)]
    | Annotated[StrictStr, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00-\x1f\x7f]*$")]
    | None
)
"""A value on the wire: a date is ISO text (`2024-05-31`); None: the source has no value."""
Attributes = Annotated[dict[AttributeName, AttributeValue], Field(max_length=MAX_ATTRIBUTES)]
"""Attribute → value of one claim, as its source states it."""
ScoredAttributes = Annotated[dict[ValueName, AttributeValue], Field(max_length=MAX_ATTRIBUTES + 2 * MAX_VALUES)]
"""As `Attributes`, with the values of the windows of a champion and a challenger."""


class AttributeType(StrEnum):
    """What the values of an attribute are."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    DATE = "date"
    KEY = "key"
    """Names an entity, such as a terminal: the key of windows, and no feature itself."""


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
    window: WindowValue | None = Field(
        None, exclude_if=lambda window: window is None, description="The value of a window; null: not one."
    )

    @property
    def stated(self) -> bool:
        """Whether a claim states it; else it is read from a claim field or computed from earlier claims."""
        return self.field is None and self.window is None


def feature_name(attribute: str) -> str:
    """The name of an attribute's feature in a model's schema."""
    return PREFIX + attribute


_CLAIM_COLUMNS: dict[WindowValueKind, tuple[str, ...]] = {
    WindowValueKind.SUM: CLAIM_NUMBERS,
    WindowValueKind.MEAN: CLAIM_NUMBERS,
    WindowValueKind.SHARE: (),
    WindowValueKind.DISTINCT: CLAIM_TEXTS,
    WindowValueKind.LAST: CLAIM_NUMBERS,
}
"""Kind → claim fields that it may read."""
_COLUMN_TYPES: dict[WindowValueKind, tuple[AttributeType, ...]] = {
    WindowValueKind.SUM: (AttributeType.NUMBER,),
    WindowValueKind.MEAN: (AttributeType.NUMBER,),
    WindowValueKind.SHARE: (AttributeType.BOOLEAN,),
    WindowValueKind.DISTINCT: (AttributeType.KEY, AttributeType.CATEGORY),
    WindowValueKind.LAST: (AttributeType.NUMBER,),
}
"""Kind → types of the attributes that it may read."""
_LONGEST_MEANING = 50


def window_attributes(windows: Mapping[str, EntityWindow], declared: Mapping[str, Attribute]) -> dict[str, Attribute]:
    """The attributes that the values of windows become; `declared` are those that a claim states.

    Raises `ValueError` for a key or a column that there is not, or of a type that cannot be used.
    """
    found: dict[str, Attribute] = {}
    for name, window in windows.items():
        key = declared.get(window.key)
        usable = key is not None and key.stated and key.type in (AttributeType.KEY, AttributeType.CATEGORY)
        if window.key not in CLAIM_KEYS and not usable:
            raise ValueError(
                f"windows.{name}.key: {window.key!r} is neither {', '.join(CLAIM_KEYS)} nor an attribute of type key "
                "or category with a column"
            )
        for value_name, value in window.values(name).items():
            column = "" if value.column is None else _column_meaning(name, value.kind, value.column, declared)
            entity = window.meaning or name.replace("_", " ")
            found[value_name] = Attribute(
                type=AttributeType.NUMBER,
                meaning=meaning_of(value, entity, column),
                of="provider" if value.kind in OF_FINDINGS else "claim",
                window=value,
            )
    return found


def read_by_windows(values: Iterable[WindowValue]) -> dict[str, Attribute]:
    """The attributes that values of windows are computed from, as far as their types follow from that."""
    found: dict[str, Attribute] = {}
    for value in values:
        if value.key not in CLAIM_KEYS:
            found.setdefault(value.key, _implied(value.key, AttributeType.KEY))
        if value.column is not None and value.column not in _CLAIM_COLUMNS[value.kind]:
            found.setdefault(value.column, _implied(value.column, _COLUMN_TYPES[value.kind][0]))
    return found


def _implied(name: str, kind: AttributeType) -> Attribute:
    return Attribute(type=kind, meaning=name.replace("_", " ").capitalize())


def _column_meaning(name: str, kind: WindowValueKind, column: str, declared: Mapping[str, Attribute]) -> str:
    if column in _CLAIM_COLUMNS[kind]:
        return column.removesuffix("_id").replace("_", " ")
    attribute = declared.get(column)
    if attribute is None or not attribute.stated or attribute.type not in _COLUMN_TYPES[kind]:
        allowed = [*_CLAIM_COLUMNS[kind], "an attribute of type " + " or ".join(_COLUMN_TYPES[kind])]
        raise ValueError(f"windows.{name}.{kind}: {column!r} must be {', '.join(allowed)}")
    text = attribute.meaning.rstrip(".")
    text = text if len(text) <= _LONGEST_MEANING else column.replace("_", " ")
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
