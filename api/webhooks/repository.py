"""Webhook endpoints and their secrets in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.webhooks.records import DisabledReason, EndpointStatus, SigningSecret, WebhookEndpoint
from api.webhooks.tables import WebhookEndpointRow, WebhookSecretRow

_ENDPOINT = tuple(WebhookEndpointRow.__table__.c[one.name] for one in fields(WebhookEndpoint))
_SECRET = tuple(WebhookSecretRow.__table__.c[one.name] for one in fields(SigningSecret))
_KEPT = WebhookEndpointRow.deleted_at.is_(None)
_REGISTRY_LOCK = "webhook endpoints"


async def lock_registry(connection: AsyncConnection) -> None:
    """Let no other transaction add an endpoint until this one ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(_REGISTRY_LOCK))))


async def add_endpoint(connection: AsyncConnection, endpoint: WebhookEndpoint) -> None:
    """Store a new endpoint."""
    values = {one.name: getattr(endpoint, one.name) for one in fields(WebhookEndpoint)}
    await connection.execute(insert(WebhookEndpointRow).values(**values))


async def endpoints(connection: AsyncConnection, *, lock: bool = False) -> list[WebhookEndpoint]:
    """Every endpoint, the oldest first; `lock`: none of them changes until the transaction ends."""
    statement = select(*_ENDPOINT).where(_KEPT).order_by(WebhookEndpointRow.created_at, WebhookEndpointRow.endpoint_id)
    found = await connection.execute(statement.with_for_update(read=True) if lock else statement)
    return [WebhookEndpoint(*row) for row in found]


async def endpoint(connection: AsyncConnection, endpoint_id: str, *, lock: bool = False) -> WebhookEndpoint | None:
    """An endpoint, locked until the transaction ends if asked for; `None` if there is none."""
    statement = select(*_ENDPOINT).where(WebhookEndpointRow.endpoint_id == endpoint_id, _KEPT)
    row = (await connection.execute(statement.with_for_update(key_share=True) if lock else statement)).one_or_none()
    return None if row is None else WebhookEndpoint(*row)


async def endpoint_with(connection: AsyncConnection, url: str) -> str | None:
    """Id of the endpoint with a URL."""
    statement = select(WebhookEndpointRow.endpoint_id).where(WebhookEndpointRow.url == url, _KEPT)
    found: str | None = (await connection.execute(statement)).scalar_one_or_none()
    return found


async def change_endpoint(connection: AsyncConnection, endpoint_id: str, values: Mapping[str, object]) -> None:
    """Change columns of an endpoint."""
    await connection.execute(
        update(WebhookEndpointRow).where(WebhookEndpointRow.endpoint_id == endpoint_id).values(**values)
    )


async def end_failure(connection: AsyncConnection, endpoint_id: str) -> None:
    """Note that an endpoint accepted a webhook."""
    failing = WebhookEndpointRow.failing_since.is_not(None)
    await connection.execute(
        update(WebhookEndpointRow)
        .where(WebhookEndpointRow.endpoint_id == endpoint_id, failing)
        .values(failing_since=None)
    )


async def disable(connection: AsyncConnection, endpoint_id: str, reason: DisabledReason, at: datetime) -> None:
    """Disable an endpoint."""
    values = {"status": EndpointStatus.DISABLED.value, "disabled_reason": reason.value, "disabled_at": at}
    await change_endpoint(connection, endpoint_id, values)


async def delete_endpoint(connection: AsyncConnection, endpoint_id: str, at: datetime) -> None:
    """Delete an endpoint and its secrets; the worker removes its deliveries, of which there may be millions."""
    await disable(connection, endpoint_id, DisabledReason.ADMIN, at)
    await change_endpoint(connection, endpoint_id, {"deleted_at": at})
    await connection.execute(delete(WebhookSecretRow).where(WebhookSecretRow.endpoint_id == endpoint_id))


async def secrets_of(
    connection: AsyncConnection, endpoint_ids: Sequence[str], at: datetime
) -> dict[str, list[SigningSecret]]:
    """The secrets of each endpoint that are valid at `at`, the current one first."""
    statement = (
        select(WebhookSecretRow.endpoint_id, *_SECRET)
        .where(
            WebhookSecretRow.endpoint_id.in_(endpoint_ids),
            WebhookSecretRow.expires_at.is_(None) | (WebhookSecretRow.expires_at > at),
        )
        .order_by(WebhookSecretRow.expires_at.desc().nulls_first(), WebhookSecretRow.secret_id.desc())
    )
    found: dict[str, list[SigningSecret]] = {endpoint_id: [] for endpoint_id in endpoint_ids}
    for endpoint_id, *secret in await connection.execute(statement):
        found[endpoint_id].append(SigningSecret(*secret))
    return found


async def add_secret(connection: AsyncConnection, endpoint_id: str, ciphertext: bytes, at: datetime) -> None:
    """Store the current secret of an endpoint that has none."""
    await connection.execute(
        insert(WebhookSecretRow).values(endpoint_id=endpoint_id, ciphertext=ciphertext, created_at=at)
    )


async def expire_secret(connection: AsyncConnection, endpoint_id: str, expires_at: datetime, *, all_: bool) -> None:
    """Let the current secret expire; `all_`: the earlier ones by then, too."""
    current = WebhookSecretRow.expires_at.is_(None)
    which = current | (WebhookSecretRow.expires_at > expires_at) if all_ else current
    await connection.execute(
        update(WebhookSecretRow).where(WebhookSecretRow.endpoint_id == endpoint_id, which).values(expires_at=expires_at)
    )
