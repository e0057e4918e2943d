import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from models.evaluation import bootstrap, metrics


def ranked(seed: int, rows: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores with many ties, amounts and weights with a few zeros."""
    rng = np.random.default_rng(seed)
    fraud = rng.random(rows) < 0.15
    scores = np.round(rng.normal(size=rows) + fraud, 1)
    return fraud, scores, rng.integers(100, 100_000, rows), rng.integers(0, 4, rows).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_ranking_metrics_equal_those_of_scikit_learn_with_ties_and_weights(seed):
    fraud, scores, _, weights = ranked(seed)
    for w in (None, weights):
        assert metrics.average_precision(fraud, scores, w) == pytest.approx(
            sk.average_precision_score(fraud, scores, sample_weight=w), abs=1e-12
        )
        assert metrics.roc_auc(fraud, scores, w) == pytest.approx(
            sk.roc_auc_score(fraud, scores, sample_weight=w), abs=1e-12
        )


@pytest.mark.parametrize("seed", range(3))
def test_probability_metrics_equal_those_of_scikit_learn(seed):
    fraud, scores, _, weights = ranked(seed)
    p = 1 / (1 + np.exp(-scores))
    for w in (None, weights):
        assert metrics.brier(fraud, p, w) == pytest.approx(sk.brier_score_loss(fraud, p, sample_weight=w), abs=1e-12)
        assert metrics.log_loss(fraud, p, w) == pytest.approx(sk.log_loss(fraud, p, sample_weight=w), abs=1e-12)


@given(seed=st.integers(0, 10_000), k=st.integers(1, 40))
def test_metrics_at_k_are_the_mean_over_every_order_of_ties(seed, k):
    rng = np.random.default_rng(seed)
    fraud, scores = rng.random(40) < 0.3, rng.integers(0, 4, 40).astype(float)
    amounts = rng.integers(1, 100, 40)
    got = metrics.at_k(fraud, scores, k, amounts)
    found = cents = 0.0
    left = k
    for score in sorted(set(scores), reverse=True):
        tied = scores == score
        share = min(left, tied.sum()) / tied.sum()
        found, cents = found + share * (fraud & tied).sum(), cents + share * (amounts * (fraud & tied)).sum()
        left -= min(left, tied.sum())
    assert got.precision == pytest.approx(found / k)
    assert got.cents == pytest.approx(cents)
    if fraud.any():
        assert got.recall == pytest.approx(found / fraud.sum())
        assert got.dollars == pytest.approx(cents / (amounts * fraud).sum())


def test_no_metric_depends_on_the_order_of_the_rows():
    fraud, scores, amounts, weights = ranked(3)
    order = np.random.default_rng(0).permutation(len(fraud))
    p = 1 / (1 + np.exp(-scores))
    for f in (metrics.average_precision, metrics.roc_auc, metrics.calibration_error):
        assert f(fraud, p, weights) == pytest.approx(f(fraud[order], p[order], weights[order]), abs=1e-12)
    one = metrics.at_k(fraud, scores, 17, amounts)
    assert one.cents == pytest.approx(metrics.at_k(fraud[order], scores[order], 17, amounts[order]).cents)


def test_weights_count_like_repeated_rows():
    fraud, scores, amounts, weights = ranked(4)
    times = weights.astype(int)
    again = [np.repeat(v, times) for v in (fraud, scores, amounts)]
    assert metrics.average_precision(fraud, scores, weights) == pytest.approx(metrics.average_precision(*again[:2]))
    assert metrics.at_k(fraud, scores, 30, amounts, weights).precision == pytest.approx(
        metrics.at_k(again[0], again[1], 30, again[2]).precision
    )


def test_undefined_metrics_are_nan():
    none = np.zeros(5, bool)
    assert math.isnan(metrics.average_precision(none, np.arange(5.0)))
    assert math.isnan(metrics.roc_auc(none, np.arange(5.0)))
    assert math.isnan(metrics.at_k(none, np.arange(5.0), 2, np.arange(5)).recall)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_scores_that_are_not_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        metrics.average_precision(np.array([True, False]), np.array([0.1, bad]))


def test_calibration_bins_hold_equal_weight_and_the_error_is_their_mean_distance():
    rng = np.random.default_rng(1)
    p = rng.random(30_000) ** 3
    fraud = rng.random(30_000) < p
    bins = metrics.calibration_bins(fraud, p, bins=10)
    assert len(bins) == 10
    assert {b.claims for b in bins} == {3000.0}
    assert metrics.calibration_error(fraud, p) < 0.01
    assert metrics.calibration_error(fraud, np.clip(p + 0.1, 0, 1)) == pytest.approx(0.1, abs=0.02)


def test_equal_probabilities_share_one_bin():
    fraud = np.arange(100) < 20
    assert len(metrics.calibration_bins(fraud, np.full(100, 0.2))) == 1
    assert metrics.calibration_error(fraud, np.full(100, 0.2)) == pytest.approx(0)


def test_the_width_of_a_grouped_interval_agrees_with_theory():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(400), 5)
    values = np.repeat(rng.normal(size=400), 5)  # claims of a group are alike: 400 facts, not 2,000
    interval = bootstrap(lambda w: float(np.average(values, weights=w)), groups, replicates=400)
    assert interval.low < interval.value < interval.high
    assert (interval.high - interval.low) / 2 == pytest.approx(1.96 / 20, rel=0.15)


def test_a_paired_interval_is_narrower_than_two_separate_ones():
    fraud, scores, _, _ = ranked(6, rows=2000)
    better = metrics.Ranking.of(scores + 0.3 * fraud)
    worse = metrics.Ranking.of(scores)
    groups = np.arange(2000) // 4
    pair = bootstrap(
        lambda w: metrics.average_precision(fraud, better, w) - metrics.average_precision(fraud, worse, w),
        groups,
        replicates=200,
    )
    alone = bootstrap(lambda w: metrics.average_precision(fraud, worse, w), groups, replicates=200)
    assert pair.low > 0
    assert pair.high - pair.low < alone.high - alone.low


def test_a_bootstrap_is_reproducible_and_refuses_empty_input():
    fraud, scores, _, _ = ranked(7)
    groups = np.arange(len(fraud)) % 50
    runs = {bootstrap(lambda w: metrics.roc_auc(fraud, scores, w), groups, replicates=50, seed=3) for _ in range(2)}
    assert len(runs) == 1
    nothing = bootstrap(lambda w: float("nan"), groups, replicates=10)
    assert math.isnan(nothing.low)
    with pytest.raises(ValueError, match="nothing to resample"):
        bootstrap(lambda w: 0.0, np.array([]), replicates=10)


def test_the_interval_of_a_bin_is_that_of_clopper_and_pearson():
    """Reference values of R: binom.test(20, 100)$conf.int and binom.test(0, 50)$conf.int."""
    (some,) = metrics.calibration_bins(np.arange(100) < 20, np.full(100, 0.2))
    assert (some.low, some.high) == pytest.approx((0.1266556, 0.2918427), abs=1e-7)
    (none,) = metrics.calibration_bins(np.zeros(50, dtype=bool), np.full(50, 0.2))
    assert (none.low, none.high) == pytest.approx((0.0, 0.0711217), abs=1e-7)
    (every,) = metrics.calibration_bins(np.ones(50, dtype=bool), np.full(50, 0.2))
    assert (every.low, every.high) == pytest.approx((0.9288783, 1.0), abs=1e-7)


def test_claims_of_unequal_weight_are_fewer_than_they_look():
    fraud, p = np.arange(100) < 20, np.full(100, 0.2)
    weights = np.where(np.arange(100) % 2 == 0, 9.0, 1.0)
    (equal,), (unequal,) = metrics.calibration_bins(fraud, p), metrics.calibration_bins(fraud, p, weights)
    assert unequal.observed == pytest.approx(equal.observed)
    assert unequal.low < equal.low < equal.high < unequal.high


def test_an_interval_of_a_ratio_may_be_infinite_at_its_upper_end():
    groups = np.arange(20)
    found = bootstrap(lambda w: float("inf") if w[0] == 0 else float(w.sum() / w[0]), groups, replicates=200)
    assert np.isfinite(found.low)
    assert found.high == np.inf
