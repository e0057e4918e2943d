"""Members, as they are stored and as the rules see them."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from pydantic import TypeAdapter
from sqlalchemy import BindParameter, ColumnElement, ScalarSelect, Text, bindparam, cast, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Query, Rows, compiled, nothing
from api.field_keys import FieldKeys, MemberKey, MemberKeyRow
from api.members.identities import KEY_COLUMNS, StoredIdentity, open_identity, with_key
from api.members.tables import MemberRow, PlanAuthorizationRow, PlanRow, PlanTermsRow
from claims.cost_sharing import CostSharing
from claims.prior_authorization import AuthorizationRequirement
from claims.reference import EarlierCover, Member

_TERMS = TypeAdapter(tuple[CostSharing, ...])
_REQUIREMENTS = TypeAdapter(tuple[AuthorizationRequirement, ...])
_COVERS = TypeAdapter(tuple[EarlierCover, ...])
_TERMS_OF_PLAN = (
    select(func.jsonb_agg(literal_column(PlanTermsRow.__tablename__)))
    .where(PlanTermsRow.plan_id == MemberRow.plan_id)
    .scalar_subquery()
)
_REQUIREMENTS_OF_PLAN = (
    select(func.jsonb_agg(literal_column(PlanAuthorizationRow.__tablename__)))
    .where(PlanAuthorizationRow.plan_id == MemberRow.plan_id)
    .scalar_subquery()
)
_EARLIER: ColumnElement[object] = literal_column(
    """CASE WHEN members.earlier_periods IS NOT NULL THEN (
        SELECT jsonb_agg(one.period || jsonb_build_object(
            'benefit_limit_cents', held.benefit_limit_cents,
            'line_of_business', held.line_of_business,
            'state_code', held.state_code,
            'cost_sharing', (SELECT coalesce(jsonb_agg(terms), '[]') FROM plan_cost_sharing AS terms
                             WHERE terms.plan_id = held.plan_id),
            'requirements', (SELECT coalesce(jsonb_agg(required), '[]') FROM plan_authorizations AS required
                             WHERE required.plan_id = held.plan_id)))
        FROM jsonb_array_elements(members.earlier_periods) AS one(period)
        LEFT JOIN plans AS held ON held.plan_id = one.period ->> 'plan_id') END"""
)
"""Evaluated only for members who have had cover before."""
_REVISION = cast(literal_column("members.xmin"), Text)
_MEMBER = compiled(
    select(
        MemberRow.member_id,
        MemberRow.birth_date,
        MemberRow.sex,
        MemberRow.enrolled_from,
        MemberRow.enrolled_to,
        PlanRow.benefit_limit_cents,
        PlanRow.line_of_business,
        PlanRow.state_code,
        _TERMS_OF_PLAN,
        _REQUIREMENTS_OF_PLAN,
        _EARLIER,
        _REVISION,
        MemberRow.birth_date_sealed,
        MemberRow.sex_sealed,
        *KEY_COLUMNS,
    )
    .join(PlanRow, PlanRow.plan_id == MemberRow.plan_id, isouter=True)
    .join(MemberKeyRow, MemberKeyRow.member_id == MemberRow.member_id, isouter=True)
    .where(MemberRow.member_id == bindparam("member_id"))
)


_LOCK = compiled(select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("member_id"), 0))))


def lock_member(member_id: str) -> Query[None]:
    """Decide one claim of a member, or change one thing about it, at a time, until the transaction ends.

    Two claims at once could use the same benefit, or each miss that the other is its duplicate.
    """
    return Query(_LOCK, {"member_id": member_id}, nothing)


async def names_of_members(connection: AsyncConnection, keys: FieldKeys, member_ids: Collection[str]) -> dict[str, str]:
    """Member → name, of those that have one. Raises as `open_identity` does."""
    statement = (
        select(MemberRow.member_id, MemberRow.name, MemberRow.name_sealed, *KEY_COLUMNS)
        .join(MemberKeyRow, MemberKeyRow.member_id == MemberRow.member_id, isouter=True)
        .where(MemberRow.member_id.in_(member_ids))
    )
    found: dict[str, str] = {}
    for row in (await connection.execute(statement)).mappings():
        values = {str(name): value for name, value in row.items()}
        name = (await open_identity(keys, row["member_id"], StoredIdentity.of(values, with_key(values)))).name
        if name is not None:
            found[row["member_id"]] = name
    return found


@dataclass(frozen=True, slots=True)
class StoredMember:
    """A member whose birth date and sex are still encrypted."""

    member: Member
    """Without birth date and sex."""
    identity: StoredIdentity


async def open_member(keys: FieldKeys, stored: StoredMember) -> Member:
    """The member as the rules see it. Raises as `open_identity` does: without its birth date no claim is decided."""
    known = await open_identity(keys, stored.member.member_id, stored.identity)
    return replace(stored.member, birth_date=known.birth_date, sex=known.sex)


def member(member_id: str) -> Query[StoredMember | None]:
    """A member with what its plan pays and requires; `None` if there is no such member."""

    def read(rows: Rows) -> StoredMember | None:
        if not rows:
            return None
        stored_id, birth_date, sex, *of_member, terms, requirements, earlier, revision = rows[0][:-4]
        birth_date_sealed, sex_sealed, key_of, wrapped = rows[0][-4:]
        values = (
            *of_member,
            () if terms is None else _TERMS.validate_python(terms),
            () if requirements is None else _REQUIREMENTS.validate_python(requirements),
            () if earlier is None else _COVERS.validate_python(earlier),
            revision,
        )
        identity = StoredIdentity(
            None if key_of is None else MemberKey(stored_id, wrapped),
            {"birth_date": birth_date_sealed, "sex": sex_sealed},
            {"name": None, "birth_date": birth_date, "sex": sex},
        )
        return StoredMember(Member(stored_id, None, None, *values), identity)

    return Query(_MEMBER, {"member_id": member_id}, read)


def member_revision(member_id: BindParameter[str]) -> ScalarSelect[str]:
    """`Member.revision` of a member, for use in another statement."""
    return select(_REVISION).select_from(MemberRow).where(MemberRow.member_id == member_id).scalar_subquery()
