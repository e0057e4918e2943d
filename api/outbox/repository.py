"""Putting things to do into the outbox."""

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, insert

from api.database import Query, compiled, nothing
from api.outbox.tables import OutboxRow

RECEIVED = "claim.received"
VOIDED = "claim.voided"
RESCORE = "claim.rescore"
DECIDED = "claim.decided"
"""A person has decided the claim, or reopened it: its status and what is paid may have changed."""
PENDED = "claim.pended"
"""A person has asked for documents."""
FLAGGED_AFTER_DECISION = "claim.flagged_after_decision"
"""A late score flags a claim that a person has decided; the decision stands."""

_COLUMNS = ("topic", "entity_key", "payload", "created_at")
_ADD = compiled(insert(OutboxRow).values({name: bindparam(name) for name in _COLUMNS}))


def add(topic: str, entity_key: str, payload: dict[str, Any], at: datetime) -> Query[None]:
    """Add one thing to do, in the caller's transaction."""
    params = {"topic": topic, "entity_key": entity_key, "payload": Jsonb(payload), "created_at": at}
    return Query(_ADD, params, nothing)
