"""Built-in features that tell the time although their windows are full."""

from dataclasses import replace

import numpy as np
import pytest

from core.clock import DAY_US
from features.vector import FEATURE, FEATURE_NAMES, ModelSchema
from pipelines.train.suspicion import LeakCheck
from pipelines.train.time_drift import by_time_of_built_in, time_aucs, window_days
from tests.pipelines.test_leak_warnings import examples, slices

SCHEMA = ModelSchema.of(FEATURE_NAMES)
DAYS = 800
"""Of the claims, so that a window of 365 days is full for more than half of them."""


def claims(**columns):
    """Claims of 800 days with noise in every feature, but for these columns."""
    made = examples()
    rng = np.random.default_rng(0)
    full = rng.random((len(made), len(FEATURE_NAMES))).astype(np.float32)
    for name, values in columns.items():
        full[:, FEATURE_NAMES.index(name)] = values
    received = np.linspace(0, DAYS * DAY_US, len(made)).astype(np.int64)
    return replace(made, full=full, received_us=received, attributes=None, declared={})


@pytest.mark.parametrize(
    ("window", "days"),
    [("-", 0), ("the day of service", 0), ("1 day", 1), ("365 days, weekly", 365), ("30 days against 365", 365),
     ("90 days against the 90 before", 180), ("ever", None), ("since 1 January", None)],
)  # fmt: skip
def test_a_window_is_full_after_its_days_or_never(window, days):
    assert window_days(window) == days


def test_every_window_of_a_feature_is_read():
    windows = {feature.window for feature in FEATURE.values()}
    assert {window for window in windows if window_days(window) is None} == {"ever", "since 1 January"}


def test_a_column_that_numbers_the_claims_is_found_by_the_features_that_read_it():
    (warning,) = by_time_of_built_in(claims(units=np.arange(1_500)), SCHEMA, slices())
    assert (warning.check, warning.subject) == (LeakCheck.TELLS_TIME, "units")
    assert by_time_of_built_in(claims(), SCHEMA, slices()) == []
    assert by_time_of_built_in(claims(units=np.arange(1_500)), SCHEMA, slices(providers_apart=True)) == []


def test_what_grows_with_the_data_or_fills_a_window_is_no_sign():
    age, day = np.arange(1_500), np.linspace(0, DAYS, 1_500)
    filling = np.minimum(day, 365) + np.random.default_rng(1).normal(size=1_500)
    made = claims(provider_age_days=age, provider_claims_365d=filling)
    assert by_time_of_built_in(made, SCHEMA, slices()) == []
    aucs = time_aucs(made, SCHEMA, slices())
    assert "provider_age_days" not in aucs
    assert aucs["provider_claims_365d"] < 0.6
    short = replace(made, received_us=made.received_us // 4)
    assert "provider_claims_365d" not in time_aucs(short, SCHEMA, slices())
