"""Drift: days without drift raise no alarm, and each kind of drift is detected on its day."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.drift import simulated_stream
from features.vector import FEATURE
from pipelines.drift import Drift, DriftError, DriftMeasure
from pipelines.drift.alarms import Alarm, causes_of, new_causes
from pipelines.drift.flow import measure_days, not_compared, since_training
from pipelines.drift.limits import GROUP_LIMITS
from pipelines.drift.measures import measure
from pipelines.drift.page import render
from pipelines.drift.prometheus import prometheus_text
from pipelines.drift.reference import MIN_REFERENCE_DAYS, reference_of
from pipelines.gates import profile_of
from tests.pipelines.drifting import only


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
    alarms = [one for one in measure(replace(stream, x=x), day, reference).alarms if one.measure == "feature"]
    assert [alarm.column for alarm in alarms] == ["amount"]


def test_a_column_that_becomes_missing_is_detected_on_its_day(quiet):
    stream, day, reference = quiet
    x, rows = stream.x.copy(), stream.rows_of(day)
    x[rows[:: len(rows) // 30], stream.features.index("member_claims_90d")] = np.nan
    [alarm] = [one for one in measure(replace(stream, x=x), day, reference).alarms if one.measure == "missing"]
    assert alarm.column == "member_claims_90d"


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


def test_claims_that_are_flagged_no_more_are_detected(quiet):
    stream, day, reference = quiet
    p = stream.probabilities.copy()
    rows = stream.rows_of(day, days=10)
    p[rows] = np.minimum(p[rows], reference.threshold * 0.99)
    assert "flagged" in measures_of(replace(stream, probabilities=p), day, reference)


def test_labels_without_a_fraud_are_detected(quiet):
    """25 days of labels that all say honest."""
    stream, day, reference = quiet
    fraud = stream.fraud.copy()
    fraud[stream.known_on(day, days=25)] = False
    assert measures_of(replace(stream, fraud=fraud), day, reference) == {"calibration"}


def test_labels_that_stop_are_detected(quiet):
    stream, day, reference = quiet
    known_day = stream.known_day.copy()
    known_day[stream.known_on(day, days=7)] = -1
    assert measures_of(replace(stream, known_day=known_day), day, reference) == {"labels"}


def test_labels_that_arrive_later_are_detected(quiet):
    """As many labels as usual, but in the last week those of claims that were received three weeks earlier."""
    stream, day, reference = quiet
    late, early = stream.known_on(day, days=7), stream.known_on(day - 21, days=7)
    count = min(len(late), len(early))
    known_day = stream.known_day.copy()
    known_day[late[:count]], known_day[early[:count]] = known_day[early[:count]], known_day[late[:count]].copy()
    assert measures_of(replace(stream, known_day=known_day), day, reference) == {"label_delay"}


def test_a_share_of_fraud_that_rises_by_eight_points_is_detected(quiet):
    """Also where the model expects it: the calibration says nothing then."""
    stream, day, reference = quiet
    rows = stream.known_on(day, days=7)
    chosen = rows[:: len(rows) // (len(rows) * 8 // 100)]
    fraud, p = stream.fraud.copy(), stream.probabilities.copy()
    fraud[chosen], p[chosen] = True, 1.0
    assert "fraud_share" in measures_of(replace(stream, fraud=fraud), day, reference)
    found = measure(replace(stream, fraud=fraud, probabilities=p), day, reference)
    assert "fraud_share" in {alarm.measure for alarm in found.alarms}


def test_codes_that_are_swapped_are_detected(quiet):
    """The most frequent procedure and a rare one, as after a mistake in a mapping."""
    stream, day, reference = quiet
    codes = stream.codes["procedure_code"]
    values, rows = codes.values.copy(), stream.rows_of(day, days=7)
    frequent, rare = values[rows] == 0, values[rows] == 20
    values[rows[frequent]], values[rows[rare]] = 20, 0
    swapped = replace(stream, codes={**stream.codes, "procedure_code": replace(codes, values=values)})
    [alarm] = measure(swapped, day, reference).alarms
    assert (alarm.measure, alarm.column, alarm.window) == ("code", "procedure_code", 7)
    assert alarm.change.startswith(f"{codes.texts[20]}: ") or alarm.change.startswith(f"{codes.texts[0]}: ")


@pytest.mark.parametrize("name", ["service_weekend", "amount"])
def test_a_column_whose_missing_values_are_filled_in_is_detected(quiet, name):
    """A fifth was missing; since the day none is."""
    stream, day, _ = quiet
    x, place = stream.x.copy(), stream.features.index(name)
    before = np.flatnonzero(stream.day < day)
    x[before[::5], place] = np.nan
    holes = replace(stream, x=x)
    reference = reference_of(holes, range(day - 60, day), 2.0)
    alarms = [one for one in measure(holes, day, reference).alarms if one.measure == "missing"]
    assert [alarm.column for alarm in alarms] == [name]


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
    found = measure(replace(stream, known_day=np.where(stream.known_day == day, -1, stream.known_day)), day, reference)
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
    assert found.stability == {}
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


def alarms_of(day, **columns):
    """An alarm of each column with its value, at a limit of 1."""
    return tuple(Alarm(day, DriftMeasure.FEATURE, name, value, 1.0) for name, value in columns.items())


def test_features_that_move_together_are_one_cause():
    alarms = alarms_of("2026-01-01", a=2.0, b=5.0, c=3.0)
    [cause] = causes_of(alarms)
    assert cause.alarms == (alarms[1], alarms[2], alarms[0])
    assert cause.text() == "2026-01-01: feature of b is 5, limit 1; also c, a"


def test_features_of_different_groups_and_different_measures_are_different_causes():
    alarm = Alarm("2026-01-01", DriftMeasure.FEATURE, "a", 2.0, 1.0, group="member")
    others = [replace(alarm, column="b", group="provider"), replace(alarm, measure=DriftMeasure.MISSING)]
    assert [cause.alarms for cause in causes_of([alarm, *others])] == [(alarm,), (others[0],), (others[1],)]


def test_one_broken_feature_does_not_hide_the_next():
    """The first one stays broken; the second breaks five days later, and is raised on that day alone."""
    days = [alarms_of(f"2026-01-{number:02d}", a=2.0, **({"b": 2.0} if number > 5 else {})) for number in range(1, 9)]
    raised = new_causes(days)
    assert [(cause.day, [alarm.column for alarm in cause.alarms]) for cause in raised] == [
        ("2026-01-01", ["a"]),
        ("2026-01-06", ["b"]),
    ]


def test_a_continuing_alarm_is_raised_once_and_again_after_a_week_without_it():
    alarming = (1, 2, 3, 8, 20)
    days = [alarms_of(f"2026-01-{number:02d}", **({"a": 2.0} if number in alarming else {})) for number in range(1, 25)]
    assert [cause.day for cause in new_causes(days)] == ["2026-01-01", "2026-01-20"]


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
    found = Drift("m1", "simulated", ("2025-01-01", "2025-02-28"), (last,), tuple(new_causes([last.alarms])))
    text = prometheus_text(found)
    assert 'ginja_drift_alarm{feature="amount",measure="missing"} 1.0' in text
    assert 'ginja_drift_feature_missing_share{feature="amount"} 1.0' in text
    assert f"ginja_drift_volume_ratio {last.volume_ratio}" in text
    page = render(found)
    assert all(cause.text() in page for cause in found.raised)
    assert all(alarm.text() in page for cause in found.raised for alarm in cause.alarms)
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
    _, measured, _ = measure_days(slow, threshold=threshold, until=last, days=30, reference_days=60)
    assert "amount" not in {alarm.column for day in measured for alarm in day.alarms if alarm.window == 1}
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
