import json
import warnings
from datetime import UTC, date, datetime

import pytest
from pydantic import BaseModel, ValidationError

from api.fields import Amount, Day, Instant, LongAgo, PastInstant


class Dated(BaseModel):
    """One field of each type whose value is not what it was sent as."""

    day: Day
    long_ago: LongAgo
    instant: Instant
    past: PastInstant
    day_or_none: Day | None
    instant_or_none: Instant | None
    amount: Amount


SENT = {
    "day": "2026-03-02",
    "long_ago": "1950-01-31",
    "instant": "2026-03-02T10:15:00Z",
    "past": "2026-03-02T10:15:00.5Z",
    "day_or_none": "2026-03-03",
    "instant_or_none": "2026-03-02T12:15:00+02:00",
    "amount": "12.50",
}


def test_days_and_instants_are_written_as_json_without_a_warning():
    read = Dated.model_validate(SENT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        written = json.loads(read.model_dump_json())
    assert written == {
        "day": "2026-03-02",
        "long_ago": "1950-01-31",
        "instant": "2026-03-02T10:15:00Z",
        "past": "2026-03-02T10:15:00.500000Z",
        "day_or_none": "2026-03-03",
        "instant_or_none": "2026-03-02T10:15:00Z",
        "amount": 1250,
    }


def test_days_and_instants_have_their_types():
    read = Dated.model_validate(SENT)
    assert type(read.day) is date
    assert read.day == date(2026, 3, 2)
    assert read.instant_or_none == datetime(2026, 3, 2, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("day", "2026-3-2"),
        ("day", 20260302),
        ("day", date(2026, 3, 2)),
        ("day", "2026-03-02T00:00:00"),
        ("long_ago", 0),
        ("instant", "2026-03-02"),
        ("instant", 1_772_446_500),
        ("past", "2999-03-02T10:15:00Z"),
    ],
)
def test_only_the_declared_form_is_read(name, value):
    with pytest.raises(ValidationError) as refused:
        Dated.model_validate(SENT | {name: value})
    assert [error["loc"] for error in refused.value.errors()] == [(name,)]
