"""Alerts, precision, money and delay for a threshold and a weekly capacity, over claims that were scored. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from api.console.subjects.shares import CountedShare
from api.console.team.queries import BUCKETS, ScoreBucket

WEEKS_AHEAD: Final = 4
"""After how many weeks the delay is stated."""
_WEEK_S: Final = 7 * 86_400.0
_SHORTEST_WEEKS: Final = 1 / 7
"""Claims of less than a day are counted as those of a day."""


@dataclass(frozen=True, slots=True)
class SimulatedWeek:
    """What a threshold and a capacity give."""

    threshold: float
    capacity: int
    claims: int
    """Claims with a score that are counted."""
    alerts: int
    alerts_a_week: float
    billed_cents: int
    """Of the alerts."""
    precision: CountedShare
    """Of the alerts with a finding of fraud or of none: those with fraud."""
    days_late: float
    """Days that the last claim waits after `WEEKS_AHEAD` weeks, where more claims come than are reviewed."""


def simulate(buckets: Sequence[ScoreBucket], threshold_percent: int, capacity: int) -> SimulatedWeek:
    """What is flagged at a threshold, in hundredths, and how late a team with a capacity of claims a week gets."""
    if not 0 <= threshold_percent <= BUCKETS or capacity < 1:
        raise ValueError("a threshold is from 0 to 100 and a capacity at least 1")
    flagged = [one for one in buckets if one.bucket >= threshold_percent]
    alerts = sum(one.claims for one in flagged)
    a_week = alerts / _weeks(buckets) if buckets else 0.0
    confirmed = sum(one.confirmed for one in flagged)
    decided = confirmed + sum(one.cleared for one in flagged)
    behind = max(a_week - capacity, 0.0) * WEEKS_AHEAD
    return SimulatedWeek(
        threshold=threshold_percent / BUCKETS,
        capacity=capacity,
        claims=sum(one.claims for one in buckets),
        alerts=alerts,
        alerts_a_week=a_week,
        billed_cents=sum(one.billed_cents for one in flagged),
        precision=CountedShare("Precision", confirmed, decided, "alerts with a finding"),
        days_late=behind / capacity * 7,
    )


def _weeks(buckets: Sequence[ScoreBucket]) -> float:
    span = max(one.last_at for one in buckets) - min(one.first_at for one in buckets)
    return max(span.total_seconds() / _WEEK_S, _SHORTEST_WEEKS)
