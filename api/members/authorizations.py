"""Requirements of prior authorization, and authorizations, of files into the database: all of a file or none."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from api.database import Database
from api.members.tables import AuthorizationRow, MemberRow, PlanAuthorizationRow, PlanRow
from claims.prior_authorization import Authorization, AuthorizationRequirement


class UnknownReference(ValueError):
    """A row names a plan or member that does not exist; the message says which and what to do."""


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
    plans = sorted({one.plan_id for one in rows})
    numbered = dict.fromkeys(plans, 0)
    async with database.transaction() as connection:
        known = set(await connection.scalars(select(PlanRow.plan_id).where(PlanRow.plan_id.in_(plans))))
        for plan_id in plans:
            if plan_id not in known:
                raise UnknownReference(f"plan {plan_id} does not exist; load the plan first")
        await connection.execute(delete(PlanAuthorizationRow).where(PlanAuthorizationRow.plan_id.in_(plans)))
        for one in rows:
            numbered[one.plan_id] += 1
            values = asdict(one) | {"places": list(one.places), "place": numbered[one.plan_id]}
            await connection.execute(insert(PlanAuthorizationRow).values(values))


async def store_authorizations(database: Database, rows: Sequence[Authorization]) -> None:
    """Store authorizations; one of the same number and member is replaced. Raises `UnknownReference`.

    A claim that is being decided while the load is committed may be decided by the authorization before it.
    """
    members = sorted({one.member_id for one in rows})
    async with database.transaction() as connection:
        known = set(await connection.scalars(select(MemberRow.member_id).where(MemberRow.member_id.in_(members))))
        for member_id in members:
            if member_id not in known:
                raise UnknownReference(f"member {member_id} does not exist; load the member first")
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
