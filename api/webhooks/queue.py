"""Deliveries and their attempts in the database: a queue whose entries workers lease.

A delivery is leased for longer than an attempt can take. A worker that is killed while it sends loses nothing: once the
lease is over, another sends the delivery again under the same `webhook-id`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Integer, cast, delete, func, literal, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys import WEBHOOK_BODY, FieldKeys
from api.paging import PageCursor
from api.webhooks.records import (
    AttemptError,
    ClaimedDelivery,
    Delivery,
    DeliveryAttempt,
    DeliveryStatus,
    EndpointStatus,
    NewDelivery,
)
from api.webhooks.tables import WebhookAttemptRow, WebhookDeliveryRow, WebhookEndpointRow

LEASE = timedelta(seconds=60)
"""Longer than an attempt with its look-up and its record can take."""
PER_ENDPOINT = 4
"""Deliveries of one endpoint that a worker leases at a time."""
_DELIVERY = tuple(WebhookDeliveryRow.__table__.c[one.name] for one in fields(Delivery))
_ATTEMPT = tuple(WebhookAttemptRow.__table__.c[one.name] for one in fields(DeliveryAttempt))
_PENDING = DeliveryStatus.PENDING.value


async def add(connection: AsyncConnection, keys: FieldKeys, new: Sequence[NewDelivery]) -> int:
    """Store deliveries; one of an event that the endpoint has already is left out. Returns how many were new.

    Raises what `FieldKeys` raises.
    """
    if not new:
        return 0
    rows = []
    for one in new:
        values = asdict(one)
        values[WEBHOOK_BODY.column] = await WEBHOOK_BODY.sealed(keys, values.pop(WEBHOOK_BODY.clear), one.delivery_id)
        rows.append(values)
    statement = (
        insert(WebhookDeliveryRow)
        .values(rows)
        .on_conflict_do_nothing(index_elements=["endpoint_id", "event_id"])
        .returning(WebhookDeliveryRow.delivery_id)
    )
    return len((await connection.execute(statement)).all())


async def lease(
    connection: AsyncConnection, now: datetime, *, limit: int, in_flight: Mapping[str, int]
) -> list[ClaimedDelivery]:
    """Lease due deliveries of active endpoints.

    First come those whose endpoint has the fewest leased, then those of endpoints that do not fail, then those due
    longest.

    `in_flight` is the number that the worker has leased by endpoint: of each it gets `PER_ENDPOINT` in all.
    """
    leased_before = cast(
        func.coalesce(cast(literal(dict(in_flight), JSONB), JSONB)[WebhookEndpointRow.endpoint_id].astext, "0"), Integer
    )
    due = (
        select(WebhookDeliveryRow.delivery_id, WebhookDeliveryRow.due_at)
        .where(
            WebhookDeliveryRow.endpoint_id == WebhookEndpointRow.endpoint_id,
            WebhookDeliveryRow.status == _PENDING,
            WebhookDeliveryRow.due_at <= now,
        )
        .order_by(WebhookDeliveryRow.due_at)
        .limit(PER_ENDPOINT - leased_before)
        .with_for_update(skip_locked=True)
        .correlate(WebhookEndpointRow)
        .lateral("due")
    )
    share = leased_before + func.row_number().over(
        partition_by=WebhookEndpointRow.endpoint_id, order_by=(due.c.due_at, due.c.delivery_id)
    )
    chosen = (
        select(due.c.delivery_id, WebhookEndpointRow.url)
        .select_from(WebhookEndpointRow)
        .join(due, true())
        .where(WebhookEndpointRow.status == EndpointStatus.ACTIVE.value)
        .order_by(share, WebhookEndpointRow.failing_since.is_not(None), due.c.due_at)
        .limit(limit)
        .cte("chosen")
    )
    leased = (
        update(WebhookDeliveryRow)
        .where(WebhookDeliveryRow.delivery_id == chosen.c.delivery_id)
        .values(due_at=now + LEASE)
        .returning(
            WebhookDeliveryRow.delivery_id,
            WebhookDeliveryRow.endpoint_id,
            WebhookDeliveryRow.event_id,
            WebhookDeliveryRow.event_type,
            WebhookDeliveryRow.body,
            WebhookDeliveryRow.body_sealed,
            chosen.c.url,
            WebhookDeliveryRow.due_at,
        )
    )
    return [ClaimedDelivery(*row) for row in await connection.execute(leased)]


async def delivery(connection: AsyncConnection, delivery_id: str, *, lock: bool = False) -> Delivery | None:
    """A delivery, locked until the transaction ends if asked for; `None` if there is none."""
    statement = select(*_DELIVERY).where(WebhookDeliveryRow.delivery_id == delivery_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if row is None else Delivery(*row)


async def body_of(keys: FieldKeys, found: Delivery | ClaimedDelivery) -> str:
    """What is sent, the same at each attempt. Raises `DecryptionError`, and what `FieldKeys` raises."""
    body = await WEBHOOK_BODY.text(keys, found.body_sealed, found.body, found.delivery_id)
    assert body is not None  # by a check of the table
    return body


async def tries_of(connection: AsyncConnection, delivery_id: str) -> int:
    """Failed attempts since the delivery began or was replayed."""
    statement = select(WebhookDeliveryRow.tries).where(WebhookDeliveryRow.delivery_id == delivery_id)
    return int((await connection.execute(statement)).scalar_one())


async def attempts_of(connection: AsyncConnection, delivery_id: str) -> list[DeliveryAttempt]:
    """The attempts of a delivery, the first one first."""
    statement = select(*_ATTEMPT).where(WebhookAttemptRow.delivery_id == delivery_id).order_by(WebhookAttemptRow.number)
    return [DeliveryAttempt(*row) for row in await connection.execute(statement)]


async def add_attempt(connection: AsyncConnection, delivery_id: str, attempt: DeliveryAttempt) -> None:
    """Store an attempt."""
    await connection.execute(insert(WebhookAttemptRow).values(delivery_id=delivery_id, **asdict(attempt)))


async def change(connection: AsyncConnection, delivery_id: str, **values: object) -> None:
    """Change columns of a delivery."""
    await connection.execute(
        update(WebhookDeliveryRow).where(WebhookDeliveryRow.delivery_id == delivery_id).values(**values)
    )


async def fail_of_disabled(connection: AsyncConnection, at: datetime, *, limit: int) -> int:
    """Let pending deliveries of disabled endpoints fail, at most `limit`; returns how many."""
    which = (
        select(WebhookDeliveryRow.delivery_id)
        .join(WebhookEndpointRow, WebhookEndpointRow.endpoint_id == WebhookDeliveryRow.endpoint_id)
        .where(
            WebhookEndpointRow.status == EndpointStatus.DISABLED.value,
            WebhookDeliveryRow.status == _PENDING,
        )
        .limit(limit)
        .with_for_update(of=WebhookDeliveryRow, skip_locked=True)
    )
    statement = (
        update(WebhookDeliveryRow)
        .where(WebhookDeliveryRow.delivery_id.in_(which.scalar_subquery()))
        .values(
            status=DeliveryStatus.FAILED.value,
            due_at=None,
            finished_at=at,
            error=AttemptError.ENDPOINT_DISABLED.value,
        )
    )
    return (await connection.execute(statement)).rowcount


async def remove_of_deleted(connection: AsyncConnection, *, limit: int) -> int:
    """Remove deliveries of deleted endpoints, at most `limit`, and the endpoints that have none; returns how many."""
    of_one = (  # with a limit of its own, so that the planner reads the index of each endpoint
        select(WebhookDeliveryRow.delivery_id)
        .where(WebhookDeliveryRow.endpoint_id == WebhookEndpointRow.endpoint_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .correlate(WebhookEndpointRow)
        .lateral("of_one")
    )
    which = (
        select(of_one.c.delivery_id)
        .select_from(WebhookEndpointRow)
        .join(of_one, true())
        .where(WebhookEndpointRow.deleted_at.is_not(None))
        .limit(limit)
    )
    found = [row[0] for row in await connection.execute(which)]
    if found:
        await connection.execute(delete(WebhookDeliveryRow).where(WebhookDeliveryRow.delivery_id.in_(found)))
        return len(found)
    has_some = select(WebhookDeliveryRow.delivery_id).where(
        WebhookDeliveryRow.endpoint_id == WebhookEndpointRow.endpoint_id
    )
    emptied = delete(WebhookEndpointRow).where(WebhookEndpointRow.deleted_at.is_not(None), ~has_some.exists())
    await connection.execute(emptied)
    return 0


async def deliver(connection: AsyncConnection, delivery_id: str, status: int | None, at: datetime) -> int | None:
    """Store that a delivery was accepted; returns the number of its attempts, `None` if there is no such delivery."""
    statement = (
        update(WebhookDeliveryRow)
        .where(WebhookDeliveryRow.delivery_id == delivery_id)
        .values(
            status=DeliveryStatus.DELIVERED.value,
            attempts=WebhookDeliveryRow.attempts + 1,
            response_status=status,
            error=None,
            due_at=None,
            finished_at=at,
        )
        .returning(WebhookDeliveryRow.attempts)
    )
    number: int | None = (await connection.execute(statement)).scalar_one_or_none()
    return number


async def deliveries(
    connection: AsyncConnection, endpoint_id: str, *, status: str | None, after: PageCursor | None, limit: int
) -> list[Delivery]:
    """Deliveries of an endpoint, the newest first, after a place in their list."""
    statement = (
        select(*_DELIVERY)
        .where(WebhookDeliveryRow.endpoint_id == endpoint_id)
        .order_by(WebhookDeliveryRow.created_at.desc(), WebhookDeliveryRow.delivery_id.desc())
        .limit(limit)
    )
    if status is not None:
        statement = statement.where(WebhookDeliveryRow.status == status)
    if after is not None:
        place = tuple_(literal(after.received_at), literal(after.item_id))
        statement = statement.where(tuple_(WebhookDeliveryRow.created_at, WebhookDeliveryRow.delivery_id) < place)
    return [Delivery(*row) for row in await connection.execute(statement)]


async def replay_one(connection: AsyncConnection, endpoint_id: str, delivery_id: str, at: datetime) -> int:
    """Let a delivery that is not pending be sent again from `at`; returns 0 where there is no such delivery."""
    return await _replay(
        connection, at, WebhookDeliveryRow.endpoint_id == endpoint_id, WebhookDeliveryRow.delivery_id == delivery_id
    )


async def replay_failed(
    connection: AsyncConnection, endpoint_id: str, since: datetime, at: datetime, *, limit: int
) -> int:
    """Let failed deliveries of events since an instant be sent again from `at`, the oldest ones; returns how many."""
    oldest = (
        select(WebhookDeliveryRow.delivery_id)
        .where(
            WebhookDeliveryRow.endpoint_id == endpoint_id,
            WebhookDeliveryRow.status == DeliveryStatus.FAILED.value,
            WebhookDeliveryRow.created_at >= since,
        )
        .order_by(WebhookDeliveryRow.created_at, WebhookDeliveryRow.delivery_id)
        .limit(limit)
    )
    return await _replay(connection, at, WebhookDeliveryRow.delivery_id.in_(oldest.scalar_subquery()))


async def has_failed(connection: AsyncConnection, endpoint_id: str, since: datetime) -> bool:
    """Whether deliveries of events since an instant have failed."""
    failed = select(WebhookDeliveryRow.delivery_id).where(
        WebhookDeliveryRow.endpoint_id == endpoint_id,
        WebhookDeliveryRow.status == DeliveryStatus.FAILED.value,
        WebhookDeliveryRow.created_at >= since,
    )
    return bool((await connection.execute(select(failed.exists()))).scalar_one())


async def _replay(connection: AsyncConnection, at: datetime, *which: ColumnElement[bool]) -> int:
    statement = (
        update(WebhookDeliveryRow)
        .where(*which, WebhookDeliveryRow.status != _PENDING)
        .values(status=_PENDING, due_at=at, tries=0, error=None, finished_at=None)
    )
    return (await connection.execute(statement)).rowcount


async def oldest_due(connection: AsyncConnection) -> datetime | None:
    """When the delivery that is due longest became due; one that is leased counts from the end of its lease."""
    statement = select(func.min(WebhookDeliveryRow.due_at)).where(WebhookDeliveryRow.status == _PENDING)
    found: datetime | None = (await connection.execute(statement)).scalar_one()
    return found


async def pending(connection: AsyncConnection) -> int:
    """Number of deliveries that are not finished."""
    statement = select(func.count()).where(WebhookDeliveryRow.status == _PENDING)
    return int((await connection.execute(statement)).scalar_one())


async def endpoints_by_status(connection: AsyncConnection) -> dict[str, int]:
    """Number of endpoints of each status that any has."""
    statement = select(WebhookEndpointRow.status, func.count()).group_by(WebhookEndpointRow.status)
    return {row[0]: row[1] for row in await connection.execute(statement)}
