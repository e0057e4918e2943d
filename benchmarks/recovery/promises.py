"""What the weekly lists of one insurer promise, week by week, and what they hold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.recovery.worlds import LIVE_WEEKS, InsurerWorld
from claims.promise import PastList, promise
from models.recovery import fit_recovery


@dataclass(frozen=True, slots=True)
class WeekPromise:
    """One weekly list."""

    week: int
    claims: int
    promised: float | None
    """Least share of fraud; None: refused, as too few earlier lists have findings."""
    share: float
    """The share of fraud on the list."""

    @property
    def held(self) -> bool:
        """Whether the list has the promised share."""
        return self.promised is not None and self.share >= self.promised


def promises_of(world: InsurerWorld, *, review_share: float) -> list[WeekPromise]:
    """The lists of all live weeks by expected recovery; a finding counts from the week in which it became known."""
    live, model = world.live, fit_recovery(world.evidence)
    value = model.expected(live.probabilities, live.amounts_cents, live.peers_cents).cents
    capacity = max(1, round(len(live.fraud) / LIVE_WEEKS * review_share))
    lists: list[NDArray[np.intp]] = []
    found = []
    for week in range(LIVE_WEEKS):
        of_week = np.flatnonzero(live.week == week)
        listed = of_week[np.argsort(-value[of_week], kind="stable")][:capacity]
        earlier = [
            PastList(tuple(bool(live.fraud[row]) if live.known_week[row] <= week + 1 else None for row in rows))
            for rows in lists
        ]
        made = promise(earlier, size=len(listed))
        found.append(WeekPromise(week, len(listed), made.at_least, float(live.fraud[listed].mean())))
        lists.append(listed)
    return found
