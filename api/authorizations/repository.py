"""Prior authorizations in the database."""

from collections.abc import Mapping
from datetime import date, datetime

from pydantic import TypeAdapter
from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import fetch
from api.members import AuthorizationRow, MemberRow, authorization_values, lock_member
from api.providers import ProviderRow
from api.registry import state_at
from claims.prior_authorization import Authorization, AuthorizationCount, AuthorizationState, CodeRange

_ROW: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])
_PROCEDURES: TypeAdapter[list[str]] = TypeAdapter(list[str])
_DAY: TypeAdapter[date | None] = TypeAdapter(date | None)
_FIRST_DAY: TypeAdapter[date] = TypeAdapter(date)
_UNITS: TypeAdapter[int | None] = TypeAdapter(int | None)


async def authorization(connection: AsyncConnection, number: str) -> Authorization | None:
    """An authorization as it is now; `None`: unknown."""
    statement = select(AuthorizationRow.__table__).where(AuthorizationRow.authorization_number == number)
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else _read(_ROW.validate_python(dict(row)))


async def authorization_at(connection: AsyncConnection, number: str, at: datetime) -> Authorization | None:
    """An authorization as it was stored at an instant, or as it was created since; `None`: unknown."""
    present = await authorization(connection, number)  # first: if it is replaced by now, the history has it
    state = await state_at(connection, AuthorizationRow.__tablename__, number, at)
    return present if state is None else _read(state)


async def lock(connection: AsyncConnection, number: str) -> Authorization | None:
    """An authorization that nobody else changes, and no claim uses, until the transaction ends; `None`: unknown.

    Its member does not change, so it is read before the member is locked.
    """
    found = await authorization(connection, number)
    if found is None:
        return None
    await fetch(connection, lock_member(found.member_id))
    return await authorization(connection, number)


def listing(filters: Mapping[str, str], *, after: str | None, limit: int) -> Select[tuple[object, ...]]:
    """Authorizations that follow a number, by number; `filters` are columns and the value each must have."""
    table = AuthorizationRow.__table__
    statement = select(table).order_by(AuthorizationRow.authorization_number).limit(limit)
    for column, value in filters.items():
        # The index of a state holds only those that are not approved: the planner has to see which is asked for.
        is_state = column == "state"
        statement = statement.where(table.c[column] == bindparam(column, value, literal_execute=is_state))
    if after is not None:
        statement = statement.where(AuthorizationRow.authorization_number > after)
    return statement


async def authorizations(
    connection: AsyncConnection, *, filters: Mapping[str, str], after: str | None, limit: int
) -> list[Authorization]:
    """Authorizations as `listing` chooses them."""
    found = (await connection.execute(listing(filters, after=after, limit=limit))).mappings()
    return [_read(_ROW.validate_python(dict(row))) for row in found]


async def add(connection: AsyncConnection, new: Authorization) -> bool:
    """Store a new authorization; says whether its number was free."""
    statement = insert(AuthorizationRow).values(authorization_values(new)).on_conflict_do_nothing()
    stored = await connection.execute(statement.returning(AuthorizationRow.authorization_number))
    return stored.one_or_none() is not None


async def replace_authorization(connection: AsyncConnection, changed: Authorization) -> None:
    """Store the new state of an authorization; the database keeps the one before."""
    statement = update(AuthorizationRow).where(AuthorizationRow.authorization_number == changed.number)
    await connection.execute(statement.values(authorization_values(changed)))


async def has_member(connection: AsyncConnection, member_id: str) -> bool:
    """Whether there is such a member."""
    return await connection.scalar(select(MemberRow.member_id).where(MemberRow.member_id == member_id)) is not None


async def has_provider(connection: AsyncConnection, provider_id: str) -> bool:
    """Whether there is such a provider."""
    statement = select(ProviderRow.provider_id).where(ProviderRow.provider_id == provider_id)
    return await connection.scalar(statement) is not None


def _read(row: Mapping[str, object]) -> Authorization:
    """A row, or a state of the history, whose dates are texts."""
    provider_id = row["provider_id"]
    return Authorization(
        number=str(row["authorization_number"]),
        member_id=str(row["member_id"]),
        provider_id=None if provider_id is None else str(provider_id),
        procedures=tuple(map(CodeRange.parse, _PROCEDURES.validate_python(row["procedures"]))),
        units=_UNITS.validate_python(row["units"]),
        counts=AuthorizationCount(str(row["counts"])),
        first_day=_FIRST_DAY.validate_python(row["first_day"]),
        last_day=_DAY.validate_python(row["last_day"]),
        state=AuthorizationState(str(row["state"])),
    )
