"""Writing and reading the audit log."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Final

from psycopg.types.json import Jsonb
from pydantic import JsonValue
from sqlalchemy import ColumnElement, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api import request_context
from api.audit.changed import KEPT_IN_ROWS
from api.audit.records import SUCCESS, AuditedAct, AuditFilter, Subject
from api.audit.searching import of_action, of_no_success, of_outcome, of_type
from api.audit.tables import AuditRow
from api.database import Query, compiled, nothing
from api.identity import Caller

_COLUMNS = (
    *("at", "actor_id", "name", "role", "act", "claim_id", "details", "purpose", "subject_kind", "subject_id"),
    *("outcome", "request_id", "address", "agent", "change"),
)
# Inline: a caller that may add a row does not see it, and RETURNING would read it back.
_ADD = compiled(insert(AuditRow).inline().values({name: bindparam(name) for name in _COLUMNS}))
_KINDS: Final[Mapping[str, str]] = {
    "members": "member",
    "providers": "provider",
    "procedures": "procedure",
    "authorizations": "authorization",
}
"""What `details` name as `table/id`."""


def record(
    caller: Caller | request_context.Actor,
    act: str,
    claim_id: str | None,
    details: Mapping[str, JsonValue],
    at: datetime,
    *,
    subject: Subject | None = None,
    change: bytes | None = None,
) -> Query[None]:
    """Record an action in the transaction it belongs to; `details` must not contain data of members.

    `claim_id` is `None` for an action that is not about a claim; `subject`, or `details`, then name what it is about.
    `change` is what was before and after, encrypted, where that is personal data (`record_change`).
    """
    assert act not in KEPT_IN_ROWS or subject is not None, f"{act} is recorded by record_change"
    if subject is None:
        subject = _subject_of(claim_id, details)
    return entry(
        actor=request_context.Actor(caller.actor_id, caller.name, caller.role),
        act=act,
        claim_id=claim_id,
        details=details,
        at=at,
        subject=subject,
        outcome=SUCCESS,
        change=change,
    )


def entry(
    *,
    actor: request_context.Actor,
    act: str,
    claim_id: str | None,
    details: Mapping[str, JsonValue],
    at: datetime,
    subject: Subject | None,
    outcome: str,
    change: bytes | None = None,
) -> Query[None]:
    """A row of the log, with what is known of the current request."""
    context = request_context.current()
    shown = dict(details)
    if context is not None and context.confirmed_by is not None:
        shown["confirmed_by"] = context.confirmed_by
    return row_of(
        actor=actor,
        act=act,
        claim_id=claim_id,
        details=shown,
        at=at,
        subject=subject,
        outcome=outcome,
        purpose=request_context.purpose_of(context, actor.role),
        request_id=None if context is None else context.request_id,
        address=None if context is None else context.address,
        agent=None if context is None else context.agent,
        change=change,
    )


def row_of(
    *,
    actor: request_context.Actor,
    act: str,
    claim_id: str | None,
    details: Mapping[str, JsonValue],
    at: datetime,
    subject: Subject | None,
    outcome: str,
    purpose: str,
    request_id: str | None,
    address: str | None,
    agent: str | None,
    change: bytes | None,
) -> Query[None]:
    """A row of the log, whatever carries it out."""
    params = {
        "at": at,
        "actor_id": actor.actor_id,
        "name": actor.name,
        "role": actor.role,
        "act": act,
        "claim_id": claim_id,
        "details": Jsonb(dict(details)),
        "purpose": purpose,
        "subject_kind": None if subject is None else subject.kind,
        "subject_id": None if subject is None else subject.subject_id,
        "outcome": outcome,
        "request_id": request_id,
        "address": address,
        "agent": agent,
        "change": change,
    }
    return Query(_ADD, params, nothing)


def _subject_of(claim_id: str | None, details: Mapping[str, JsonValue]) -> Subject | None:
    if claim_id is not None:
        return Subject("claim", claim_id)
    table, _, subject_id = str(details.get("subject", "")).partition("/")
    return Subject(_KINDS.get(table, table), subject_id) if table and subject_id else None


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


_ENTRY = tuple(AuditRow.__table__.c[one.name] for one in fields(AuditedAct))


async def entries(
    connection: AsyncConnection, chosen: AuditFilter, *, before: int | None = None, limit: int
) -> Sequence[AuditedAct]:
    """Rows of the log below an id, the latest first."""
    statement = select(*_ENTRY).where(*conditions(chosen)).order_by(AuditRow.audit_id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(AuditRow.audit_id < before)
    return [AuditedAct(*row) for row in await connection.execute(statement)]


async def audited_act(connection: AsyncConnection, audit_id: int) -> AuditedAct | None:
    """One row of the log."""
    row = (await connection.execute(select(*_ENTRY).where(AuditRow.audit_id == audit_id))).one_or_none()
    return None if row is None else AuditedAct(*row)


async def entries_after(
    connection: AsyncConnection, chosen: AuditFilter, *, after: int, limit: int
) -> Sequence[AuditedAct]:
    """Rows of the log above an id, the oldest first: for exports."""
    statement = (
        select(*_ENTRY).where(AuditRow.audit_id > after, *conditions(chosen)).order_by(AuditRow.audit_id).limit(limit)
    )
    return [AuditedAct(*row) for row in await connection.execute(statement)]


def conditions(chosen: AuditFilter) -> list[ColumnElement[bool]]:
    """What rows that a filter chooses have."""
    found: list[ColumnElement[bool]] = []
    if chosen.actor is not None:
        is_id = chosen.actor.startswith(("key_", "usr_"))
        found.append((AuditRow.actor_id if is_id else AuditRow.name) == chosen.actor)
    equal = (
        (AuditRow.act, chosen.act),
        (AuditRow.subject_kind, chosen.subject_kind),
        (AuditRow.subject_id, chosen.subject),
        (AuditRow.outcome, chosen.outcome),
        (AuditRow.request_id, chosen.request_id),
        (AuditRow.purpose, chosen.purpose),
        (AuditRow.actor_id, chosen.actor_id),
        (AuditRow.name, chosen.name),
        (AuditRow.role, chosen.role),
        (AuditRow.address, chosen.address),
    )
    found += [column == value for column, value in equal if value is not None]
    if chosen.outcome not in (None, SUCCESS):
        found.append(of_no_success())
    if chosen.since is not None:
        found.append(AuditRow.at >= chosen.since)
    if chosen.until is not None:
        found.append(AuditRow.at < chosen.until)
    of_fhir = ((of_action, chosen.actions), (of_outcome, chosen.outcomes), (of_type, chosen.types))
    found += [condition(codes) for condition, codes in of_fhir if codes is not None]
    return found
