"""The days of service a claim can name, wherever the insurer is."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.claim import InvalidClaim
from claims.service_days import EARLIEST, day_problem, receipt_day, stored_receipt_day
from tests.claims.makers import make_claim

ZONES = ("UTC", "Africa/Nairobi", "Pacific/Auckland", "Pacific/Kiritimati", "America/New_York", "Pacific/Pago_Pago")


@pytest.mark.parametrize(
    ("received_at", "zone", "day"),
    [
        ("2026-03-02T21:30:00+00:00", "Africa/Nairobi", "2026-03-03"),
        ("2026-03-02T20:59:59+00:00", "Africa/Nairobi", "2026-03-02"),
        ("2026-03-02T11:00:00+00:00", "Pacific/Auckland", "2026-03-03"),
        ("2026-12-31T23:30:00+00:00", "Africa/Nairobi", "2027-01-01"),
        ("2027-01-01T04:30:00+00:00", "America/New_York", "2026-12-31"),
        # Clocks go back at 2026-10-25 01:00 UTC in Berlin: midnight is at 22:00 UTC before and at 23:00 UTC after.
        ("2026-10-24T22:00:00+00:00", "Europe/Berlin", "2026-10-25"),
        ("2026-10-25T22:00:00+00:00", "Europe/Berlin", "2026-10-25"),
        ("2026-10-25T23:00:00+00:00", "Europe/Berlin", "2026-10-26"),
        # Clocks go forward in New York on 2026-03-08.
        ("2026-03-08T04:59:59+00:00", "America/New_York", "2026-03-07"),
        ("2026-03-09T03:59:59+00:00", "America/New_York", "2026-03-08"),
        ("2026-03-09T04:00:00+00:00", "America/New_York", "2026-03-09"),
    ],
)
def test_a_claim_is_received_on_the_insurers_calendar_day(received_at: str, zone: str, day: str) -> None:
    assert receipt_day(datetime.fromisoformat(received_at), ZoneInfo(zone)) == date.fromisoformat(day)


@given(st.datetimes(datetime(1991, 1, 1), datetime(2090, 1, 1)), st.sampled_from(ZONES))
def test_the_day_of_receipt_is_possible_and_the_next_is_not(moment: datetime, zone: str) -> None:
    received_on = receipt_day(moment.replace(tzinfo=UTC), ZoneInfo(zone))
    assert day_problem(received_on, received_on) is None
    assert str(received_on) in str(day_problem(received_on + timedelta(days=1), received_on))


@pytest.mark.parametrize("field", ["service_from", "service_to"])
def test_the_earliest_day_is_possible_and_the_day_before_names_the_bound(field: str) -> None:
    received_on = date(2026, 3, 2)
    assert make_claim(service_from=EARLIEST, service_to=EARLIEST).service_from == EARLIEST
    wrong = {"service_from": EARLIEST - timedelta(days=1), "service_to": received_on}
    with pytest.raises(InvalidClaim, match=str(EARLIEST)):
        make_claim(**(wrong if field == "service_from" else dict.fromkeys(wrong, EARLIEST - timedelta(days=1))))


@pytest.mark.parametrize("years", [0, 5])
def test_a_service_that_ends_after_receipt_is_refused(years: int) -> None:
    later = date(2026 + years, 3, 3)
    with pytest.raises(InvalidClaim, match="must not be after 2026-03-02, the date of receipt") as refused:
        make_claim(service_to=later)
    assert refused.value.field == "service_to"


def test_a_stored_day_of_receipt_counts_and_without_one_that_of_the_place_in_the_order() -> None:
    received_at, zone = datetime(2026, 3, 3, 4, 30, tzinfo=UTC), ZoneInfo("America/New_York")
    assert stored_receipt_day(date(2026, 3, 1), received_at, zone) == date(2026, 3, 1)
    assert stored_receipt_day(None, received_at, zone) == date(2026, 3, 2)
