"""From contributions to reasons: the few groups of features that set a claim apart, in words that are true.

Contributions are measured against the typical claim (`models/explain/typical.py`) and added up by group
(`claims/reason_groups.py`). A group's words state the facts that carry it; see `Reasoner` for the rules.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from claims.reason_groups import REASON_GROUPS
from claims.scoring import GroupPush, Reason
from features.declare import Feature
from features.vector import FEATURE, describe, describe_series, format_value, needs
from models.explain.typical import TypicalClaim

MIN_PUSH = 0.05
"""Log-odds below which a group is not worth a line: five per cent of the odds."""
TOLD_SHARE = 0.9
"""Groups of one direction are told, strongest first, until they hold this part of all that pushes in it."""
MIN_CARRIED_SHARE = 0.6
"""The part of everything in a group that pushes its way which the stated facts must carry."""
MAX_FACTS = 3
"""Facts stated in one reason."""
SERIES_SHARE = 0.9
"""Of a fact over several windows, as many are stated as carry this part of it."""
_CLOSE = 0.11
"""Values further apart than this part of the typical one, and 1, never read alike: days are rounded to whole ones."""
MIXED_SHARE = 0.5
"""A reason says that it is a difference where more than this part of what pushes its way is taken back."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The groups of one claim, all of them, and the reasons worth telling."""

    typical_margin: float
    """Log-odds of the typical claim; with the pushes of `groups` it sums to the margin."""
    groups: list[GroupPush]
    reasons: list[Reason]


@dataclass(frozen=True, slots=True)
class _Group:
    code: str
    names: tuple[str, ...]
    places: tuple[int, ...]
    facts: tuple[tuple[int, ...], ...]
    """The places of the features that measure one comparison, the most readable first."""


@dataclass(frozen=True, slots=True)
class _Told:
    """A feature with what decides whether its words may be stated; index 1 of each pair is for raising."""

    feature: Feature
    typical: float | None
    typical_shown: str | None
    high: tuple[float, float]
    low: tuple[float, float]
    missing: tuple[bool, bool]
    needs: frozenset[str]

    def agrees(self, value: float, *, raising: bool, unknown: Sequence[str]) -> bool:
        """Whether the words for `value` (NaN: missing) go with that direction."""
        if value == value:
            if not (value > self.high[raising] or value < self.low[raising]):
                return False
            if self.typical is None or abs(value - self.typical) > _CLOSE * abs(self.typical) + 1:
                return True
            # A value that reads like the typical one, once rounded, is no reason to a reader.
            return format_value(value, self.feature.unit) != self.typical_shown
        return self.missing[raising] or not self.needs.isdisjoint(unknown)

    def text(self, x: SimpleNamespace, value: float, *, raising: bool) -> str:
        if value == value:
            return describe(self.feature, x, value, raising=raising, typical=self.typical)
        if self.needs.isdisjoint(x.unknown):
            return describe(self.feature, x, None, raising=raising)
        # Missing because nobody could look, which says nothing about the claim; the declared words would.
        return f"Not known: {self.feature.meaning[0].lower()}{self.feature.meaning[1:].rstrip('.')}"


