"""Members, providers and procedures as entries of their registries.

Who a member is, is decrypted here where one member is read, and encrypted where it is stored; a list does not have it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, RowMapping, Select, Text, any_, bindparam, select, true, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.consents import ConsentCheck, ConsentScope, answered, require_consent
from api.database import fetch
from api.errors import Conflict
from api.field_keys import FieldKeys, MemberKeyRow
from api.members import (
    IDENTITY_FIELDS,
    KEY_COLUMNS,
    Identity,
    IdentityColumns,
    PlanRow,
    StoredIdentity,
    index_members,
    lock_identities,
    open_identity,
    sealed_columns,
    with_key,
)
from api.registry.kinds import MEMBER, Kind
from api.registry.records import Entry, Span
from api.registry.tables import RegistryHistoryRow
from claims.validity import ValidityPeriod
from core.errors import DecryptionError
from core.logging import get_logger

log = get_logger("api")

_IS_ANSWERED: Final = "is_answered"


@dataclass(frozen=True, slots=True)
class PurposedEntry:
    """An entry, and whether it may be shown for the purpose of the request."""

    entry: Entry
    is_answered: bool


@dataclass(frozen=True, slots=True)
class ReadMembers:
    """Members that were read, and how many could not be decrypted: they were changed, or their key is lost."""

    found: Sequence[tuple[Entry, Identity]]
    unreadable: int


_DAY: TypeAdapter[date | None] = TypeAdapter(date | None)
_PLAN: TypeAdapter[str | None] = TypeAdapter(str | None)
_PERIODS: TypeAdapter[list[dict[str, str | None]] | None] = TypeAdapter(list[dict[str, str | None]] | None)


async def lock(connection: AsyncConnection, keys: FieldKeys, kind: Kind, entry_id: str) -> Entry | None:
    """An entry that nobody else changes, and no claim is decided by, until the transaction ends; `None`: unknown."""
    if kind.lock is not None:
        await fetch(connection, kind.lock(entry_id))
    row = await _row(connection, _one(kind, entry_id).with_for_update(of=kind.table))
    return None if row is None else await _opened(keys, kind, row, row)


async def entry(
    connection: AsyncConnection, keys: FieldKeys, kind: Kind, entry_id: str, check: ConsentCheck | None = None
) -> Entry | None:
    """An entry as it is now; `None`: unknown.

    Raises `ConsentMissing` where it is a member that may not be shown for the purpose that `check` is of.
    """
    row = await _permitted(connection, kind, entry_id, check)
    return None if row is None else await _opened(keys, kind, row, row)


async def entry_at(
    connection: AsyncConnection,
    keys: FieldKeys,
    kind: Kind,
    entry_id: str,
    at: datetime,
    check: ConsentCheck | None = None,
) -> Entry | None:
    """An entry as it was stored at an instant, or as it was created since; `None`: unknown. Raises as `entry`."""
    row = await _permitted(connection, kind, entry_id, check)  # first: if it is replaced by now, the history has it
    state = await state_at(connection, kind.table.name, entry_id, at)
    return None if row is None else await _opened(keys, kind, state or row, row)


async def state_at(connection: AsyncConnection, table: str, entry_id: str, at: datetime) -> Mapping[str, object] | None:
    """A row of a table with history as it was stored at an instant, its dates as texts; `None`: it is as it is now."""
    history = RegistryHistoryRow
    statement = (
        select(history.state)
        .where(history.kind == table, history.entry_id == entry_id, history.known_until > at)
        .order_by(history.known_until, history.history_id)
        .limit(1)
    )
    return await connection.scalar(statement)


async def entries(
    connection: AsyncConnection,
    kind: Kind,
    *,
    filters: Mapping[str, str],
    after: str | None,
    limit: int,
    descending: bool,
    check: ConsentCheck | None = None,
) -> list[PurposedEntry]:
    """Entries that follow an id, in the order of their ids; `filters` are columns and the value each must have.

    Without personal data, and of members with whether they may be shown for the purpose that `check` is of.
    """
    key = kind.table.c[kind.key]
    statement = select(kind.table, _answered(kind, check)).order_by(key.desc() if descending else key).limit(limit)
    for column, value in filters.items():
        statement = statement.where(kind.table.c[column] == value)
    if after is not None:
        statement = statement.where(key < after if descending else key > after)
    nobody = dict.fromkeys(kind.personal)
    rows = [_named(row) for row in (await connection.execute(statement)).mappings()]
    return [PurposedEntry(_entry(kind, row | nobody), bool(row[_IS_ANSWERED])) for row in rows]


async def members(
    connection: AsyncConnection, keys: FieldKeys, member_ids: Sequence[str], columns: Mapping[str, str]
) -> ReadMembers:
    """Members of some ids whose columns have these values, with who they are, in the order of their ids.

    One that cannot be decrypted does not keep the others from being read. Raises what `FieldKeys` raises.
    """
    table = MEMBER.table
    joined = table.outerjoin(MemberKeyRow, MemberKeyRow.member_id == table.c.member_id)
    chosen = table.c.member_id == any_(bindparam(None, list(member_ids), ARRAY(Text)))
    statement = select(table, *KEY_COLUMNS).select_from(joined).where(chosen).order_by(table.c.member_id)
    for column, value in columns.items():
        statement = statement.where(table.c[column] == value)
    found: list[tuple[Entry, Identity]] = []
    unreadable = 0
    for row in map(_named, (await connection.execute(statement)).mappings()):
        try:
            known = await open_identity(keys, str(row["member_id"]), StoredIdentity.of(row, with_key(row)))
        except DecryptionError as error:
            log.error("stored value unreadable", problem=str(error))
            unreadable += 1
            continue
        found.append((_entry(MEMBER, {**row, **{name: getattr(known, name) for name in IDENTITY_FIELDS}}), known))
    return ReadMembers(found, unreadable)


async def add(connection: AsyncConnection, keys: FieldKeys, kind: Kind, new: Entry) -> bool:
    """Store a new entry; says whether its id was free."""
    values = {kind.key: new.entry_id, **await _columns(connection, keys, kind, new)}
    statement = insert(kind.table).values(values).on_conflict_do_nothing().returning(kind.table.c[kind.key])
    return (await connection.execute(statement)).one_or_none() is not None


async def replace_entry(connection: AsyncConnection, keys: FieldKeys, kind: Kind, changed: Entry) -> None:
    """Store the new state of an entry; the database keeps the one before. Raises `Conflict` for an erased member."""
    table, values = kind.table, await _columns(connection, keys, kind, changed)
    await connection.execute(update(table).where(table.c[kind.key] == changed.entry_id).values(values))


async def has_plan(connection: AsyncConnection, plan_id: str) -> bool:
    """Whether there is such a plan."""
    return await connection.scalar(select(PlanRow.plan_id).where(PlanRow.plan_id == plan_id)) is not None


async def _columns(connection: AsyncConnection, keys: FieldKeys, kind: Kind, stated: Entry) -> dict[str, object]:
    period = stated.latest.period
    values: dict[str, object] = {
        kind.column(name): getattr(stated.details, name) for name in type(stated.details).model_fields
    }
    values[kind.first] = period.first_day
    values[kind.end] = None if period.last_day is None else period.last_day + kind.end_after
    values["earlier_periods"] = [_to_json(kind, span) for span in stated.earlier] or None
    if kind.has_plan:
        values["plan_id"] = stated.latest.plan_id
    if kind.personal:
        values |= await _identity(connection, keys, stated)
    return values


async def _identity(connection: AsyncConnection, keys: FieldKeys, stated: Entry) -> IdentityColumns:
    """Who a member is, as it is stored; it is found by that. Raises `Conflict` for an erased member."""
    identity = Identity(**{name: getattr(stated.details, name) for name in IDENTITY_FIELDS})
    key, before = (await lock_identities(connection, keys, [stated.entry_id]))[stated.entry_id]
    if key.is_erased and not identity.is_unknown:
        raise Conflict("this member was erased; send name, birth_date and sex as null: they are not stored again")
    await index_members(connection, keys, {stated.entry_id: identity})
    return await sealed_columns(keys, key, before, identity)


def _one(kind: Kind, entry_id: str) -> Select[tuple[object, ...]]:
    """An entry; a member with its key."""
    table = kind.table
    if not kind.personal:
        return select(table).where(table.c[kind.key] == entry_id)
    joined = table.outerjoin(MemberKeyRow, MemberKeyRow.member_id == table.c[kind.key])
    return select(table, *KEY_COLUMNS).select_from(joined).where(table.c[kind.key] == entry_id)


async def _permitted(
    connection: AsyncConnection, kind: Kind, entry_id: str, check: ConsentCheck | None
) -> dict[str, object] | None:
    """The row of an entry, whether it may be shown being one of its columns. Raises `ConsentMissing`."""
    row = await _row(connection, _one(kind, entry_id).add_columns(_answered(kind, check)))
    if row is not None and check is not None:
        require_consent(check, bool(row[_IS_ANSWERED]))
    return row


def _answered(kind: Kind, check: ConsentCheck | None) -> ColumnElement[bool]:
    """SQL: whether an entry may be shown for a purpose, which needs something of members only."""
    found = true() if check is None else answered(check, kind.table.c[kind.key], ConsentScope.ALL)
    return found.label(_IS_ANSWERED)


async def _row(connection: AsyncConnection, statement: Select[tuple[object, ...]]) -> dict[str, object] | None:
    found = (await connection.execute(statement)).mappings().one_or_none()
    return None if found is None else _named(found)


async def _opened(keys: FieldKeys, kind: Kind, state: Mapping[str, object], present: Mapping[str, object]) -> Entry:
    """A state of an entry, of which `present` is the row; of a member, with who it was then."""
    if not kind.personal:
        return _entry(kind, state)
    known = await open_identity(keys, str(present[kind.key]), StoredIdentity.of(state, with_key(present)))
    return _entry(kind, {**state, **{name: getattr(known, name) for name in IDENTITY_FIELDS}})


def _named(row: RowMapping) -> dict[str, object]:
    return {str(name): value for name, value in row.items()}


def _entry(kind: Kind, row: Mapping[str, object]) -> Entry:
    """A row, or a state of the history, whose dates are texts."""
    end = _DAY.validate_python(row[kind.end])
    period = ValidityPeriod(_DAY.validate_python(row[kind.first]), None if end is None else end - kind.end_after)
    names = kind.details.model_fields
    # Stored values are not validated: a file that was loaded may have longer ones than a request.
    stated: dict[str, Any] = {name: row.get(kind.column(name)) for name in names}
    details = kind.details.model_construct(**stated)
    earlier = tuple(_from_json(one) for one in _PERIODS.validate_python(row["earlier_periods"]) or ())
    plan_id = _PLAN.validate_python(row["plan_id"]) if kind.has_plan else None
    return Entry(str(row[kind.key]), details, Span(period, plan_id), earlier)


def _to_json(kind: Kind, span: Span) -> dict[str, str | None]:
    first, last = span.period.first_day, span.period.last_day
    days = {
        "first_day": None if first is None else first.isoformat(),
        "last_day": None if last is None else last.isoformat(),
    }
    return {**days, "plan_id": span.plan_id} if kind.has_plan else days


def _from_json(value: Mapping[str, str | None]) -> Span:
    days = (_DAY.validate_python(value[name]) for name in ("first_day", "last_day"))
    return Span(ValidityPeriod(*days), value.get("plan_id"))
