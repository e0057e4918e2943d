"""Turn contributions into reasons: the few groups of features that distinguish a claim, stated in words.

Contributions are taken relative to the typical claim (`models/explain/typical.py`) and summed by group
(`claims/reason_groups.py`). A reason states the facts that carry its group; see `Reasoner` for the rules.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from claims.reason_groups import REASON_GROUPS, ReasonKind
from claims.scoring import GroupPush, Reason
from features.declare import Feature
from features.vector import ClaimInputs, ModelSchema, describe, describe_series, needs, show
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
    facts: tuple[_Fact, ...]


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

    def agrees(self, value: float, *, raising: bool, unknown: Sequence[str]) -> bool:
        """Whether the wording of `value` (NaN: missing) fits that direction."""
        if value == value:
            if not (value > self.high[raising] or value < self.low[raising]):
                return False
            if self.typical is None or abs(value - self.typical) > _CLOSE * abs(self.typical) + 1:
                return True
            # A value displayed like the typical one, once rounded, is not a reason.
            return show(self.feature, value) != self.typical_shown
        return self.missing[raising] or not self.needs.isdisjoint(unknown)

    def text(self, x: ClaimInputs, value: float, *, raising: bool) -> str:
        if value == value:
            return describe(self.feature, x, value, raising=raising, typical=self.typical)
        if self.needs.isdisjoint(x.missing):
            return describe(self.feature, x, None, raising=raising)
        # Missing because inputs were unavailable; the declared wording would state that as a fact about the claim.
        return f"Not known: {self.feature.meaning[0].lower()}{self.feature.meaning[1:].rstrip('.')}"


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
        self._groups, order = _grouped(schema.features)
        # Everything below is in this order of the features, so that what belongs together is a slice.
        self._order = np.array(order, dtype=np.intp)
        self._features = tuple(_wording_of(schema.features[place], typical) for place in order)
        self._names = tuple(one.feature.name for one in self._features)
        self._typical = np.array([0.0 if typical is None else typical.contributions[name] for name in self._names])
        self._typical_sum = math.fsum(self._typical.tolist())

    def explain(
        self, x: ClaimInputs, row: NDArray[np.float32], phi: NDArray[np.float64], base_margin: float
    ) -> Explanation:
        """The groups and reasons of one claim.

        `x` holds the inputs of the claim (`features.vector.inputs_of`), `row` its vector in this schema, `phi` the
        contributions in log-odds, which with `base_margin` sum to the margin.
        """
        values = row[self._order].tolist()
        parts = (phi[self._order] - self._typical).tolist()
        pushes = self._pushes(parts)
        reasons = [
            reason for raising in (True, False) for reason in self._directed(pushes, x, values, parts, raising=raising)
        ]
        return Explanation(base_margin + self._typical_sum, self._group_pushes(pushes, parts), reasons)

    def groups(self, phi: NDArray[np.float64]) -> list[GroupPush]:
        """Contribution of each group relative to the typical claim, by descending size."""
        parts = (phi[self._order] - self._typical).tolist()
        return self._group_pushes(self._pushes(parts), parts)

    def _pushes(self, parts: list[float]) -> list[tuple[float, _Group]]:
        """Push and group, by descending size of the push."""
        pushes = [(sum(parts[group.start : group.stop]), group) for group in self._groups]
        pushes.sort(key=_size)
        return pushes

    @staticmethod
    def _group_pushes(pushes: list[tuple[float, _Group]], parts: list[float]) -> list[GroupPush]:
        return [
            GroupPush(
                code=group.code,
                push=push,
                features=dict(zip(group.names, parts[group.start : group.stop], strict=True)),
            )
            for push, group in pushes
        ]

    def _directed(
        self,
        pushes: list[tuple[float, _Group]],
        x: ClaimInputs,
        values: list[float],
        parts: list[float],
        *,
        raising: bool,
    ) -> list[Reason]:
        """The reasons of one direction; `pushes` by descending size."""
        mine = [(push, group) for push, group in pushes if (push > 0) == raising]
        unstated = STATED_SHARE * abs(sum(push for push, _ in mine))
        reasons: list[Reason] = []
        for push, group in mine:
            if unstated <= 0 or abs(push) < MIN_PUSH or len(reasons) == MAX_REASONS:
                break
            reason = self._reason(push, group, x, values, parts)
            if reason is not None:
                reasons.append(reason)
                unstated -= abs(push)
        return reasons

    def _reason(
        self, push: float, group: _Group, x: ClaimInputs, values: list[float], parts: list[float]
    ) -> Reason | None:
        raising = push > 0
        sign = 1.0 if raising else -1.0
        sums = [(sign * sum(parts[fact.start : fact.stop]), fact) for fact in group.facts]
        sums = [one for one in sums if one[0] > 0]
        sums.sort(key=_size)
        same_direction = sum([part for part, _ in sums])
        enough = MIN_CARRIED_SHARE * same_direction
        carried, stated, carrier = 0.0, list[list[int]](), list[int]()
        for part, fact in sums:
            if carried >= enough or len(stated) == MAX_FACTS:
                break
            places = range(fact.start, fact.stop)
            agreeing = [i for i in places if self._features[i].agrees(values[i], raising=raising, unknown=x.missing)]
            if not agreeing:
                continue
            first = agreeing[0]
            if self._features[first].feature.series and values[first] == values[first]:
                agreeing = self._windows(agreeing, values, [sign * parts[i] for i in agreeing], part)
                part = min(part, sign * sum([parts[i] for i in agreeing]))
                carrier += agreeing
            else:
                carrier += places
            stated.append(agreeing)
            carried += part
        if carried < enough:
            return None
        facts = [self._words(agreeing, x, values, raising=raising) for agreeing in stated]
        opposite = same_direction - abs(push)
        return Reason(
            code=group.code,
            kind=group.kind,
            text=_sentence(facts, push, mixed=opposite > MIXED_SHARE * same_direction),
            direction="for" if raising else "against",
            push=push,
            odds=math.exp(push),
            features={self._names[i]: None if values[i] != values[i] else values[i] for i in carrier},
            carrier=[self._names[i] for i in carrier],
            carrier_share=carried / same_direction,
        )

    def _words(self, stated: list[int], x: ClaimInputs, values: list[float], *, raising: bool) -> str:
        """The wording of one fact: the windows of a series together, or its most readable feature."""
        wording = self._features[stated[0]]
        if len(stated) == 1 or not wording.feature.series or values[stated[0]] != values[stated[0]]:
            return wording.text(x, values[stated[0]], raising=raising)
        features = [self._features[i] for i in stated]
        return describe_series(
            [one.feature for one in features], [values[i] for i in stated], [one.typical for one in features]
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


def _grouped(features: Sequence[Feature]) -> tuple[tuple[_Group, ...], list[int]]:
    """The groups of a schema's features, in the order of `REASON_GROUPS`, then those of attributes.

    Their places are those in the order returned: of the features, by group and fact.
    """
    groups, order = list[_Group](), list[int]()
    for code in dict.fromkeys([*REASON_GROUPS, *(feature.group for feature in features)]):
        members: dict[str, list[int]] = {}
        for i, feature in enumerate(features):
            if feature.group == code:
                members.setdefault(feature.code, []).append(i)
        start, facts = len(order), list[_Fact]()
        for places in members.values():
            facts.append(_Fact(len(order), len(order) + len(places)))
            order += sorted(places, key=lambda i: features[i].unit == "deviations")  # ratios and shares read more easily
        if facts:
            names = tuple(features[i].name for i in order[start:])
            groups.append(_Group(code, features[order[start]].kind, names, start, len(order), tuple(facts)))
    return tuple(groups), order


def _size(pushed: tuple[float, object]) -> float:
    return -abs(pushed[0])


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
