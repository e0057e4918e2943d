"""Selected claims that have no finding yet, and the weights that make up for them.

A list is worked off from the top: the claims of highest score come first, those of the random audit last. Until the
audited ones are in, findings alone make every model look better than it is. Within a week and a reason for selection
the claims with a label therefore take over the weight of those without one (weighting classes, Little 1986), and a week
counts in estimates only once most of its list is answered.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pipelines.loop.selection import AUDIT, SCORE

LEAST_RESPONSE = 0.8
"""Share of a week's claims, of those selected by score and of the audited ones, that must have a finding."""


@dataclass(frozen=True, slots=True)
class SelectedClaims:
    """Every claim of the weekly lists (S,), with a finding or without."""

    week: NDArray[np.object_]
    """The Monday (`date`) of the list."""
    selected_by: NDArray[np.object_]
    answered: NDArray[np.bool_]
    """Has a finding, conclusive or not."""
    labelled: NDArray[np.bool_]
    """The finding is a label: fraud or not."""


@dataclass(frozen=True, slots=True)
class WeekResponse:
    """How much of one week's list has a finding."""

    week: date
    by_score: int
    """Claims selected by score."""
    answered_by_score: int
    audited: int
    """Claims of the random audit."""
    answered_audited: int
    labelled: bool
    """Both parts have a finding that is a label."""

    @property
    def finished(self) -> bool:
        """Whether estimates may use the week: both parts exist and are answered to `LEAST_RESPONSE`."""
        parts = ((self.by_score, self.answered_by_score), (self.audited, self.answered_audited))
        return self.labelled and all(answered >= LEAST_RESPONSE * selected for selected, answered in parts)

    def __str__(self) -> str:
        return (
            f"week of {self.week}: {self.answered_by_score} of {self.by_score} by score, "
            f"{self.answered_audited} of {self.audited} audited"
        )


def responses(claims: SelectedClaims) -> tuple[WeekResponse, ...]:
    """The response of every week, oldest first."""
    found = []
    for week in sorted(set(claims.week)):
        score, audit = ((claims.week == week) & (claims.selected_by == by) for by in (SCORE, AUDIT))
        found.append(
            WeekResponse(
                week,
                by_score=int(score.sum()),
                answered_by_score=int((score & claims.answered).sum()),
                audited=int(audit.sum()),
                answered_audited=int((audit & claims.answered).sum()),
                labelled=bool(claims.labelled[score].any() and claims.labelled[audit].any()),
            )
        )
    return tuple(found)


def take_over(
    weights: NDArray[np.float64],
    reason: NDArray[np.object_],
    week: NDArray[np.object_],
    *,
    labelled: NDArray[np.bool_],
    represented: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Weights (S,) of the labelled claims that sum to those of all represented ones of their week and reason.

    `represented` are the claims that count: with a label, without a finding, or with one that is inconclusive. A week
    without any label for a reason is represented by the labelled claims of the other weeks with that reason. The weight
    of a claim without a label means nothing afterwards.
    """
    adjusted = weights.copy()
    for one in set(reason):
        mine = reason == one
        if not (mine & labelled).any():
            continue
        unlabelled_weeks = {when for when in set(week[mine]) if not (mine & labelled & (week == when)).any()}
        without = mine & np.isin(week, list(unlabelled_weeks))
        for when in set(week[mine]) - unlabelled_weeks:
            cell = mine & (week == when)
            adjusted[cell] *= weights[cell & represented].sum() / weights[cell & labelled].sum()
        left = weights[without & represented].sum()
        held = mine & labelled
        adjusted[held] *= 1 + left / adjusted[held].sum()
    return adjusted
