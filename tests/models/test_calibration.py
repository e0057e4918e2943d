import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.calibration import log_odds
from models.calibration import LEAST_FRAUDS, BetaCalibrator, fit_calibrator
from models.errors import CalibrationError
from models.evaluation import metrics

calibrators = st.builds(
    BetaCalibrator,
    a=st.floats(1e-3, 8),
    b=st.floats(1e-3, 8),
    c=st.floats(-8, 8),
)
margins = st.floats(-80, 80)


@given(calibrators, margins, margins)
def test_a_higher_margin_never_has_a_lower_probability(calibrator, one, other):
    low, high = sorted((one, other))
    assert calibrator.probability(low) <= calibrator.probability(high)
    many = calibrator.probabilities(np.array([low, high]))
    assert many[0] <= many[1]


@given(calibrators, st.lists(margins, min_size=1, max_size=20))
def test_single_and_batch_probabilities_agree_and_are_between_0_and_1(calibrator, values):
    many = calibrator.probabilities(np.array(values))
    one = [calibrator.probability(value) for value in values]
    assert many.tolist() == one
    assert ((many >= 0) & (many <= 1)).all()


def test_the_neutral_calibrator_is_the_logistic_curve():
    values = np.linspace(-20, 20, 81)
    assert np.allclose(BetaCalibrator(1, 1, 0).probabilities(values), 1 / (1 + np.exp(-values)), rtol=1e-12)


@settings(max_examples=12, deadline=None)
@given(st.floats(0.3, 3), st.floats(0.3, 3), st.floats(-2, 2), st.integers(0, 50))
@example(a=0.375, b=1.0, c=0.0, seed=36)
def test_calibration_corrects_a_distorted_margin(a, b, c, seed):
    rng = np.random.default_rng(seed)
    claims = 80_000  # of 20,000 the chance in the sample alone exceeds the limit for some seeds
    margin = rng.normal(-2, 2, claims)
    truth = BetaCalibrator(a, b, c)
    fraud = rng.random(claims) < truth.probabilities(margin)
    found = fit_calibrator(margin, fraud)
    assert np.abs(found.probabilities(margin) - truth.probabilities(margin)).mean() < 0.01


def test_calibration_corrects_a_reweighted_class():
    rng = np.random.default_rng(0)
    honest = rng.normal(-4, 1.5, 60_000)
    fraud = rng.random(60_000) < 1 / (1 + np.exp(-honest))
    reweighted = honest + np.log(30)  # what scale_pos_weight=30 does to a margin
    before = metrics.calibration_error(fraud, 1 / (1 + np.exp(-reweighted)))
    after = metrics.calibration_error(fraud, fit_calibrator(reweighted, fraud).probabilities(reweighted))
    assert before > 0.2
    assert after < 0.005


def test_inverse_propensities_undo_a_sampling():
    rng = np.random.default_rng(1)
    margin = rng.normal(-2, 1.5, 80_000)
    fraud = rng.random(80_000) < 1 / (1 + np.exp(-margin))
    kept = rng.random(80_000) < np.where(fraud, 1.0, 0.2)
    weights = np.where(fraud, 1.0, 5.0)[kept]
    found = fit_calibrator(margin[kept], fraud[kept], weights=weights)
    assert metrics.calibration_error(fraud, found.probabilities(margin)) < 0.01


def test_the_calibrator_of_a_separable_sample_is_finite():
    margin = np.concatenate([np.full(50, -3.0), np.full(5, 3.0)])
    found = fit_calibrator(margin, margin > 0)
    assert 0.5 < found.probability(3.0) < 1
    assert 0 < found.probability(-3.0) < 0.2


