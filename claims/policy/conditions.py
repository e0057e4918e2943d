"""Conditions of rules: comparisons of one field each, joined by `all` and `any`.

A comparison with a missing value does not hold, whatever its operator; `missing` asks for it.
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from claims.policy.facts import NOT_READ, FieldValue, PolicyFacts
from claims.policy.fields import FIELDS, FieldKind
from claims.policy.strict import ONE_LINE, DocumentPart

MAX_DEPTH = 3
"""Levels of `all` and `any` within a condition."""
MAX_PARTS = 20
"""Conditions joined by one `all` or `any`."""
MAX_VALUES = 500
"""Values of one list."""
MAX_TEXT = 100
MAX_NUMBER = (1 << 53) - 1


class Operator(Enum):
    """How a field is compared with a value."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    MISSING = "missing"


_EQUAL = (Operator.EQ, Operator.NE)
_ORDER = (Operator.LT, Operator.LE, Operator.GT, Operator.GE)
_LIST = (Operator.IN, Operator.NOT_IN)
OPERATORS = {
    FieldKind.NUMBER: (*_EQUAL, *_ORDER, *_LIST, Operator.MISSING),
    FieldKind.SHARE: (*_ORDER, Operator.MISSING),
    FieldKind.TEXT: (*_EQUAL, *_LIST, Operator.MISSING),
    FieldKind.FLAG: (Operator.EQ, Operator.MISSING),
    FieldKind.CODES: (Operator.CONTAINS, Operator.NOT_CONTAINS),
}
"""What a field of each kind can be compared by."""


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


def _is_value(value: object, kind: FieldKind) -> bool:
    match kind:
        case FieldKind.NUMBER:
            return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER
        case FieldKind.SHARE:
            return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
        case FieldKind.TEXT | FieldKind.CODES:
            return isinstance(value, str) and len(value) <= MAX_TEXT and re.fullmatch(ONE_LINE, value) is not None
        case FieldKind.FLAG:
            return isinstance(value, bool)


class FieldComparison(DocumentPart):
    """One field compared with a value, or with a list of values."""

    field: str = Field(description="A field of the claim, its member, its provider, its findings or its score.")
    operator: str = Field(description="Which ones a field allows depends on its kind.")
    value: bool | int | float | str | list[int] | list[str] = Field(description="Of the field's kind.")

    @model_validator(mode="after")
    def _check(self) -> "FieldComparison":
        field = FIELDS.get(self.field)
        if field is None:
            raise ValueError(f"unknown field {self.field[:40]}; allowed: {_names(FIELDS)}")
        allowed = OPERATORS[field.kind]
        if self.operator not in [one.value for one in allowed]:
            names = _names(one.value for one in allowed)
            raise ValueError(f"operator {self.operator[:40]} does not fit {field.name}; allowed: {names}")
        operator = self.asked
        if operator is Operator.MISSING:
            if not isinstance(self.value, bool):
                raise ValueError("the value of missing must be true or false")
        elif operator in _LIST:
            if not isinstance(self.value, list) or not 0 < len(self.value) <= MAX_VALUES:
                raise ValueError(f"the value of {operator.value} must be a list of 1 to {MAX_VALUES} values")
            if not all(_is_value(one, field.kind) for one in self.value):
                raise ValueError(f"each value must be a {field.kind.value}, as {field.name} is")
        elif isinstance(self.value, list) or not _is_value(self.value, field.kind):
            kind = "finding code" if field.kind is FieldKind.CODES else field.kind.value
            raise ValueError(
                f"the value must be a {kind}, as {field.name} is; texts are one line of 1 to {MAX_TEXT} characters"
            )
        if field.kind is FieldKind.CODES and self.value in NOT_READ:
            fields = "probability, model_flagged, rule_flagged or amount_cents"
            raise ValueError(f"{self.value} is found after the rules; compare {fields} instead")
        return self

    @property
    def asked(self) -> Operator:
        """The operator."""
        return Operator(self.operator)

    def holds(self, facts: PolicyFacts) -> bool:
        """Whether it holds for a claim."""
        found, operator = facts.value(self.field), self.asked
        if operator is Operator.MISSING:
            return (found is None) == self.value
        return found is not None and _compare(found, operator, self.value)

    @property
    def depth(self) -> int:
        """Levels of `all` and `any`."""
        return 0

    @property
    def comparisons(self) -> "tuple[FieldComparison, ...]":
        """Itself."""
        return (self,)


def _compare(found: FieldValue, operator: Operator, asked: object) -> bool:
    one: Any = found
    value: Any = asked
    match operator:
        case Operator.EQ:
            return bool(one == value)
        case Operator.NE:
            return bool(one != value)
        case Operator.LT:
            return bool(one < value)
        case Operator.LE:
            return bool(one <= value)
        case Operator.GT:
            return bool(one > value)
        case Operator.GE:
            return bool(one >= value)
        case Operator.IN:
            return one in value
        case Operator.NOT_IN:
            return one not in value
        case Operator.CONTAINS:
            return value in one
        case _:
            return value not in one


class AllOf(DocumentPart):
    """Holds where every one of its conditions holds."""

    all: "list[Condition]" = Field(min_length=1, max_length=MAX_PARTS)

    def holds(self, facts: PolicyFacts) -> bool:
        """Whether it holds for a claim."""
        return all(one.holds(facts) for one in self.all)

    @property
    def depth(self) -> int:
        """Levels of `all` and `any`, with this one."""
        return 1 + max(one.depth for one in self.all)

    @property
    def comparisons(self) -> tuple[FieldComparison, ...]:
        """Every comparison in it."""
        return tuple(found for one in self.all for found in one.comparisons)


class AnyOf(DocumentPart):
    """Holds where at least one of its conditions holds."""

    any: "list[Condition]" = Field(min_length=1, max_length=MAX_PARTS)

    def holds(self, facts: PolicyFacts) -> bool:
        """Whether it holds for a claim."""
        return any(one.holds(facts) for one in self.any)

    @property
    def depth(self) -> int:
        """Levels of `all` and `any`, with this one."""
        return 1 + max(one.depth for one in self.any)

    @property
    def comparisons(self) -> tuple[FieldComparison, ...]:
        """Every comparison in it."""
        return tuple(found for one in self.any for found in one.comparisons)


def _kind(value: object) -> str:
    if isinstance(value, AllOf) or (isinstance(value, dict) and "all" in value):
        return "all_of"
    if isinstance(value, AnyOf) or (isinstance(value, dict) and "any" in value):
        return "any_of"
    return "comparison"


VALUE = "value"
"""The key of a comparison whose value has one of several types."""
KINDS = ("all_of", "any_of", "comparison")
Condition: TypeAlias = Annotated[
    Annotated[AllOf, Tag("all_of")] | Annotated[AnyOf, Tag("any_of")] | Annotated[FieldComparison, Tag("comparison")],
    Discriminator(_kind),
]
"""A comparison, or conditions joined by `all` or `any`."""
