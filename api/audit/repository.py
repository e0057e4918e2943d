"""Writing the audit log."""

from collections.abc import Mapping
from datetime import datetime

from psycopg.types.json import Jsonb
from pydantic import JsonValue
from sqlalchemy import bindparam, insert, select

from api.audit.tables import AuditRow
from api.database import Query, compiled, nothing
from api.identity import Caller

_COLUMNS = ("at", "actor_id", "name", "role", "act", "claim_id", "details")
_ADD = compiled(insert(AuditRow).values({name: bindparam(name) for name in _COLUMNS}))


def record(
    caller: Caller, act: str, claim_id: str | None, details: Mapping[str, JsonValue], at: datetime
) -> Query[None]:
    """Record an action in the transaction it belongs to; `details` must not contain data of members.

    `claim_id` is `None` for an action that is not about a claim; `details` then name what it is about.
    """
    params = {
        "at": at,
        "actor_id": caller.actor_id,
        "name": caller.name,
        "role": caller.role,
        "act": act,
        "claim_id": claim_id,
        "details": Jsonb(dict(details)),
    }
    return Query(_ADD, params, nothing)


_RECORDED = compiled(
    select(AuditRow.audit_id).where(
        AuditRow.claim_id == bindparam("claim_id"),
        AuditRow.actor_id == bindparam("actor_id"),
        AuditRow.at == bindparam("at"),
    )
)


def is_recorded(caller: Caller, claim_id: str, at: datetime) -> Query[bool]:
    """Whether an action of this caller on a claim, at exactly this instant, was committed."""
    return Query(_RECORDED, {"claim_id": claim_id, "actor_id": caller.actor_id, "at": at}, bool)
