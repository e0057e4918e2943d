"""The key of each member: made when identity is first stored of it, destroyed when the member is erased.

A member's key is replaced by one of the next generation (`renewal.py`). What is wrapped is then the new key with those
before that still have values, newest first, so that one look-up reads all of them and an erasure destroys all of them.
"""

import os
import struct
from collections.abc import Collection, Mapping, Sequence
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
"""Key id in the values that the first key of a member encrypts."""
_LATER: Final = 2**31
"""Key ids of later generations are this and the generation: no data key has one, their ids are positive integers of
PostgreSQL."""
_ENTRY: Final = struct.Struct(f">I{KEY_BYTES}s")
"""Of several keys that are wrapped together. One of the first generation is wrapped without its id."""


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


class MemberSealingKey(SealingKey):
    """The newest key of a member, which seals; it also opens what those before it sealed."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Sequence[tuple[int, bytes]]) -> None:
        """`raw`: key ids and keys, newest first."""
        super().__init__(*raw[0])
        self._raw = dict(raw)

    @property
    def earlier(self) -> tuple[int, ...]:
        """Ids of the keys before the newest, latest first."""
        return tuple(self._raw)[1:]

    def open(self, sealed: bytes, at: bytes) -> bytes:
        """See `SealingKey`."""
        key_id = key_id_of(sealed)
        if key_id == self.key_id or key_id not in self._raw:
            return super().open(sealed, at)
        return SealingKey(key_id, self._raw[key_id]).open(sealed, at)

    def wrapped(self, wrapping: SealingKey, member_id: str, keep: Collection[int]) -> bytes:
        """The newest key, with those before it that have one of the ids `keep`, wrapped by a data key."""
        return self._wrap(
            wrapping, member_id, [(i, key) for i, key in self._raw.items() if i == self.key_id or i in keep]
        )

    def succeeded(self, wrapping: SealingKey, member_id: str, generation: int) -> bytes:
        """A new key of this generation before all of these, wrapped by a data key."""
        return self._wrap(wrapping, member_id, [(_LATER + generation, os.urandom(KEY_BYTES)), *self._raw.items()])

    @staticmethod
    def _wrap(wrapping: SealingKey, member_id: str, raw: Sequence[tuple[int, bytes]]) -> bytes:
        is_first = [key_id for key_id, _ in raw] == [MEMBER_KEY_ID]
        return wrapping.seal(raw[0][1] if is_first else b"".join(_ENTRY.pack(*one) for one in raw), _at(member_id))


def is_of_member(key_id: int) -> bool:
    """Whether a value was sealed by a member's key: no data key of texts has this id (migration of the texts)."""
    return key_id == MEMBER_KEY_ID or key_id > _LATER


def is_members_sql(sealed: str) -> str:
    """SQL of the same, for an expression that is a sealed value."""
    head = f"substring({sealed} FROM 2 FOR 4)"
    later = "CAST('\\x80000000' AS bytea)"
    # A truncated value has no key id to read.
    return f"(octet_length({sealed}) > 4 AND ({head} = int4send({MEMBER_KEY_ID}) OR {head} > {later}))"


def head_sql(generation: str) -> str:
    """SQL of the key id in what a key of this generation sealed, as bytes."""
    return f"int4send(CASE {generation} WHEN 1 THEN {MEMBER_KEY_ID} ELSE CAST({generation} - {_LATER} AS integer) END)"


def _at(member_id: str) -> bytes:
    return place(MemberKeyRow.__tablename__, "wrapped_key", member_id)


def unwrapped(wrapping: SealingKey, member_id: str, wrapped: bytes) -> MemberSealingKey:
    """The key of a member, wrapped by a data key, with those before it. Raises `DecryptionError`.

    It is not kept: unwrapping it takes microseconds, and so nothing of an erased member's key stays in memory.
    """
    plain = wrapping.open(wrapped, _at(member_id))
    if len(plain) == KEY_BYTES:
        return MemberSealingKey([(MEMBER_KEY_ID, plain)])
    return MemberSealingKey(list(_ENTRY.iter_unpack(plain)))


async def member_key(keys: FieldKeys, key: MemberKey) -> MemberSealingKey | None:
    """The key of a member, `None` if it was erased. Raises `DecryptionError`, and what `FieldKeys` raises."""
    if key.wrapped is None:
        return None
    try:
        return unwrapped(await keys.key(key_id_of(key.wrapped)), key.member_id, key.wrapped)
    except DecryptionError as error:
        raise type(error)(f"the key of a member: {error}") from None  # without the id, which logs may not have


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
