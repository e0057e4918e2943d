"""Encoders of attributes: from a claim's value to the number that a model sees, one claim or many, with equal bits.

    number     itself, as float32
    boolean    1 or 0
    date       days from it to the claim's day of receipt (UTC); negative where it lies after
    category   the code of its level

A missing value is NaN. The levels of a category are the texts that at least `LEAST_CLAIMS` training claims have, at
most `MAX_LEVELS`, in the order of their fraud rates there, so that one split of a tree separates high from low rates.
Every other text, also one that no training claim had, has the code of `other`, which is placed by the rate of the
remaining training claims. Rates are smoothed towards the base rate: (frauds + `SMOOTHING` · base) /
(claims + `SMOOTHING`), the estimate of Micci-Barreca, SIGKDD Explorations 3(1), 2001.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from claims.attributes import (
    Attribute,
    AttributeType,
    AttributeValue,
    ValueName,
    feature_name,
)
from claims.scoring import ClaimFacts
from claims.windows import WindowValue
from core import clock
from core.clock import DAY_US
from features.errors import AttributeTypeError
from features.windows import window_values

LEAST_CLAIMS = 20
"""Fewest training claims of a level; a rarer text is `other`."""
MAX_LEVELS = 255
"""Most levels of a category; beyond them the rarest are `other`."""
SMOOTHING = 20.0
"""Claims of the base rate that are added to each level."""
ARROW_TYPES: dict[AttributeType, pa.DataType] = {
    AttributeType.NUMBER: pa.float64(),
    AttributeType.BOOLEAN: pa.bool_(),
    AttributeType.CATEGORY: pa.string(),
    AttributeType.DATE: pa.date32(),
    AttributeType.KEY: pa.string(),
}
"""The column of each type in `attributes.parquet`."""
_EPOCH = date(1970, 1, 1).toordinal()
_ALLOWED: dict[AttributeType, str] = {
    AttributeType.NUMBER: "a number",
    AttributeType.BOOLEAN: "true or false",
    AttributeType.CATEGORY: "a text",
    AttributeType.DATE: "a date such as 2024-05-31",
    AttributeType.KEY: "a text",
}


WINDOW = b"window"
"""Metadata of a column that has the values of a window: its declaration, as JSON."""


@dataclass(frozen=True, slots=True)
class DeclaredAttributes:
    """Attributes of a source: their declarations, and the values of its claims."""

    declared: Mapping[str, Attribute]
    values: pa.Table
    """`claim_id` and a typed column per attribute that is not a claim field."""

    def with_windows(self, claims: pa.Table, labels: pa.Table) -> "DeclaredAttributes":
        """The same with the values of its windows, for every claim of the claims frame."""
        windows = {name: one.window for name, one in self.declared.items() if one.window is not None}
        if not windows:
            return self
        stated = self.of(claims["claim_id"])
        table = pa.table(
            {"claim_id": claims["claim_id"], **dict(zip(stated.column_names, stated.columns, strict=True))}
        )
        for name, column in zip(windows, window_values(windows, claims, stated, labels).columns, strict=True):
            table = table.append_column(_window_field(name, windows[name]), column)
        return DeclaredAttributes(self.declared, table)

    def of(self, claim_ids: pa.ChunkedArray) -> pa.Table:
        """The values of claims, in their order; null for a claim that has none."""
        places = pc.index_in(claim_ids, value_set=self.values["claim_id"].combine_chunks())
        return self.values.drop_columns(["claim_id"]).take(places.combine_chunks())


def wire_values(values: pa.Table) -> list[dict[str, AttributeValue]]:
    """Each row as the `attributes` of a score request."""
    return [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
        for row in values.rename_columns([_wire_name(field) for field in values.schema]).to_pylist()
    ]


def _wire_name(field: pa.Field) -> str:
    declared = (field.metadata or {}).get(WINDOW)
    return field.name if declared is None else WindowValue.model_validate_json(declared).wire_name


class AttributeEncoder(BaseModel):
    """One attribute as a feature of one model; part of the model's document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ValueName
    attribute: Attribute
    levels: tuple[str, ...] = Field(
        (), max_length=MAX_LEVELS, description="Of a category, in the order of their codes."
    )
    other: int | None = Field(None, ge=0, description="The code of every other text; the levels have the other codes.")

    @model_validator(mode="after")
    def _consistent(self) -> "AttributeEncoder":
        if self.attribute.type is AttributeType.KEY:
            raise ValueError("a key is not a feature")
        category = self.attribute.type is AttributeType.CATEGORY
        if category != (self.other is not None) or (self.levels and not category):
            raise ValueError("a category has levels and a code for others, and nothing else has")
        if len(set(self.levels)) != len(self.levels) or (self.other or 0) > len(self.levels):
            raise ValueError("levels must be unique, and the code of others one of theirs or the next")
        return self

    @property
    def feature(self) -> str:
        """Its name in the model's schema."""
        return feature_name(self.name)

    def level(self, code: float) -> str | None:
        """The text with a code; None for the code of others."""
        place = int(code)
        if place == self.other:
            return None
        return self.levels[place - (self.other is not None and place > self.other)]

    def codes(self) -> dict[str, int]:
        """Level → code."""
        other = len(self.levels) if self.other is None else self.other
        return {level: place + (place >= other) for place, level in enumerate(self.levels)}

    def encode_many(self, claims: pa.Table, values: pa.Table | None) -> NDArray[np.float32]:
        """float32[N] of claims; `values` has the attributes of the same claims. NaN where they lack this one.

        Raises `AttributeTypeError` where the column has another type than the model was trained with.
        """
        column = column_of(self.name, self.attribute, claims, values)
        if column is None:
            return np.full(len(claims), np.nan, dtype=np.float32)
        missing = column.is_null().to_numpy()
        match self.attribute.type:
            case AttributeType.NUMBER:
                found = pc.fill_null(column, 0.0).to_numpy()
            case AttributeType.BOOLEAN:
                found = pc.fill_null(column, False).to_numpy()
            case AttributeType.DATE:
                days = pc.fill_null(column.cast(pa.int32()), 0).to_numpy().astype(np.int64)
                found = claims["received_at"].cast(pa.int64()).to_numpy() // DAY_US - days
            case AttributeType.CATEGORY:
                texts = column.combine_chunks().dictionary_encode()
                codes = self.codes()
                known = [codes.get(text, self.other) for text in texts.dictionary.to_pylist()]
                found = np.array([*known, 0])[pc.fill_null(texts.indices, len(known)).to_numpy()]
        encoded: NDArray[np.float32] = found.astype(np.float32)
        encoded[missing] = np.nan
        return encoded


