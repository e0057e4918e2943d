"""Messages and their lines are removed after a while."""

from datetime import date
from typing import Final

import psycopg

KEEP_MAILS_DAYS: Final = 90
"""Retention of messages and lines: a claim that stays overdue is reported once in that time."""


def remove_old_mails(connection: "psycopg.Connection[tuple[object, ...]]", day: date) -> None:
    """Delete messages that were made `KEEP_MAILS_DAYS` before `day`, and lines of that time."""
    for table, at in (("notifications", "occurred_at"), ("mails", "created_at")):
        connection.execute(f"DELETE FROM {table} WHERE {at} < %s::date - %s::int", [day, KEEP_MAILS_DAYS])
