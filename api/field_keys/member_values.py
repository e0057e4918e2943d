"""What members' keys seal, by place, and sealing it again by the newest key of its member, in bounded batches.

The entries are of `SEALED_COLUMNS`, of members and of their earlier states. Changes in the audit log are not among
them: the log is append-only and hashed, so the keys that sealed those are kept (`renewal.py`).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.field_keys.columns import SEALED_COLUMNS, SealedColumn
from api.field_keys.member_keys import MemberKey, head_sql, is_members_sql, member_key
from api.field_keys.resealing import Resealed
from api.field_keys.service import FieldKeys
from api.field_keys.table_locks import Pause, with_lock_retries
from core.errors import DecryptionError
from core.field_encryption import place

BATCH: Final = 200
"""Values of one transaction: while it runs, others do not change an append-only table."""
IDENTITY_COLUMNS: Final = ("name_sealed", "birth_date_sealed", "sex_sealed")


@dataclass(frozen=True, slots=True)
class MemberValues:
    """Values that members' keys seal, in one place of a table."""

    name: str
    """Table and column."""
    table: str
    row: tuple[str, ...]
    """Its primary key."""
    value: str
    """SQL of the sealed value of the row `one`."""
    member: str
    """SQL that joins the key `own` of its member to the row `one`."""
    change: str
    """SQL that stores `:after` in place of the value."""
    at: Callable[[RowMapping], bytes]
    """What a value is bound to."""
    triggers: tuple[str, ...]
    """Those that refuse or record changes: only how a value is stored changes, so they are disabled meanwhile."""

    @property
    def earlier(self) -> str:
        """SQL of a row `one` and the key of its member `own`, whose value an earlier key than the newest sealed."""
        sealed = f"({self.value})"
        return (
            f"FROM {self.table} AS one {self.member} "
            f"WHERE own.moving AND own.wrapped_key IS NOT NULL AND {sealed} IS NOT NULL AND {is_members_sql(sealed)} "
            f"AND substring({sealed} FROM 2 FOR 4) <> {head_sql('own.generation')} "
            "AND (CAST(:member AS text) IS NULL OR own.member_id = :member)"
        )

    async def under(self, connection: AsyncConnection, member_ids: Sequence[str]) -> set[tuple[str, int]]:
        """Members with the ids of their keys before the newest that have values here."""
        sealed = f"({self.value})"
        statement = text(
            f"SELECT DISTINCT own.member_id, {sealed_by(sealed)} {self.earlier} AND own.member_id = ANY(:member_ids)"
        )
        rows = await connection.execute(statement, {"member": None, "member_ids": list(member_ids)})
        return {(row[0], row[1]) for row in rows}

    async def left(self, connection: AsyncConnection, member_id: str | None) -> int:
        """Count values under keys before the newest."""
        return await connection.scalar(text(f"SELECT count(*) {self.earlier}"), {"member": member_id}) or 0


def sealed_by(sealed: str) -> str:
    """SQL of the key id of a sealed value, as a number."""
    return (
        f"(get_byte({sealed}, 1)::bigint << 24) + (get_byte({sealed}, 2) << 16) + (get_byte({sealed}, 3) << 8) "
        f"+ get_byte({sealed}, 4)"
    )


def _of_identity(column: str) -> tuple[MemberValues, MemberValues]:
    """Of a member, and of its earlier states, in which a trigger has written it as hexadecimal digits."""

    def at(row: RowMapping) -> bytes:
        return place("members", column, row["own_member"])

    state = f"decode(substring(one.state ->> '{column}' FROM 3), 'hex')"
    changed = f"state = jsonb_set(state, '{{{column}}}', to_jsonb('\\x' || encode(CAST(:after AS bytea), 'hex')))"
    return (
        MemberValues(
            f"members.{column}",
            "members",
            ("member_id",),
            f"one.{column}",
            "JOIN member_keys AS own ON own.member_id = one.member_id",
            f"{column} = :after",
            at,
            ("members_history", "members_rescreening"),
        ),
        MemberValues(
            f"registry_history.state.{column}",
            "registry_history",
            ("history_id",),
            state,
            "JOIN member_keys AS own ON one.kind = 'members' AND own.member_id = one.entry_id",
            changed,
            at,
            ("registry_history_append_only",),
        ),
    )


