"""The key of each member: made when identity is first stored of it, destroyed when the member is erased."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys.service import FieldKeys
from api.field_keys.tables import MemberKeyRow
from core import clock
from core.errors import DecryptionError
from core.field_encryption import KEY_BYTES, SealingKey, key_id_of, place

MISSING_MEMBER_KEY: Final = "the key of its member is missing; restore the table member_keys from a backup"
MEMBERS: Final = "members"
"""Purpose of the data keys that wrap the keys of members."""
MEMBER_KEY_ID: Final = 1
"""Key id in the values that a member's key encrypts: a member has one key."""


@dataclass(frozen=True, slots=True)
class MemberKey:
    """The key of a member, or what is left of it."""

    member_id: str
    wrapped: bytes | None
    """None: the member was erased."""

    @property
    def is_erased(self) -> bool:
        """Whether it was destroyed."""
        return self.wrapped is None


def is_of_member(key_id: int) -> bool:
    """Whether a value was sealed by a member's key: no data key of texts has this id (migration of the texts)."""
    return key_id == MEMBER_KEY_ID


def _at(member_id: str) -> bytes:
    return place(MemberKeyRow.__tablename__, "wrapped_key", member_id)


def unwrapped(wrapping: SealingKey, member_id: str, wrapped: bytes) -> SealingKey:
    """The key of a member, wrapped by a data key. Raises `DecryptionError`.

    It is not kept: unwrapping it takes microseconds, and so nothing of an erased member's key stays in memory.
    """
    return SealingKey(MEMBER_KEY_ID, wrapping.open(wrapped, _at(member_id)))


async def member_key(keys: FieldKeys, key: MemberKey) -> SealingKey | None:
    """The key of a member, `None` if it was erased. Raises `DecryptionError`, and what `FieldKeys` raises."""
    if key.wrapped is None:
        return None
    try:
        return unwrapped(await keys.key(key_id_of(key.wrapped)), key.member_id, key.wrapped)
    except DecryptionError as error:
        raise type(error)(f"the key of member {key.member_id}: {error}") from None


def fresh_key(wrapping: SealingKey, member_id: str) -> bytes:
    """A new key for a member, wrapped."""
    return wrapping.seal(os.urandom(KEY_BYTES), _at(member_id))


def rewrapped(before: SealingKey, after: SealingKey, member_id: str, wrapped: bytes) -> bytes:
    """The key of a member, wrapped by another data key. Raises `DecryptionError`."""
    return after.seal(before.open(wrapped, _at(member_id)), _at(member_id))


async def keys_of_members(
    connection: AsyncConnection, keys: FieldKeys, member_ids: Sequence[str]
) -> Mapping[str, MemberKey]:
    """The keys of members, made where there are none; locked until the transaction ends.

    Ordered by id, so that two loads do not wait for each other. Raises what `FieldKeys` raises.
    """
    wrapping = await keys.current(MEMBERS)
    ids = sorted(set(member_ids))
    given = (
        func.unnest(
            bindparam("member_ids", ids, ARRAY(Text)),
            bindparam("wrapped_keys", [fresh_key(wrapping, one) for one in ids], ARRAY(BYTEA)),
        )
        .table_valued("member_id", "wrapped_key")
        .render_derived("given")
    )
    now = bindparam("made_at", clock.now(), type_=MemberKeyRow.created_at.type)
    table = MemberKeyRow.__table__
    values = select(given.c.member_id, bindparam("key_id", wrapping.key_id), given.c.wrapped_key, now)
    made = insert(table).from_select(["member_id", "key_id", "wrapped_key", "created_at"], values)  # type: ignore[arg-type]
    # The update changes nothing; it returns, and locks, the keys that were there.
    same = made.on_conflict_do_update(index_elements=["member_id"], set_={"member_id": made.excluded.member_id})
    rows = await connection.execute(same.returning(table.c.member_id, table.c.wrapped_key))
    return {row.member_id: MemberKey(row.member_id, row.wrapped_key) for row in rows}
