"""A simulated review team decides claims in the order of their due dates."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from claims.prompt_pay import (
    REVIEW_TARGET_DAYS,
    ReviewArrival,
    draw_arrivals,
    simulate_reviews,
    smallest_capacity,
)

WEEKS = 6
arrivals = st.lists(
    st.builds(
        lambda day, wait, has_clock: ReviewArrival(day, day + (wait if has_clock else REVIEW_TARGET_DAYS), has_clock),
        st.integers(0, WEEKS * 7 - 1),
        st.integers(5, 40),
        st.booleans(),
    ),
    max_size=60,
)


def test_a_team_with_too_little_capacity_breaches_and_the_capacity_needed_does_not():
    claims = [ReviewArrival(0, 4, True) for _ in range(10)]
    assert simulate_reviews(claims, weeks=1, capacity=9).breaches == 1
    assert simulate_reviews(claims, weeks=1, capacity=10).breaches == 0
    assert smallest_capacity(claims, weeks=1) == 10


def test_no_capacity_decides_on_a_weekend():
    assert smallest_capacity([ReviewArrival(5, 6, True)], weeks=2) is None


def test_without_any_capacity_every_clock_is_breached():
    run = simulate_reviews([ReviewArrival(0, 90, True), ReviewArrival(0, 30, False)], weeks=1, capacity=0)
    assert (run.breaches, run.decided, run.waiting) == (1, 0, 2)


@given(arrivals, st.integers(1, 40))
def test_more_capacity_never_adds_a_breach(claims, capacity):
    less, more = (simulate_reviews(claims, weeks=WEEKS, capacity=one).breaches for one in (capacity, capacity + 1))
    assert more <= less


@given(arrivals)
def test_the_capacity_needed_is_the_smallest(claims):
    needed = smallest_capacity(claims, weeks=WEEKS)
    assert needed is not None
    assert simulate_reviews(claims, weeks=WEEKS, capacity=needed).breaches == 0
    assert needed == 0 or simulate_reviews(claims, weeks=WEEKS, capacity=needed - 1).breaches > 0


@given(arrivals, st.integers(1, 30))
def test_a_claim_without_a_clock_waits_no_longer_than_one_with_the_latest_deadline(claims, capacity):
    """Claims with a clock that keep coming cannot starve those without one: their day comes nearer, too."""
    flood = [ReviewArrival(day, day + 30, True) for day in range(WEEKS * 7) for _ in range(3)]
    first = ReviewArrival(0, REVIEW_TARGET_DAYS, False)
    waits = simulate_reviews([first, *flood], weeks=WEEKS, capacity=capacity).longest_wait_days
    as_clock = [replace(one, has_clock=False) for one in flood]
    assert waits <= simulate_reviews([first, *as_clock], weeks=WEEKS, capacity=capacity).longest_wait_days


def test_arrivals_are_the_same_for_a_seed_and_near_the_volume_asked_for():
    drawn = draw_arrivals([30], weeks=52, a_week=100, clock_share=0.5, seed=1)
    assert drawn == draw_arrivals([30], weeks=52, a_week=100, clock_share=0.5, seed=1)
    assert drawn != draw_arrivals([30], weeks=52, a_week=100, clock_share=0.5, seed=2)
    assert 5_100 < len(drawn) < 5_700
    assert 0.4 < sum(one.has_clock for one in drawn) / len(drawn) < 0.6
    assert all(one.review_by - one.day == 30 for one in drawn)
