"""Daily work: refresh of the averages up to the last midnight, and removal of data whose retention is over."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from api.catalog import refresh_once_a_day
from api.database import NO_LIMITS, SessionLimits, connect
from api.retention import Condition, RetentionTable, declared_kinds, remove_due
from api.tasks import REPLY_KEY_PREFIX
from core.logging import get_logger

log = get_logger("retention")

CONDITIONS: Final[Mapping[str, Condition]] = {
    # The reply of an attempt at a task stays while the task does: another attempt would decide its claim once more.
    "stored_replies": Condition(
        "NOT (starts_with(key, %(prefix)s)"
        " AND EXISTS (SELECT FROM tasks WHERE task_id = substr(key, %(begins)s::int)))",
        {"prefix": REPLY_KEY_PREFIX, "begins": len(REPLY_KEY_PREFIX) + 1},
    ),
    "uploads": Condition("status = 'uploading'"),
    "recipients": Condition(
        "NOT EXISTS (SELECT FROM notification_subscriptions AS one WHERE one.recipient = recipients.recipient_id)"
        " AND NOT EXISTS (SELECT FROM notifications AS one WHERE one.recipient = recipients.recipient_id)"
        " AND NOT EXISTS (SELECT FROM mails AS one WHERE one.recipient = recipients.recipient_id)"
    ),
    "rescreening_jobs": Condition(
        "NOT EXISTS (SELECT FROM rescreening_findings AS one WHERE one.job_id = rescreening_jobs.job_id)"
        " AND NOT EXISTS (SELECT FROM rescreening_claims AS one WHERE one.job_id = rescreening_jobs.job_id)"
    ),
}
"""What else must be true of the rows of a kind that are removed, by kind; of others nothing."""


def every_day(
    url: str,
    day: date,
    limits: SessionLimits = NO_LIMITS,
    retention: RetentionTable | None = None,
    *,
    hold_day: date | None = None,
) -> bool:
    """Do the work of `day`, the current day (UTC). Idempotent.

    `retention`: the periods; default: those declared. `hold_day`: the current day in the insurer's time zone, by which
    legal holds end; default: `day`.

    Returns whether all of it is done: a run removes a bounded number of rows of each kind, and another one the rest.
    """
    with connect(url, limits) as connection, connection.transaction():
        refresh_once_a_day(connection, day)
    with connect(url, limits) as connection:
        connection.autocommit = True
        kinds = declared_kinds() if retention is None else retention
        done = remove_due(connection, kinds, CONDITIONS, day, hold_day=day if hold_day is None else hold_day)
    incomplete = [one for one in done if not one.complete]
    for one in incomplete:
        log.warning("retention incomplete, goes on", kind=one.kind, day=one.day.isoformat(), removed=one.removed)
    return not incomplete
