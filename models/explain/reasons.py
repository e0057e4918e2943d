"""Turn contributions into reasons: the few groups of features that distinguish a claim, stated in words.

Contributions are taken relative to the typical claim (`models/explain/typical.py`) and summed by group
(`claims/reason_groups.py`). A reason states the facts that carry its group; see `Reasoner` for the rules.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from claims.reason_groups import REASON_GROUPS, ReasonKind
from claims.scoring import GroupPush, Reason
from features.declare import Feature
from features.vector import ClaimInputs, ModelSchema, describe, describe_series, needs, show
from models.explain.reason_kernels import IF_UNKNOWN, YES, rank
from models.explain.typical import TypicalClaim

MIN_PUSH = 0.05
"""Smallest push of a reason, in log-odds: five per cent of the odds."""
STATED_SHARE = 0.9
"""Reasons of one direction are added, strongest first, until they hold this share of all pushes in that direction."""
MIN_CARRIED_SHARE = 0.6
"""Smallest share of the contributions in a group's direction that the stated facts must carry."""
MAX_FACTS = 3
"""Most facts stated in one reason."""
SERIES_SHARE = 0.9
"""For a fact over several windows, enough windows are stated to carry this share of it."""
_CLOSE = 0.11
"""Values further apart than this share of the typical value, plus 1, always differ when displayed in whole days."""
MAX_REASONS = len(REASON_GROUPS)
"""Most reasons of one direction: a model may have many attributes, each a reason of its own."""
MIXED_SHARE = 0.5
"""Share of opposite contributions above which a reason is stated as a net effect."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All groups of one claim, and the reasons to state."""

    typical_margin: float
    """Log-odds of the typical claim; with the pushes of `groups` it sums to the margin."""
    groups: list[GroupPush]
    reasons: list[Reason]


@dataclass(frozen=True, slots=True)
class _Fact:
    """The features that measure one comparison, the most readable first; the place of the first, and after the last."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Group:
    """The features of one reason, from place `start` to before `stop`; the places of a fact follow one another."""

    code: str
    kind: ReasonKind
    names: tuple[str, ...]
    start: int
    stop: int
    first_fact: int
    """The place of its first fact among those of all groups, and after its last."""
    last_fact: int


@dataclass(frozen=True, slots=True)
class _FeatureWording:
    """A feature and the values at which its wording applies; index 1 of each pair is for raising."""

    feature: Feature
    typical: float | None
    typical_shown: str | None
    high: tuple[float, float]
    low: tuple[float, float]
    missing: tuple[bool, bool]
    needs: frozenset[str]

    def text(self, x: ClaimInputs, value: float, *, raising: bool) -> str:
        if value == value:
            return describe(self.feature, x, value, raising=raising, typical=self.typical_shown)
        if self.needs.isdisjoint(x.missing):
            return describe(self.feature, x, None, raising=raising)
        # Missing because inputs were unavailable; the declared wording would state that as a fact about the claim.
        return f"Not known: {self.feature.meaning[0].lower()}{self.feature.meaning[1:].rstrip('.')}"


class _Claim(NamedTuple):
    """One claim to explain: lists over features, facts or groups in the reasoner's order."""

    x: ClaimInputs
    values: list[float]
    parts: list[float]
    """Contribution of each feature minus that of the typical claim."""
    agrees: list[int]
    """Of each feature, a constant of `reason_kernels`."""
    facts: list[float]
    """The sum of `parts` over each fact, above zero where it has the direction of its group's push."""
    ranked_facts: list[int]
    """The places of the facts; of each group in turn, by descending sum."""
    same_direction: list[float]
    """Of each group, the sum over its facts in the direction of its push."""
    pushes: list[float]
    """Of each group."""
    ranked: list[int]
    """The places of the groups, by descending size of the push."""


