"""A policy document: what it holds, its limits, and what is wrong with one that cannot be used."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from typing import Annotated

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from claims.adjudication import DecisionPolicy, SuspicionPolicy
from claims.money import MAX_CENTS
from claims.plausibility import MIN_STORED_CLAIMS, PlausibilityPolicy, ScopePolicy
from claims.policy.conditions import KINDS, MAX_DEPTH, VALUE, Condition
from claims.policy.strict import ONE_LINE, DocumentPart

MAX_DOCUMENT_BYTES = 65_536
"""Of a document with every parameter, as JSON."""
MAX_RULES = 100
MAX_COMPARISONS = 500
"""Of all rules together: what one claim may cost."""
MAX_PROBLEMS = 20
"""Problems that are reported of one document."""
DEFAULT_PLAUSIBILITY, DEFAULT_SUSPICION = PlausibilityPolicy(), SuspicionPolicy()
DEFAULT_DECISION = DecisionPolicy(rule_approval_cap_cents=1_000_00)

_Cents = Annotated[int, Field(ge=0, le=MAX_CENTS)]
_Factor = Annotated[float, Field(ge=1, le=1_000)]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=ONE_LINE)]


def _day(value: object) -> object:
    """A day as JSON has it, or as YAML reads it."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return date.fromisoformat(value)
    if type(value) is date:
        return value
    raise ValueError("must be a day such as 2026-12-01")


_Day = Annotated[date, BeforeValidator(_day)]


class InvalidPolicy(ValueError):
    """A document cannot be used; `problems` says what is wrong, where, and what is allowed."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class ScopeParameters(DocumentPart):
    """When the prices of a scope are compared with, and how far above their median a price may lie."""

    min_claims: int = Field(ge=MIN_STORED_CLAIMS, le=1_000_000)
    floor_factor: _Factor
    ceiling_factor: _Factor

    @model_validator(mode="after")
    def _ordered(self) -> "ScopeParameters":
        if self.floor_factor > self.ceiling_factor:
            raise ValueError("floor_factor must be at most ceiling_factor")
        return self

    @classmethod
    def of(cls, scope: ScopePolicy) -> "ScopeParameters":
        """The parameters of a scope."""
        return cls(**asdict(scope))

    @property
    def scope(self) -> ScopePolicy:
        """The scope with these parameters."""
        return ScopePolicy(self.min_claims, self.floor_factor, self.ceiling_factor)


_P, _S, _D = DEFAULT_PLAUSIBILITY, DEFAULT_SUSPICION, DEFAULT_DECISION


class PolicyParameters(DocumentPart):
    """Parameters of the edits, and caps. One that is not given has the value that the platform comes with."""

    auto_approval_cap_cents: _Cents = Field(
        _P.auto_approval_cap_cents, description="A claim above this amount is always reviewed by a person."
    )
    rule_approval_cap_cents: _Cents = Field(
        _D.rule_approval_cap_cents, description="A claim without a score is reviewed above this amount."
    )
    complete_gain_present: float = Field(
        _D.complete_gain_present, ge=0, le=1, description="A score with less of the model's gain leads to review."
    )
    provider: ScopeParameters = Field(ScopeParameters.of(_P.provider), description="Prices of the provider.")
    region: ScopeParameters = Field(ScopeParameters.of(_P.region), description="Prices in the region.")
    procedure: ScopeParameters = Field(ScopeParameters.of(_P.procedure), description="Prices of all providers.")
    spread_multiple: float = Field(
        _P.spread_multiple, ge=0, le=100, description="Robust standard deviations of the log price that are plausible."
    )
    peer_factor: _Factor = Field(_P.peer_factor, description="Highest plausible multiple of all providers' median.")
    catalogue_factor: _Factor = Field(_P.catalogue_factor, description="Highest plausible multiple of the catalogue.")
    firm_spread: float = Field(_P.firm_spread, ge=0, le=100, description="Secondary lines are compared below it.")
    established_band: _Factor = Field(_P.established_band, description="Multiple of the own median that is usual.")
    established_peer_factor: _Factor = Field(
        _P.established_peer_factor, description="Multiple of all providers' median that an own median may have."
    )
    units_factor: _Factor = Field(_P.units_factor, description="Highest plausible multiple of the high quantile.")
    min_provider_claims: int = Field(
        _P.min_provider_claims, ge=0, le=1_000_000, description="A provider with fewer claims in a year has no history."
    )
    suspicion_days: int = Field(_S.days, ge=0, le=366, description="Services this many days apart may be the same.")
    unreviewed_replacements: int = Field(
        _S.unreviewed_replacements, ge=0, le=1_000, description="More replacements of one claim lead to review."
    )

    def plausibility(self, effective_from: date) -> PlausibilityPolicy:
        """The limits of the plausibility checks."""
        return PlausibilityPolicy(
            effective_from=effective_from,
            provider=self.provider.scope,
            region=self.region.scope,
            procedure=self.procedure.scope,
            spread_multiple=self.spread_multiple,
            peer_factor=self.peer_factor,
            catalogue_factor=self.catalogue_factor,
            firm_spread=self.firm_spread,
            established_band=self.established_band,
            established_peer_factor=self.established_peer_factor,
            units_factor=self.units_factor,
            auto_approval_cap_cents=self.auto_approval_cap_cents,
            min_provider_claims=self.min_provider_claims,
        )

    @property
    def decision(self) -> DecisionPolicy:
        """The limits of the decision."""
        return DecisionPolicy(self.rule_approval_cap_cents, self.complete_gain_present)


class RuleEffect(DocumentPart):
    """What a rule does: send the claim to review, or replace one cap for it. It has exactly one of these keys."""

    review: bool | None = Field(None, description="true: a person reviews the claim.")
    auto_approval_cap_cents: _Cents | None = Field(None, description="The cap of the claims that the rule holds for.")
    rule_approval_cap_cents: _Cents | None = Field(None, description="Likewise, for claims without a score.")

    @model_validator(mode="after")
    def _one(self) -> "RuleEffect":
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"must have exactly one of {', '.join(type(self).model_fields)}")
        if self.review is False:
            raise ValueError("review must be true; a rule cannot end a review")
        return self


class PolicyRule(DocumentPart):
    """A condition and what it leads to."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = Field(
        description="Lower-case letters, digits and underscores; at most 40."
    )
    when: Condition
    then: RuleEffect
    reason: _Text = Field(description="What the reviewer reads; no personal data.")

    @field_validator("when")
    @classmethod
    def _not_deep(cls, when: Condition) -> Condition:
        if when.depth > MAX_DEPTH:
            raise ValueError(f"has more than {MAX_DEPTH} levels of all and any; split the rule")
        return when


