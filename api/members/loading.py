"""Members of a Parquet file, with who they are encrypted."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

import psycopg
from psycopg.rows import dict_row

from api.field_keys import MEMBERS, MemberKey, fresh_key, unwrapped
from api.members.identities import IDENTITY_FIELDS, Identity, IdentityColumns, StoredIdentity, opened, sealed
from api.members.search_index import index_loaded_members
from core import clock
from core.field_encryption import KeyRing, SealingKey, key_id_of

if TYPE_CHECKING:
    import pyarrow as pa

_Connection: TypeAlias = "psycopg.Connection[tuple[object, ...]]"

_STORED = """
SELECT member_id, name, birth_date, sex, name_sealed, birth_date_sealed, sex_sealed FROM members
WHERE member_id = ANY(%s) ORDER BY member_id FOR UPDATE
"""
_MAKE_KEYS = """
INSERT INTO member_keys (member_id, key_id, wrapped_key, created_at)
SELECT given.member_id, %s, given.wrapped_key, %s FROM unnest(%s::text[], %s::bytea[]) AS given(member_id, wrapped_key)
ON CONFLICT (member_id) DO UPDATE SET member_id = excluded.member_id
RETURNING member_id, wrapped_key
"""


def seal_members(connection: _Connection, ring: KeyRing, members: "pa.Table") -> "pa.Table":
    """The rows of a file with name, birth date and sex, as far as it has them, as columns of `members`.

    What the file does not state stays: a column that it does not have is not added. They are found by their names and
    birth dates from the commit on. Raises what `KeyRing` raises.
    """
    import pyarrow as pa

    stated = [name for name in IDENTITY_FIELDS if name in members.schema.names]
    rows = members.select(["member_id", *stated]).to_pylist()
    kept = {}
    if rows and stated:
        ids = sorted({row["member_id"] for row in rows})
        with connection.cursor(row_factory=dict_row) as cursor:
            stored = {row["member_id"]: row for row in cursor.execute(_STORED, [ids])}
        keys = _keys(connection, ring, ids)
        found = {}
        for row in rows:
            member_id = row["member_id"]
            kept[member_id], found[member_id] = _sealed(ring, keys[member_id], stored.get(member_id), row)
        index_loaded_members(connection, ring, found)
    for name in stated:
        at = members.schema.get_field_index(name)
        columns = [kept[row["member_id"]] for row in rows]
        clear = pa.array([_text(one[name]) for one in columns], pa.string())
        members = members.set_column(at, name, clear)
        members = members.append_column(
            f"{name}_sealed", pa.array([_text(one[f"{name}_sealed"]) for one in columns], pa.string())
        )
    return members


def _sealed(
    ring: KeyRing, key: MemberKey, stored: Mapping[str, object] | None, row: Mapping[str, object]
) -> tuple[IdentityColumns, Identity]:
    """The columns of a row of the file, and who the member is after it."""
    own: SealingKey | None = None
    if key.wrapped is not None:
        own = unwrapped(ring.key(key_id_of(key.wrapped)), key.member_id, key.wrapped)
    before = None if stored is None else StoredIdentity.of(stored, key)
    columns = sealed(key.member_id, before, Identity(**{n: row.get(n) for n in IDENTITY_FIELDS}), own)  # type: ignore[arg-type]
    if own is None:
        return columns, Identity()
    known = Identity() if before is None else opened(key.member_id, before, own)
    stated = {name: row[name] for name in IDENTITY_FIELDS if name in row}
    return columns, replace(known, **stated)  # type: ignore[arg-type]


def _text(value: bytes | str | date | None) -> str | None:
    """A value as COPY reads it."""
    if value is None or isinstance(value, str):
        return value
    return f"\\x{value.hex()}" if isinstance(value, bytes) else value.isoformat()


def _keys(connection: _Connection, ring: KeyRing, ids: list[str]) -> dict[str, MemberKey]:
    """The keys of members, made where there are none."""
    wrapping = ring.current(MEMBERS)
    made = [fresh_key(wrapping, one) for one in ids]
    rows = connection.execute(_MAKE_KEYS, [wrapping.key_id, clock.now(), ids, made]).fetchall()
    return {str(row[0]): MemberKey(str(row[0]), row[1]) for row in rows}  # type: ignore[arg-type]
