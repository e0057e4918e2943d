"""Which days a claim can name as days of service: from `EARLIEST` to the day it was received, where the insurer is.

The API and the files that are loaded both use these bounds. A day is the insurer's: at 08:00 in Auckland it is still
yesterday in UTC, and a claim for today's service is not one for tomorrow's.
"""

from datetime import date, datetime, tzinfo

EARLIEST = date(1990, 1, 1)
"""Earlier days are typing errors, or dates in another format."""


def receipt_day(received_at: datetime, time_zone: tzinfo) -> date:
    """The calendar day of receipt in the insurer's time zone."""
    return received_at.astimezone(time_zone).date()


def stored_receipt_day(received_on: date | None, received_at: datetime, time_zone: tzinfo) -> date:
    """The day of receipt that a claim is stored with; of a claim that was stored without one, that of `received_at`."""
    return receipt_day(received_at, time_zone) if received_on is None else received_on


def day_problem(day: date, received_on: date) -> str | None:
    """Why `day` cannot be a day of service of a claim received on `received_on`; `None` if it can."""
    if day < EARLIEST:
        return f"must not be before {EARLIEST}"
    if day > received_on:
        return f"must not be after {received_on}, the date of receipt; submit the claim once the service is rendered"
    return None
