"""What people write about a claim: sealed by the key of its member, so that an erasure reaches it in every copy.

Text about a claim that names no member, or one that was erased, is sealed by a data key: work on such a claim goes on.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys.columns import LOST, NOTES, SEALED_COLUMNS, SealedColumn, is_clear, lost_text
from api.field_keys.member_keys import MISSING_MEMBER_KEY, MemberKey, is_of_member, keys_of_members, member_key
from api.field_keys.service import FieldKeys
from core.errors import DecryptionError, KeyMissingError
from core.field_encryption import SealingKey, key_id_of

_KEYS: Final = text("""
    SELECT claims.claim_id, claims.member_id, member_keys.member_id AS key_of, member_keys.wrapped_key
    FROM claims LEFT JOIN member_keys USING (member_id) WHERE claims.claim_id = ANY(:claim_ids)
""")

_KEYS_FOR_WRITING: Final = text("""
    WITH own AS MATERIALIZED (
        SELECT member_id, wrapped_key FROM member_keys
        WHERE member_id IN (SELECT member_id FROM claims WHERE claim_id = ANY(:claim_ids)) FOR SHARE
    )
    SELECT claims.claim_id, claims.member_id, own.member_id AS key_of, own.wrapped_key
    FROM claims LEFT JOIN own USING (member_id) WHERE claims.claim_id = ANY(:claim_ids)
