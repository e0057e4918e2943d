"""Erasing the personal data of a member from its earlier states."""

from dataclasses import dataclass
from typing import Final, cast

from pydantic import JsonValue
from sqlalchemy import Table, literal, text, update
from sqlalchemy.dialects.postgresql import JSONB

from api import audit
from api.database import Database, fetch
from api.errors import Invalid, NotFound
from api.identity import Caller
from api.registry import repository
from api.registry.kinds import MEMBER
from api.registry.tables import RegistryHistoryRow
from core import clock

MAX_REASON = 500
_APPEND_ONLY: Final = "registry_history_append_only"


@dataclass(frozen=True, slots=True)
class Redaction:
    """What was erased of a member."""

    member_id: str
    states: int
    """Earlier states that had a name, a birth date or a sex; they have none any more."""
    present_state_has_personal_data: bool
    """The member itself is not changed: `PUT /v1/members/{member_id}` does that, and keeps the state before."""


async def redact_member(database: Database, caller: Caller, member_id: str, reason: str) -> Redaction:
    """Erase name, birth date and sex from every earlier state of a member, with an audit row.

    Everything else of the states stays. Only the owner of the table may do it. Raises `NotFound` and `Invalid`.
    """
    if not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable():
        raise Invalid.field("reason", f"must be 1 to {MAX_REASON} characters on one line: why the data are erased")
    fields = sorted(MEMBER.personal)
    history = cast(Table, RegistryHistoryRow.__table__)
    erased = history.c.state.op("||")(literal(dict.fromkeys(fields), JSONB))
    async with database.transaction() as connection:
        # First: nobody adds a state until the commit. A rollback enables the trigger again, too.
        await connection.execute(text(f"ALTER TABLE {history.name} DISABLE TRIGGER {_APPEND_ONLY}"))
        member = await repository.entry(connection, MEMBER, member_id)
        if member is None:
            raise NotFound("member not found; check its id")
        changed = await connection.execute(
            update(history)
            .where(history.c.kind == MEMBER.table.name, history.c.entry_id == member_id, history.c.state != erased)
            .values(state=erased)
        )
        await connection.execute(text(f"ALTER TABLE {history.name} ENABLE TRIGGER {_APPEND_ONLY}"))
        details: dict[str, JsonValue] = {
            "subject": f"{MEMBER.table.name}/{member_id}",
            "reason": reason.strip(),
            "states": changed.rowcount,
        }
        await fetch(connection, audit.record(caller, "member.redact", None, details, clock.now()))
    present = any(getattr(member.details, name) is not None for name in fields)
    return Redaction(member_id, changed.rowcount, present)