class Reasoner:
    """Turns the contributions of one schema into reasons.

    * A group is told where its push is at least `MIN_PUSH`, strongest first, until `TOLD_SHARE` of all that pushes in
      its direction is told.
    * Its words state at most `MAX_FACTS` facts, which together carry at least `MIN_CARRIED_SHARE` of everything in the
      group that pushes its way, so also of the push itself. Features of one fact are stated once.
    * A fact is stated only where its value agrees with the direction (`Feature.agrees`). A group that cannot be worded
      under these rules is left to the figures: it is in `groups`, and no reason.
    """

    def __init__(self, names: Sequence[str], typical: TypicalClaim | None = None) -> None:
        self._features = tuple(_told(FEATURE[name], typical) for name in names)
        self._typical = np.array([0.0 if typical is None else typical.contributions[name] for name in names])
        self._typical_sum = math.fsum(self._typical.tolist())
        self._groups = _grouped(names)

    def explain(
        self, x: SimpleNamespace, row: NDArray[np.float32], phi: NDArray[np.float64], base_margin: float
    ) -> Explanation:
        """The groups and reasons of one claim.

        `x` is what is known of the claim (`features.vector.inputs_of`), `row` its vector in this schema, `phi` the
        contributions, log-odds, which with `base_margin` sum to the margin.
        """
        values, parts = row.tolist(), (phi - self._typical).tolist()
        pushes = self._pushes(parts)
        groups = self._group_pushes(pushes, parts)
        reasons = [
            reason for raising in (True, False) for reason in self._directed(pushes, x, values, parts, raising=raising)
        ]
        return Explanation(base_margin + self._typical_sum, groups, reasons)

    def groups(self, phi: NDArray[np.float64]) -> list[GroupPush]:
        """What each group adds to the typical claim's margin, by descending size."""
        parts = (phi - self._typical).tolist()
        return self._group_pushes(self._pushes(parts), parts)

    def _pushes(self, parts: list[float]) -> list[tuple[float, _Group]]:
        """Push and group, by descending size of the push."""
        pushes = [(sum([parts[i] for i in group.places]), group) for group in self._groups]
        pushes.sort(key=lambda pushed: -abs(pushed[0]))
        return pushes

    @staticmethod
    def _group_pushes(pushes: list[tuple[float, _Group]], parts: list[float]) -> list[GroupPush]:
        return [
            GroupPush(
                code=group.code,
                push=push,
                features={name: parts[i] for name, i in zip(group.names, group.places, strict=True)},
            )
            for push, group in pushes
        ]

    def _directed(
        self,
        pushes: list[tuple[float, _Group]],
        x: SimpleNamespace,
        values: list[float],
        parts: list[float],
        *,
        raising: bool,
    ) -> list[Reason]:
        """The reasons of one direction; `pushes` by descending size."""
        mine = [(push, group) for push, group in pushes if (push > 0) == raising]
        untold = TOLD_SHARE * abs(sum(push for push, _ in mine))
        reasons: list[Reason] = []
        for push, group in mine:
            if untold <= 0 or abs(push) < MIN_PUSH:
                break
            reason = self._reason(push, group, x, values, parts)
            if reason is not None:
                reasons.append(reason)
                untold -= abs(push)
        return reasons

    def _reason(
        self, push: float, group: _Group, x: SimpleNamespace, values: list[float], parts: list[float]
    ) -> Reason | None:
        raising = push > 0
        sign = 1.0 if raising else -1.0
        sums = [(sign * sum([parts[i] for i in fact]), fact) for fact in group.facts]
        with_it = sum(part for part, _ in sums if part > 0)
        carried, stated, carrier = 0.0, list[list[int]](), list[int]()
        for part, fact in sorted(sums, key=lambda one: -one[0]):
            if part <= 0 or carried >= MIN_CARRIED_SHARE * with_it or len(stated) == MAX_FACTS:
                break
            agreeing = [i for i in fact if self._features[i].agrees(values[i], raising=raising, unknown=x.unknown)]
            if not agreeing:
                continue
            first = agreeing[0]
            if self._features[first].feature.series and values[first] == values[first]:
                agreeing = self._windows(agreeing, values, [sign * parts[i] for i in agreeing], part)
                part = min(part, sign * sum([parts[i] for i in agreeing]))
                carrier += agreeing
            else:
                carrier += fact
            stated.append(agreeing)
            carried += part
        if carried < MIN_CARRIED_SHARE * with_it:
            return None
        facts = [self._words(agreeing, x, values, raising=raising) for agreeing in stated]
        against = with_it - abs(push)
        return Reason(
            code=group.code,
            kind=REASON_GROUPS[group.code].kind,
            text=_sentence(facts, push, mixed=against > MIXED_SHARE * with_it),
            direction="for" if raising else "against",
            push=push,
            odds=math.exp(push),
            features={self._features[i].feature.name: None if values[i] != values[i] else values[i] for i in carrier},
            carrier=[self._features[i].feature.name for i in carrier],
            carrier_share=carried / with_it,
        )

    def _words(self, stated: list[int], x: SimpleNamespace, values: list[float], *, raising: bool) -> str:
        """One fact: the windows of a series together, else its most readable feature."""
        told = self._features[stated[0]]
        if len(stated) == 1 or not told.feature.series or values[stated[0]] != values[stated[0]]:
            return told.text(x, values[stated[0]], raising=raising)
        features = [self._features[i] for i in stated]
        return describe_series(
            [one.feature for one in features], [values[i] for i in stated], [one.typical for one in features]
        )

    def _windows(self, places: list[int], values: list[float], parts: list[float], fact: float) -> list[int]:
        """The windows of a series that carry most of its fact, in their order; few, as each is a number to read.

        All lie on one side of the typical claim's, so that they say one thing.
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


def _told(feature: Feature, typical: TypicalClaim | None) -> _Told:
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
    return _Told(
        feature=feature,
        typical=None if absent else value,
        typical_shown=None if absent or value is None else format_value(value, feature.unit),
        high=(both[0].high, both[1].high),
        low=(both[0].low, both[1].low),
        # Where the typical claim lacks the value too, that this one does is no news.
        missing=(feature.agrees.missing_lowers and not absent, feature.agrees.missing_raises and not absent),
        needs=needs(feature),
    )


def _grouped(names: Sequence[str]) -> tuple[_Group, ...]:
    """The groups of a schema's features and their facts, in the order of `REASON_GROUPS`."""
    groups = []
    for code in REASON_GROUPS:
        places = [i for i, name in enumerate(names) if FEATURE[name].group == code]
        facts: dict[str, list[int]] = {}
        for i in places:
            facts.setdefault(FEATURE[names[i]].code, []).append(i)
        for members in facts.values():
            members.sort(key=lambda i: FEATURE[names[i]].unit == "deviations")  # ratios and shares read more easily
        if places:
            groups.append(
                _Group(
                    code,
                    tuple(names[i] for i in places),
                    tuple(places),
                    tuple(tuple(members) for members in facts.values()),
                )
            )
    return tuple(groups)


def _sentence(facts: list[str], push: float, *, mixed: bool) -> str:
    """The facts of one reason and their effect."""
    verb = "raise" if push > 0 else "lower"
    if len(facts) == 1:
        effect = f"{facts[0]}: {verb}s the odds {format_factor(abs(push))}"
    else:
        effect = f"{'; '.join(facts)}: together {verb} the odds {format_factor(abs(push))}"
    return f"{effect}, net of facts that point the other way" if mixed else effect


def format_factor(push: float) -> str:
    """`exp(push)` as a reader wants it: `1.04×`, `3.1×`, `12×`."""
    odds = math.exp(push)
    if odds < 1.1:
        return f"{odds:.2f}×"
    return f"{odds:.1f}×" if odds < 9.95 else f"{odds:.0f}×"
