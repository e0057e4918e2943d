"""Who is notified of what: events of the outbox, and conditions of the platform that are looked at.

An event has an id that follows from what happened, and a recipient is notified of an id once: a condition that lasts,
an event that is repeated, and a worker that is started again add nothing. Events are joined with subscriptions in the
database, by one statement for each kind, however many there are of both. Conditions are looked for over fewer days than
lines are kept, so that one which lasts is not reported again when its line is removed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.notifications.events import FROM_MESSAGE, NotificationEvent, claim_page
from api.notifications.subscriptions import subscriptions
from api.reviews import DueClaim
from api.webhooks import DisabledReason, EndpointStatus, OutboxEvent, WebhookMessage, message_of
from core import clock

REPORTED_FOR: Final = timedelta(days=60)
"""Conditions that began earlier are not reported. Lines are kept for longer (`notification_lines`), so that reported
ones are known."""
MOST_OF_A_LOOK: Final = 20_000
"""Lines that one look at a condition adds; the others follow at the next, because it leaves out what was reported."""


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """An event before it is known who is notified."""

    event_id: str
    event: NotificationEvent
    text: str
    claim_id: str | None
    occurred_at: datetime


async def add_outbox_events(connection: AsyncConnection, events: Sequence[OutboxEvent]) -> None:
    """Notify those who subscribed before an event of the outbox; in the transaction that takes the events."""
    found = [
        _of_message(message)
        for event in events
        if (message := message_of(event)) is not None and message.type in FROM_MESSAGE
    ]
    if found:
        await connection.execute(_ADD_EVENTS, _arrays(found) | {"now": clock.now()})


async def add_due_claims(connection: AsyncConnection, due: Sequence[DueClaim], now: datetime) -> None:
    """Notify of claims whose prompt-pay due date has passed or is near, once for each of the two."""
    if not await subscriptions(connection, [NotificationEvent.PROMPT_PAY_DUE]):
        return
    found = [
        _Occurrence(
            f"{NotificationEvent.PROMPT_PAY_DUE} {one.claim_id} {one.state.value} {one.due_on}",
            NotificationEvent.PROMPT_PAY_DUE,
            f"claim {one.claim_id}: {one.state.value.replace('_', ' ')}, due on {one.due_on}",
            one.claim_id,
            now,
        )
        for one in due
        if one.due_on >= (now - REPORTED_FOR).date()
    ]
    await connection.execute(_ADD_DUE_CLAIMS, _arrays(found) | {"now": now, "most": MOST_OF_A_LOOK})


class NotificationWatch:
    """Looks for what waits for an operator: dead letters, failed tasks, and disabled receivers of webhooks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check(self) -> int:
        """Look once; there is never more to do at once."""
        async with self._database.reading() as connection:
            matching = {one.event for one in await subscriptions(connection)}
        now = clock.now()
        values = _CONDITION_VALUES | {"now": now, "since": now - REPORTED_FOR, "most": MOST_OF_A_LOOK}
        for event, statement in _CONDITIONS:
            if event in matching:
                async with self._database.transaction() as connection:
                    await connection.execute(statement, values | {"event": event.value})
        return 0


def _of_message(message: WebhookMessage) -> _Occurrence:
    claim_id = message.data.get("claim_id")
    return _Occurrence(
        message.event_id,
        NotificationEvent(message.type),
        FROM_MESSAGE[message.type](message.data),
        None if claim_id is None else str(claim_id),
        message.occurred_at,
    )


def _arrays(found: Sequence[_Occurrence]) -> dict[str, object]:
    """The values of `_GIVEN`."""
    return {
        "event_ids": [one.event_id for one in found],
        "events": [one.event.value for one in found],
        "texts": [one.text for one in found],
        "links": [None if one.claim_id is None else claim_page(one.claim_id) for one in found],
        "claim_ids": [one.claim_id for one in found],
        "times": [one.occurred_at for one in found],
    }


