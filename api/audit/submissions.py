"""Submitted claims in the audit log: recorded by the worker, from the events that are stored with them.

A submission sends no statement more for it: who submitted the claim travels in the event of its receipt
(`docs/adr/0261-a-read-is-recorded-before-it-is-answered.md`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from pydantic import JsonValue
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api import outbox, request_context
from api.audit.records import SUCCESS
from api.audit.tables import AuditRow
from api.identity import Caller

ACT: Final = "claim.submit"
_BY: Final = "by"
"""In the payload of the event."""
_OPTIONAL: Final = ("request_id", "address", "agent")


class SubmissionEvent(Protocol):
    """An event of the outbox."""

    @property
    def topic(self) -> str:
        """What happened."""

    @property
    def entity_key(self) -> str:
        """Of a receipt: the id of the claim."""

    @property
    def payload(self) -> Mapping[str, JsonValue]:
        """More of it."""

    @property
    def created_at(self) -> datetime:
        """Of a receipt: when the claim was received."""


def submitted_by(caller: Caller) -> dict[str, JsonValue]:
    """What the event of a claim's receipt says about who submitted it; no data of members."""
    context = request_context.current()
    who: dict[str, JsonValue] = {"actor_id": caller.actor_id, "name": caller.name, "role": caller.role}
    who["purpose"] = request_context.purpose_of(context, caller.role)
    if context is not None:
        known = {name: getattr(context, name) for name in _OPTIONAL}
        who |= {name: value for name, value in known.items() if value is not None}
    return {_BY: who}


async def record_submissions(connection: AsyncConnection, events: Sequence[SubmissionEvent]) -> None:
    """Add the rows of received claims, once each; events from before they said who submitted are left out."""
    found = {one.entity_key: (one, one.payload.get(_BY)) for one in events if one.topic == outbox.RECEIVED}
    said = {claim_id: (event, by) for claim_id, (event, by) in found.items() if isinstance(by, dict)}
    if not said:
        return
    recorded = select(AuditRow.claim_id).where(AuditRow.claim_id.in_(list(said)), AuditRow.act == ACT)
    earlier = set(await connection.scalars(recorded))  # an event that was repeated by an operator
    rows = [
        {
            "at": event.created_at,
            **{name: by[name] for name in ("actor_id", "name", "role", "purpose")},
            **{name: by.get(name) for name in _OPTIONAL},
            "act": ACT,
            "claim_id": claim_id,
            "subject_kind": "claim",
            "subject_id": claim_id,
            "outcome": SUCCESS,
            "details": {},
        }
        for claim_id, (event, by) in said.items()
        if claim_id not in earlier
    ]
    if rows:
        await connection.execute(insert(AuditRow), rows)
