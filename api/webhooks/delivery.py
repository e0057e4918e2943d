"""Delivery: leases due deliveries, signs and sends them, and records what came of each attempt."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection
from standardwebhooks import Webhook

from api import audit, metrics
from api.database import DATABASE_FAILURES, Database, fetch
from api.errors import KeyProviderUnavailable
from api.field_keys import WEBHOOK_SECRET, StoredSecrets
from api.identity import Caller
from api.webhooks import queue, repository
from api.webhooks.client import SendResult, WebhookClient
from api.webhooks.records import (
    AttemptError,
    ClaimedDelivery,
    Delivery,
    DeliveryAttempt,
    DeliveryStatus,
    DisabledReason,
    EndpointStatus,
    WebhookEndpoint,
)
from core import clock
from core.errors import DecryptionError
from core.logging import get_logger
from core.retries import pause_after
from core.version import __version__

log = get_logger("webhooks")

RETRY_AFTER: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600)
)
"""Pauses before each further attempt: the schedule of the Standard Webhooks specification up to the first attempt
after more than a day, 31.6 hours after the first."""
FAILING_FOR: Final = timedelta(days=5)
"""An endpoint is disabled once every attempt of this time failed."""
SWEPT: Final = 1_000
"""Deliveries that one statement fails or removes, so that none runs into its time limit."""
IN_FLIGHT: Final = 16
"""Attempts of one worker at a time."""
_WAIT_S: Final = 0.5
"""How long a step waits for an attempt to end before it looks for others that became due."""
_STOP_S: Final = 5.0
"""How long attempts in flight may go on when the worker stops; what is ended then is sent again."""
_GONE: Final = 410
_WORKER: Final = Caller("worker", "worker", None, "worker")


class WebhookDelivery:
    """Delivers webhooks; several processes may run it on the same database."""

    def __init__(self, database: Database, client: WebhookClient, secrets: StoredSecrets) -> None:
        self._database = database
        self._client = client
        self._secrets = secrets
        self._sending: dict[asyncio.Task[None], str] = {}
        """Attempts in flight, with the endpoint of each."""

    async def step(self) -> int:
        """Begin attempts, or wait until one in flight ends; returns whether there may be more to do at once.

        Raises what recording an attempt raised.
        """
        began = await self.begin()
        if began or not self._sending:
            return began
        await asyncio.wait(self._sending, timeout=_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        return 1

    async def begin(self) -> int:
        """Begin attempts at due deliveries; returns how many. Raises what recording an earlier one raised."""
        self._finished()
        free = IN_FLIGHT - len(self._sending)
        if not free:
            return 0
        in_flight = Counter(self._sending.values())
        async with self._database.transaction() as connection:
            leased = await queue.lease(connection, clock.now(), limit=free, in_flight=in_flight)
            of_endpoints = sorted({delivery.endpoint_id for delivery in leased})
            secrets = await repository.secrets_of(connection, of_endpoints, clock.now()) if leased else {}
        for delivery in leased:
            attempt = self._attempt(delivery, [one.ciphertext for one in secrets[delivery.endpoint_id]])
            self._sending[asyncio.create_task(attempt)] = delivery.endpoint_id
        return len(leased)

    async def idle(self) -> None:
        """Wait for the attempts in flight; raises what recording one raised."""
        if self._sending:
            await asyncio.wait(self._sending)
        self._finished()

    async def close(self) -> None:
        """Let attempts in flight end, or end them: their deliveries are sent again after their lease."""
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=_STOP_S)
            for task in late:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*self._sending, return_exceptions=True)
        self._sending.clear()

    async def sweep(self) -> int:
        """Let deliveries of disabled endpoints fail, and remove those of deleted ones; returns how many of a batch."""
        async with self._database.transaction() as connection:
            failed = await queue.fail_of_disabled(connection, clock.now(), limit=SWEPT)
        metrics.WEBHOOK_DELIVERIES.labels("failed").inc(failed)
        async with self._database.transaction() as connection:
            removed = await queue.remove_of_deleted(connection, limit=SWEPT)
        return failed + removed

    async def measure(self) -> int:
        """Set the metrics of the queue."""
        async with self._database.reading() as connection:
            oldest, waiting = await queue.oldest_due(connection), await queue.pending(connection)
            by_status = await queue.endpoints_by_status(connection)
        late_s = 0.0 if oldest is None else max(0.0, (clock.now() - oldest).total_seconds())
        metrics.WEBHOOK_OLDEST_DUE.set(late_s)
        metrics.WEBHOOK_PENDING.set(waiting)
        for status in EndpointStatus:
            metrics.WEBHOOK_ENDPOINTS.labels(status.value).set(by_status.get(status.value, 0))
        return 0

    def _finished(self) -> None:
        """Forget attempts that ended; raises what the first of them raised."""
        done = [task for task in self._sending if task.done()]
        for task in done:
            del self._sending[task]
        errors = [error for task in done if (error := task.exception()) is not None]
        if errors:
            raise errors[0]

    async def _attempt(self, leased: ClaimedDelivery, ciphertexts: Sequence[bytes]) -> None:
        made_at = clock.now()
        if not ciphertexts:
            return  # the endpoint is deleted
        try:
            keys = await self._decrypted(leased, ciphertexts)
            body = await self._body(leased)
        except (KeyProviderUnavailable, *DATABASE_FAILURES):
            log.warning("webhook delivery delayed: it cannot be decrypted now", endpoint_id=leased.endpoint_id)
            return  # it is leased again, as an attempt of a process that ended
        if body is None:
            result = SendResult(0, error=AttemptError.BODY_UNREADABLE)
        elif keys:
            result = await self._client.send(leased.url, signed(leased.event_id, body, keys, made_at), body.encode())
            metrics.WEBHOOK_SECONDS.observe(result.duration_ms / 1_000)
        else:
            result = SendResult(0, error=AttemptError.SECRET_UNREADABLE)
        async with self._database.transaction() as connection:
            disabled = await _record(connection, leased, made_at, result)
        if disabled is not None:
            log.warning("webhook endpoint disabled", endpoint_id=leased.endpoint_id, reason=disabled.value)

    async def _decrypted(self, leased: ClaimedDelivery, ciphertexts: Sequence[bytes]) -> list[str]:
        """The secrets that can be decrypted; each of the others is logged."""
        keys = []
        for one in ciphertexts:
            try:
                keys.append(await self._secrets.opened(WEBHOOK_SECRET, one, leased.endpoint_id))
            except DecryptionError as error:
                log.error("webhook secret unreadable", endpoint_id=leased.endpoint_id, error=str(error))
        return keys

    async def _body(self, leased: ClaimedDelivery) -> str | None:
        """What is sent; `None`, which is logged: it cannot be decrypted."""
        try:
            return await queue.body_of(self._secrets.keys, leased)
        except DecryptionError as error:
            log.error("webhook body unreadable", delivery_id=leased.delivery_id, error=str(error))
            return None


def signed(event_id: str, body: str, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """The headers of an attempt; the body is signed with each secret, so that a receiver may have any of them."""
    signatures = [Webhook(secret).sign(event_id, at, body) for secret in secrets]
    return {
        "content-type": "application/json",
        "user-agent": f"ginja/{__version__}",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


async def _record(
    connection: AsyncConnection, leased: ClaimedDelivery, made_at: datetime, result: SendResult
) -> DisabledReason | None:
    """Store an attempt and what follows from it; returns why the endpoint was disabled because of it.

    The endpoint is locked before the delivery, as where it is disabled or deleted. A worker whose lease is over
    stores its attempt; the state of the delivery is up to the one that has it now, unless the receiver accepted it.
    """
    now = clock.now()
    if result.error is None:
        await _record_accepted(connection, leased, made_at, result, now)
        return None
    endpoint = await repository.endpoint(connection, leased.endpoint_id, lock=True)
    delivery = await queue.delivery(connection, leased.delivery_id, lock=True)
    if endpoint is None or delivery is None:
        return None  # deleted
    error = result.error.value
    number = delivery.attempts + 1
    attempt = DeliveryAttempt(number, made_at, result.duration_ms, result.status, error)
    await queue.add_attempt(connection, delivery.delivery_id, attempt)
    last: dict[str, object] = {"attempts": number, "response_status": result.status}
    holds_lease = delivery.status == DeliveryStatus.PENDING.value and delivery.due_at == leased.leased_until
    if holds_lease:
        last |= await _retry_or_fail(connection, delivery, result, error, now)
    await queue.change(connection, delivery.delivery_id, **last)
    return await _note_failure(connection, endpoint, result, now)


async def _record_accepted(
    connection: AsyncConnection, leased: ClaimedDelivery, made_at: datetime, result: SendResult, now: datetime
) -> None:
    """Store an accepted attempt in three statements: the usual case, once for each event and endpoint."""
    await repository.end_failure(connection, leased.endpoint_id)
    number = await queue.deliver(connection, leased.delivery_id, result.status, now)
    if number is None:
        return  # deleted
    attempt = DeliveryAttempt(number, made_at, result.duration_ms, result.status, None)
    await queue.add_attempt(connection, leased.delivery_id, attempt)
    metrics.WEBHOOK_DELIVERIES.labels("delivered").inc()


async def _retry_or_fail(
    connection: AsyncConnection, delivery: Delivery, result: SendResult, error: str, now: datetime
) -> dict[str, object]:
    """The columns of a delivery after a failed attempt: when it is tried again, or that it failed."""
    tries = await queue.tries_of(connection, delivery.delivery_id) + 1
    pause = None if result.status == _GONE else pause_after(tries, RETRY_AFTER)
    if pause is None:
        metrics.WEBHOOK_DELIVERIES.labels("failed").inc()
        state = {"status": DeliveryStatus.FAILED.value, "due_at": None, "finished_at": now}
    else:
        metrics.WEBHOOK_DELIVERIES.labels("retried").inc()
        asked = timedelta(seconds=result.retry_after_s or 0)
        state = {"due_at": now + max(pause, asked)}
    return {"error": error, "tries": tries, **state}


async def _note_failure(
    connection: AsyncConnection, endpoint: WebhookEndpoint, result: SendResult, now: datetime
) -> DisabledReason | None:
    """Disable the endpoint where the receiver says that it is gone, or after `FAILING_FOR` without an accepted one."""
    if endpoint.status != EndpointStatus.ACTIVE.value:
        return None
    since = endpoint.failing_since or now
    reason = None
    if result.status == _GONE:
        reason = DisabledReason.GONE
    elif now - since >= FAILING_FOR:
        reason = DisabledReason.FAILING
    if endpoint.failing_since is None:
        await repository.change_endpoint(connection, endpoint.endpoint_id, {"failing_since": now})
    if reason is not None:
        await repository.disable(connection, endpoint.endpoint_id, reason, now)
        details = {"endpoint_id": endpoint.endpoint_id, "reason": reason.value}
        await fetch(connection, audit.record(_WORKER, "webhook_endpoint.disable", None, details, now))
    return reason