""")
"""Locked until the text is stored: no key is dropped that is about to seal one."""


@dataclass(frozen=True, slots=True)
class StoredText:
    """A text about a claim as its row has it."""

    claim_id: str
    row: tuple[object, ...]
    """Its primary key."""
    sealed: bytes | None
    clear: str | None
    """Of an earlier release."""


async def open_texts(
    connection: AsyncConnection, keys: FieldKeys, column: SealedColumn, stored: Sequence[StoredText]
) -> list[str | None]:
    """Texts in their order; `None`: there is none, or it was erased with the member.

    Of one whose key is lost it says that. Raises `DecryptionError` where one was changed, and what `FieldKeys` raises.
    """
    return (await open_columns(connection, keys, {column: stored}))[column]


async def open_columns(
    connection: AsyncConnection, keys: FieldKeys, stored: Mapping[SealedColumn, Sequence[StoredText]]
) -> dict[SealedColumn, list[str | None]]:
    """As `open_texts`, of several columns: the keys of members are looked up by one statement."""
    sealed = {one.claim_id for of_column in stored.values() for one in of_column if one.sealed is not None}
    found = await _member_keys(connection, sealed) if sealed else {}
    return {
        column: [await shown_text(keys, column, one, found.get(one.claim_id)) for one in of_column]
        for column, of_column in stored.items()
    }


async def seal_text(
    connection: AsyncConnection, keys: FieldKeys, column: SealedColumn, claim_id: str, value: str | None, *row: object
) -> bytes | None:
    """A text as its column stores it, in the transaction that stores it. Raises what `FieldKeys` raises."""
    return (await seal_columns(connection, keys, claim_id, {column: value}, *row))[column.column]


async def seal_columns(
    connection: AsyncConnection,
    keys: FieldKeys,
    claim_id: str,
    values: Mapping[SealedColumn, str | None],
    *row: object,
) -> dict[str, bytes | None]:
    """As `seal_text`, several columns of one row by their names: the key is looked up by one statement."""
    if all(value is None for value in values.values()):
        return {column.column: None for column in values}
    own = (await keys_of_claims(connection, keys, [claim_id]))[claim_id]
    return {
        column.column: None if value is None else column.seal(own, value.encode(), *row)
        for column, value in values.items()
    }


def list_text(values: Sequence[object] | None) -> str | None:
    """A list as a column of lists seals it; `None`: there is nothing to seal."""
    return json.dumps(values, ensure_ascii=False) if values else None


def text_list(value: str | None) -> list[object] | None:
    """The list of which `list_text` is; `None`: its key is lost, and `value` says that."""
    if value is None:
        return []
    return None if value.startswith(LOST) else list(json.loads(value))


async def keys_of_claims(
    connection: AsyncConnection, keys: FieldKeys, claim_ids: Sequence[str]
) -> Mapping[str, SealingKey]:
    """The keys that seal what is written about claims; the key of a member is made where there is none.

    They are locked until the transaction ends, so it is the one that stores what they seal.
    """
    rows = (await connection.execute(_KEYS_FOR_WRITING, {"claim_ids": sorted(set(claim_ids))})).mappings().all()
    member_of = {str(row["claim_id"]): str(row["member_id"]) for row in rows if row["member_id"] is not None}
    stored = (MemberKey(row["key_of"], row["wrapped_key"]) for row in rows if row["key_of"] is not None)
    own = {one.member_id: one for one in stored}
    if without := sorted(set(member_of.values()) - own.keys()):
        own |= await keys_of_members(connection, keys, without)
    found = {}
    for claim_id in claim_ids:
        key = await member_key(keys, own[member_of[claim_id]]) if claim_id in member_of else None
        found[claim_id] = await keys.current(NOTES) if key is None else key
    return found


async def _member_keys(connection: AsyncConnection, claim_ids: set[str]) -> Mapping[str, MemberKey]:
    rows = (await connection.execute(_KEYS, {"claim_ids": sorted(claim_ids)})).mappings()
    return {row["claim_id"]: MemberKey(row["key_of"], row["wrapped_key"]) for row in rows if row["key_of"] is not None}


async def shown_text(keys: FieldKeys, column: SealedColumn, stored: StoredText, own: MemberKey | None) -> str | None:
    """As `open_texts`, one text, with the key of its member as stored; `None`: it has none."""
    try:
        return await _opened(keys, column, stored, own)
    except KeyMissingError as error:
        return lost_text(error)


async def _opened(keys: FieldKeys, column: SealedColumn, stored: StoredText, own: MemberKey | None) -> str | None:
    if stored.sealed is None:
        return stored.clear
    if not is_of_member(key_id_of(stored.sealed)):
        return (await column.opened(keys, stored.sealed, *stored.row)).decode()
    if own is None:
        raise column.unreadable(KeyMissingError(MISSING_MEMBER_KEY), *stored.row)
    key = await member_key(keys, own)
    try:
        return None if key is None else key.open(stored.sealed, column.at(*stored.row)).decode()
    except DecryptionError as error:
        raise column.unreadable(error, *stored.row) from None


async def erase_clear_texts(connection: AsyncConnection, member_id: str) -> None:
    """Empty what earlier releases stored in clear about the claims of a member. Only the owner of the tables may."""
    for column in (one for one in SEALED_COLUMNS if one.claim is not None):
        of_member = f"{column.claim} IN (SELECT claim_id FROM claims WHERE member_id = :member_id)"
        where = f"{is_clear(column)} AND {of_member}"
        given = {"member_id": member_id}
        if await connection.scalar(text(f"SELECT EXISTS (SELECT FROM {column.table} WHERE {where})"), given):
            async with changes_allowed(connection, column):
                await connection.execute(text(f"UPDATE {column.table} SET {column.clear} = NULL WHERE {where}"), given)


@asynccontextmanager
async def changes_allowed(connection: AsyncConnection, column: SealedColumn) -> AsyncIterator[None]:
    """Let a column of an append-only table be changed in the block; a rollback ends that, too.

    Nobody else changes the table until the commit: `with_lock_retries` bounds how long others wait for that.
    """
    trigger = f"{column.table} %s TRIGGER {column.table}_append_only"
    if column.is_append_only:
        await connection.execute(text(f"ALTER TABLE {trigger % 'DISABLE'}"))
    yield
    if column.is_append_only:
        await connection.execute(text(f"ALTER TABLE {trigger % 'ENABLE'}"))