class ClaimEncoder:
    """Encodes the value of one claim, with the look-ups prepared. Stateless; may be shared by threads."""

    def __init__(self, encoder: AttributeEncoder) -> None:
        self.feature, self._attribute = encoder.feature, encoder.attribute
        window = encoder.attribute.window
        self._name = encoder.name if window is None else window.wire_name
        self._codes = encoder.codes()
        self._other = float(encoder.other or 0)

    def encode(self, facts: ClaimFacts) -> tuple[float, bool]:
        """The number of a claim, and whether the claim states the attribute.

        An attribute that is given as null has no value, as in training; one that is not given at all is not known, and
        neither is a claim field without a value. Raises `AttributeTypeError`.
        """
        declared = self._attribute
        if declared.field is not None:
            value: AttributeValue = getattr(facts, declared.field)
            stated = value is not None
        else:
            stated = self._name in facts.attributes
            value = facts.attributes.get(self._name)
        return (np.nan if value is None else self._number(value, facts)), stated

    def _number(self, value: float | bool | str, facts: ClaimFacts) -> float:
        match self._attribute.type:
            case AttributeType.NUMBER if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
            case AttributeType.BOOLEAN if isinstance(value, bool):
                return float(value)
            case AttributeType.CATEGORY if isinstance(value, str):
                return self._codes.get(value, self._other)
            case AttributeType.DATE if isinstance(value, str):
                return clock.micros(facts.received_at) // DAY_US - (self._day(value) - _EPOCH)
        raise self._refused()

    def _day(self, text: str) -> int:
        try:
            if len(text) == len("2024-05-31"):
                return date.fromisoformat(text).toordinal()
        except ValueError:
            pass
        raise self._refused()

    def _refused(self) -> AttributeTypeError:
        return AttributeTypeError(f"attributes.{self._name} must be {_ALLOWED[self._attribute.type]} or null")


def _window_field(name: str, window: WindowValue) -> pa.Field:
    return pa.field(name, pa.float64(), metadata={WINDOW: window.model_dump_json()})


def column_of(name: str, attribute: Attribute, claims: pa.Table, values: pa.Table | None) -> pa.ChunkedArray | None:
    """The values of an attribute for claims; None where the source has none. Raises `AttributeTypeError`."""
    if attribute.field is not None:
        return claims[attribute.field]
    if values is None or name not in values.column_names:
        return None
    if attribute.window is not None and not values.field(name).equals(
        _window_field(name, attribute.window), check_metadata=True
    ):
        raise AttributeTypeError(
            f"{name} is declared differently from the model's: under `windows` of the mapping use the key, column, "
            "length and delay_days that the model was trained with"
        )
    column, expected = values[name], ARROW_TYPES[attribute.type]
    if column.type != expected:
        raise AttributeTypeError(
            f"attribute {name} is {column.type}, but the model was trained with a {attribute.type} ({expected}): "
            f"declare features.{name} in the mapping with type: {attribute.type}"
        )
    return column


def fit_encoder(name: str, attribute: Attribute, column: pa.ChunkedArray, fraud: NDArray[np.bool_]) -> AttributeEncoder:
    """Fit an encoder to the values and labels of training claims (N each); only a category learns from them."""
    if attribute.type is not AttributeType.CATEGORY:
        return AttributeEncoder(name=name, attribute=attribute)
    texts = column.combine_chunks().dictionary_encode()
    present = texts.is_valid().to_numpy(zero_copy_only=False)
    places = pc.fill_null(texts.indices, 0).to_numpy()[present]
    names: list[str] = texts.dictionary.to_pylist()
    claims = np.bincount(places, minlength=len(names))
    frauds = np.bincount(places, weights=fraud[present], minlength=len(names))
    base = float(fraud.mean()) if len(fraud) else 0.0

    def rate(frauds_of: float, claims_of: int) -> float:
        return (frauds_of + SMOOTHING * base) / (claims_of + SMOOTHING)

    frequent = sorted((i for i in range(len(names)) if claims[i] >= LEAST_CLAIMS), key=lambda i: (-claims[i], names[i]))
    kept = frequent[:MAX_LEVELS]
    rest = rate(float(frauds.sum() - frauds[kept].sum()), int(claims.sum() - claims[kept].sum()))
    rated = sorted((rate(float(frauds[i]), int(claims[i])), names[i]) for i in kept)
    other = sum(found <= rest for found, _ in rated)
    return AttributeEncoder(name=name, attribute=attribute, levels=tuple(text for _, text in rated), other=other)
