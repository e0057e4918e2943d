"""Before and after of a change, as entries of the audit log keep them: encrypted, because they are personal data.

What is about a member is sealed by the key of the member, so that an erasure reaches it: the entry stays as it was, and
can no longer be read. The rest is sealed by a data key; a change of a claim has no text about it, which has its place
beside the decision or finding. A value is bound to its act,
subject and instant: one that is moved to another entry cannot be opened there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.audit.changed import KEPT_IN_ROWS
from api.audit.records import AuditedAct, Subject
from api.audit.repository import record
from api.audit.tables import AuditRow
from api.database import fetch
from api.field_keys import (
    FieldKeys,
    MemberKey,
    MemberKeyRow,
    is_of_member,
    keys_of_members,
    member_key,
)
from api.identity import Caller
from api.request_context import Actor
from core.errors import DecryptionError
from core.field_encryption import SealingKey, key_id_of, place

AUDIT: Final = "audit"
"""Purpose of the data keys that seal changes of what is about no member."""
_MEMBER: Final = "member"
_CLAIM: Final = "claim"


@dataclass(frozen=True, slots=True)
class AuditedChange:
    """What was before a change and after it; `None`: nothing."""

    before: Mapping[str, JsonValue] | None
    after: Mapping[str, JsonValue] | None


@dataclass(frozen=True, slots=True)
class StoredChange:
    """The change of an entry as it is read."""

    change: AuditedChange | None = None
    """`None`: the entry has none, or it was erased."""
    is_erased: bool = False
    """Whether it was erased with the member."""


async def record_change(
    connection: AsyncConnection,
    keys: FieldKeys,
    caller: Caller | Actor,
    act: str,
    details: Mapping[str, JsonValue],
    at: datetime,
    change: AuditedChange,
    *,
    subject: Subject,
    outlives_member: bool = False,
) -> None:
    """Record an act of `CHANGE_KEPT` in the transaction of the change, with what was before and after it.

    `details` must not contain data of members, as those of `record`. What `outlives_member` is evidence that an
    erasure does not reach. Raises what `FieldKeys` raises.
    """
    assert act in KEPT_IN_ROWS, f"{act} is not in CHANGE_KEPT of api/audit/changed.py"
    sealed = await _sealed(connection, keys, act, subject, at, change, outlives_member=outlives_member)
    claim_id = subject.subject_id if subject.kind == _CLAIM else None
    await fetch(connection, record(caller, act, claim_id, details, at, subject=subject, change=sealed))


async def _sealed(
    connection: AsyncConnection,
    keys: FieldKeys,
    act: str,
    subject: Subject,
    at: datetime,
    change: AuditedChange,
    *,
    outlives_member: bool,
) -> bytes | None:
    """A change as its entry stores it; `None`: the member was erased."""
    key: SealingKey | None
    if subject.kind == _MEMBER and not outlives_member:
        own = await keys_of_members(connection, keys, [subject.subject_id])
        key = await member_key(keys, own[subject.subject_id])
        if key is None:
            return None
    else:
        key = await keys.current(AUDIT)
    value = json.dumps({"before": change.before, "after": change.after}, ensure_ascii=False, separators=(",", ":"))
    return key.seal(value.encode(), _at(act, subject.kind, subject.subject_id, at))


async def sealed_change(connection: AsyncConnection, found: AuditedAct) -> bytes | None:
    """The change of an entry as it is stored; `None`: it has none."""
    return await connection.scalar(select(AuditRow.change).where(AuditRow.audit_id == found.audit_id))


async def stored_change(
    connection: AsyncConnection, keys: FieldKeys, found: AuditedAct, sealed: bytes | None
) -> StoredChange:
    """The change of an entry, opened. Raises `DecryptionError` where it was changed, and what `FieldKeys` raises."""
    if sealed is None:
        return StoredChange()
    key_id = key_id_of(sealed)
    key = await _of_member(connection, keys, found) if is_of_member(key_id) else await keys.key(key_id)
    if key is None:
        return StoredChange(is_erased=True)
    at = _at(found.act, found.subject_kind or "", found.subject_id or "", found.at)
    value = json.loads(key.open(sealed, at))
    return StoredChange(AuditedChange(value["before"], value["after"]))


async def _of_member(connection: AsyncConnection, keys: FieldKeys, found: AuditedAct) -> SealingKey | None:
    row = MemberKeyRow
    statement = select(row.member_id, row.wrapped_key).where(row.member_id == found.subject_id)
    stored = (await connection.execute(statement)).one_or_none()
    if stored is None:
        raise DecryptionError("the key of a member is missing; restore the table member_keys from a backup")
    return await member_key(keys, MemberKey(stored.member_id, stored.wrapped_key))


def _at(act: str, kind: str, subject_id: str, at: datetime) -> bytes:
    # No text of PostgreSQL has a zero.
    row = "\0".join((act, kind, subject_id, at.astimezone(UTC).isoformat(timespec="microseconds")))
    return place(AuditRow.__tablename__, "change", row)
