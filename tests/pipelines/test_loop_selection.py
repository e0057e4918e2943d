"""The weekly selection, the propensities of the audit, and estimates that correct for the selection."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation import average_precision, brier
from pipelines.datasets import training_weights
from pipelines.loop import LoopError, select
from pipelines.loop.estimate import ReviewedClaims, estimate
from pipelines.loop.random_audit import UNIFORM_SHARE, propensities, sample, uniform_draws
from pipelines.loop.selection import audits_of

DRAWS = 400


def ids_of(count):
    return [f"c{number:05d}" for number in range(count)]


def insurer(claims=3_000, seed=0):
    """Probabilities, labels drawn from them, and amounts."""
    rng = np.random.default_rng(seed)
    p = np.clip(rng.beta(0.25, 8, claims), 1e-4, 0.95)
    return p, rng.random(claims) < p, rng.integers(1_000, 200_000, claims)


def week_of(p, fraud, cents, salt, *, capacity=150, audit_share=0.4):
    """The findings of one list."""
    chosen = select(ids_of(len(p)), p, capacity=capacity, audit_share=audit_share, salt=salt)
    rows = np.array([one.row for one in chosen])
    weights = 1 / np.array([one.propensity for one in chosen])
    return ReviewedClaims(fraud[rows], p[rows], cents[rows], weights)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60).map(np.array),
    st.floats(0, 80),
)
def test_propensities_are_probabilities_and_use_all_reviews(p, reviews):
    propensity = propensities(p, reviews)
    assert (propensity >= 0).all()
    assert (propensity <= 1).all()
    assert propensity.sum() == pytest.approx(min(reviews, len(p)))
    if reviews > 0:
        assert (propensity >= UNIFORM_SHARE * min(reviews / len(p), 1) - 1e-9).all()


def test_no_weight_is_over_twice_that_of_a_uniform_sample():
    p, _, _ = insurer()
    assert (1 / propensities(p, 30)).max() <= 2 * len(p) / 30 + 1e-9


@given(st.integers(1, 40), st.integers(0, 10_000))
def test_the_sample_has_as_many_claims_as_reviews(reviews, seed):
    p, _, _ = insurer(200, seed)
    taken, _ = sample(ids_of(200), p, reviews, salt=str(seed))
    assert taken.sum() == reviews


def test_each_claim_is_sampled_as_often_as_its_propensity_states():
    p, _, _ = insurer(40, 3)
    drawn = np.array([sample(ids_of(40), p, 8, salt=str(number))[0] for number in range(4_000)])
    propensity = propensities(p, 8)
    assert np.abs(drawn.mean(axis=0) - propensity).max() < 4.5 * np.sqrt(0.25 / 4_000)


def test_the_same_salt_samples_the_same_claims_and_another_salt_others():
    p, _, _ = insurer(300)
    first, again, other = (sample(ids_of(300), p, 20, salt=salt)[0] for salt in ("a", "a", "b"))
    assert (first == again).all()
    assert (first != other).any()


def test_the_random_draw_depends_only_on_the_claim_and_the_salt():
    assert uniform_draws(["a", "b"], "s")[1] == uniform_draws(["b"], "s")[0] != uniform_draws(["b"], "t")[0]


def test_the_selection_has_the_highest_scores_and_a_random_sample_of_the_rest():
    p, _, _ = insurer()
    chosen = select(ids_of(len(p)), p, capacity=50, audit_share=0.2, salt="s")
    by_score = [one for one in chosen if one.selected_by == "score"]
    audited = [one for one in chosen if one.selected_by == "audit"]
    assert (len(by_score), len(audited)) == (40, 10)
    assert [one.propensity for one in by_score] == [1.0] * 40
    assert [p[one.row] for one in by_score] == sorted(p, reverse=True)[:40]
    assert all(0 < one.propensity < 1 and p[one.row] <= min(p[two.row] for two in by_score) for one in audited)
    assert len({one.claim_id for one in chosen}) == 50


def test_a_week_with_fewer_claims_than_capacity_is_reviewed_completely():
    p, _, _ = insurer(12)
    chosen = select(ids_of(12), p, capacity=50, audit_share=0.2, salt="s")
    assert sorted(one.row for one in chosen) == list(range(12))
    assert {one.propensity for one in chosen} == {1.0}


def test_no_claims_make_an_empty_list():
    assert select([], np.zeros(0), capacity=5, audit_share=0.2, salt="s") == []


@pytest.mark.parametrize(
    ("capacity", "share", "audits"), [(50, 0.1, 5), (50, 0.0, 0), (3, 0.1, 1), (1, 0.5, 0), (2, 0.9, 1)]
)
def test_the_audit_has_its_share_and_one_review_at_least(capacity, share, audits):
    assert audits_of(capacity, share) == audits


@pytest.mark.parametrize(("capacity", "share"), [(0, 0.1), (10, 1.0), (10, -0.1)])
def test_a_list_without_capacity_is_refused(capacity, share):
    with pytest.raises(LoopError):
        audits_of(capacity, share)


@pytest.fixture(scope="module")
def estimates():
    """The estimates of many lists of the same week, and the truth."""
    p, fraud, cents = insurer()
    lists = [week_of(p, fraud, cents, f"week-{number}") for number in range(DRAWS)]
    return lists, estimate(ReviewedClaims(fraud, p, cents, np.ones(len(p))), k=90)


@pytest.mark.parametrize("total", ["frauds", "fraud_cents", "claims"])
def test_totals_are_right_on_average_over_the_draws(estimates, total):
    lists, truth = estimates
    values = np.array([getattr(estimate(one, k=90), total) for one in lists])
    error = values.std() / np.sqrt(DRAWS)
    assert abs(values.mean() - getattr(truth, total)) < 4 * error


@pytest.mark.parametrize(
    "ratio", ["base_rate", "average_precision", "precision_at_k", "recall_at_k", "dollars_at_k", "brier"]
)
def test_ratios_converge_to_the_truth_as_findings_accumulate(estimates, ratio):
    """Over one list a ratio is biased, as any ratio of two estimates; over a year of lists the bias is negligible."""
    lists, truth = estimates
    parts = ("fraud", "probabilities", "amounts_cents", "weights")
    gathered = ReviewedClaims(*(np.concatenate([getattr(one, part) for one in lists]) for part in parts))
    found = estimate(gathered, k=90 * DRAWS)
    assert getattr(found, ratio) == pytest.approx(getattr(truth, ratio), rel=0.12)


def test_estimates_without_weights_are_biased(estimates):
    """The purpose of the estimate: on the claims that a model flagged, it looks far better than it is."""
    p, fraud, cents = insurer()
    _, truth = estimates
    naive = week_of(p, fraud, cents, "week-0")
    assert naive.fraud.mean() > 5 * truth.base_rate
    assert average_precision(naive.fraud, naive.probabilities) > 1.2 * truth.average_precision
    assert brier(naive.fraud, naive.probabilities) > 3 * truth.brier


def test_a_weight_below_one_is_refused():
    with pytest.raises(LoopError, match="inverse propensity"):
        ReviewedClaims(np.array([True]), np.array([0.5]), np.array([100]), np.array([0.5]))


def test_training_truncates_weights():
    assert training_weights(np.array([1.0, 15.0, 400.0]), maximum=20).tolist() == [1.0, 15.0, 20.0]


@pytest.mark.parametrize("probability", [np.nan, np.inf])
def test_a_probability_that_is_not_finite_is_refused(probability):
    with pytest.raises(LoopError, match="finite"):
        select(ids_of(3), np.array([0.1, probability, 0.3]), capacity=2, audit_share=0.0, salt="s")
