"""Daily work: refresh of the averages up to the last midnight, and deletion of expired rows."""

from datetime import date

import psycopg

from api.catalog import refresh_once_a_day

KEEP_DONE_DAYS = 7
"""Retention of completed outbox events."""
KEEP_REPLIES_DAYS = 7
"""Retention of replies stored under an Idempotency-Key."""


def every_day(url: str, day: date) -> None:
    """Do the work of `day`, the current day (UTC). Idempotent."""
    with psycopg.connect(url) as connection:
        refresh_once_a_day(connection, day)
        connection.execute("DELETE FROM outbox WHERE done_at < %s::date - %s::int", [day, KEEP_DONE_DAYS])
        connection.execute(
            "DELETE FROM idempotency_keys WHERE created_at < %s::date - %s::int", [day, KEEP_REPLIES_DAYS]
        )
