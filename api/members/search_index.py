"""The blind index by which members are found: entries of name and birth date, stored with every identity.

Three indexes, each with a key of its own (`core/blind_index.py`): the whole name; each part of the name together with
the birth date; the birth date. There is none of single name parts: how often an entry occurs would say which name it
is. Entries of whole names have 16 bits, so that different names share them, for the same reason. What is found is
compared with the decrypted identity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys import DataKeyRow, FieldKeys
from api.members.identities import Identity
from api.members.tables import MemberSearchRow
from core.blind_index import BlindIndex, name_parts
from core.field_encryption import KeyRing, SealingKey

if TYPE_CHECKING:
    import psycopg

MEMBER_SEARCH: Final = "member_search"
"""Purpose of the data keys from which the keys of the indexes are derived."""
NAME: Final = "name"
NAME_AND_BIRTH_DATE: Final = "name_birth_date"
BIRTH_DATE: Final = "birth_date"
_BITS: Final = {NAME: 16, NAME_AND_BIRTH_DATE: 64, BIRTH_DATE: 64}
_STORE: Final = """
    WITH given AS (
        SELECT * FROM unnest(CAST({ids} AS text[]), CAST({fields} AS text[]), CAST({entries} AS bytea[]))
            AS given(member_id, field, entry)
    ), removed AS (
        DELETE FROM member_search AS stored
        WHERE stored.member_id = ANY(CAST({members} AS text[])) AND NOT EXISTS (
            SELECT FROM given WHERE stored.key_id = {key_id}
                AND (given.member_id, given.field, given.entry) = (stored.member_id, stored.field, stored.entry))
    )
    INSERT INTO member_search (member_id, key_id, field, entry)
    SELECT member_id, CAST({key_id} AS integer), field, entry FROM given ON CONFLICT DO NOTHING
"""
"""Entries that have not changed are not written again."""
_PARAMETERS: Final = ("ids", "fields", "entries", "members", "key_id")
_STORE_NAMED: Final = text(_STORE.format(**{name: f":{name}" for name in _PARAMETERS}))
_STORE_PSYCOPG: Final = _STORE.format(**{name: f"%({name})s" for name in _PARAMETERS})


@dataclass(frozen=True, slots=True)
class SearchedPerson:
    """Whom a search is for; what is None is not searched by."""

    name: str | None = None
    birth_date: date | None = None

    def is_like(self, found: Identity) -> bool:
        """Whether a decrypted identity is what was searched for.

        Beside a birth date, parts of the name are enough; a name alone is the whole name, in any order.
        """
        if self.birth_date is not None and found.birth_date != self.birth_date:
            return False
        if self.name is None:
            return True
        sought, parts = set(name_parts(self.name)), set(name_parts(found.name or ""))
        return sought == parts if self.birth_date is None else sought <= parts


class MemberIndexes:
    """The indexes under one data key."""

    def __init__(self, key: SealingKey) -> None:
        self.key_id = key.key_id
        self._indexes = {field: BlindIndex(key, f"members.{field}") for field in _BITS}

    def entries(self, identity: Identity) -> list[tuple[str, bytes]]:
        """The entries of an identity: field and entry."""
        found = []
        if identity.name is not None:
            parts = name_parts(identity.name)
            found.append(self._entry(NAME, *parts))
            if identity.birth_date is not None:
                found += [self._entry(NAME_AND_BIRTH_DATE, one, identity.birth_date.isoformat()) for one in parts]
        if identity.birth_date is not None:
            found.append(self._entry(BIRTH_DATE, identity.birth_date.isoformat()))
        return found

    def sought(self, person: SearchedPerson) -> tuple[str, bytes]:
        """The entry that all members have who are like a person."""
        born = None if person.birth_date is None else person.birth_date.isoformat()
        parts = () if person.name is None else name_parts(person.name)
        if born is None:
            return self._entry(NAME, *parts)
        return self._entry(NAME_AND_BIRTH_DATE, max(parts, key=len), born) if parts else self._entry(BIRTH_DATE, born)

    def _entry(self, field: str, *values: str) -> tuple[str, bytes]:
        return field, self._indexes[field].entry(*values, bits=_BITS[field])


async def index_members(connection: AsyncConnection, keys: FieldKeys, identities: Mapping[str, Identity]) -> None:
    """Store the entries of members in the transaction that stores them; those of an unknown identity are removed.

    Raises what `FieldKeys` raises.
    """
    if identities:
        await connection.execute(_STORE_NAMED, _given(await keys.current(MEMBER_SEARCH), identities))


def index_loaded_members(
    connection: "psycopg.Connection[tuple[object, ...]]", ring: KeyRing, identities: Mapping[str, Identity]
) -> None:
    """As `index_members`, of a load."""
    if identities:
        connection.execute(_STORE_PSYCOPG, _given(ring.current(MEMBER_SEARCH), identities))


async def remove_from_index(connection: AsyncConnection, member_id: str) -> None:
    """Remove the entries of a member."""
    await connection.execute(delete(MemberSearchRow).where(MemberSearchRow.member_id == member_id))


async def candidates(connection: AsyncConnection, keys: FieldKeys, sought: SearchedPerson, limit: int) -> Sequence[str]:
    """Ids of members with an entry of whom is searched for, the first `limit` by id: more than those who are like it.

    While index keys are rotated, entries of each key that has some. Raises what `FieldKeys` raises.
    """
    row = MemberSearchRow
    has_entries = select(row.member_id).where(row.key_id == DataKeyRow.key_id).exists()
    used = select(DataKeyRow.key_id).where(DataKeyRow.purpose == MEMBER_SEARCH, has_entries)
    entries = [
        (key_id, *MemberIndexes(await keys.key(key_id)).sought(sought)) for key_id in await connection.scalars(used)
    ]
    if not entries:
        return []
    statement = select(row.member_id).distinct().where(tuple_(row.key_id, row.field, row.entry).in_(entries))
    return list(await connection.scalars(statement.order_by(row.member_id).limit(limit)))


def _given(key: SealingKey, identities: Mapping[str, Identity]) -> dict[str, object]:
    indexes = MemberIndexes(key)
    rows = [(member_id, *one) for member_id, identity in identities.items() for one in indexes.entries(identity)]
    return {
        "ids": [row[0] for row in rows],
        "fields": [row[1] for row in rows],
        "entries": [row[2] for row in rows],
        "members": list(identities),
        "key_id": key.key_id,
    }
