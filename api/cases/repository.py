"""Cases in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cases.records import CaseClaim, CaseRecord, CaseStatus, CaseSubject, SubjectKind
from api.cases.tables import CaseClaimRow, CaseRow
from api.intake import ClaimRow

_CASE: Final = tuple(CaseRow.__table__.c[one.name] for one in fields(CaseRecord))
_CLAIM: Final = tuple(CaseClaimRow.__table__.c[one.name] for one in fields(CaseClaim))


def _read(row: RowMapping) -> CaseRecord:
    values = {**row, "provider_ids": tuple(row["provider_ids"]), "findings": tuple(row["findings"])}
    return CaseRecord(**values)


async def add_case(connection: AsyncConnection, case: CaseRecord) -> bool:
    """Store a case; False: one of its subject is open already."""
    values = asdict(case) | {"provider_ids": list(case.provider_ids), "findings": list(case.findings)}
    statement = upsert(CaseRow).values(values).on_conflict_do_nothing().returning(CaseRow.case_id)
    return await connection.scalar(statement) is not None


async def set_providers(connection: AsyncConnection, case_id: str, provider_ids: Sequence[str]) -> None:
    """Change the providers of a ring's case, which is locked."""
    statement = update(CaseRow).where(CaseRow.case_id == case_id)
    await connection.execute(statement.values(provider_ids=list(provider_ids)))


async def find_case(connection: AsyncConnection, case_id: str, *, lock: bool = False) -> CaseRecord | None:
    """A case; `lock`: changed by no other transaction until this one ends."""
    statement = select(*_CASE).where(CaseRow.case_id == case_id)
    found = await connection.execute(statement.with_for_update() if lock else statement)
    row = found.mappings().one_or_none()
    return None if row is None else _read(row)


async def find_open_case(
    connection: AsyncConnection, kind: SubjectKind, subject_id: str, *, lock: bool = False
) -> CaseRecord | None:
    """The open case of a subject."""
    statement = select(*_CASE).where(
        CaseRow.subject_kind == kind.value,
        CaseRow.subject_id == subject_id,
        CaseRow.status == CaseStatus.OPEN.value,
    )
    found = await connection.execute(statement.with_for_update() if lock else statement)
    row = found.mappings().one_or_none()
    return None if row is None else _read(row)


async def find_open_ring(connection: AsyncConnection, provider_ids: Sequence[str]) -> CaseRecord | None:
    """The open case, locked, of a ring that has all of these providers: it may have grown since they were read."""
    statement = (
        select(*_CASE)
        .where(
            CaseRow.subject_kind == SubjectKind.RING.value,
            CaseRow.status == CaseStatus.OPEN.value,
            CaseRow.provider_ids.contains(list(provider_ids)),
        )
        .order_by(CaseRow.opened_at, CaseRow.case_id)
        .limit(1)
        .with_for_update()
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else _read(row)


async def cases_of_subject(
    connection: AsyncConnection, kind: SubjectKind, subject_id: str, limit: int
) -> list[CaseRecord]:
    """The cases of a subject, the latest first."""
    statement = (
        select(*_CASE)
        .where(CaseRow.subject_kind == kind.value, CaseRow.subject_id == subject_id)
        .order_by(CaseRow.opened_at.desc(), CaseRow.case_id.desc())
        .limit(limit)
    )
    return [_read(row) for row in (await connection.execute(statement)).mappings()]


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases are listed; `None`: any."""

    status: str | None = None
    assigned_to: str | None = None
    subject_kind: str | None = None
    subject_id: str | None = None
    is_unassigned: bool | None = None
    """True: no one has it."""


async def cases_after(
    connection: AsyncConnection, chosen: CaseFilter, place: tuple[datetime, str] | None, limit: int
) -> list[CaseRecord]:
    """Cases before a place, the latest first."""
    statement = select(*_CASE).order_by(CaseRow.opened_at.desc(), CaseRow.case_id.desc()).limit(limit)
    for name in ("status", "assigned_to", "subject_kind", "subject_id"):
        value = getattr(chosen, name)
        if value is not None:
            statement = statement.where(CaseRow.__table__.c[name] == value)
    if chosen.is_unassigned is not None:
        statement = statement.where(CaseRow.assigned_to.is_(None) == chosen.is_unassigned)
    if place is not None:
        statement = statement.where(tuple_(CaseRow.opened_at, CaseRow.case_id) < place)
    return [_read(row) for row in (await connection.execute(statement)).mappings()]


async def change_case(connection: AsyncConnection, case_id: str, values: Mapping[str, object]) -> None:
    """Change columns of a case, which is locked."""
    await connection.execute(update(CaseRow).where(CaseRow.case_id == case_id).values(values))


async def next_event(connection: AsyncConnection, case_id: str) -> int | None:
    """The number of the next event, with the case locked until the transaction ends; None: there is no such case."""
    statement = (
        update(CaseRow).where(CaseRow.case_id == case_id).values(version=CaseRow.version + 1).returning(CaseRow.version)
    )
    number: int | None = await connection.scalar(statement)
    return number


async def add_case_claims(
    connection: AsyncConnection, case_id: str, claim_ids: Sequence[str], *, by: str, at: datetime
) -> list[str]:
    """Add claims to a case; returns the ids of those that it did not have."""
    if not claim_ids:
        return []
    rows = [{"case_id": case_id, "claim_id": one, "added_at": at, "added_by": by} for one in claim_ids]
    statement = upsert(CaseClaimRow).values(rows).on_conflict_do_nothing().returning(CaseClaimRow.claim_id)
    return sorted(await connection.scalars(statement))


async def remove_case_claims(connection: AsyncConnection, case_id: str, claim_ids: Sequence[str]) -> list[str]:
    """Remove claims from a case; returns the ids of those that it had."""
    statement = (
        delete(CaseClaimRow)
        .where(CaseClaimRow.case_id == case_id, CaseClaimRow.claim_id.in_(claim_ids))
        .returning(CaseClaimRow.claim_id)
    )
    return sorted(await connection.scalars(statement))


async def claims_of_case(connection: AsyncConnection, case_id: str, limit: int) -> list[CaseClaim]:
    """The claims of a case, in the order in which they were added."""
    statement = (
        select(*_CLAIM)
        .where(CaseClaimRow.case_id == case_id)
        .order_by(CaseClaimRow.added_at, CaseClaimRow.claim_id)
        .limit(limit)
    )
    return [CaseClaim(**row) for row in (await connection.execute(statement)).mappings()]


async def count_claims(connection: AsyncConnection, case_id: str) -> int:
    """How many claims a case has."""
    statement = select(func.count()).where(CaseClaimRow.case_id == case_id)
    return int(await connection.scalar(statement) or 0)


async def claims_of_subject(connection: AsyncConnection, subject: CaseSubject, claim_ids: Sequence[str]) -> set[str]:
    """Those of the claims that are of a subject."""
    statement = select(ClaimRow.claim_id).where(ClaimRow.claim_id.in_(claim_ids))
    if subject.kind is SubjectKind.MEMBER:
        statement = statement.where(ClaimRow.member_id == subject.subject_id)
    else:
        ids = subject.provider_ids if subject.kind is SubjectKind.RING else (subject.subject_id,)
        statement = statement.where(ClaimRow.provider_id.in_(ids))
    return set(await connection.scalars(statement))
