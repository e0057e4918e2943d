"""Findings and jobs of re-screening in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys import FINDING_NOTE, FieldKeys, StoredText, open_texts, seal_text
from api.paging import PageCursor
from api.rescreening.records import ClosingReason, RescreeningFinding, RescreeningJob
from api.rescreening.tables import RescreeningFindingRow, RescreeningJobRow

_OF_JOB = ("kind", "subject")
_FINDING = [
    (RescreeningJobRow if one.name in _OF_JOB else RescreeningFindingRow).__table__.c[one.name]
    for one in fields(RescreeningFinding)
]
_JOB = [RescreeningJobRow.__table__.c[one.name] for one in fields(RescreeningJob)]


_FINDINGS = select(*_FINDING, RescreeningFindingRow.note_sealed).join(
    RescreeningJobRow, RescreeningJobRow.job_id == RescreeningFindingRow.job_id
)


async def findings(
    connection: AsyncConnection,
    keys: FieldKeys,
    *,
    filters: Mapping[str, str],
    is_open: bool | None,
    after: PageCursor | None,
    limit: int,
) -> list[RescreeningFinding]:
    """Findings before a place, the newest first; `filters` are columns and the value that each must have."""
    row = RescreeningFindingRow
    statement = _FINDINGS.order_by(row.found_at.desc(), row.finding_id.desc()).limit(limit)
    for name, value in filters.items():
        table = RescreeningJobRow.__table__ if name in _OF_JOB else row.__table__
        statement = statement.where(table.c[name] == value)
    if is_open is not None:
        statement = statement.where(row.closed_at.is_(None) if is_open else row.closed_at.is_not(None))
    if after is not None:
        statement = statement.where(tuple_(row.found_at, row.finding_id) < (after.received_at, after.item_id))
    return await _opened(connection, keys, (await connection.execute(statement)).all())


async def lock_finding(connection: AsyncConnection, keys: FieldKeys, finding_id: str) -> RescreeningFinding | None:
    """A finding that nobody else closes until the transaction ends; `None`: unknown."""
    row = RescreeningFindingRow
    statement = _FINDINGS.where(row.finding_id == finding_id).with_for_update(of=row)
    found = await _opened(connection, keys, (await connection.execute(statement)).all())
    return found[0] if found else None


async def _opened(
    connection: AsyncConnection, keys: FieldKeys, rows: Sequence[Sequence[object]]
) -> list[RescreeningFinding]:
    """Findings with their notes in clear. Raises `DecryptionError` where one was changed."""
    values: Any = rows
    found = [RescreeningFinding(*row[:-1]) for row in values]
    notes = [
        StoredText(one.claim_id, (one.finding_id,), row[-1], one.note) for one, row in zip(found, values, strict=True)
    ]
    opened = await open_texts(connection, keys, FINDING_NOTE, notes)
    return [replace(one, note=note) for one, note in zip(found, opened, strict=True)]


async def close_finding(
    connection: AsyncConnection,
    keys: FieldKeys,
    found: RescreeningFinding,
    *,
    reason: ClosingReason,
    note: str | None,
    by: str,
    at: datetime,
) -> None:
    """Close a finding; the note is stored encrypted."""
    row = RescreeningFindingRow
    sealed = await seal_text(connection, keys, FINDING_NOTE, found.claim_id, note, found.finding_id)
    values = {"closed_at": at, "closed_reason": reason.value, "note_sealed": sealed, "closed_by": by}
    await connection.execute(update(row).where(row.finding_id == found.finding_id).values(values))


async def jobs(connection: AsyncConnection, limit: int) -> list[RescreeningJob]:
    """Jobs, the newest first."""
    statement = select(*_JOB).order_by(RescreeningJobRow.job_id.desc()).limit(limit)
    return [RescreeningJob(*one) for one in await connection.execute(statement)]
