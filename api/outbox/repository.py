"""Putting things to do into the outbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.outbox.tables import OutboxRow

RECEIVED = "claim.received"
VOIDED = "claim.voided"
RESCORE = "claim.rescore"


async def add(connection: AsyncConnection, at: datetime, events: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
    """Add events (topic, entity key, payload) in their order, in the caller's transaction."""
    rows = [{"topic": topic, "entity_key": key, "payload": payload, "created_at": at} for topic, key, payload in events]
    await connection.execute(insert(OutboxRow).values(rows))
