"""Name, birth date and sex of members: encrypted when they are stored, decrypted when they are read.

Each is a column of its own, encrypted with the key of its member. Releases before that stored them in clear, in columns
that are read until they are empty. A value that has not changed keeps its ciphertext: a state of the history, and a
re-screening, are of a member whose values differ. For the same reason one that is in clear stays so until it changes
or `ginja crypto encrypt` encrypts it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeAlias, cast

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys import MISSING_MEMBER_KEY, FieldKeys, MemberKey, MemberKeyRow, keys_of_members, member_key
from api.members.tables import MemberRow
from claims.reference import Sex
from core.errors import DecryptionError, KeyMissingError
from core.field_encryption import SealingKey, place

IDENTITY_FIELDS: Final = ("name", "birth_date", "sex")
KEY_COLUMNS: Final = (MemberKeyRow.member_id.label("key_of"), MemberKeyRow.wrapped_key)
"""What is read of the key of a member, joined to the member."""
_SEALED: Final = {name: f"{name}_sealed" for name in IDENTITY_FIELDS}


IdentityColumns: TypeAlias = dict[str, bytes | str | date | None]
"""Values of the columns, encrypted and in clear."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a member is, as far as it is known."""

    name: str | None = None
    birth_date: date | None = None
    sex: Sex | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether nothing of it is known."""
        return self == Identity()


@dataclass(frozen=True, slots=True)
class StoredIdentity:
    """The identity of a member as its row, or a state of the history, has it."""

    key: MemberKey | None
    """None: nothing was encrypted of this member yet."""
    sealed: Mapping[str, bytes | None]
    clear: Mapping[str, str | date | None]
    """Values of earlier releases."""

    @classmethod
    def of(cls, row: Mapping[str, object], key: MemberKey | None) -> "StoredIdentity":
        """Of a row, or of a state of the history, which has dates as text and bytes as `\\x` and hexadecimal digits."""
        return cls(
            key,
            {name: _bytes(row.get(column)) for name, column in _SEALED.items()},
            {name: cast(str | date | None, row.get(name)) for name in IDENTITY_FIELDS},
        )


async def open_identity(keys: FieldKeys, member_id: str, stored: StoredIdentity) -> Identity:
    """The identity in clear; nothing is known of an erased member.

    Raises `DecryptionError` where the key of the member is missing or a value was changed, and what `FieldKeys` raises.
    """
    return opened(member_id, stored, None if stored.key is None else await member_key(keys, stored.key))


def opened(member_id: str, stored: StoredIdentity, key: SealingKey | None) -> Identity:
    """As `open_identity`, with the key of the member."""
    if stored.key is not None and stored.key.is_erased:
        return Identity()
    values = dict(stored.clear)
    for name, value in stored.sealed.items():
        if value is not None:
            if key is None:
                raise KeyMissingError(f"members.{name}: {MISSING_MEMBER_KEY}")
            try:
                values[name] = key.open(value, _at(name, member_id)).decode()
            except DecryptionError as error:
                raise type(error)(f"members.{name}: {error}") from None  # without the id, which logs may not have
    born = values["birth_date"]
    return Identity(
        cast(str | None, values["name"]),
        date.fromisoformat(born) if isinstance(born, str) else born,
        cast(Sex | None, values["sex"]),
    )


async def sealed_columns(
    keys: FieldKeys, key: MemberKey, before: StoredIdentity | None, identity: Identity
) -> IdentityColumns:
    """The columns that store an identity; of an erased member they are empty. `before`: what is stored now.

    Raises as `open_identity` does.
    """
    return sealed(key.member_id, before, identity, await member_key(keys, key))


def sealed(
    member_id: str, before: StoredIdentity | None, identity: Identity, key: SealingKey | None
) -> IdentityColumns:
    """As `sealed_columns`, with the key of the member; `None`: it was erased."""
    columns: IdentityColumns = dict.fromkeys((*IDENTITY_FIELDS, *_SEALED.values()))
    if key is None:
        return columns
    known = Identity() if before is None else opened(member_id, before, key)
    for name, column in _SEALED.items():
        value: str | date | None = getattr(identity, name)
        if value is None:
            continue
        if before is not None and value == getattr(known, name):
            columns[column], columns[name] = before.sealed[name], before.clear[name]
        else:
            columns[column] = key.seal(str(value).encode(), _at(name, member_id))
    return columns


async def encrypted_columns(keys: FieldKeys, member_id: str, key: MemberKey, stored: StoredIdentity) -> IdentityColumns:
    """The columns of an identity without any value in clear. Raises as `open_identity` does."""
    identity = await open_identity(keys, member_id, stored)
    return await sealed_columns(keys, key, replace(stored, clear=dict.fromkeys(IDENTITY_FIELDS)), identity)


async def lock_identities(
    connection: AsyncConnection, keys: FieldKeys, member_ids: Sequence[str]
) -> dict[str, tuple[MemberKey, StoredIdentity | None]]:
    """The keys of members, made where they are missing, with what is stored of those that exist; both are locked.

    Members before keys, as a change of one member locks them.
    """
    table = MemberRow.__table__
    columns = [table.c[name] for name in ("member_id", *IDENTITY_FIELDS, *_SEALED.values())]
    statement = select(*columns).where(table.c.member_id.in_(member_ids)).order_by(table.c.member_id).with_for_update()
    rows = {row["member_id"]: row for row in (await connection.execute(statement)).mappings()}
    found = await keys_of_members(connection, keys, member_ids)
    return {
        member_id: (key, StoredIdentity.of(as_named(rows[member_id]), key) if member_id in rows else None)
        for member_id, key in found.items()
    }


def as_named(row: RowMapping) -> dict[str, object]:
    """A row by the names of its columns."""
    return {str(name): value for name, value in row.items()}


def with_key(row: Mapping[str, object]) -> MemberKey | None:
    """The key of the member of a row to which `KEY_COLUMNS` were joined; `None`: it has none."""
    if row["key_of"] is None:
        return None
    return MemberKey(str(row["key_of"]), _bytes(row["wrapped_key"]))


def _at(name: str, member_id: str) -> bytes:
    return place(MemberRow.__tablename__, _SEALED[name], member_id)


def _bytes(value: object) -> bytes | None:
    if value is None:
        return None
    return bytes.fromhex(value.removeprefix("\\x")) if isinstance(value, str) else bytes(cast(bytes, value))
