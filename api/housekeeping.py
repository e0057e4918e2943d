"""What is done once a day: averages brought up to the last midnight, and what is no longer needed let go."""

from datetime import date

import psycopg

from api.catalog.averages import refresh_once_a_day

KEEP_DONE_DAYS = 7
"""How long the outbox remembers what is done."""
KEEP_REPLIES_DAYS = 7
"""How long a request may be repeated under its Idempotency-Key."""


def every_day(url: str, day: date) -> None:
    """Do the day's work, `day` being the day that has begun (UTC); doing it twice changes nothing."""
    with psycopg.connect(url) as connection:
        refresh_once_a_day(connection, day)
        connection.execute("DELETE FROM outbox WHERE done_at < %s::date - %s::int", [day, KEEP_DONE_DAYS])
        connection.execute(
            "DELETE FROM idempotency_keys WHERE created_at < %s::date - %s::int", [day, KEEP_REPLIES_DAYS]
        )
