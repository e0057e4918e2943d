"""Too many and too few events are found, silence too; usual numbers are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.drift.events import dispersion, usual_ratios
from pipelines.drift.limits import FALSE_EVENT_ALARMS


def unusual(events, expected, *, spread=1.0, window=7, ratio=2.0):
    low, high = usual_ratios(expected, spread, window, ratio=ratio)
    return not low <= (events + 1) / (expected + 1) <= high


@pytest.mark.parametrize(("expected", "spread"), [(8.75, 1.0), (25.0, 3.0), (400.0, 40.0)])
def test_silence_is_unusual_once_enough_events_were_expected(expected, spread):
    assert unusual(0, expected, spread=spread)
    assert not unusual(0, expected / 10, spread=spread)


@given(st.floats(0.01, 1e4), st.floats(1, 50), st.sampled_from([1, 7, 28]))
def test_the_expected_number_is_usual(expected, spread, window):
    assert not unusual(round(expected), expected, spread=spread, window=window)


@given(st.floats(0.1, 1e4), st.floats(1, 20), st.integers(0, 10**5), st.integers(0, 10**5))
def test_a_number_farther_from_the_expected_is_never_more_usual(expected, spread, one, other):
    near, far = sorted((one, other), key=lambda events: abs(events - expected))
    if (near - expected) * (far - expected) >= 0 and unusual(near, expected, spread=spread):
        assert unusual(far, expected, spread=spread)


def test_bursts_widen_the_usual_range():
    assert unusual(30, 10)
    assert not unusual(30, 10, spread=10)


@pytest.mark.parametrize(("expected", "spread"), [(float("nan"), 1.0), (1.0, float("nan"))])
def test_an_expectation_that_is_not_a_number_has_no_usual_range(expected, spread):
    assert unusual(1, expected, spread=spread)


@pytest.mark.parametrize("window", FALSE_EVENT_ALARMS)
def test_chance_is_unusual_as_seldom_as_declared(window):
    """Independent events, and bursts: of both directions together."""
    rng = np.random.default_rng(window)
    for spread, events in ((1, rng.poisson(20, 100_000)), (5, rng.negative_binomial(20 / 4, 1 / 5, 100_000))):
        rare = [number for number in range(400) if unusual(number, 20, spread=spread, window=window, ratio=1)]
        assert 0 < len(rare) < 400
        assert np.isin(events, rare).mean() < 3 * FALSE_EVENT_ALARMS[window]


def test_the_dispersion_is_one_for_independent_events_and_that_of_bursts_for_bursts():
    rng = np.random.default_rng(1)
    expected = np.full(400, 3.0)
    assert dispersion(rng.poisson(3, 400).astype(float), expected) == pytest.approx(1, abs=0.2)
    assert dispersion(6.0 * rng.poisson(0.5, 400), expected) == pytest.approx(6, rel=0.25)
    assert dispersion(np.zeros(60), np.zeros(60)) == 1
