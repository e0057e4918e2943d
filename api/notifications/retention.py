"""Messages and their lines are removed after a while."""

from datetime import date
from typing import Final

import psycopg

KEEP_MAILS_DAYS: Final = 90
"""Retention of messages and lines."""


def remove_old_mails(connection: "psycopg.Connection[tuple[object, ...]]", day: date) -> None:
    """Delete messages and lines that were added `KEEP_MAILS_DAYS` before `day`.

    What a line is about may have begun before it was added: a line says who was notified, and is kept from then on.
    """
    for table in ("notifications", "mails"):
        connection.execute(f"DELETE FROM {table} WHERE created_at < %s::date - %s::int", [day, KEEP_MAILS_DAYS])
