"""Daily work: refresh of the averages up to the last midnight, and deletion of expired rows."""

from datetime import date

from api.bulk import remove_expired
from api.catalog import refresh_once_a_day
from api.database import NO_LIMITS, SessionLimits, connect
from api.notifications import remove_old_mails
from api.reports import remove_old_reports
from api.rescreening import remove_old_jobs
from api.tasks import REPLY_KEY_PREFIX
from api.tokens import remove_expired_sessions
from api.users import remove_old_counters

KEEP_DONE_DAYS = 7
"""Retention of completed outbox events."""
KEEP_REPLIES_DAYS = 7
"""Retention of replies stored under an Idempotency-Key."""
_REMOVE_REPLIES = """
    DELETE FROM idempotency_keys
    WHERE created_at < %s::date - %s::int
        AND NOT (starts_with(key, %s) AND EXISTS (SELECT FROM tasks WHERE task_id = substr(key, %s::int)))
"""
"""The reply of an attempt at a task stays while the task does: another attempt would decide its claim once more."""

KEEP_SESSIONS_DAYS = 7
"""Retention of expired console sessions."""


KEEP_DELIVERIES_DAYS = 30
"""Retention of webhook deliveries with their attempts."""


def every_day(url: str, day: date, limits: SessionLimits = NO_LIMITS) -> None:
    """Do the work of `day`, the current day (UTC). Idempotent."""
    with connect(url, limits) as connection, connection.transaction():
        refresh_once_a_day(connection, day)
        connection.execute("DELETE FROM outbox WHERE done_at < %s::date - %s::int", [day, KEEP_DONE_DAYS])
        connection.execute(_REMOVE_REPLIES, [day, KEEP_REPLIES_DAYS, REPLY_KEY_PREFIX, len(REPLY_KEY_PREFIX) + 1])
        remove_expired(connection, day)
        connection.execute(
            "DELETE FROM console_sessions WHERE expires_at < %s::date - %s::int", [day, KEEP_SESSIONS_DAYS]
        )
        connection.execute(
            "DELETE FROM webhook_deliveries WHERE created_at < %s::date - %s::int", [day, KEEP_DELIVERIES_DAYS]
        )
        remove_expired_sessions(connection, day)
        remove_old_counters(connection, day)
        remove_old_mails(connection, day)
        remove_old_reports(connection, day)
        remove_old_jobs(connection, day)
        connection.execute("DELETE FROM webhook_secrets WHERE expires_at < %s::date", [day])
