import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.calibration import BetaCalibrator, fit_calibrator
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
    assert np.allclose(many, one, rtol=1e-12, atol=0)
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
