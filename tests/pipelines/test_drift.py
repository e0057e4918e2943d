"""Drift: days without drift raise no alarm, and each kind of drift is detected on its day."""

import json
from dataclasses import replace

import numpy as np
import pytest

from features.vector import FEATURE
from pipelines.drift import Drift, DriftError, DriftMeasure
from pipelines.drift.flow import measure_days, new_alarms, not_compared, since_training
from pipelines.drift.limits import GROUP_LIMITS
from pipelines.drift.measures import MIN_REFERENCE_DAYS, Alarm, gathered, measure, reference_of
from pipelines.drift.page import render
from pipelines.drift.prometheus import prometheus_text
from pipelines.gates import profile_of
from tests.pipelines.drifting import only, simulated_stream


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """30,000 simulated claims of 240 days, scored by a model of the first half; and its threshold."""
    return simulated_stream(tmp_path_factory.mktemp("stream"), claims=30_000, days=240, seed=1)


@pytest.fixture(scope="module")
def quiet(scored):
    """60 days of reference, and the day that is checked after them: a Wednesday."""
    stream, threshold = scored
    last = int(stream.day.max())
    day = last - 40 - (last - 40 + 3) % 7 + 2
    return stream, day, reference_of(stream, range(day - 60, day), threshold)


def measures_of(stream, day, reference):
    return {alarm.measure for alarm in measure(stream, day, reference).alarms}


def test_thirty_days_without_drift_raise_at_most_one_alarm(scored):
    stream, threshold = scored
    last = int(stream.day.max())
    for until in (last, last - 15, last - 29):
        _, days, alarms = measure_days(stream, threshold=threshold, until=until, days=30, reference_days=60)
        assert len(days) == 30
        assert len(alarms) <= 1, [alarm.text() for alarm in alarms]


def test_a_day_without_drift_raises_no_alarm(quiet):
    stream, day, reference = quiet
    assert measure(stream, day, reference).alarms == ()


def test_a_feature_shift_is_detected_on_its_day(quiet):
    """Amounts in another unit, as after a change of currency."""
    stream, day, reference = quiet
    x = stream.x.copy()
    x[np.ix_(stream.rows_of(day), [stream.features.index("amount")])] *= 3
    [alarm] = [one for one in measure(replace(stream, x=x), day, reference).alarms if one.measure == "feature"]
    assert alarm.feature == "amount"


