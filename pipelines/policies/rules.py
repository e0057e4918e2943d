"""Rules over columns: the same conditions as `claims.policy.apply_rules`, for all claims at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from claims.policy import FIELDS, AllOf, AnyOf, Condition, FieldComparison, FieldKind, Operator, PolicyRule
from pipelines.policies.columns import ClaimColumns, Flags, Floats

_ORDERED = {
    Operator.EQ: np.equal,
    Operator.NE: np.not_equal,
    Operator.LT: np.less,
    Operator.LE: np.less_equal,
    Operator.GT: np.greater,
    Operator.GE: np.greater_equal,
}


@dataclass(frozen=True, slots=True)
class EffectColumns:
    """What the rules do to each claim."""

    auto_cap: Floats
    """The lowest cap of the rules that hold; NaN: that of the parameters."""
    rule_cap: Floats
    held: dict[str, Flags] = field(default_factory=dict)
    """Rule → the claims that it holds for."""


def rule_effects(rules: tuple[PolicyRule, ...], claims: ClaimColumns, findings: Mapping[str, Flags]) -> EffectColumns:
    """Evaluate the rules; `findings` are those that conditions read, by code."""
    count = len(claims)
    effects = EffectColumns(np.full(count, np.nan), np.full(count, np.nan))
    for rule in rules:
        held = holds(rule.when, claims, findings)
        effects.held[rule.name] = held
        then = rule.then
        if then.auto_approval_cap_cents is not None:
            effects.auto_cap[held] = np.fmin(effects.auto_cap[held], then.auto_approval_cap_cents)
        if then.rule_approval_cap_cents is not None:
            effects.rule_cap[held] = np.fmin(effects.rule_cap[held], then.rule_approval_cap_cents)
    return effects


def holds(condition: Condition, claims: ClaimColumns, findings: Mapping[str, Flags]) -> Flags:
    """The claims that a condition holds for."""
    if isinstance(condition, FieldComparison):
        return _compare(condition, claims, findings)
    parts = condition.all if isinstance(condition, AllOf) else condition.any
    found = [holds(one, claims, findings) for one in parts]
    joined: Flags = (np.logical_or if isinstance(condition, AnyOf) else np.logical_and).reduce(found)
    return joined


def _compare(one: FieldComparison, claims: ClaimColumns, findings: Mapping[str, Flags]) -> Flags:
    match FIELDS[one.field].kind:
        case FieldKind.CODES:
            found = findings.get(str(one.value), np.zeros(len(claims), np.bool_))
            return found if one.asked is Operator.CONTAINS else ~found
        case FieldKind.TEXT:
            return _texts(one, claims)
        case FieldKind.FLAG:
            return _flags(one, claims)
        case _:
            return _numbers(one, claims.number(one.field))


def _numbers(one: FieldComparison, column: Floats) -> Flags:
    present = ~np.isnan(column)
    if one.asked is Operator.MISSING:
        return ~present if one.value is True else present
    if one.asked in (Operator.IN, Operator.NOT_IN):
        inside = np.isin(column, np.asarray(one.value, np.float64))
        return present & (inside if one.asked is Operator.IN else ~inside)
    compared: Flags = present & _ORDERED[one.asked](column, one.value)
    return compared


def _texts(one: FieldComparison, claims: ClaimColumns) -> Flags:
    column = claims.text(one.field)
    present = column.codes >= 0
    if one.asked is Operator.MISSING:
        return ~present if one.value is True else present
    values = one.value if isinstance(one.value, list) else [one.value]
    inside = np.isin(column.codes, [column.code(str(value)) for value in values])
    return present & (inside if one.asked in (Operator.IN, Operator.EQ) else ~inside)


def _flags(one: FieldComparison, claims: ClaimColumns) -> Flags:
    if one.field == "rule_flagged":
        present, value = claims.rule_flagged >= 0, claims.rule_flagged == 1
    else:
        present, value = ~np.isnan(claims.probability), claims.model_flagged
    if one.asked is Operator.MISSING:
        return ~present if one.value is True else present
    found: Flags = present & (value == bool(one.value))
    return found
