"""Time and identifiers, both of which a test can fix."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import clock
from core.ids import new_id

instants = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(instants)
def test_microseconds_and_back_is_the_same_instant(at):
    assert clock.from_micros(clock.micros(at)) == at


@given(instants)
def test_a_day_starts_at_midnight_utc(at):
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    assert clock.day_number(at) == clock.day_number(midnight)
    assert clock.day_number(midnight - timedelta(microseconds=1)) == clock.day_number(at) - 1


def test_a_frozen_clock_is_in_utc_and_continues_afterwards():
    at = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    with clock.held(at):
        assert clock.now() == at
        assert clock.now().tzinfo is UTC
    assert clock.now() > at


def test_a_naive_time_is_refused():
    with pytest.raises(ValueError, match="time zone"), clock.held(datetime(2026, 3, 1)):
        pass


def test_identifiers_are_different_and_sort_by_time():
    ids = []
    for second in range(20):
        with clock.held(datetime(2026, 3, 1, 0, 0, second, tzinfo=UTC)):
            ids.append(new_id("clm"))
    assert ids == sorted(ids)
    assert len(set(ids)) == 20


@given(st.sampled_from(["clm", "mem", "out"]))
def test_an_identifier_has_its_prefix_and_26_plain_characters(prefix):
    head, _, rest = new_id(prefix).partition("_")
    assert head == prefix
    assert len(rest) == 26
    assert set(rest) <= set("0123456789abcdefghjkmnpqrstvwxyz")
