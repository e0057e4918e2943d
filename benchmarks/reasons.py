"""Are the reasons true, sensible and few? Statistics over the scores of many claims.

What a sentence says is read back from its text, not from the declarations that made it, so that this judges them.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from claims.scoring import GroupPush, Reason


class Explained(Protocol):
    """What has groups and reasons: a `Score`, or an explanation before it became one."""

    @property
    def groups(self) -> list[GroupPush]:
        """Every group of the model."""

    @property
    def reasons(self) -> list[Reason]:
        """The groups that were worded."""


@dataclass(frozen=True, slots=True)
class ReasonStatistics:
    """What is promised of reasons (docs/benchmarks.md); shares lie in [0, 1]."""

    claims: int
    contradicting: int
    """Reasons whose words point the other way than their push; 0 is promised."""
    told_share_median: float
    """Over claims: pushes of the positive reasons over those of all positive groups; at least 0.8."""
    carrier_share_min: float
    """The least part of a reason's push that the features of its words carry; at least 0.6."""
    most_common_share: float
    """Share of the claims that have the commonest code and direction; at most 0.6."""


_RATIO = re.compile(r"([\d,]*\.?\d+)×")
_ABOVE = re.compile(r"above that of ([\d.]+) %")
_RECORD = re.compile(r"recorded as fraud|on record for fraud|record of fraud")
_TYPICAL = re.compile(r"\(typical: ([^)]*)\)")


def contradicts(text: str, direction: str) -> bool:
    """Whether the words of a reason point the other way than its direction (`for` or `against`)."""
    raising = direction == "for"
    facts, _, effect = text.rpartition(": ")
    if ("raise" in effect) != raising or ("lower" in effect) == raising:
        return True
    return any(_points_away(fact, raising) for fact in facts.split("; "))


def _points_away(fact: str, raising: bool) -> bool:
    stated, _, _ = fact.partition(" (typical: ")
    ratio, above, typical = _RATIO.search(stated), _ABOVE.search(stated), _TYPICAL.search(fact)
    if ratio and (float(ratio[1].replace(",", "")) > 1) != raising:
        return True
    if above and (float(above[1]) > 50) != raising:
        return True
    if "deviations " in stated and ("deviations above" in stated) != raising:
        return True
    if _RECORD.search(stated) and stated.startswith("No ") == raising:
        return True
    return typical is not None and (stated == typical[1] or stated.startswith(f"{typical[1]} "))


def statistics(scores: Sequence[Explained]) -> ReasonStatistics:
    """The statistics of at least one score."""
    common: Counter[tuple[str, str]] = Counter()
    told, carried, contradicting = [], [], 0
    for score in scores:
        groups = {group.code: group for group in score.groups}
        rising = sum(group.push for group in score.groups if group.push > 0)
        if rising > 0:
            told.append(sum(reason.push for reason in score.reasons if reason.push > 0) / rising)
        for reason in score.reasons:
            common[reason.code, reason.direction] += 1
            contradicting += contradicts(reason.text, reason.direction)
            parts = groups[reason.code].features
            carried.append(min(reason.carrier_share, sum(parts[name] for name in reason.carrier) / reason.push))
    return ReasonStatistics(
        claims=len(scores),
        contradicting=contradicting,
        told_share_median=median(told) if told else 1.0,
        carrier_share_min=min(carried, default=1.0),
        most_common_share=max(common.values(), default=0) / len(scores),
    )