_GIVEN: Final = """
    SELECT * FROM unnest(
        cast(:event_ids AS text[]), cast(:events AS text[]), cast(:texts AS text[]), cast(:links AS text[]),
        cast(:claim_ids AS text[]), cast(:times AS timestamptz[])
    ) WITH ORDINALITY AS given (event_id, event, text, link, claim_id, occurred_at, place)"""
_LINES: Final = """
    INSERT INTO notifications (recipient, event_id, event, text, link, occurred_at, created_at)
    SELECT subscribed.recipient, found.event_id, found.event, found.text, found.link, found.occurred_at, :now
    FROM ({found}) AS found JOIN notification_subscriptions AS subscribed ON subscribed.event = found.event"""
_ADD_EVENTS: Final = text(
    _LINES.format(found=_GIVEN)
    + """
        LEFT JOIN claims ON claims.claim_id = found.claim_id
    WHERE found.occurred_at >= subscribed.created_at
      AND (subscribed.minimum_cents IS NULL OR claims.amount_cents >= subscribed.minimum_cents)
    ON CONFLICT DO NOTHING
"""
)


def _adding_conditions(found: str) -> TextClause:
    """A statement that adds the lines that are not there yet of conditions that hold, in order of their `place`."""
    return text(
        _LINES.format(found=found)
        + """
    WHERE NOT EXISTS (
        SELECT FROM notifications AS reported
        WHERE reported.recipient = subscribed.recipient AND reported.event_id = found.event_id
    )
    ORDER BY found.place, subscribed.recipient LIMIT :most
    ON CONFLICT DO NOTHING
"""
    )


_ADD_DUE_CLAIMS: Final = _adding_conditions(_GIVEN)
_CONDITIONS: Final = (
    (
        NotificationEvent.WORK_FAILED,
        _adding_conditions("""
            SELECT 'dead letter ' || position || ' ' || to_char(failed_at AT TIME ZONE 'UTC', :iso) AS event_id,
                   cast(:event AS text) AS event,
                   'event ' || position || ' (' || topic || ') of ' || consumer || '; ginja dead-letters show '
                       || position AS text,
                   cast(NULL AS text) AS link, failed_at AS occurred_at, position AS place
            FROM dead_letters WHERE resolved_at IS NULL AND failed_at >= :since"""),
    ),
    (
        NotificationEvent.WORK_FAILED,
        _adding_conditions("""
            SELECT 'task ' || task_id || ' ' || to_char(ended_at AT TIME ZONE 'UTC', :iso) AS event_id,
                   cast(:event AS text) AS event,
                   'task ' || task_id || ' (' || kind || ') failed after ' || attempts || ' attempts; ginja tasks show '
                       || task_id AS text,
                   cast(NULL AS text) AS link, ended_at AS occurred_at, ended_at AS place
            FROM tasks WHERE state = 'failed' AND ended_at >= :since"""),
    ),
    (
        NotificationEvent.WEBHOOK_DISABLED,
        _adding_conditions("""
            SELECT 'webhook endpoint ' || endpoint_id || ' ' || to_char(disabled_at AT TIME ZONE 'UTC', :iso)
                       AS event_id,
                   cast(:event AS text) AS event,
                   'endpoint ' || endpoint_id || ': ' || disabled_reason || '; ginja webhook deliveries '
                       || endpoint_id || ' --status failed' AS text,
                   cast(NULL AS text) AS link, disabled_at AS occurred_at, disabled_at AS place
            FROM webhook_endpoints
            WHERE status = :disabled AND disabled_reason <> :by_admin AND deleted_at IS NULL
              AND disabled_at >= :since"""),
    ),
)
"""What is looked at, each with the statement that adds its lines."""
_CONDITION_VALUES: Final = {
    "disabled": EndpointStatus.DISABLED.value,
    "by_admin": DisabledReason.ADMIN.value,
    "iso": 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"',
}