class Reasoner:
    """Turns the contributions of one schema into reasons.

    * A group becomes a reason if its push is at least `MIN_PUSH`, strongest first, until `STATED_SHARE` of all pushes
      in its direction is stated, and at most `MAX_REASONS`. The feature of an attribute is a group of its own.
    * It states at most `MAX_FACTS` facts, which together carry at least `MIN_CARRIED_SHARE` of the contributions in the
      group's direction, and so of the push itself. Features of one fact are stated once.
    * A fact is stated only if its value agrees with the direction (`Feature.agrees`). A group that cannot be stated
      under these rules is listed in `groups` only.
    """

    def __init__(self, schema: ModelSchema, typical: TypicalClaim | None = None) -> None:
        self._groups, self._facts, order = _grouped(schema.features)
        # Everything below is in this order of the features, so that what belongs together is a slice.
        self._order = np.array(order, dtype=np.intp)
        self._features = tuple(_wording_of(schema.features[place], typical) for place in order)
        self._names = tuple(one.feature.name for one in self._features)
        self._typical = np.array([0.0 if typical is None else typical.contributions[name] for name in self._names])
        self._typical_sum = math.fsum(self._typical.tolist())
        self._group_starts = np.array([group.start for group in self._groups] + [len(order)])
        self._first_facts = np.array([group.first_fact for group in self._groups] + [len(self._facts)])
        self._fact_starts = np.array([fact.start for fact in self._facts] + [len(order)])
        # Index 1 of the first axis is for raising.
        self._high, self._low, self._missing = (
            np.ascontiguousarray(np.array([getattr(one, name) for one in self._features]).T)
            for name in ("high", "low", "missing")
        )
        typical_values = [math.nan if one.typical is None else one.typical for one in self._features]
        self._typical_values = np.array(typical_values)
        self._close = _CLOSE * np.abs(self._typical_values) + 1

    def explain(
        self, x: ClaimInputs, row: NDArray[np.float32], phi: NDArray[np.float64], base_margin: float
    ) -> Explanation:
        """The groups and reasons of one claim; as `explain_many`."""
        return next(self.explain_many([x], row.reshape(1, -1), phi.reshape(1, -1), base_margin))

    def explain_many(
        self, inputs: Iterable[ClaimInputs], rows: NDArray[np.float32], phi: NDArray[np.float64], base_margin: float
    ) -> Iterator[Explanation]:
        """The groups and reasons of each claim, in order.

        `inputs` are those of each claim (`features.vector`), `rows` (N, F) their vectors in this schema, `phi` (N, F)
        the contributions in log-odds, which with `base_margin` sum to the margin.
        """
        values = rows[:, self._order].astype(np.float64)
        parts = phi[:, self._order] - self._typical
        columns = self._ranked(values, parts)
        for claim in map(_Claim, inputs, *[column.tolist() for column in columns]):
            reasons = [*self._directed(claim, raising=True), *self._directed(claim, raising=False)]
            groups = self._group_pushes(claim.pushes, claim.ranked, claim.parts)
            yield Explanation(base_margin + self._typical_sum, groups, reasons)

    def groups(self, phi: NDArray[np.float64]) -> list[GroupPush]:
        """Contribution of each group relative to the typical claim, by descending size."""
        parts = (phi[self._order] - self._typical).reshape(1, -1)
        claim = [column.tolist()[0] for column in self._ranked(np.zeros_like(parts), parts)]
        return self._group_pushes(pushes=claim[6], ranked=claim[7], parts=claim[1])

    def _group_pushes(self, pushes: list[float], ranked: list[int], parts: list[float]) -> list[GroupPush]:
        groups = self._groups
        return [
            GroupPush(
                (group := groups[place]).code,
                pushes[place],
                dict(zip(group.names, parts[group.start : group.stop], strict=True)),
            )
            for place in ranked
        ]

    def _ranked(self, values: NDArray[np.float64], parts: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
        """The fields of `_Claim` after its inputs as columns, of values and contributions (N, F) in this order."""
        rows, groups = len(values), len(self._groups)
        agrees = np.empty(values.shape, dtype=np.int8)
        facts, ranked_facts = _both(rows, len(self._facts))
        same_direction = np.empty((rows, groups))
        pushes, ranked = _both(rows, groups)
        rank(
            values,
            parts,
            self._group_starts,
            self._first_facts,
            self._fact_starts,
            self._high,
            self._low,
            self._missing,
            self._typical_values,
            self._close,
            agrees,
            facts,
            ranked_facts,
            same_direction,
            pushes,
            ranked,
        )
        return values, parts, agrees, facts, ranked_facts, same_direction, pushes, ranked

    def _directed(self, claim: _Claim, *, raising: bool) -> list[Reason]:
        """The reasons of one direction."""
        pushes = claim.pushes
        mine = [place for place in claim.ranked if (pushes[place] > 0) == raising]
        unstated = STATED_SHARE * abs(sum([pushes[place] for place in mine]))
        reasons: list[Reason] = []
        for place in mine:
            size = abs(pushes[place])
            if unstated <= 0 or size < MIN_PUSH or len(reasons) == MAX_REASONS:
                break
            reason = self._reason(place, claim, raising=raising)
            if reason is not None:
                reasons.append(reason)
                unstated -= size
        return reasons

    def _reason(self, place: int, claim: _Claim, *, raising: bool) -> Reason | None:
        group, push, same_direction = self._groups[place], claim.pushes[place], claim.same_direction[place]
        values, agrees = claim.values, claim.agrees
        enough = MIN_CARRIED_SHARE * same_direction
        carried, stated, carrier = 0.0, list[list[int]](), list[int]()
        for number in claim.ranked_facts[group.first_fact : group.last_fact]:
            part = claim.facts[number]
            if part <= 0 or carried >= enough or len(stated) == MAX_FACTS:
                break
            fact = self._facts[number]
            agreeing = [
                i
                for i in range(fact.start, fact.stop)
                if agrees[i] and (agrees[i] == YES or self._agrees_after_all(i, claim))
            ]
            if not agreeing:
                continue
            first = agreeing[0]
            if self._features[first].feature.series and values[first] == values[first]:
                sign = 1.0 if raising else -1.0
                agreeing = self._windows(agreeing, values, [sign * claim.parts[i] for i in agreeing], part)
                part = min(part, sign * sum([claim.parts[i] for i in agreeing]))
                carrier += agreeing
            else:
                carrier += range(fact.start, fact.stop)
            stated.append(agreeing)
            carried += part
        if carried < enough:
            return None
        facts = [self._words(agreeing, claim, raising=raising) for agreeing in stated]
        opposite = same_direction - abs(push)
        names = [self._names[i] for i in carrier]
        own = [None if (value := values[i]) != value else value for i in carrier]
        return Reason(
            code=group.code,
            kind=group.kind,
            text=_sentence(facts, push, mixed=opposite > MIXED_SHARE * same_direction),
            direction="for" if raising else "against",
            push=push,
            odds=math.exp(push),
            features=dict(zip(names, own, strict=True)),
            carrier=names,
            carrier_share=carried / same_direction,
        )

    def _agrees_after_all(self, place: int, claim: _Claim) -> bool:
        wording = self._features[place]
        if claim.agrees[place] == IF_UNKNOWN:
            return not wording.needs.isdisjoint(claim.x.missing)
        return show(wording.feature, claim.values[place]) != wording.typical_shown

    def _words(self, stated: list[int], claim: _Claim, *, raising: bool) -> str:
        """The wording of one fact: the windows of a series together, or its most readable feature."""
        wording, value = self._features[stated[0]], claim.values[stated[0]]
        if len(stated) == 1 or not wording.feature.series or value != value:
            return wording.text(claim.x, value, raising=raising)
        features = [self._features[i] for i in stated]
        return describe_series(
            [one.feature for one in features],
            [claim.values[i] for i in stated],
            [one.typical_shown for one in features],
        )

    def _windows(self, places: list[int], values: list[float], parts: list[float], fact: float) -> list[int]:
        """The fewest windows of a series that carry most of its fact, in order.

        All lie on the same side of the typical value, so that the statement is consistent.
        """
        kept: list[int] = []
        carried, side = 0.0, None
        for part, place in sorted(zip(parts, places, strict=True), reverse=True):
            if kept and (part <= 0 or carried >= SERIES_SHARE * fact):
                break
            typical = self._features[place].typical
            above = typical is None or values[place] > typical
            if side is None or side == above:
                side = above
                kept.append(place)
                carried += part
        return sorted(kept)


def _wording_of(feature: Feature, typical: TypicalClaim | None) -> _FeatureWording:
    value, absent = None, False
    if typical is not None:
        found = typical.values[feature.name]
        value, absent = (math.nan, True) if found is None else (found, False)
    both = [
        feature.agrees.bounds(
            raising=raising, typical=value, whole=feature.type != "number", flag=feature.type == "flag"
        )
        for raising in (False, True)
    ]
    return _FeatureWording(
        feature=feature,
        typical=None if absent else value,
        typical_shown=None if absent or value is None else show(feature, value),
        high=(both[0].high, both[1].high),
        low=(both[0].low, both[1].low),
        # A value that is missing for the typical claim as well is not a reason.
        missing=(feature.agrees.missing_lowers and not absent, feature.agrees.missing_raises and not absent),
        needs=needs(feature),
    )


def _grouped(features: Sequence[Feature]) -> tuple[tuple[_Group, ...], tuple[_Fact, ...], list[int]]:
    """The groups of a schema's features, in the order of `REASON_GROUPS`, then those of attributes; and their facts.

    Their places are those in the order returned: of the features, by group and fact.
    """
    groups, facts, order = list[_Group](), list[_Fact](), list[int]()
    for code in dict.fromkeys([*REASON_GROUPS, *(feature.group for feature in features)]):
        members: dict[str, list[int]] = {}
        for i, feature in enumerate(features):
            if feature.group == code:
                members.setdefault(feature.code, []).append(i)
        start, first_fact = len(order), len(facts)
        for places in members.values():
            facts.append(_Fact(len(order), len(order) + len(places)))
            # Ratios and shares read more easily.
            order += sorted(places, key=lambda i: features[i].unit == "deviations")
        if members:
            names = tuple(features[i].name for i in order[start:])
            groups.append(_Group(code, features[order[start]].kind, names, start, len(order), first_fact, len(facts)))
    return tuple(groups), tuple(facts), order


def _both(rows: int, columns: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Room for sums and for their places (rows, columns)."""
    return np.empty((rows, columns)), np.empty((rows, columns), dtype=np.int64)


def _sentence(facts: list[str], push: float, *, mixed: bool) -> str:
    """The facts of one reason and their effect."""
    verb = "raise" if push > 0 else "lower"
    if len(facts) == 1:
        effect = f"{facts[0]}: {verb}s the odds {format_factor(abs(push))}"
    else:
        effect = f"{'; '.join(facts)}: together {verb} the odds {format_factor(abs(push))}"
    return f"{effect}, net of facts that point the other way" if mixed else effect


def format_factor(push: float) -> str:
    """Format `exp(push)` for reading: `1.04×`, `3.1×`, `12×`."""
    odds = math.exp(push)
    if odds < 1.1:
        return f"{odds:.2f}×"
    return f"{odds:.1f}×" if odds < 9.95 else f"{odds:.0f}×"
