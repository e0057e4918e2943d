"""Days of service are the insurer's calendar days, not UTC's."""

from datetime import datetime

import httpx
import pytest

from core import clock
from tests.api.makers import MINIMAL, running_api

AUCKLAND_MORNING = "2026-03-02T20:00:00+00:00"
NAIROBI_NEW_YEAR = "2026-12-31T21:30:00+00:00"
NEW_YORK_EVENING = "2027-01-01T03:00:00+00:00"


async def submit(url: str, zone: str, at: str, **changes: object) -> httpx.Response:
    async with running_api(url, time_zone=zone) as api:
        with clock.held(datetime.fromisoformat(at)):
            return await api.submit(MINIMAL | changes)


@pytest.mark.parametrize(
    ("zone", "at", "today"),
    [
        ("Pacific/Auckland", AUCKLAND_MORNING, "2026-03-03"),
        ("Africa/Nairobi", NAIROBI_NEW_YEAR, "2027-01-01"),
        ("America/New_York", NEW_YORK_EVENING, "2026-12-31"),
    ],
)
async def test_todays_service_is_accepted_and_is_the_default(seeded_url: str, zone: str, at: str, today: str) -> None:
    sent = await submit(seeded_url, zone, at, service_from=today)
    assert (sent.status_code, sent.json()["service_from"], sent.json()["service_to"]) == (201, today, today)
    defaulted = await submit(seeded_url, zone, at, procedure_code="P002", claim_amount=90)
    assert (defaulted.status_code, defaulted.json()["service_from"]) == (201, today)


@pytest.mark.parametrize(
    ("zone", "at", "tomorrow", "today"),
    [
        ("Pacific/Auckland", AUCKLAND_MORNING, "2026-03-04", "2026-03-03"),
        ("Africa/Nairobi", NAIROBI_NEW_YEAR, "2027-01-02", "2027-01-01"),
        ("America/New_York", NEW_YORK_EVENING, "2027-01-01", "2026-12-31"),
    ],
)
async def test_tomorrows_service_is_refused_with_the_day_of_receipt(
    seeded_url: str, zone: str, at: str, tomorrow: str, today: str
) -> None:
    response = await submit(seeded_url, zone, at, service_from=tomorrow)
    (error,) = response.json()["errors"]
    assert (response.status_code, error["field"]) == (422, "service_from")
    assert f"must not be after {today}" in error["message"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"service_from": "2026-03-01", "service_to": "2031-03-01"}, "service_to"),
        (
            {
                "procedure_code": None,
                "claim_amount": None,
                "lines": [{"procedure_code": "P001", "amount": 100, "service_date": "2031-03-01"}],
            },
            "lines[0].service_date",
        ),
    ],
)
async def test_a_service_or_line_years_ahead_is_refused_by_its_field(
    seeded_url: str, changes: dict[str, object], field: str
) -> None:
    response = await submit(seeded_url, "UTC", "2026-03-02T10:00:00+00:00", **changes)
    assert (response.status_code, [error["field"] for error in response.json()["errors"]]) == (422, [field])