def _of_text(column: SealedColumn) -> MemberValues:
    claim = str(column.claim)
    claim = claim.replace(f"{column.table}.", "one.") if " " in claim else f"one.{claim}"

    def at(row: RowMapping) -> bytes:
        return column.at(*(row[name] for name in column.row))

    return MemberValues(
        column.name,
        column.table,
        column.row,
        f"one.{column.column}",
        f"JOIN claims AS about ON about.claim_id = {claim} JOIN member_keys AS own ON own.member_id = about.member_id",
        f"{column.column} = :after",
        at,
        (f"{column.table}_append_only",) if column.is_append_only else (),
    )


MEMBER_VALUES: Final[tuple[MemberValues, ...]] = (
    *(values for column in IDENTITY_COLUMNS for values in _of_identity(column)),
    *(_of_text(one) for one in SEALED_COLUMNS if one.claim is not None),
)
"""All that is moved. A new entry of `SEALED_COLUMNS` with a claim is among them."""


async def move_values(
    database: Database, keys: FieldKeys, values: MemberValues, member_id: str | None, pause: Pause
) -> AsyncIterator[Resealed]:
    """Seal again, in batches, what keys before the newest of their members sealed; of one member, or of all.

    What another transaction has locked is left, and so are values that cannot be decrypted. Raises what `FieldKeys`
    raises.
    """
    last: Sequence[object] | None = None
    while True:
        work: Callable[[AsyncConnection], Awaitable[tuple[Sequence[RowMapping], int]]]
        work = partial(_move, keys, values, member_id, last)
        rows, moved = await with_lock_retries(database, work, pause)
        if not rows:
            return
        last = [rows[-1][name] for name in values.row]
        yield Resealed(moved, len(rows) - moved)


async def _move(
    keys: FieldKeys,
    values: MemberValues,
    member_id: str | None,
    last: Sequence[object] | None,
    connection: AsyncConnection,
) -> tuple[Sequence[RowMapping], int]:
    """One batch. The lock of the table is taken first; of rows and keys, those that nobody has locked."""
    async with _without_triggers(connection, values):
        rows = await _batch(connection, values, member_id, last)
        changes: list[Mapping[str, object]] = []
        for row in rows:
            try:
                own = await member_key(keys, MemberKey(row["own_member"], row["own_wrapped"]))
                assert own is not None
                after = own.seal(own.open(bytes(row["sealed"]), values.at(row)), values.at(row))
            except DecryptionError:
                continue
            changes.append({"after": after, **{f"row_{number}": row[name] for number, name in enumerate(values.row)}})
        if changes:
            where = " AND ".join(f"{name} = :row_{number}" for number, name in enumerate(values.row))
            await connection.execute(text(f"UPDATE {values.table} SET {values.change} WHERE {where}"), changes)
    return rows, len(changes)


async def _batch(
    connection: AsyncConnection, values: MemberValues, member_id: str | None, last: Sequence[object] | None
) -> Sequence[RowMapping]:
    names = ", ".join(f"one.{name}" for name in values.row)
    after = "" if last is None else f"AND ({names}) > ({', '.join(f':last_{n}' for n in range(len(last)))})"
    statement = text(
        f"SELECT {names}, {values.value} AS sealed, own.member_id AS own_member, own.wrapped_key AS own_wrapped "
        f"{values.earlier} {after} ORDER BY {names} LIMIT {BATCH} "
        "FOR UPDATE OF one SKIP LOCKED FOR SHARE OF own SKIP LOCKED"
    )
    given = {f"last_{number}": one for number, one in enumerate(last or ())}
    return (await connection.execute(statement, {"member": member_id, **given})).mappings().all()


@asynccontextmanager
async def _without_triggers(connection: AsyncConnection, values: MemberValues) -> AsyncIterator[None]:
    """A rollback enables them again, too."""
    for name in values.triggers:
        await connection.execute(text(f"ALTER TABLE {values.table} DISABLE TRIGGER {name}"))
    yield
    for name in values.triggers:
        await connection.execute(text(f"ALTER TABLE {values.table} ENABLE TRIGGER {name}"))