def test_a_column_that_becomes_missing_is_detected_on_its_day(quiet):
    stream, day, reference = quiet
    x, rows = stream.x.copy(), stream.rows_of(day)
    x[rows[:: len(rows) // 30], stream.features.index("member_claims_90d")] = np.nan
    [alarm] = [one for one in measure(replace(stream, x=x), day, reference).alarms if one.measure == "missing"]
    assert alarm.feature == "member_claims_90d"


def test_a_score_shift_is_detected_on_its_day(quiet):
    """Eight times the usual: the limit is six times the worst quiet day, 0.22 by XGBoost 3.2's model, 0.46 by 3.4's."""
    stream, day, reference = quiet
    p = stream.probabilities.copy()
    p[stream.rows_of(day)] = np.clip(p[stream.rows_of(day)] * 8, 0, 1)
    assert measures_of(replace(stream, probabilities=p), day, reference) >= {"score"}


def test_a_surge_of_flagged_claims_is_detected_on_its_day(quiet):
    stream, day, reference = quiet
    p = stream.probabilities.copy()
    p[stream.rows_of(day)[:25]] = 0.9
    assert "flagged" in measures_of(replace(stream, probabilities=p), day, reference)


def test_a_calibration_shift_is_detected_on_its_day(quiet):
    """Labels of a day that say fraud far more often than was expected of those claims."""
    stream, day, reference = quiet
    known = np.flatnonzero(stream.known_day == day)
    assert len(known) >= 40
    fraud = stream.fraud.copy()
    fraud[known[:30]] = True
    assert measures_of(replace(stream, fraud=fraud), day, reference) == {"calibration"}


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_missing_claims_are_detected_on_their_day(quiet, share):
    stream, day, reference = quiet
    rows = stream.rows_of(day)
    lost = rows[int(len(rows) * share) :]
    assert "volume" in measures_of(only(stream, np.setdiff1d(np.arange(len(stream.day)), lost)), day, reference)


def test_a_surge_of_claims_is_detected_on_its_day(quiet):
    """The day's claims, and those of the same weekday of the two weeks before once more."""
    stream, day, reference = quiet
    rows = np.concatenate([np.arange(len(stream.day)), stream.rows_of(day - 7), stream.rows_of(day - 14)])
    flooded = only(stream, rows)
    flooded.day[len(stream.day) :] = day
    assert measures_of(flooded, day, reference) == {"volume"}


def test_a_day_without_labels_raises_no_calibration_alarm(quiet):
    stream, day, reference = quiet
    found = measure(replace(stream, known_day=np.full_like(stream.known_day, -1)), day, reference)
    assert found.labels == 0
    assert np.isnan(found.calibration_ratio)
    assert found.not_applicable["calibration"] == "no label became known"
    assert found.alarms == ()


def test_a_day_of_few_claims_is_measured_for_its_volume_only(quiet):
    stream, day, reference = quiet
    few = only(stream, np.setdiff1d(np.arange(len(stream.day)), stream.rows_of(day)[10:]))
    found = measure(few, day, reference)
    assert set(found.not_applicable) >= {"feature", "missing", "score", "flagged"}
    assert "10 claims, fewer than 20" in found.not_applicable["score"]
    assert found.psi == {}
    assert found.claims == 10


def test_a_measure_that_cannot_be_computed_is_an_alarm(quiet):
    stream, day, reference = quiet
    p = stream.probabilities.copy()
    p[stream.rows_of(day)] = np.nan
    assert "score" in measures_of(replace(stream, probabilities=p), day, reference)
    p = stream.probabilities.copy()
    p[stream.known_day == day] = np.nan
    [alarm] = [
        one
        for one in measure(replace(stream, probabilities=p), day, reference).alarms
        if one.measure is DriftMeasure.CALIBRATION
    ]
    assert np.isnan(alarm.value)


@pytest.mark.parametrize("lost", ["flagged", "calibration"])
def test_a_reference_without_a_number_raises_an_alarm(quiet, lost):
    stream, day, reference = quiet
    assert measure(stream, day, replace(reference, **{lost: float("nan")})).alarms


def test_every_group_with_its_own_limit_is_that_of_a_feature():
    assert set(GROUP_LIMITS) <= {feature.aggregation_group for feature in FEATURE.values()}


def test_features_that_move_together_are_one_alarm():
    alarms = [Alarm("2026-01-01", "feature", name, value, 1.0) for name, value in (("a", 2.0), ("b", 5.0), ("c", 3.0))]
    assert gathered(alarms) == (replace(alarms[1], others=("c", "a")),)
    assert gathered(alarms)[0].text() == "2026-01-01: feature of b is 5, limit 1, and 2 more features"


def test_a_continuing_alarm_is_raised_once_and_again_after_a_week_without_it(quiet):
    stream, day, reference = quiet
    usual = measure(stream, day, reference)

    def of(name, *, alarming):
        return replace(usual, day=name, alarms=(Alarm(name, "score", "", 1.0, 0.5),) if alarming else ())

    days = [of(f"2026-01-{number:02d}", alarming=number in (1, 2, 3, 8, 20)) for number in range(1, 25)]
    assert [alarm.day for alarm in new_alarms(days)] == ["2026-01-01", "2026-01-20"]


def test_a_short_reference_period_is_refused(scored):
    stream, threshold = scored
    last = int(stream.day.max())
    with pytest.raises(DriftError, match=f"at least {MIN_REFERENCE_DAYS} days"):
        reference_of(stream, range(last - 10, last), threshold)


def test_the_last_day_is_exported_to_prometheus_and_the_page_names_every_alarm(quiet):
    stream, day, reference = quiet
    x = stream.x.copy()
    x[np.ix_(stream.rows_of(day), [stream.features.index("amount")])] = np.nan
    last = measure(replace(stream, x=x), day, reference)
    found = Drift("m1", "simulated", ("2025-01-01", "2025-02-28"), (last,), tuple(new_alarms([last])))
    text = prometheus_text(found)
    assert 'ginja_drift_alarm{feature="amount",measure="missing"} 1.0' in text
    assert 'ginja_drift_feature_missing_share{feature="amount"} 1.0' in text
    assert f"ginja_drift_volume_ratio {last.volume_ratio}" in text
    assert all(alarm.text() in render(found) for alarm in found.raised)
    assert json.loads(json.dumps(found.as_json()))["days"][0]["claims"] == last.claims


def test_a_slow_change_raises_no_alarm_but_shows_against_the_training_set(scored):
    """Amounts that grow by half a percent a day: the reference period moves with it, the training set does not."""
    stream, threshold = scored
    last, place = int(stream.day.max()), stream.features.index("amount")
    trained = profile_of(stream.x[: len(stream.x) // 2], stream.features)
    x = stream.x.copy()
    x[:, place] *= 1.005 ** (stream.day - stream.day.min())
    slow = replace(stream, x=x)
    days = range(last - 30, last)
    _, _, alarms = measure_days(slow, threshold=threshold, until=last, days=30, reference_days=60)
    assert "amount" not in {alarm.feature for alarm in alarms}
    usual, changed = (since_training(one, days, trained) for one in (stream, slow))
    assert usual["amount"] < 0.1
    assert changed["amount"] > 0.25
    assert changed | {"amount": usual["amount"]} == usual
    _, measured, _ = measure_days(slow, threshold=threshold, until=last, days=1, reference_days=60)
    found = Drift("m1", "simulated", ("2025-01-01", "2025-02-28"), tuple(measured), (), changed)
    assert f'ginja_drift_since_training{{feature="amount"}} {changed["amount"]}' in prometheus_text(found)


def test_without_the_training_sets_profile_every_feature_is_listed_as_not_compared(scored):
    stream, _ = scored
    assert since_training(stream, range(1), None) == {}
    assert not_compared(stream, None) == stream.features
    profile = profile_of(stream.x[:1_000], stream.features)
    assert not_compared(stream, profile) == ()
    renamed = replace(profile, features={f"{name}s": one for name, one in profile.features.items()})
    assert not_compared(stream, renamed) == stream.features
