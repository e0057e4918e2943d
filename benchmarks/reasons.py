"""Statistics on the correctness and number of reasons over the scores of many claims.

Statements are parsed back from the text of a reason, independently of the declarations it was made from.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from claims.scoring import GroupPush, Reason


class ExplainedOutput(Protocol):
    """An object with groups and reasons: a `Score` or an `Explanation`."""

    @property
    def groups(self) -> list[GroupPush]:
        """Every group of the model."""

    @property
    def reasons(self) -> list[Reason]:
        """The groups stated as reasons."""


@dataclass(frozen=True, slots=True)
class ReasonStatistics:
    """Quality of reasons, with their targets (docs/benchmarks.md); shares lie in [0, 1]."""

    claims: int
    contradicting: int
    """Reasons whose text contradicts their push; target: 0."""
    stated_share_median: float
    """Median over claims of the stated share of positive pushes; target: at least 0.8."""
    carrier_share_min: float
    """Smallest share of a reason's push carried by the features it states; target: at least 0.6."""
    most_common_share: float
    """Share of claims with the most common code and direction; target: at most 0.6."""


_RATIO = re.compile(r"([\d,]*\.?\d+)×")
_ABOVE = re.compile(r"above that of ([\d.]+) %")
_RECORD = re.compile(r"recorded as fraud|on record for fraud|record of fraud")
_TYPICAL = re.compile(r"\(typical: ([^)]*)\)")


def contradicts(text: str, direction: str) -> bool:
    """Whether the text of a reason contradicts its direction (`for` or `against`)."""
    raising = direction == "for"
    facts, _, effect = text.rpartition(": ")
    if ("raise" in effect) != raising or ("lower" in effect) == raising:
        return True
    return any(_fact_contradicts(fact, raising) for fact in facts.split("; "))


def _fact_contradicts(fact: str, raising: bool) -> bool:
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


def statistics(scores: Sequence[ExplainedOutput]) -> ReasonStatistics:
    """Compute the statistics of one or more scores."""
    common: Counter[tuple[str, str]] = Counter()
    stated_shares, carried, contradicting = [], [], 0
    for score in scores:
        groups = {group.code: group for group in score.groups}
        rising = sum(group.push for group in score.groups if group.push > 0)
        if rising > 0:
            stated_shares.append(sum(reason.push for reason in score.reasons if reason.push > 0) / rising)
        for reason in score.reasons:
            common[reason.code, reason.direction] += 1
            contradicting += contradicts(reason.text, reason.direction)
            parts = groups[reason.code].features
            carried.append(min(reason.carrier_share, sum(parts[name] for name in reason.carrier) / reason.push))
    return ReasonStatistics(
        claims=len(scores),
        contradicting=contradicting,
        stated_share_median=median(stated_shares) if stated_shares else 1.0,
        carrier_share_min=min(carried, default=1.0),
        most_common_share=max(common.values(), default=0) / len(scores),
    )
