"""Who is notified of what: events of the outbox, and conditions of the platform that are looked at.

An event has an id that follows from what happened, and a recipient is notified of an id once: a condition that lasts,
an event that is repeated, and a worker that is started again add nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api import outbox
from api.database import Database
from api.intake import ClaimRow
from api.notifications.events import FROM_MESSAGE, NotificationEvent, claim_page
from api.notifications.records import NotificationLine, NotificationSubscription
from api.notifications.subscriptions import subscriptions
from api.notifications.tables import NotificationRow
from api.reviews import DueClaim
from api.tasks import failed_tasks
from api.webhooks import DisabledReason, EndpointStatus, OutboxEvent, WebhookEndpointRow, WebhookMessage, message_of

MOST_OF_A_LOOK: Final = 500
"""Conditions of one kind of a look; the others follow at the next."""
_ROWS: Final = 1_000
"""Lines of one statement."""


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """An event before it is known who is notified."""

    event_id: str
    event: NotificationEvent
    text: str
    link: str | None
    occurred_at: datetime


async def add_outbox_events(connection: AsyncConnection, events: Sequence[OutboxEvent]) -> None:
    """Notify those who subscribed before an event of the outbox; in the transaction that takes the events."""
    messages = [
        message for event in events if (message := message_of(event)) is not None and message.type in FROM_MESSAGE
    ]
    if not messages:
        return
    matching = await subscriptions(connection, {message.type for message in messages})
    if not matching:
        return
    amounts = await _amounts(connection, messages, matching)
    lines = [
        _line(one, _of_message(message))
        for message in messages
        for one in matching
        if one.event == message.type
        and message.occurred_at >= one.created_at
        and amounts.get(str(message.data.get("claim_id")), 0) >= (one.minimum_cents or 0)
    ]
    await _add(connection, lines)


async def add_due_claims(connection: AsyncConnection, due: Sequence[DueClaim], now: datetime) -> None:
    """Notify of claims whose prompt-pay due date has passed or is near, once for each of the two."""
    found = [
        _Occurrence(
            f"{NotificationEvent.PROMPT_PAY_DUE} {one.claim_id} {one.state.value} {one.due_on}",
            NotificationEvent.PROMPT_PAY_DUE,
            f"claim {one.claim_id}: {one.state.value.replace('_', ' ')}, due on {one.due_on}",
            claim_page(one.claim_id),
            now,
        )
        for one in due
    ]
    await _notify(connection, NotificationEvent.PROMPT_PAY_DUE, found)


class NotificationWatch:
    """Looks for what waits for an operator: dead letters, failed tasks, and disabled receivers of webhooks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check(self) -> int:
        """Look once; there is never more to do at once."""
        async with self._database.reading() as connection:
            matching = {one.event for one in await subscriptions(connection)}
        if not matching & {NotificationEvent.WORK_FAILED, NotificationEvent.WEBHOOK_DISABLED}:
            return 0
        async with self._database.transaction() as connection:
            if NotificationEvent.WORK_FAILED in matching:
                failed = [*await _dead_letters(connection), *await _failed_tasks(connection)]
                await _notify(connection, NotificationEvent.WORK_FAILED, failed)
            if NotificationEvent.WEBHOOK_DISABLED in matching:
                await _notify(connection, NotificationEvent.WEBHOOK_DISABLED, await _disabled(connection))
        return 0


async def _dead_letters(connection: AsyncConnection) -> list[_Occurrence]:
    found = await outbox.dead_letters(connection, resolved=False, limit=MOST_OF_A_LOOK)
    return [
        _Occurrence(
            f"dead letter {one.position} {one.failed_at.isoformat()}",
            NotificationEvent.WORK_FAILED,
            f"event {one.position} ({one.topic}) of {one.consumer}; ginja dead-letters show {one.position}",
            None,
            one.failed_at,
        )
        for one in found
    ]


async def _failed_tasks(connection: AsyncConnection) -> list[_Occurrence]:
    return [
        _Occurrence(
            f"task {one.task_id} {one.ended_at.isoformat()}",
            NotificationEvent.WORK_FAILED,
            f"task {one.task_id} ({one.kind}) failed after {one.attempts} attempts; ginja tasks show {one.task_id}",
            None,
            one.ended_at,
        )
        for one in await failed_tasks(connection, MOST_OF_A_LOOK)
        if one.ended_at is not None
    ]


async def _disabled(connection: AsyncConnection) -> list[_Occurrence]:
    """Endpoints that nobody disabled."""
    statement = (
        select(WebhookEndpointRow.endpoint_id, WebhookEndpointRow.disabled_reason, WebhookEndpointRow.disabled_at)
        .where(
            WebhookEndpointRow.status == EndpointStatus.DISABLED.value,
            WebhookEndpointRow.disabled_reason != DisabledReason.ADMIN.value,
            WebhookEndpointRow.deleted_at.is_(None),
        )
        .limit(MOST_OF_A_LOOK)
    )
    return [
        _Occurrence(
            f"webhook endpoint {endpoint_id} {disabled_at.isoformat()}",
            NotificationEvent.WEBHOOK_DISABLED,
            f"endpoint {endpoint_id}: {reason}; ginja webhook deliveries {endpoint_id} --status failed",
            None,
            disabled_at,
        )
        for endpoint_id, reason, disabled_at in await connection.execute(statement)
        if disabled_at is not None
    ]


async def _amounts(
    connection: AsyncConnection, messages: Iterable[WebhookMessage], matching: Collection[NotificationSubscription]
) -> dict[str, int]:
    """The amount of each claim, in cents, where a subscription names a least amount."""
    if all(one.minimum_cents is None for one in matching):
        return {}
    claims = {str(message.data["claim_id"]) for message in messages if "claim_id" in message.data}
    statement = select(ClaimRow.claim_id, ClaimRow.amount_cents).where(ClaimRow.claim_id.in_(claims))
    return {row[0]: row[1] for row in await connection.execute(statement)}


def _of_message(message: WebhookMessage) -> _Occurrence:
    claim_id = message.data.get("claim_id")
    return _Occurrence(
        message.event_id,
        NotificationEvent(message.type),
        FROM_MESSAGE[message.type](message.data),
        None if claim_id is None else claim_page(str(claim_id)),
        message.occurred_at,
    )


def _line(subscription: NotificationSubscription, occurrence: _Occurrence) -> NotificationLine:
    return NotificationLine(
        subscription.recipient,
        occurrence.event_id,
        occurrence.event.value,
        occurrence.text,
        occurrence.link,
        occurrence.occurred_at,
    )


async def _notify(connection: AsyncConnection, event: NotificationEvent, found: Sequence[_Occurrence]) -> None:
    if not found:
        return
    matching = await subscriptions(connection, [event])
    await _add(connection, [_line(one, occurrence) for occurrence in found for one in matching])


async def _add(connection: AsyncConnection, lines: Sequence[NotificationLine]) -> None:
    for begin in range(0, len(lines), _ROWS):
        rows = [asdict(one) for one in lines[begin : begin + _ROWS]]
        await connection.execute(insert(NotificationRow).values(rows).on_conflict_do_nothing())
