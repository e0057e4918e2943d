"""Requirements of prior authorization, and authorizations, of files into the database: all of a file or none."""

from collections.abc import Collection, Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, Text, any_, bindparam, delete, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from api.database import Database
from api.members.tables import AuthorizationRow, MemberRow, PlanAuthorizationRow, PlanRow
from api.providers import ProviderRow
from claims.prior_authorization import Authorization, AuthorizationRequirement


class UnknownReference(ValueError):
    """A row names a plan, member or provider that does not exist; the message says which and what to do."""


def authorization_values(one: Authorization) -> dict[str, object]:
    """An authorization as values of its columns."""
    return {
        "authorization_number": one.number,
        "member_id": one.member_id,
        "provider_id": one.provider_id,
        "procedures": [str(codes) for codes in one.procedures],
        "units": one.units,
        "counts": one.counts.value,
        "first_day": one.first_day,
        "last_day": one.last_day,
        "state": one.state.value,
    }


async def store_requirements(database: Database, rows: Sequence[AuthorizationRequirement]) -> None:
    """Replace all requirements of the plans that are named. Raises `UnknownReference`."""
    plans = {one.plan_id for one in rows}
    numbered = dict.fromkeys(plans, 0)
    async with database.transaction() as connection:
        await _require(connection, "plan", PlanRow.plan_id, plans)
        await connection.execute(delete(PlanAuthorizationRow).where(_is_any_of(PlanAuthorizationRow.plan_id, plans)))
        for one in rows:
            numbered[one.plan_id] += 1
            values = asdict(one) | {"places": list(one.places), "place": numbered[one.plan_id]}
            await connection.execute(insert(PlanAuthorizationRow).values(values))


async def store_authorizations(database: Database, rows: Sequence[Authorization]) -> None:
    """Store authorizations; one of the same number and member is replaced. Raises `UnknownReference`.

    A claim that is being decided while the load is committed may be decided by the authorization before it.
    """
    members = {one.member_id for one in rows}
    providers = {one.provider_id for one in rows if one.provider_id is not None}
    async with database.transaction() as connection:
        await _require(connection, "member", MemberRow.member_id, members)
        await _require(connection, "provider", ProviderRow.provider_id, providers)
        for one in rows:
            stated = insert(AuthorizationRow).values(authorization_values(one))
            changed = {
                column.name: stated.excluded[column.name]
                for column in AuthorizationRow.__table__.columns
                if column.name not in ("authorization_number", "member_id")
            }
            stored = await connection.execute(
                stated.on_conflict_do_update(
                    index_elements=["authorization_number"],
                    set_=changed,
                    where=AuthorizationRow.member_id == one.member_id,
                ).returning(AuthorizationRow.authorization_number)
            )
            if stored.one_or_none() is None:
                raise UnknownReference(f"authorization {one.number} is of another member; correct its number")


def _is_any_of(column: InstrumentedAttribute[str], ids: Collection[str]) -> ColumnElement[bool]:
    """With one parameter, however many ids a file has: a statement takes at most 65,535."""
    return column == any_(bindparam(None, list(ids), ARRAY(Text)))


async def _require(
    connection: AsyncConnection, what: str, column: InstrumentedAttribute[str], ids: Collection[str]
) -> None:
    known = set(await connection.scalars(select(column).where(_is_any_of(column, ids))))
    for id_ in sorted(set(ids) - known):
        raise UnknownReference(f"{what} {id_} does not exist; load the {what} first")
