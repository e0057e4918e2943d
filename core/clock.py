"""The only source of the current time, so that tests and replays can freeze it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

DAY_US = 86_400_000_000
"""Microseconds in a day."""
HOUR_US = 3_600_000_000
"""Microseconds in an hour."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_held: list[datetime] = []


def now() -> datetime:
    """The current instant in UTC, aware, to the microsecond; the frozen instant inside `held`."""
    return _held[-1] if _held else datetime.now(UTC)


def held_at() -> datetime | None:
    """The frozen instant; `None` outside `held`. For timestamps that the database assigns otherwise."""
    return _held[-1] if _held else None


@contextmanager
def held(at: datetime) -> Iterator[None]:
    """Freeze the clock of this process at `at` within the block. Raises `ValueError` for a time without a time zone."""
    if at.tzinfo is None:
        raise ValueError("the time must have a time zone")
    _held.append(at.astimezone(UTC))
    try:
        yield
    finally:
        _held.pop()


def micros(at: datetime) -> int:
    """Microseconds since the epoch, computed without floats."""
    delta = at - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_micros(value: int) -> datetime:
    """The instant `value` microseconds after the epoch, in UTC. Raises `OverflowError` outside the years 1 to 9999."""
    return _EPOCH + timedelta(microseconds=value)


def day_number(at: datetime) -> int:
    """The UTC day of an instant, as days since the epoch."""
    return micros(at) // DAY_US
