"""What an administrator does with webhooks: register, change, rotate, test, list, replay. Each is one transaction."""

import base64
import secrets as random_secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.database import Database, fetch
from api.entity_tags import entity_tag, matches
from api.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from api.field_keys import WEBHOOK_SECRET, StoredSecrets
from api.identity import Caller, Scope
from api.paging import ListPage, PageCursor
from api.responses import encode
from api.webhooks import queue, repository
from api.webhooks.addresses import AddressGuard, TargetRefused, parse_target
from api.webhooks.events import OF_MEMBERS, trial_message
from api.webhooks.fan_out import new_delivery
from api.webhooks.records import (
    Delivery,
    DeliveryAttempt,
    DeliveryStatus,
    DisabledReason,
    EndpointStatus,
    SigningSecret,
    WebhookEndpoint,
)
from api.webhooks.responses import EndpointOut
from api.webhooks.schemas import EndpointChangeIn, EndpointIn, ReplayIn
from core import clock
from core.ids import new_id

MAX_ENDPOINTS: Final = 50
MAX_SECRETS: Final = 5
"""Secrets of an endpoint that are valid at a time; each adds a signature to every webhook."""
MAX_REPLAYED: Final = 10_000
"""Deliveries of one replay."""
_SECRET_BYTES: Final = 32
_PREFIX: Final = "whsec_"

EndpointSecrets = tuple[WebhookEndpoint, list[SigningSecret]]


