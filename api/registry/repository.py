"""Members, providers and procedures as entries of their registries."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import fetch
from api.members import PlanRow
from api.registry.kinds import Kind
from api.registry.records import Entry, Span
from api.registry.tables import RegistryHistoryRow
from claims.validity import ValidityPeriod

_DAY: TypeAdapter[date | None] = TypeAdapter(date | None)
_PLAN: TypeAdapter[str | None] = TypeAdapter(str | None)
_PERIODS: TypeAdapter[list[dict[str, str | None]] | None] = TypeAdapter(list[dict[str, str | None]] | None)


async def lock(connection: AsyncConnection, kind: Kind, entry_id: str) -> Entry | None:
    """An entry that nobody else changes, and no claim is decided by, until the transaction ends; `None`: unknown."""
    if kind.lock is not None:
        await fetch(connection, kind.lock(entry_id))
    statement = select(kind.table).where(kind.table.c[kind.key] == entry_id).with_for_update()
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else _entry(kind, _named(row))


async def entry(connection: AsyncConnection, kind: Kind, entry_id: str) -> Entry | None:
    """An entry as it is now; `None`: unknown."""
    row = (await connection.execute(select(kind.table).where(kind.table.c[kind.key] == entry_id))).mappings()
    found = row.one_or_none()
    return None if found is None else _entry(kind, _named(found))


async def entry_at(connection: AsyncConnection, kind: Kind, entry_id: str, at: datetime) -> Entry | None:
    """An entry as it was stored at an instant, or as it was created since; `None`: unknown."""
    present = await entry(connection, kind, entry_id)  # first: if it is replaced by now, the history has it
    state = await state_at(connection, kind.table.name, entry_id, at)
    return present if state is None else _entry(kind, state)


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
) -> list[Entry]:
    """Entries that follow an id, in the order of their ids; `filters` are columns and the value each must have."""
    key = kind.table.c[kind.key]
    statement = select(kind.table).order_by(key.desc() if descending else key).limit(limit)
    for column, value in filters.items():
        statement = statement.where(kind.table.c[column] == value)
    if after is not None:
        statement = statement.where(key < after if descending else key > after)
    return [_entry(kind, _named(row)) for row in (await connection.execute(statement)).mappings()]


async def add(connection: AsyncConnection, kind: Kind, new: Entry) -> bool:
    """Store a new entry; says whether its id was free."""
    values = {kind.key: new.entry_id, **_columns(kind, new)}
    statement = insert(kind.table).values(values).on_conflict_do_nothing().returning(kind.table.c[kind.key])
    return (await connection.execute(statement)).one_or_none() is not None


async def replace_entry(connection: AsyncConnection, kind: Kind, changed: Entry) -> None:
    """Store the new state of an entry; the database keeps the one before."""
    table = kind.table
    await connection.execute(update(table).where(table.c[kind.key] == changed.entry_id).values(_columns(kind, changed)))


async def has_plan(connection: AsyncConnection, plan_id: str) -> bool:
    """Whether there is such a plan."""
    return await connection.scalar(select(PlanRow.plan_id).where(PlanRow.plan_id == plan_id)) is not None


def _columns(kind: Kind, stated: Entry) -> dict[str, object]:
    period = stated.latest.period
    values: dict[str, object] = {
        kind.column(name): getattr(stated.details, name) for name in type(stated.details).model_fields
    }
    values[kind.first] = period.first_day
    values[kind.end] = None if period.last_day is None else period.last_day + kind.end_after
    values["earlier_periods"] = [_to_json(kind, span) for span in stated.earlier] or None
    if kind.has_plan:
        values["plan_id"] = stated.latest.plan_id
    return values


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
