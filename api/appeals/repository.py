"""Appeals in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any, Final, cast

from sqlalchemy import any_, func, insert, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from api.appeals.records import AppealDecision, AppealRecord, NewAppeal
from api.appeals.tables import AppealDecisionRow, AppealRow
from api.decisions import DecisionRow
from api.edit_suspensions import EditSuspensionRow
from api.field_keys import (
    APPEAL_DOCUMENTS,
    APPEAL_NOTE,
    APPEAL_REASON,
    FieldKeys,
    SealedColumn,
    StoredText,
    list_text,
    open_columns,
    seal_columns,
    seal_text,
    text_list,
)
from api.identity import Caller
from api.intake import ClaimRow
from api.paging import PageCursor
from claims.appeals import AppealOutcome
from claims.outcome import Outcome

_APPEAL = tuple(AppealRow.__table__.c[one.name] for one in fields(NewAppeal))
_DECISION = tuple(AppealDecisionRow.__table__.c[one.name] for one in fields(AppealDecision))


ERASED: Final = "erased with the data of the member"
"""In place of the reason of an appeal."""


async def add_appeal(connection: AsyncConnection, keys: FieldKeys, appeal: NewAppeal) -> None:
    """Store an appeal, its reason and documents encrypted."""
    texts = {APPEAL_REASON: appeal.reason, APPEAL_DOCUMENTS: list_text(appeal.documents)}
    sealed = await seal_columns(connection, keys, appeal.claim_id, texts, appeal.appeal_id)
    values = {**asdict(appeal), "reason": None, "documents": [], **sealed}
    await connection.execute(insert(AppealRow).values(values))


async def add_decision(connection: AsyncConnection, keys: FieldKeys, claim_id: str, decision: AppealDecision) -> None:
    """Store the outcome of an appeal against the decision of a claim, its note encrypted."""
    note = await seal_text(connection, keys, APPEAL_NOTE, claim_id, decision.note, decision.appeal_id)
    values = {**asdict(decision), "note": None, "note_sealed": note}
    await connection.execute(insert(AppealDecisionRow).values(values))


_APPEALS = (
    select(
        *_APPEAL,
        *_DECISION,
        ClaimRow.status,
        ClaimRow.amount_cents,
        AppealRow.reason_sealed,
        AppealDecisionRow.note_sealed,
        AppealRow.documents_sealed,
    )
    .join(ClaimRow, ClaimRow.claim_id == AppealRow.claim_id)
    .outerjoin(AppealDecisionRow, AppealDecisionRow.appeal_id == AppealRow.appeal_id)
)


def _record(row: Sequence[object]) -> AppealRecord:
    values: Any = list(row)
    of_decision = values[len(_APPEAL) : len(_APPEAL) + len(_DECISION)]
    decision = None if of_decision[0] is None else AppealDecision(*of_decision)
    return AppealRecord(NewAppeal(*values[: len(_APPEAL)]), decision, *values[-5:-3])


async def _records(
    connection: AsyncConnection, keys: FieldKeys, rows: Sequence[Sequence[object]]
) -> list[AppealRecord]:
    """Appeals with their texts in clear. Raises `DecryptionError` where one was changed."""
    values: Any = rows
    found = [_record(row) for row in values]
    stored: dict[SealedColumn, list[StoredText]] = {APPEAL_REASON: [], APPEAL_NOTE: [], APPEAL_DOCUMENTS: []}
    for one, (*_, reason, note, documents) in zip(found, values, strict=True):
        of_row = one.appeal.claim_id, (one.appeal.appeal_id,)
        stored[APPEAL_REASON].append(StoredText(*of_row, reason, one.appeal.reason))
        stored[APPEAL_NOTE].append(StoredText(*of_row, note, one.decision.note if one.decision else None))
        stored[APPEAL_DOCUMENTS].append(StoredText(*of_row, documents, list_text(one.appeal.documents)))
    opened = await open_columns(connection, keys, stored)
    texts = zip(*(opened[column] for column in stored), strict=True)
    return [_with_texts(one, *of_one) for one, of_one in zip(found, texts, strict=True)]


def _with_texts(record: AppealRecord, reason: str | None, note: str | None, documents: str | None) -> AppealRecord:
    decision = record.decision and replace(record.decision, note=note)
    # Where they are lost or erased the reason, under the same key, says that.
    names = cast("list[Mapping[str, str]]", text_list(documents) or [])
    appeal = replace(record.appeal, reason=reason or ERASED, documents=names)
    return replace(record, appeal=appeal, decision=decision)


async def appeal(connection: AsyncConnection, keys: FieldKeys, appeal_id: str) -> AppealRecord | None:
    """An appeal; `None` if there is none."""
    found = await _records(
        connection, keys, (await connection.execute(_APPEALS.where(AppealRow.appeal_id == appeal_id))).all()
    )
    return found[0] if found else None


async def appeals_of(connection: AsyncConnection, keys: FieldKeys, claim_id: str) -> list[AppealRecord]:
    """The appeals of a claim, oldest first."""
    statement = _APPEALS.where(AppealRow.claim_id == claim_id).order_by(AppealRow.level)
    return await _records(connection, keys, (await connection.execute(statement)).all())


async def open_appeals(
    connection: AsyncConnection, keys: FieldKeys, *, after: PageCursor | None, limit: int
) -> list[AppealRecord]:
    """Appeals that wait for a decision, by due date; those of voided claims are left out."""
    statement = (
        _APPEALS.where(AppealDecisionRow.appeal_id.is_(None), ClaimRow.voided_at.is_(None))
        .order_by(AppealRow.due_on, AppealRow.appeal_id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(
            tuple_(AppealRow.due_on, AppealRow.appeal_id) > tuple_(after.received_at.date(), after.item_id)
        )
    return await _records(connection, keys, (await connection.execute(statement)).all())


async def may_access_claim(connection: AsyncConnection, caller: Caller, claim_id: str) -> bool:
    """Whether there is such a claim and the caller may access it."""
    statement = select(ClaimRow.provider_id, ClaimRow.member_id).where(ClaimRow.claim_id == claim_id)
    row = (await connection.execute(statement)).one_or_none()
    return row is not None and caller.may_access(row.provider_id, row.member_id)


async def appealable(connection: AsyncConnection, claim_id: str) -> tuple[Outcome | None, str | None, datetime]:
    """Of a claim: its outcome (None: voided), line of business, and when it was decided last, or received."""
    statement = (
        select(ClaimRow.status, ClaimRow.line_of_business, func.coalesce(DecisionRow.made_at, ClaimRow.received_at))
        .outerjoin(DecisionRow, DecisionRow.decision_id == ClaimRow.decision_id)
        .where(ClaimRow.claim_id == claim_id)
    )
    status, line_of_business, decided_at = (await connection.execute(statement)).one()
    return (None if status == "voided" else Outcome(status)), line_of_business, decided_at


async def appeal_counts(connection: AsyncConnection, claim_id: str) -> tuple[int, bool]:
    """How many appeals a claim has, and whether one of them is open."""
    statement = (
        select(func.count(), func.count().filter(AppealDecisionRow.appeal_id.is_(None)))
        .select_from(AppealRow)
        .outerjoin(AppealDecisionRow, AppealDecisionRow.appeal_id == AppealRow.appeal_id)
        .where(AppealRow.claim_id == claim_id)
    )
    appeals, are_open = (await connection.execute(statement)).one()
    return appeals, are_open > 0


async def lock_edit(connection: AsyncConnection, edit: str) -> None:
    """Count the appeals of one edit at a time, until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"edit {edit}", 0))))


async def outcomes_of(connection: AsyncConnection, edit: str) -> tuple[int, int]:
    """Decided appeals against decisions that an edit caused, and how many were overturned, since it last resumed."""
    resumed = (
        select(func.coalesce(func.max(EditSuspensionRow.resumed_at), literal(datetime.min.replace(tzinfo=UTC))))
        .where(EditSuspensionRow.edit == edit)
        .scalar_subquery()
    )
    statement = (
        select(
            func.count(),
            func.count().filter(AppealDecisionRow.outcome != AppealOutcome.UPHELD.value),
        )
        .select_from(AppealRow)
        .join(AppealDecisionRow, AppealDecisionRow.appeal_id == AppealRow.appeal_id)
        .where(literal(edit) == any_(AppealRow.caused_by), AppealDecisionRow.made_at > resumed)
    )
    decided, overturned = (await connection.execute(statement)).one()
    return decided, overturned