class Webhooks:
    """The service of webhooks."""

    def __init__(self, database: Database, guard: AddressGuard, secrets: StoredSecrets) -> None:
        self._database = database
        self._guard = guard
        self._secrets = secrets

    async def register(self, caller: Caller, sent: EndpointIn) -> tuple[WebhookEndpoint, list[SigningSecret], str]:
        """Add an endpoint; returns it with its secret, which is shown once.

        Raises `Invalid` for a URL that webhooks are not sent to, `Conflict` where there is an endpoint of that URL or
        there are `MAX_ENDPOINTS`.
        """
        _require_members_seen(caller, sent.events)
        await self._check(sent.url)
        at = clock.now()
        new = WebhookEndpoint(
            endpoint_id=new_id("hook"),
            url=sent.url,
            description=sent.description,
            events=sorted(sent.events),
            api_version=sent.api_version,
            status=EndpointStatus.ACTIVE.value,
            disabled_reason=None,
            disabled_at=None,
            failing_since=None,
            created_at=at,
            updated_at=at,
        )
        secret, ciphertext = await self._new_secret(new.endpoint_id)
        async with self._database.transaction() as connection:
            await repository.lock_registry(connection)
            if len(await repository.endpoints(connection)) >= MAX_ENDPOINTS:
                raise Conflict(f"there are {MAX_ENDPOINTS} webhook endpoints, which is the limit; delete one first")
            await _require_free(connection, sent.url, None)
            await repository.add_endpoint(connection, new)
            await repository.add_secret(connection, new.endpoint_id, ciphertext, at)
            await _audit(
                connection, caller, "webhook_endpoint.register", new.endpoint_id, {"events": [*new.events]}, at
            )
            return new, await _secrets(connection, new.endpoint_id, at), secret

    async def all(self) -> list[EndpointSecrets]:
        """Every endpoint, the oldest first."""
        async with self._database.reading() as connection:
            found = await repository.endpoints(connection)
            secrets = await repository.secrets_of(connection, [one.endpoint_id for one in found], clock.now())
        return [(one, secrets[one.endpoint_id]) for one in found]

    async def get(self, endpoint_id: str) -> EndpointSecrets:
        """An endpoint; raises `NotFound`."""
        async with self._database.reading() as connection:
            return await _found(connection, endpoint_id), await _secrets(connection, endpoint_id, clock.now())

    async def change(
        self, caller: Caller, endpoint_id: str, sent: EndpointChangeIn, if_match: str | None
    ) -> EndpointSecrets:
        """Change an endpoint; raises `NotFound`, `PreconditionFailed`, `Invalid`, `Conflict`."""
        _require_members_seen(caller, sent.events or ())
        if sent.url is not None:
            await self._check(sent.url)
        at = clock.now()
        async with self._database.transaction() as connection:
            before = await self._locked(connection, endpoint_id, if_match, at)
            values: dict[str, object] = sent.model_dump(exclude_unset=True)
            for name in ("url", "events", "api_version", "status"):
                if name in values and values[name] is None:
                    raise Invalid.field(name, "must not be null; leave it out to keep it")
            if sent.events is not None:
                values["events"] = sorted(sent.events)
            if sent.url not in (None, before.url):
                await repository.lock_registry(connection)
                await _require_free(connection, sent.url, endpoint_id)
            values.pop("status", None)
            status = sent.status or before.status
            if status != before.status:
                values |= await _switched(connection, endpoint_id, status, at)
            changed = [name for name, value in values.items() if value != getattr(before, name)]
            if changed:
                values["updated_at"] = at
                await repository.change_endpoint(connection, endpoint_id, values)
                details: dict[str, JsonValue] = {"changed": [*sorted(changed)]}
                await _audit(connection, caller, "webhook_endpoint.change", endpoint_id, details, at)
            return await _found(connection, endpoint_id), await _secrets(connection, endpoint_id, at)

    async def rotate(
        self, caller: Caller, endpoint_id: str, overlap: timedelta
    ) -> tuple[WebhookEndpoint, list[SigningSecret], str]:
        """Make a new secret; the one before signs for `overlap` more. Raises `NotFound`, `Conflict`."""
        at = clock.now()
        secret, ciphertext = await self._new_secret(endpoint_id)
        async with self._database.transaction() as connection:
            endpoint = await self._locked(connection, endpoint_id, None, at)
            valid = await _secrets(connection, endpoint_id, at)
            if overlap and len(valid) >= MAX_SECRETS:
                raise Conflict(
                    f"{MAX_SECRETS} secrets of this endpoint are valid; wait until one expires, or rotate with "
                    "overlap_hours 0, which ends all earlier ones"
                )
            await repository.expire_secret(connection, endpoint_id, at + overlap, all_=not overlap)
            await repository.add_secret(connection, endpoint_id, ciphertext, at)
            details: dict[str, JsonValue] = {"overlap_s": round(overlap.total_seconds())}
            await _audit(connection, caller, "webhook_endpoint.rotate_secret", endpoint_id, details, at)
            return endpoint, await _secrets(connection, endpoint_id, at), secret

    async def delete(self, caller: Caller, endpoint_id: str, if_match: str | None) -> None:
        """Delete an endpoint with its deliveries; raises `NotFound`, `PreconditionFailed`."""
        at = clock.now()
        async with self._database.transaction() as connection:
            await self._locked(connection, endpoint_id, if_match, at)
            await repository.delete_endpoint(connection, endpoint_id, at)
            await _audit(connection, caller, "webhook_endpoint.delete", endpoint_id, {}, at)

    async def try_out(self, endpoint_id: str, kind: str) -> Delivery:
        """Send an event that is marked as a test; raises `NotFound`, `Conflict` where the endpoint is disabled."""
        at = clock.now()
        async with self._database.transaction() as connection:
            endpoint = await _enabled(connection, endpoint_id)
            message = trial_message(kind, new_id("evt"), at)
            new = new_delivery(endpoint, message.event_id, kind, message.body(endpoint.api_version), at)
            await queue.add(connection, self._secrets.keys, [new])
            found = await queue.delivery(connection, new.delivery_id)
        assert found is not None  # it was added above
        return found

    async def deliveries(
        self, endpoint_id: str, *, status: DeliveryStatus | None, after: PageCursor | None, limit: int
    ) -> ListPage[Delivery]:
        """Deliveries of an endpoint, the newest first; raises `NotFound`."""
        chosen = None if status is None else status.value
        async with self._database.reading() as connection:
            await _found(connection, endpoint_id)
            found = await queue.deliveries(connection, endpoint_id, status=chosen, after=after, limit=limit + 1)
        shown = found[:limit]
        if len(found) <= limit:
            return ListPage(shown, None)
        return ListPage(shown, PageCursor(shown[-1].created_at, shown[-1].delivery_id))

    async def delivery(self, delivery_id: str) -> tuple[Delivery, str, list[DeliveryAttempt]]:
        """A delivery with what is sent and its attempts; raises `NotFound`, `DecryptionError`."""
        async with self._database.reading() as connection:
            found = await queue.delivery(connection, delivery_id)
            if found is None:
                raise NotFound("delivery not found; check its id, deliveries are kept for 30 days")
            attempts = await queue.attempts_of(connection, delivery_id)
        return found, await queue.body_of(self._secrets.keys, found), attempts

    async def replay(self, caller: Caller, endpoint_id: str, sent: ReplayIn) -> tuple[int, bool]:
        """Send deliveries again; returns how many, and whether there are more.

        Raises `NotFound`, `Invalid`, and `Conflict` where the endpoint is disabled or the delivery is pending.
        """
        if (sent.delivery_id is None) == (sent.failed_since is None):
            raise Invalid.field("delivery_id", "send either delivery_id or failed_since")
        at, more = clock.now(), False
        async with self._database.transaction() as connection:
            await _enabled(connection, endpoint_id)
            if sent.delivery_id is not None:
                found = await queue.delivery(connection, sent.delivery_id)
                if found is None or found.endpoint_id != endpoint_id:
                    raise NotFound("the endpoint has no such delivery; deliveries are kept for 30 days")
                replayed = await queue.replay_one(connection, endpoint_id, sent.delivery_id, at)
                if not replayed:
                    raise Conflict("the delivery is pending; it is sent without a replay")
            else:
                assert sent.failed_since is not None  # one of the two is sent
                since = sent.failed_since
                replayed = await queue.replay_failed(connection, endpoint_id, since, at, limit=MAX_REPLAYED)
                more = await queue.has_failed(connection, endpoint_id, since)
            details: dict[str, JsonValue] = {"replayed": replayed}
            await _audit(connection, caller, "webhook_endpoint.replay", endpoint_id, details, at)
        return replayed, more

    async def _check(self, url: str) -> None:
        try:
            await self._guard.addresses(parse_target(url))
        except TargetRefused as refused:
            raise Invalid.field("url", str(refused)) from None

    async def _locked(
        self, connection: AsyncConnection, endpoint_id: str, if_match: str | None, at: datetime
    ) -> WebhookEndpoint:
        """An endpoint, locked; raises `NotFound`, `PreconditionFailed` where it is not as the caller read it."""
        endpoint = await repository.endpoint(connection, endpoint_id, lock=True)
        if endpoint is None:
            raise _not_found()
        if if_match is not None:
            shown = encode(EndpointOut.of(endpoint, await _secrets(connection, endpoint_id, at)))
            if not matches(if_match, entity_tag(shown)):
                raise PreconditionFailed(PreconditionFailed.example)
        return endpoint

    async def _new_secret(self, endpoint_id: str) -> tuple[str, bytes]:
        """A signing secret as it is shown, and as it is stored."""
        random = base64.b64encode(random_secrets.token_bytes(_SECRET_BYTES)).decode()
        secret = f"{_PREFIX}{random}"
        return secret, await self._secrets.seal(WEBHOOK_SECRET, secret, endpoint_id)


