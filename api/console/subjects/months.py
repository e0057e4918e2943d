"""The months that a page of a subject is about."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

MONTHS: Final = 24
"""Months shown, the last of them that of the subject's latest claim."""


def span_of(latest: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """The months shown: from the first instant of the first one until the first after the last, UTC."""
    last = (latest or now).astimezone(UTC)
    number = last.year * 12 + last.month - 1
    return _month(number - MONTHS + 1), _month(number + 1)


def months_between(first: datetime, after: datetime) -> list[date]:
    """The first days of the months from `first` until before `after`."""
    span = range(first.year * 12 + first.month - 1, after.year * 12 + after.month - 1)
    return [_month(number).date() for number in span]


def span_text(months: Sequence[date]) -> str:
    """The first and the last month."""
    return f"{months[0]:%Y-%m} to {months[-1]:%Y-%m}"


def _month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
