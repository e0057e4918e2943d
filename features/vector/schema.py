"""A model's schema: which built-in features it uses, and which attributes, in the order of its vector."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from claims.attributes import AttributeType
from claims.scoring import ClaimFacts
from features.declare import ATTRIBUTES, UNLIKE_TYPICAL, Feature, Type, Unit
from features.errors import UnknownFeatureError
from features.vector.attributes import AttributeEncoder, ClaimEncoder
from features.vector.build import FEATURE, FEATURE_NAMES
from features.vector.wording import in_sentence, quantity

_KINDS: dict[AttributeType, tuple[Type, Unit]] = {
    AttributeType.NUMBER: ("number", "count"),
    AttributeType.BOOLEAN: ("flag", "flag"),
    AttributeType.CATEGORY: ("integer", "level"),
    AttributeType.DATE: ("integer", "days"),
    AttributeType.KEY: ("integer", "level"),
}


@dataclass(frozen=True, slots=True)
class ModelSchema:
    """The features of a model (F): built-in ones first, then those of attributes."""

    features: tuple[Feature, ...]
    encoders: tuple[AttributeEncoder, ...]
    """One per feature of an attribute, in their order."""
    places: NDArray[np.intp]
    """Of the built-in features in the full vector (`FEATURE_NAMES`)."""

    @classmethod
    def of(cls, names: Sequence[str], encoders: Sequence[AttributeEncoder] = ()) -> "ModelSchema":
        """The schema of feature names; `encoders` are those of the names that are not built-in, which come last.

        Raises `UnknownFeatureError`.
        """
        own = [encoder.feature for encoder in encoders]
        built_in = list(names[: len(names) - len(own)])
        unknown = [name for name in names if name not in FEATURE and name not in own]
        if unknown:
            raise UnknownFeatureError(f"features this version does not have: {', '.join(unknown)}")
        if [*built_in, *own] != list(names):
            raise UnknownFeatureError("the features of attributes must come last, in the order of their encoders")
        features = (*(FEATURE[name] for name in built_in), *map(feature_of, encoders))
        places = np.array([FEATURE_NAMES.index(name) for name in built_in], dtype=np.intp)
        return cls(features, tuple(encoders), places)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(feature.name for feature in self.features)

    def rows(
        self, full: NDArray[np.float32], claims: pa.Table, attributes: pa.Table | None = None
    ) -> NDArray[np.float32]:
        """float32[N, F] of claims: `full` (N, every built-in feature), their frame and attributes, row by row.

        Raises `AttributeTypeError`.
        """
        if not self.encoders:
            return np.ascontiguousarray(full[:, self.places])
        own = [encoder.encode_many(claims, attributes) for encoder in self.encoders]
        return np.ascontiguousarray(np.column_stack([full[:, self.places], *own]))

    def unknown_of(self, claims: pa.Table, attributes: pa.Table | None) -> list[list[str]]:
        """For each claim, the features of attributes that it does not state, as `ClaimVectors.of` lists them."""
        held = set() if attributes is None else set(attributes.column_names)
        unknown: list[list[str]] = [[] for _ in range(len(claims))]
        for encoder in self.encoders:
            if encoder.attribute.field is not None:
                for row in np.flatnonzero(claims[encoder.attribute.field].is_null().to_numpy()):
                    unknown[row].append(encoder.feature)
            elif encoder.name not in held:
                for features in unknown:
                    features.append(encoder.feature)
        return unknown


class ClaimVectors:
    """Builds the vector of one claim in a schema from its full vector. Stateless; may be shared by threads."""

    def __init__(self, schema: ModelSchema) -> None:
        self._places = schema.places
        self._encoders = [ClaimEncoder(encoder) for encoder in schema.encoders]

    def of(self, full: NDArray[np.float32], facts: ClaimFacts) -> tuple[NDArray[np.float32], list[str]]:
        """float32[..., F] of full vectors (..., every built-in feature) of one claim, and the attributes' features that
        it does not state. Raises `AttributeTypeError`.
        """
        built_in = full[..., self._places]
        found = [(encoder.feature, *encoder.encode(facts)) for encoder in self._encoders]
        own = np.array([value for _, value, _ in found], dtype=np.float32)
        own = np.broadcast_to(own, (*built_in.shape[:-1], len(own)))
        row = np.ascontiguousarray(np.concatenate([built_in, own], axis=-1))
        return row, [feature for feature, _, stated in found if not stated]


def feature_of(encoder: AttributeEncoder) -> Feature:
    """The feature of an attribute: a reason of its own, which states the value in the words of the declaration."""
    declared, name = encoder.attribute, encoder.feature
    kind, unit = _KINDS[declared.type]
    meaning = declared.meaning.rstrip(".")
    if declared.type is AttributeType.DATE:
        meaning = f"Days from {in_sentence(meaning)} to receipt"
    bounded = {AttributeType.BOOLEAN: 1.0, AttributeType.CATEGORY: float(len(encoder.levels))}
    return Feature(
        name=name,
        type=kind,
        unit=unit,
        meaning=meaning,
        aggregation_group=ATTRIBUTES,
        group=name,
        kind="prior" if declared.of in ("member", "provider") else "evidence",
        code=name,
        agrees=UNLIKE_TYPICAL,
        raises="{value}",
        missing=f"{meaning}: no value",
        shown=lambda value: _shown(encoder, value),
        low=bounded.get(declared.type) and 0.0,
        high=bounded.get(declared.type),
        window="",
        compute=lambda x: getattr(x, name),
    )


def _shown(encoder: AttributeEncoder, value: float) -> str:
    match encoder.attribute.type:
        case AttributeType.BOOLEAN:
            return "yes" if value else "no"
        case AttributeType.CATEGORY | AttributeType.KEY:
            return encoder.level(value) or "a rare value"
        case AttributeType.DATE:
            return f"{value:,.0f}"
        case AttributeType.NUMBER:
            return quantity(value, encoder.attribute.unit)