async def _switched(connection: AsyncConnection, endpoint_id: str, status: str, at: datetime) -> Mapping[str, object]:
    """The columns of an endpoint that a person enables or disables."""
    if status == EndpointStatus.DISABLED.value:
        return {"status": status, "disabled_reason": DisabledReason.ADMIN.value, "disabled_at": at}
    return {"status": status, "disabled_reason": None, "disabled_at": None, "failing_since": None}


async def _found(connection: AsyncConnection, endpoint_id: str) -> WebhookEndpoint:
    endpoint = await repository.endpoint(connection, endpoint_id)
    if endpoint is None:
        raise _not_found()
    return endpoint


async def _enabled(connection: AsyncConnection, endpoint_id: str) -> WebhookEndpoint:
    """An endpoint that is active and stays so until the transaction ends; raises `NotFound`, `Conflict`."""
    endpoint = await repository.endpoint(connection, endpoint_id, lock=True)
    if endpoint is None:
        raise _not_found()
    if endpoint.status != EndpointStatus.ACTIVE.value:
        raise Conflict("the endpoint is disabled; enable it first with status active")
    return endpoint


async def _secrets(connection: AsyncConnection, endpoint_id: str, at: datetime) -> list[SigningSecret]:
    return (await repository.secrets_of(connection, [endpoint_id], at))[endpoint_id]


async def _require_free(connection: AsyncConnection, url: str, endpoint_id: str | None) -> None:
    other = await repository.endpoint_with(connection, url)
    if other not in (None, endpoint_id):
        raise Conflict(f"endpoint {other} has this URL; change it, or rotate its secret, instead of adding another one")


async def _audit(
    connection: AsyncConnection,
    caller: Caller,
    act: str,
    endpoint_id: str,
    details: Mapping[str, JsonValue],
    at: datetime,
) -> None:
    await fetch(connection, audit.record(caller, act, None, {"endpoint_id": endpoint_id, **details}, at))


def _not_found() -> NotFound:
    return NotFound("webhook endpoint not found; check its id")


def _require_members_seen(caller: Caller, events: Collection[str]) -> None:
    """Raise `Forbidden` where an event names a member and the caller may not read what members said."""
    chosen = OF_MEMBERS.intersection(events)
    if chosen and not caller.may(Scope.CONSENTS_READ):
        raise Forbidden(f"{', '.join(sorted(chosen))} names a member; it needs the scope {Scope.CONSENTS_READ.value}")
