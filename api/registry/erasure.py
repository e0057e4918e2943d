"""Erasing who a member is, for good: its key is destroyed, and what is left in clear is emptied."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final, cast

from pydantic import JsonValue
from sqlalchemy import Table, Text, delete, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.consents import withdraw_all
from api.database import Database, fetch
from api.errors import Invalid, NotFound
from api.field_keys import FieldKeys, MemberKeyRow, erase_clear_texts, with_lock_retries
from api.identity import Caller
from api.intake import IdempotencyKeyRow
from api.legal_holds import require_no_hold
from api.members import IDENTITY_FIELDS, MemberRow, lock_member, remove_from_index
from api.registry.kinds import MEMBER
from api.registry.tables import RegistryHistoryRow
from core import clock

MAX_REASON = 500
_APPEND_ONLY: Final = "registry_history_append_only"
_COLUMNS: Final = (*IDENTITY_FIELDS, *(f"{name}_sealed" for name in IDENTITY_FIELDS))


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased of a member."""

    member_id: str
    states: int
    """Earlier states that had a name, a birth date or a sex; they have none any more."""
    key_destroyed: bool
    """False: it was erased before."""
    replies: int
    """Stored replies with its identity, which were deleted."""
    erased_at: datetime
    """When it was erased first."""


async def erase_member(
    database: Database, keys: FieldKeys, caller: Caller, member_id: str, reason: str, zone: tzinfo
) -> Erasure:
    """Destroy the key of a member, and empty name, birth date and sex in the member and its earlier states.

    So are texts about its claims that an earlier release stored in clear, and its consents are withdrawn; that there
    were some, and what they were for, stays as evidence, without an identity. No search finds
    the member any more.

    What was encrypted with the key is unreadable from the commit on, wherever it was copied to without the key. The
    rest of the member and its claims stay. Only the owner of the tables may do it. Raises `NotFound`, `Invalid`,
    `Conflict` where the member is under a legal hold today in `zone`, the insurer's time zone, and what `FieldKeys`
    raises where the text of a hold cannot be read.
    """
    if not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable():
        raise Invalid.field("reason", f"must be 1 to {MAX_REASON} characters on one line: why the data are erased")
    history, members, member_keys, replied = (
        cast(Table, row.__table__) for row in (RegistryHistoryRow, MemberRow, MemberKeyRow, IdempotencyKeyRow)
    )
    nobody = dict.fromkeys(_COLUMNS)
    erased = history.c.state.op("||")(literal(dict.fromkeys(IDENTITY_FIELDS), JSONB)).op("-")(
        literal([name for name in _COLUMNS if name not in IDENTITY_FIELDS], ARRAY(Text))
    )
    now = clock.now()

    async def erase(connection: AsyncConnection) -> Erasure:
        await fetch(connection, lock_member(member_id))
        await require_no_hold(connection, keys, [member_id], zone)
        # Before anything is changed. Nobody adds a state until the commit.
        await connection.execute(text(f"LOCK TABLE {history.name} IN SHARE ROW EXCLUSIVE MODE"))
        await erase_clear_texts(connection, member_id)
        emptied = update(members).where(members.c.member_id == member_id).values(nobody)
        if (await connection.execute(emptied)).rowcount == 0:
            raise NotFound("member not found; check its id")
        destroyed = insert(member_keys).values(member_id=member_id, created_at=now, erased_at=now)
        destroyed_key = await connection.scalar(
            destroyed.on_conflict_do_update(
                index_elements=["member_id"],
                set_={"key_id": None, "wrapped_key": None, "erased_at": now},
                where=member_keys.c.erased_at.is_(None),
            ).returning(member_keys.c.member_id)
        )
        await remove_from_index(connection, member_id)
        # A rollback enables the trigger again, too.
        await connection.execute(text(f"ALTER TABLE {history.name} DISABLE TRIGGER {_APPEND_ONLY}"))
        changed = await connection.execute(
            update(history)
            .where(history.c.kind == MEMBER.table.name, history.c.entry_id == member_id, history.c.state != erased)
            .values(state=erased)
        )
        await connection.execute(text(f"ALTER TABLE {history.name} ENABLE TRIGGER {_APPEND_ONLY}"))
        replies = await connection.execute(delete(replied).where(replied.c.identity_of == member_id))
        erased_at = await connection.scalar(select(member_keys.c.erased_at).where(member_keys.c.member_id == member_id))
        withdrawn = await withdraw_all(connection, caller, member_id, now)
        details: dict[str, JsonValue] = {
            "subject": f"{MEMBER.table.name}/{member_id}",
            "reason": reason.strip(),
            "states": changed.rowcount,
            "consents": withdrawn,
        }
        await fetch(connection, audit.record(caller, "member.erase", None, details, now))
        return Erasure(member_id, changed.rowcount, destroyed_key is not None, replies.rowcount, erased_at or now)

    return await with_lock_retries(database, erase)
