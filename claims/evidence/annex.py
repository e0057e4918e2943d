"""The annex of an evidence pack: each score with everything that recomputes it.

Age and sex are never a reason. What features about them add is stated as one sum, so that the contributions still sum
to the margin; their values stay in the vector, without which the score cannot be computed again.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from claims.attributes import PREFIX
from claims.scoring import Reason

AGE_AND_SEX: Final = frozenset({"procedure_given_demographic"})
"""Features that are computed from the member's age or sex; a test compares them with the declared features."""
_WORDS: Final = frozenset({"age", "ages", "aged", "birth", "birthday", "born", "dob", "gender", "sex"})
"""In the name of an attribute: it is about age or sex."""
SUM_TOLERANCE: Final = 1e-4
"""Largest difference between a margin and its parts (`claims.score_check`)."""


@dataclass(frozen=True, slots=True)
class LeftOutContributions:
    """What is not shown feature by feature, because it is about age or sex."""

    features: int
    sum: float
    """Log-odds."""


@dataclass(frozen=True, slots=True)
class AnnexReason:
    """A risk indicator or a mitigating factor."""

    code: str
    text: str
    push: float
    """Log-odds against the typical claim."""


@dataclass(frozen=True, slots=True)
class ScoreAnnex:
    """The score of a claim."""

    claim_id: str
    assessment_id: str
    made_at: datetime
    model_version: str
    schema_hash: str
    probability: float
    """Calibrated."""
    threshold: float
    flagged: bool
    margin: float
    """Log-odds before calibration."""
    base_margin: float
    contributions: Mapping[str, float]
    """Feature → log-odds."""
    left_out: LeftOutContributions
    """With it and `base_margin` the contributions sum to `margin`."""
    vector: Mapping[str, float | None]
    """Feature → value; null: missing."""
    risk_indicators: tuple[AnnexReason, ...]
    mitigating_factors: tuple[AnnexReason, ...]
    stale_views: tuple[str, ...]
    """Groups of features that were missing or stale."""


def is_about_age_or_sex(feature: str) -> bool:
    """Whether a feature is computed from the age or the sex of a member, or is an attribute that is named so."""
    if feature.startswith(PREFIX):
        return not _WORDS.isdisjoint(re.split(r"[^a-z]+", feature.removeprefix(PREFIX).lower()))
    return feature in AGE_AND_SEX


def without_age_and_sex(contributions: Mapping[str, float]) -> tuple[dict[str, float], LeftOutContributions]:
    """The contributions that are shown, and the sum of the others."""
    shown = {name: value for name, value in contributions.items() if not is_about_age_or_sex(name)}
    others = [value for name, value in contributions.items() if is_about_age_or_sex(name)]
    return shown, LeftOutContributions(len(others), math.fsum(others))


def annex_reasons(reasons: Sequence[Reason]) -> tuple[tuple[AnnexReason, ...], tuple[AnnexReason, ...]]:
    """Risk indicators and mitigating factors, the strongest first, without those that state age or sex."""
    stated = sorted(
        (one for one in reasons if not AGE_AND_SEX.intersection(one.carrier)),
        key=lambda one: (-abs(one.push), one.code),
    )
    made = [(one.direction, AnnexReason(one.code, one.text, one.push)) for one in stated]
    return (
        tuple(reason for direction, reason in made if direction == "for"),
        tuple(reason for direction, reason in made if direction == "against"),
    )


def sum_difference(annex: ScoreAnnex) -> float:
    """How far contributions and base are from the margin, in log-odds."""
    parts = (annex.base_margin, annex.left_out.sum, *annex.contributions.values())
    return abs(math.fsum(parts) - annex.margin)
