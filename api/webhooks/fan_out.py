"""From the outbox to deliveries: one for each event and each endpoint that chose it.

The rows of most topics are consumed by others, who mark them done, so this consumer keeps a position of its own.
Positions are assigned before commit: one that is missing below a visible one belongs to an open transaction, or to one
that was rolled back. Such gaps are stored with a transaction id that is newer than any that could have taken them, and
looked at again until no older transaction is open. Submissions write nothing for this
(`docs/adr/0224-webhooks-follow-the-outbox-by-position.md`).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Text,
    any_,
    cast,
    delete,
    func,
    insert,
    lateral,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from api import outbox
from api.assessments import AssessmentRow
from api.database import Database
from api.field_keys import FieldKeys
from api.webhooks import queue, repository
from api.webhooks.events import OWN_TOPICS, OutboxEvent, message_of
from api.webhooks.records import AttemptError, DeliveryStatus, EndpointStatus, NewDelivery, WebhookEndpoint
from api.webhooks.tables import WebhookGapRow, WebhookPositionRow
from core import clock
from core.ids import new_id
from core.logging import get_logger

log = get_logger("webhooks")

BATCH: Final = 200
"""Events of one transaction."""
MOST_GAPS: Final = 10_000
"""Positions between two events that are looked at again; a sequence that was set far ahead leaves more."""
_GAP_KEPT: Final = timedelta(days=1)
"""A gap that is older is dropped: transaction ids begin again after a restore. No transaction is open that long."""
_Row = outbox.OutboxRow


_TRY_LOCK: Final = select(func.pg_try_advisory_xact_lock(func.hashtext("webhook fan-out")))
_OWN_XID: Final = select(cast(cast(func.pg_current_xact_id(), Text), BigInteger))
"""The id of this transaction, assigned now: newer than that of every transaction that had one before."""
_GAPS: Final = select(WebhookGapRow.position, WebhookGapRow.below_xid, WebhookGapRow.seen_at)
_FIRST: Final = lateral(
    select(AssessmentRow.outcome)
    .where(
        _Row.topic == outbox.RECEIVED,
        AssessmentRow.claim_id == _Row.entity_key,
        AssessmentRow.supersedes.is_(None),
    )
    .order_by(AssessmentRow.made_at)
    .limit(1)
)
_EVENTS: Final = (
    select(_Row.position, _Row.topic, _Row.entity_key, _Row.payload, _Row.created_at, _FIRST.c.outcome)
    .outerjoin(_FIRST, true())
    .order_by(_Row.position)
)
"""Events in their order, each with the first outcome of its claim."""


@dataclass(frozen=True, slots=True)
class _Gap:
    position: int
    below_xid: int
    seen_at: datetime


Consumer = Callable[[AsyncConnection, Sequence[OutboxEvent]], Awaitable[None]]
"""Stores what follows from events, in the transaction that takes them."""


class WebhookFanOut:
    """Reads the outbox and adds deliveries; several processes may run it, one at a time works."""

    def __init__(self, database: Database, keys: FieldKeys, also: Sequence[Consumer] = ()) -> None:
        """`also` get each event, too: once, as its deliveries are added."""
        self._database = database
        self._keys = keys
        self._also = also

    async def step(self) -> int:
        """Take the next events; returns how many there were."""
        async with self._database.reading() as connection:
            if not await _has_work(connection):
                return 0
        async with self._database.transaction() as connection:
            # No row is locked before the events are read: the id of this transaction must be newer than theirs.
            if not (await connection.execute(_TRY_LOCK)).scalar_one():
                return 0
            return await self._take(connection)

    async def _take(self, connection: AsyncConnection) -> int:
        now = clock.now()
        position = (await connection.execute(select(WebhookPositionRow.position))).scalar_one()
        gaps = [_Gap(*row) for row in await connection.execute(_GAPS.order_by(WebhookGapRow.position))]
        oldest_open, late = await _events_in(connection, [gap.position for gap in gaps])
        found_rows = await connection.execute(_EVENTS.where(_Row.position > position).limit(BATCH))
        new = [OutboxEvent(*row) for row in found_rows]
        missing = _missing(position, [event.position for event in new])
        found = {event.position for event in late}
        closed = [
            gap.position
            for gap in gaps
            if gap.position in found or gap.below_xid <= oldest_open or now - gap.seen_at > _GAP_KEPT
        ]
        events = [*late, *new]
        await self._deliver(connection, events, now)
        for consumer in self._also:
            await consumer(connection, events)
        if missing:
            below = (await connection.execute(_OWN_XID)).scalar_one()
            rows = [{"position": one, "below_xid": below, "seen_at": now} for one in missing]
            await connection.execute(insert(WebhookGapRow), rows)
        if closed:
            await connection.execute(delete(WebhookGapRow).where(WebhookGapRow.position.in_(closed)))
        if new:
            await connection.execute(update(WebhookPositionRow).values(position=new[-1].position))
        own = [event.position for event in events if event.topic in OWN_TOPICS]
        if own:
            done = update(_Row).where(_Row.position.in_(own), _Row.done_at.is_(None))
            await connection.execute(done.values(done_at=func.clock_timestamp()))
        return len(events)

    async def _deliver(self, connection: AsyncConnection, events: Sequence[OutboxEvent], now: datetime) -> None:
        messages = [(event, message) for event in events if (message := message_of(event)) is not None]
        if not messages:
            return
        endpoints = await repository.endpoints(connection, lock=True)
        new = [
            new_delivery(endpoint, message.event_id, message.type, message.body(endpoint.api_version), now)
            for event, message in messages
            for endpoint in endpoints
            if message.type in endpoint.events and event.created_at >= endpoint.created_at
        ]
        added = await queue.add(connection, self._keys, new)
        if added:
            log.info("webhook deliveries added", events=len(messages), deliveries=added)


def new_delivery(endpoint: WebhookEndpoint, event_id: str, event_type: str, body: str, now: datetime) -> NewDelivery:
    """A delivery that is due now; of a disabled endpoint one that has failed, to be replayed once it is enabled."""
    active = endpoint.status == EndpointStatus.ACTIVE.value
    return NewDelivery(
        delivery_id=new_id("dlv"),
        endpoint_id=endpoint.endpoint_id,
        event_id=event_id,
        event_type=event_type,
        body=body,
        created_at=now,
        status=(DeliveryStatus.PENDING if active else DeliveryStatus.FAILED).value,
        due_at=now if active else None,
        error=None if active else AttemptError.ENDPOINT_DISABLED.value,
        finished_at=None if active else now,
    )


def _missing(position: int, found: Sequence[int]) -> list[int]:
    """Positions between those that were found, after `position`; the last `MOST_GAPS`."""
    missing: list[int] = []
    for at in found:
        missing.extend(range(max(position + 1, at - MOST_GAPS), at))
        if at - position - 1 > MOST_GAPS:
            log.warning("positions of the outbox skipped", after=position, before=at - MOST_GAPS)
        position = at
    return missing[-MOST_GAPS:]


async def _has_work(connection: AsyncConnection) -> bool:
    """Whether there are events after the position, or gaps."""
    position = select(WebhookPositionRow.position).scalar_subquery()
    newest = select(func.max(_Row.position)).scalar_subquery()
    gaps = select(WebhookGapRow.position).exists()
    return bool((await connection.execute(select((func.coalesce(newest, 0) > position) | gaps))).scalar_one())


async def _events_in(connection: AsyncConnection, positions: Sequence[int]) -> tuple[int, list[OutboxEvent]]:
    """The id of the oldest open transaction, and the events at positions, by one snapshot."""
    if not positions:
        return 0, []
    at = _EVENTS.where(_Row.position == any_(literal(list(positions), ARRAY(BigInteger)))).subquery()
    oldest = cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)
    snapshot = select(oldest.label("oldest")).subquery()
    rows = (await connection.execute(select(snapshot.c.oldest, at).select_from(snapshot.outerjoin(at, true())))).all()
    return rows[0][0], [OutboxEvent(*row[1:]) for row in rows if row[1] is not None]
