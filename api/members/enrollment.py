"""Members of eligibility files into the database: each is stored, or refused with its reason."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal_column, null, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.field_keys import FieldKeys
from api.members.identities import (
    IDENTITY_FIELDS,
    Identity,
    IdentityColumns,
    StoredIdentity,
    lock_identities,
    open_identity,
    sealed_columns,
)
from api.members.search_index import index_members
from api.members.tables import MemberRow, PlanRow
from api.tables import earlier_before
from formats.members import EnrolledMember, MemberProblem, RowProblem

_PIECE = 1_000
"""Members of one transaction."""


@dataclass(slots=True)
class EnrollmentReport:
    """What became of a file."""

    stored: int = 0
    ended: int = 0
    """Of those stored: members whose cover has an end."""
    refused: int = 0
    problems: list[MemberProblem] = field(default_factory=list)


async def enroll(
    database: Database, keys: FieldKeys, members: Iterable[EnrolledMember], *, plan_id: str | None
) -> EnrollmentReport:
    """Store members in the order of the file; what the file does not state of a stored member stays.

    Of a member that was erased, name, birth date and sex are not stored again.

    `plan_id` is the plan of members for whom neither the file nor the database has one. A member without a plan, or
    with a plan that does not exist, is refused: it would have no benefit limit.
    """
    report = EnrollmentReport()
    piece: list[EnrolledMember] = []
    for one in members:
        if one.problems:
            report.refused += 1
            report.problems += one.problems
            continue
        piece.append(one)
        if len(piece) == _PIECE:
            await _store(database, keys, piece, plan_id, report)
            piece = []
    if piece:
        await _store(database, keys, piece, plan_id, report)
    return report


async def _store(
    database: Database,
    keys: FieldKeys,
    piece: Sequence[EnrolledMember],
    plan_id: str | None,
    report: EnrollmentReport,
) -> None:
    async with database.transaction() as connection:
        plans = set(await connection.scalars(select(PlanRow.plan_id)))
        ids = [one.member_id for one in piece]
        stored = select(MemberRow.member_id, MemberRow.plan_id).where(MemberRow.member_id.in_(ids))
        stored_plans = {member_id: plan for member_id, plan in await connection.execute(stored)}  # noqa: C416
        identities = await lock_identities(connection, keys, ids)
        stated: dict[str, Identity] = {}
        for one in piece:
            plan = one.plan_id or stored_plans.get(one.member_id) or plan_id
            if plan is None or plan not in plans:
                reason = "the member has no plan" if plan is None else "the plan of the member does not exist"
                report.refused += 1
                report.problems.append(
                    RowProblem(one.where, "invalid_plan", reason, "load the plan first, or state another with --plan")
                )
                continue
            key, before = identities[one.member_id]
            known = Identity() if before is None else await open_identity(keys, one.member_id, before)
            now = _stated(one, known)
            columns = await sealed_columns(keys, key, before, now)
            stated[one.member_id] = Identity() if key.is_erased else now
            await _upsert(connection, one, plan, columns)
            identities[one.member_id] = key, StoredIdentity.of(columns, key)
            stored_plans[one.member_id] = plan
            report.stored += 1
            report.ended += one.enrolled_to is not None
        await index_members(connection, keys, stated)


def _stated(one: EnrolledMember, known: Identity) -> Identity:
    """The identity of a member after the file: what it does not state stays."""
    return Identity(one.name or known.name, one.birth_date or known.birth_date, one.sex or known.sex)


async def _upsert(connection: AsyncConnection, one: EnrolledMember, plan_id: str, identity: IdentityColumns) -> None:
    stated = insert(MemberRow).values(
        member_id=one.member_id,
        plan_id=plan_id,
        enrolled_from=one.enrolled_from,
        enrolled_to=one.enrolled_to,
        **identity,
    )
    new = stated.excluded
    sealed = [f"{name}_sealed" for name in IDENTITY_FIELDS]
    stored = MemberRow.__table__.c
    kept: dict[str, ColumnElement[Any]] = {
        name: func.coalesce(new[name], stored[name]) for name in (*sealed, "plan_id", "enrolled_from", "enrolled_to")
    }
    kept |= {name: case((new[f"{name}_sealed"].is_(None), stored[name]), else_=null()) for name in IDENTITY_FIELDS}
    first = "coalesce(excluded.enrolled_from, members.enrolled_from)"
    kept["earlier_periods"] = literal_column(earlier_before("members", first))
    if one.reopens:
        kept["enrolled_to"] = new["enrolled_to"]
    await connection.execute(stated.on_conflict_do_update(index_elements=["member_id"], set_=kept))