@pytest.mark.parametrize(("frauds", "bound"), [(5, 2.2), (10, 1.6), (30, 1.0), (100, 0.6)])
def test_few_frauds_give_a_probability_near_the_truth_and_an_interval_that_has_it(frauds, bound):
    """The margins are the true log-odds. Without the prior, 10 frauds gave 0.78 at -3 for a true 0.047."""
    truth = 1 / (1 + np.exp(3))
    errors, inside = [], []
    for seed in range(40):
        found = fit_calibrator(*log_odds(frauds, claims=4_000, seed=seed))
        p = found.probability(-3.0)
        low, high = found.interval(-3.0)
        assert low < p < high
        errors.append(abs(np.log(p / (1 - p)) + 3))
        inside.append(low <= truth <= high)
    assert np.quantile(errors, 0.95) < bound
    assert np.mean(inside) >= 0.8


def test_the_interval_narrows_with_the_number_of_frauds():
    def width(frauds):
        low, high = fit_calibrator(*log_odds(frauds, claims=4_000, seed=1)).interval(-3.0)
        return high - low

    assert width(5) > width(30) > width(100)


def test_many_frauds_outweigh_the_prior():
    """A booster that is twice too sure, and one that is half as sure as it should be."""
    rng = np.random.default_rng(3)
    margin = rng.normal(-2, 2, 40_000)
    for slope in (0.5, 2.0):
        fraud = rng.random(len(margin)) < 1 / (1 + np.exp(-slope * margin))
        found = fit_calibrator(margin, fraud)
        assert found.a == pytest.approx(slope, rel=0.05)
        assert found.b == pytest.approx(slope, rel=0.1)


def test_the_mean_probability_is_the_share_of_fraud_however_few_the_frauds():
    margin, fraud = log_odds(10, claims=4_000, seed=2)
    p = fit_calibrator(margin + 3, fraud).probabilities(margin + 3)
    assert p.sum() == pytest.approx(10, abs=0.01)


def test_weights_do_not_add_evidence():
    """Twice the weight of every claim is the same evidence; unequal weights are less, so the interval is wider."""
    margin, fraud = log_odds(30, claims=4_000, seed=4)
    plain = fit_calibrator(margin, fraud, weights=np.ones(len(margin)))
    unequal = np.where(np.arange(len(margin)) % 2, 1.0, 9.0)
    low, high = plain.interval(-3.0)
    wide_low, wide_high = fit_calibrator(margin, fraud, weights=unequal).interval(-3.0)
    assert wide_high - wide_low > high - low
    assert fit_calibrator(margin, fraud, weights=np.full(len(margin), 2.0)).interval(-3.0) == pytest.approx(
        (low, high), rel=0.1
    )


def test_a_calibrator_without_a_covariance_has_no_interval():
    assert BetaCalibrator(1, 1, 0).interval(0.0) is None


@given(calibrators, st.floats(1e-4, 1 - 1e-4))
def test_the_margin_of_a_probability_has_that_probability(calibrator, probability):
    margin = calibrator.margin_of(probability)
    assert abs(margin) > 59.9 or calibrator.probability(margin) == pytest.approx(probability, rel=1e-6)


def test_fewer_frauds_than_a_calibrator_takes_are_refused_with_their_number():
    margin = np.linspace(-8, 0, 100)
    with pytest.raises(CalibrationError, match=f"at least {LEAST_FRAUDS} frauds .* has 4 frauds among 100 claims"):
        fit_calibrator(margin, np.arange(100) >= 96)


@pytest.mark.parametrize(
    ("margin", "fraud"),
    [
        ([1.0, 2.0], [True, True]),
        ([1.0, 2.0], [False, False]),
        ([1.0, float("nan")], [True, False]),
        ([1.0], [True, False]),
        ([], []),
    ],
)
def test_samples_that_cannot_be_calibrated_are_refused(margin, fraud):
    with pytest.raises(CalibrationError):
        fit_calibrator(np.array(margin), np.array(fraud, dtype=bool))


@pytest.mark.parametrize("parameters", [(0, 1, 0), (1, -1, 0), (1, 1, float("nan")), (float("inf"), 1, 0)])
def test_parameters_that_are_not_monotone_are_refused(parameters):
    with pytest.raises(CalibrationError):
        BetaCalibrator(*parameters)
