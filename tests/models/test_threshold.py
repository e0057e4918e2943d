import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ThresholdError
from models.evaluation import LabelledScores, threshold


def labelled(seed: int = 0, rows: int = 500, *, digits: int = 6) -> LabelledScores:
    rng = np.random.default_rng(seed)
    p = np.round(rng.random(rows) ** 3, digits)
    return LabelledScores(p, rng.random(rows) < p, rng.integers(1_000, 500_000, rows), days=10.0)


@given(seed=st.integers(0, 500), reviews=st.floats(0.2, 60), digits=st.integers(1, 6))
def test_a_capacity_is_never_exceeded_and_a_lower_threshold_would_exceed_it(seed, reviews, digits):
    claims = labelled(seed, digits=digits)
    try:
        choice = threshold.threshold_by_capacity(claims, reviews)
    except ThresholdError:
        top = claims.probabilities.max()
        assert (claims.probabilities == top).sum() > int(reviews * claims.days + 1e-9)
        return
    assert choice.alerts_per_day <= reviews + 1e-9
    below = claims.probabilities[claims.probabilities < choice.threshold]
    if len(below):
        more = threshold.evaluate_threshold(claims, float(below.max()))
        assert more.alerts_per_day * claims.days > int(reviews * claims.days + 1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 200), cost=st.integers(0, 200_000))
def test_no_threshold_saves_more_than_the_one_chosen_by_cost(seed, cost):
    claims = labelled(seed, rows=60, digits=2)
    every = [threshold.evaluate_threshold(claims, float(p), review_cents=cost) for p in np.unique(claims.probabilities)]
    best = max(choice.cents_saved_per_day for choice in every)
    if best <= 0:
        with pytest.raises(ThresholdError, match="no review pays"):
            threshold.threshold_by_cost(claims, cost)
        return
    assert threshold.threshold_by_cost(claims, cost).cents_saved_per_day == pytest.approx(best)


def test_an_outcome_counts_what_it_flags():
    claims = LabelledScores(
        np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, False, True, False]), np.array([100, 200, 300, 400]), days=2
    )
    choice = threshold.evaluate_threshold(claims, 0.8, review_cents=10)
    assert (choice.alerts_per_day, choice.precision, choice.recall) == (1.0, 0.5, 0.5)
    assert (choice.dollars, choice.cents_saved_per_day) == (0.25, 40.0)


def test_capacity_for_every_claim_flags_every_claim():
    claims = labelled()
    assert threshold.threshold_by_capacity(claims, 1_000).threshold == 0.0


def test_the_table_ranges_from_few_reviews_to_all_claims():
    choices = threshold.threshold_table(labelled(), review_cents=2_000)
    alerts = [choice.alerts_per_day for choice in choices]
    assert alerts == sorted(alerts)
    assert alerts[-1] == 50
    assert [c.recall for c in choices] == sorted(c.recall for c in choices)


@pytest.mark.parametrize("reviews", [0, -1, 0.01])
def test_a_capacity_of_less_than_one_review_is_refused(reviews):
    with pytest.raises(ThresholdError):
        threshold.threshold_by_capacity(labelled(), reviews)
