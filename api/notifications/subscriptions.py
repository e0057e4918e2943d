"""Subscriptions in the database: their recipients are ids (`recipients.py`), until `shown` gets the addresses."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, fields, replace

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys import FieldKeys
from api.notifications.recipients import shown_addresses
from api.notifications.records import NotificationSubscription
from api.notifications.tables import NotificationSubscriptionRow

_COLUMNS = tuple(NotificationSubscriptionRow.__table__.c[one.name] for one in fields(NotificationSubscription))


async def add_subscription(connection: AsyncConnection, new: NotificationSubscription) -> bool:
    """Store a subscription; false: the recipient has one of this event."""
    statement = (
        insert(NotificationSubscriptionRow)
        .values(**asdict(new))
        .on_conflict_do_nothing()
        .returning(NotificationSubscriptionRow.subscription_id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def subscriptions(
    connection: AsyncConnection, events: Collection[str] | None = None
) -> Sequence[NotificationSubscription]:
    """All subscriptions, or those of some events."""
    statement = select(*_COLUMNS).order_by(NotificationSubscriptionRow.event, NotificationSubscriptionRow.recipient)
    if events is not None:
        statement = statement.where(NotificationSubscriptionRow.event.in_(events))
    return [NotificationSubscription(*row) for row in await connection.execute(statement)]


async def subscription(connection: AsyncConnection, subscription_id: str) -> NotificationSubscription | None:
    """A subscription; `None`: there is none."""
    statement = select(*_COLUMNS).where(NotificationSubscriptionRow.subscription_id == subscription_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else NotificationSubscription(*row)


async def recipients_of(connection: AsyncConnection, event: str) -> Sequence[str]:
    """The ids of who is notified of an event."""
    return [one.recipient for one in await subscriptions(connection, [event])]


async def shown(
    connection: AsyncConnection, keys: FieldKeys, stored: Sequence[NotificationSubscription]
) -> Sequence[NotificationSubscription]:
    """Subscriptions with the addresses of their recipients, by event and address. Raises as `shown_addresses` does."""
    addresses = await shown_addresses(connection, keys, [one.recipient for one in stored])
    found = [replace(one, recipient=addresses[one.recipient]) for one in stored]
    return sorted(found, key=lambda one: (one.event, one.recipient))


async def count_subscriptions(connection: AsyncConnection) -> int:
    """How many there are."""
    return int(await connection.scalar(select(func.count()).select_from(NotificationSubscriptionRow)) or 0)


async def remove_subscription(connection: AsyncConnection, subscription_id: str) -> NotificationSubscription | None:
    """Delete a subscription and return it; `None`: there is none."""
    statement = (
        delete(NotificationSubscriptionRow)
        .where(NotificationSubscriptionRow.subscription_id == subscription_id)
        .returning(*_COLUMNS)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else NotificationSubscription(*row)