class PolicyDocument(DocumentPart):
    """A policy: validity, parameters and rules."""

    title: _Text = Field(description="What it is for.")
    valid_from: _Day = Field(description="First day of receipt that it can decide.")
    valid_until: _Day | None = Field(None, description="Last such day; null: no end.")
    parameters: PolicyParameters = Field(default_factory=PolicyParameters)
    rules: tuple[PolicyRule, ...] = Field((), max_length=MAX_RULES)

    @field_validator("rules", mode="before")
    @classmethod
    def _as_tuple(cls, rules: object) -> object:
        return tuple(rules) if isinstance(rules, list) else rules

    @model_validator(mode="after")
    def _consistent(self) -> "PolicyDocument":
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until must not be before valid_from")
        names = [rule.name for rule in self.rules]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two rules have the name {twice[0]}; names must differ")
        if sum(len(rule.when.comparisons) for rule in self.rules) > MAX_COMPARISONS:
            raise ValueError(f"the rules have more than {MAX_COMPARISONS} comparisons; remove some")
        return self

    def as_json(self) -> dict[str, JsonValue]:
        """The document with every parameter, as it is stored."""
        document: dict[str, JsonValue] = self.model_dump(mode="json", exclude_none=True)
        return document


def read_document(value: object) -> PolicyDocument:
    """The document in a value that was read from JSON or YAML. Raises `InvalidPolicy`, also where it is too long."""
    try:
        text = json.dumps(value, default=_day_or_refuse, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidPolicy(["the document must consist of JSON values; dates are written as 2026-12-01"]) from None
    if len(text) > MAX_DOCUMENT_BYTES:
        raise InvalidPolicy([f"the document has more than {MAX_DOCUMENT_BYTES:,} bytes as JSON; shorten it"])
    document = read_stored_document(value)
    if len(json.dumps(document.as_json())) > MAX_DOCUMENT_BYTES:
        raise InvalidPolicy(
            [f"the document with every parameter has more than {MAX_DOCUMENT_BYTES:,} bytes as JSON; shorten it"]
        )
    return document


def read_stored_document(value: object) -> PolicyDocument:
    """The document in a value that was stored, whatever its length. Raises `InvalidPolicy`."""
    if not isinstance(value, dict):
        raise InvalidPolicy([f"the document must be an object with the keys {', '.join(PolicyDocument.model_fields)}"])
    try:
        return PolicyDocument.model_validate(value)
    except ValidationError as error:
        raise InvalidPolicy(list(_problems(error))[:MAX_PROBLEMS]) from None


def _day_or_refuse(value: object) -> str:
    """YAML reads an unquoted date as a date."""
    if type(value) is date:
        return value.isoformat()
    raise TypeError


def _problems(error: ValidationError) -> Iterator[str]:
    found: dict[str, None] = {}
    for one in error.errors(include_url=False, include_input=False):
        loc = one["loc"]
        if VALUE in loc[:-1]:  # one problem for each type that a value can have
            place = _place(loc[: loc.index(VALUE) + 1])
            found[f"{place}: must be true or false, a number, a text, or a list of whole numbers or of texts"] = None
            continue
        place = _place(loc)
        message = one["msg"].removeprefix("Value error, ")
        message = f"{message[:1].lower()}{message[1:]}"
        if one["type"] == "string_pattern_mismatch":
            message = "must be lower-case letters, digits and _" if place.endswith("name") else "must be one line"
        found[f"{place}: {message}" if place else message] = None
    yield from found


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc if part not in KINDS)
