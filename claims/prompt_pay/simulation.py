"""Simulated weeks of a review team: how many claims are decided after their due date at a given capacity."""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass

from claims.prompt_pay.clock import REVIEW_TARGET_DAYS

_WORKING_DAYS = 5
_WEEK = 7
_ARRIVALS_BY_DAY = (18, 18, 18, 18, 18, 5, 5)
"""Percent of a week's arrivals, from Monday."""
_SURGE = 1.5
_SURGE_WEEKS = 4


@dataclass(frozen=True, slots=True)
class ReviewArrival:
    """A claim that enters review."""

    day: int
    """From 0, a Monday."""
    review_by: int
    """The day that orders the list: the due date, or the target of a claim without a clock."""
    has_clock: bool


@dataclass(frozen=True, slots=True)
class ReviewWeeks:
    """What became of the arrivals."""

    capacity: int
    """Claims decided in a week of five days."""
    arrivals: int
    decided: int
    """Within the weeks."""
    breaches: int
    """Claims with a clock that are decided after their due date; at a capacity of 0, all of them."""
    waiting: int
    """In review at the end of the weeks."""
    longest_wait_days: int
    """Of a claim without a clock."""


def draw_arrivals(
    days: Sequence[int], *, weeks: int, a_week: int, clock_share: float, seed: int
) -> list[ReviewArrival]:
    """Random arrivals of some weeks: around `a_week` each, half as many again in four weeks of the middle.

    A share of them has a clock, with one of the deadlines in `days` after arrival; weekends bring a tenth.
    """
    drawn = random.Random(seed)
    arrivals = []
    for week in range(weeks):
        mean = a_week * (_SURGE if 0 <= week - weeks // 2 < _SURGE_WEEKS else 1)
        for _ in range(max(0, round(drawn.gauss(mean, mean**0.5)))):
            day = week * _WEEK + drawn.choices(range(_WEEK), _ARRIVALS_BY_DAY)[0]
            has_clock = bool(days) and drawn.random() < clock_share
            wait = drawn.choice(days) if has_clock else REVIEW_TARGET_DAYS
            arrivals.append(ReviewArrival(day, day + wait, has_clock))
    return sorted(arrivals, key=lambda one: one.day)


def simulate_reviews(arrivals: Sequence[ReviewArrival], *, weeks: int, capacity: int) -> ReviewWeeks:
    """Decide claims in the order of the review list, `capacity` a week, nothing on weekends.

    A claim that arrives on a day can be decided on that day. Each working day decides a fifth of the capacity; what is
    left over is decided at the beginning of the week. Claims that wait at the end of the weeks are decided after
    them, so that no breach is only put off.
    """
    queue: list[tuple[int, int, int]] = []
    by_day = sorted(range(len(arrivals)), key=lambda at: arrivals[at].day)
    end = weeks * _WEEK
    day = next_arrival = decided = breaches = waiting = longest = 0
    while day < end or (queue and capacity):
        while day < end and next_arrival < len(by_day) and arrivals[by_day[next_arrival]].day <= day:
            at = by_day[next_arrival]
            heapq.heappush(queue, (arrivals[at].review_by, arrivals[at].day, at))
            next_arrival += 1
        for _ in range(min(_capacity_of(day % _WEEK, capacity), len(queue))):
            at = heapq.heappop(queue)[2]
            one = arrivals[at]
            breaches += one.has_clock and day > one.review_by
            longest = longest if one.has_clock else max(longest, day - one.day)
            decided += day < end
        day += 1
        waiting = len(queue) if day == end else waiting
    undecided = [arrivals[at] for _, _, at in queue]
    return ReviewWeeks(
        capacity=capacity,
        arrivals=next_arrival,
        decided=decided,
        breaches=breaches + sum(one.has_clock for one in undecided),
        waiting=waiting,
        longest_wait_days=max([longest, *(end - one.day for one in undecided if not one.has_clock)]),
    )


def smallest_capacity(arrivals: Sequence[ReviewArrival], *, weeks: int) -> int | None:
    """The smallest capacity a week without a breach; `None`: a due date passes before the first working day.

    More capacity never adds a breach: every day decides at least as many claims, in the same order.
    """
    low, high = 0, max(1, _WORKING_DAYS * len(arrivals))
    if simulate_reviews(arrivals, weeks=weeks, capacity=high).breaches:
        return None
    while low < high:
        middle = (low + high) // 2
        if simulate_reviews(arrivals, weeks=weeks, capacity=middle).breaches:
            low = middle + 1
        else:
            high = middle
    return low


def _capacity_of(weekday: int, capacity: int) -> int:
    """Claims decided on a weekday, from 0 for Monday."""
    if weekday >= _WORKING_DAYS:
        return 0
    return capacity // _WORKING_DAYS + (weekday < capacity % _WORKING_DAYS)
