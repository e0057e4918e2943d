"""Files of cases in the database."""

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.case_files.records import CaseFile, CaseFileAccess, CaseFileScan, CaseFileWithdrawal
from api.case_files.tables import (
    CaseFileAccessRow,
    CaseFilePartRow,
    CaseFileRow,
    CaseFileScanRow,
    CaseFileWithdrawalRow,
)
from api.cases import CaseTaskRow
from api.database import Database
from api.field_keys import CASE_FILE_NAME, CASE_FILE_PART, CASE_FILE_REASON, CASE_FILE_SOURCE, CASES, FieldKeys
from core.errors import DecryptionError
from core.ids import new_id

PART: Final = 1 << 18
"""Bytes that are sealed together."""
_AT_A_TIME: Final = 8
"""Parts that are written or read by a statement."""
_FILE: Final = tuple(
    CaseFileRow.__table__.c[name]
    for name in (
        *("file_id", "case_id", "task_id", "name_sealed", "obtained_from_sealed", "obtained_on", "media_type"),
        *("size", "sha256", "added_at", "added_by", "added_name"),
    )
)


@dataclass(frozen=True, slots=True)
class UnscannedFile:
    """A file that no scanner has read."""

    file_id: str
    case_id: str
    size: int


async def add_file(connection: AsyncConnection, keys: FieldKeys, file: CaseFile, content: bytes) -> None:
    """Store a file with its content. Needs a transaction. Raises what `FieldKeys` raises."""
    key = await keys.current(CASES)
    values = {one.name: getattr(file, one.name) for one in _FILE if not one.name.endswith("_sealed")}
    values |= {
        CASE_FILE_NAME.column: CASE_FILE_NAME.seal(key, file.name.encode(), file.file_id),
        CASE_FILE_SOURCE.column: CASE_FILE_SOURCE.seal(key, file.obtained_from.encode(), file.file_id),
    }
    await connection.execute(insert(CaseFileRow).values(values))
    for first in range(0, len(content), PART * _AT_A_TIME):
        parts = [
            {
                "file_id": file.file_id,
                "begins": begins,
                "content_sealed": CASE_FILE_PART.seal(key, content[begins : begins + PART], file.file_id, begins),
            }
            for begins in range(first, min(first + PART * _AT_A_TIME, len(content)), PART)
        ]
        await connection.execute(insert(CaseFilePartRow), parts)
    if file.scan is not None:
        await add_scan(connection, file.file_id, file.scan)


async def add_scan(connection: AsyncConnection, file_id: str, scan: CaseFileScan) -> bool:
    """Store what the scanner said of a file; False: another scan was stored before."""
    values = {"file_id": file_id, "at": scan.at, "signature": scan.signature}
    statement = upsert(CaseFileScanRow).values(values).on_conflict_do_nothing().returning(CaseFileScanRow.file_id)
    return await connection.scalar(statement) is not None


async def add_access(connection: AsyncConnection, access: CaseFileAccess) -> None:
    """Record that the content of a file is sent."""
    values = {
        "access_id": new_id("cfa"),
        "file_id": access.file_id,
        "at": access.at,
        "actor_id": access.actor_id,
        "name": access.name,
        "role": access.role,
    }
    await connection.execute(insert(CaseFileAccessRow).values(values))


async def add_withdrawal(
    connection: AsyncConnection, keys: FieldKeys, file_id: str, withdrawal: CaseFileWithdrawal
) -> None:
    """Withdraw a file. Raises what `FieldKeys` raises."""
    values = {
        "file_id": file_id,
        "at": withdrawal.at,
        "actor_id": withdrawal.actor_id,
        "name": withdrawal.name,
        CASE_FILE_REASON.column: await CASE_FILE_REASON.sealed(keys, withdrawal.reason, file_id),
    }
    await connection.execute(insert(CaseFileWithdrawalRow).values(values))


async def count_files(connection: AsyncConnection, case_id: str) -> int:
    """How many files a case has."""
    statement = select(func.count()).where(CaseFileRow.case_id == case_id)
    return int(await connection.scalar(statement) or 0)


async def has_records_request(connection: AsyncConnection, case_id: str, task_id: str) -> bool:
    """Whether a task is a records request of a case."""
    statement = select(CaseTaskRow.task_id).where(
        CaseTaskRow.task_id == task_id, CaseTaskRow.case_id == case_id, CaseTaskRow.kind == "records_request"
    )
    return await connection.scalar(statement) is not None


async def files_of_case(
    connection: AsyncConnection, keys: FieldKeys, case_id: str, *, file_id: str | None = None, limit: int, accesses: int
) -> list[CaseFile]:
    """The files of a case, the oldest first; `file_id`: that one alone. `accesses`: the latest of them together.

    In place of a text whose key is lost it says that. Raises `DecryptionError` where one was changed, and what
    `FieldKeys` raises.
    """
    scans, withdrawals = CaseFileScanRow.__table__, CaseFileWithdrawalRow.__table__
    statement = (
        select(
            *_FILE,
            scans.c["at"].label("scanned_at"),
            scans.c["signature"],
            withdrawals.c["at"].label("withdrawn_at"),
            withdrawals.c["actor_id"].label("withdrawn_by"),
            withdrawals.c["name"].label("withdrawn_name"),
            withdrawals.c["reason_sealed"],
        )
        .select_from(
            CaseFileRow.__table__.outerjoin(scans, scans.c["file_id"] == CaseFileRow.file_id).outerjoin(
                withdrawals, withdrawals.c["file_id"] == CaseFileRow.file_id
            )
        )
        .where(CaseFileRow.case_id == case_id)
        .order_by(CaseFileRow.added_at, CaseFileRow.file_id)
        .limit(limit)
    )
    if file_id is not None:
        statement = statement.where(CaseFileRow.file_id == file_id)
    rows = (await connection.execute(statement)).mappings().all()
    read = await _accesses(connection, [one["file_id"] for one in rows], accesses) if rows else {}
    return [await _read(keys, one, read.get(one["file_id"], [])) for one in rows]


async def unscanned_files(connection: AsyncConnection, limit: int) -> list[UnscannedFile]:
    """Files that no scanner has read, the oldest first."""
    statement = (
        select(CaseFileRow.file_id, CaseFileRow.case_id, CaseFileRow.size)
        .where(~select(CaseFileScanRow.file_id).where(CaseFileScanRow.file_id == CaseFileRow.file_id).exists())
        .order_by(CaseFileRow.added_at, CaseFileRow.file_id)
        .limit(limit)
    )
    return [UnscannedFile(**row) for row in (await connection.execute(statement)).mappings()]


async def content_of(database: Database, keys: FieldKeys, file_id: str, size: int) -> AsyncIterator[bytes]:
    """The content of a file, in parts.

    Raises `DecryptionError` where a part was changed or is missing, and what `FieldKeys` raises.
    """
    for first in range(0, size, PART * _AT_A_TIME):
        end = min(first + PART * _AT_A_TIME, size)
        statement = (
            select(CaseFilePartRow.begins, CaseFilePartRow.content_sealed)
            .where(CaseFilePartRow.file_id == file_id, CaseFilePartRow.begins >= first, CaseFilePartRow.begins < end)
            .order_by(CaseFilePartRow.begins)
        )
        async with database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        if [one.begins for one in rows] != list(range(first, end, PART)):
            raise DecryptionError(f"case_file_parts.content of {file_id}: parts are missing")
        for begins, sealed in rows:
            yield await CASE_FILE_PART.opened(keys, sealed, file_id, begins)


async def _accesses(connection: AsyncConnection, file_ids: list[str], limit: int) -> dict[str, list[CaseFileAccess]]:
    own = CaseFileAccessRow
    statement = (
        select(own.file_id, own.at, own.actor_id, own.name, own.role)
        .where(own.file_id.in_(file_ids))
        .order_by(own.at.desc(), own.access_id.desc())
        .limit(limit)
    )
    found: dict[str, list[CaseFileAccess]] = defaultdict(list)
    for row in reversed((await connection.execute(statement)).mappings().all()):
        found[row["file_id"]].append(CaseFileAccess(**row))
    return found


async def _read(keys: FieldKeys, row: RowMapping, accesses: list[CaseFileAccess]) -> CaseFile:
    file_id = row["file_id"]
    withdrawal = None
    if row["withdrawn_at"] is not None:
        reason = await CASE_FILE_REASON.shown(keys, row["reason_sealed"], None, file_id)
        withdrawal = CaseFileWithdrawal(row["withdrawn_at"], row["withdrawn_by"], row["withdrawn_name"], reason or "")
    return CaseFile(
        file_id=file_id,
        case_id=row["case_id"],
        task_id=row["task_id"],
        name=await CASE_FILE_NAME.shown(keys, row["name_sealed"], None, file_id) or "",
        obtained_from=await CASE_FILE_SOURCE.shown(keys, row["obtained_from_sealed"], None, file_id) or "",
        obtained_on=row["obtained_on"],
        media_type=row["media_type"],
        size=row["size"],
        sha256=row["sha256"],
        added_at=row["added_at"],
        added_by=row["added_by"],
        added_name=row["added_name"],
        withdrawal=withdrawal,
        scan=None if row["scanned_at"] is None else CaseFileScan(row["scanned_at"], row["signature"]),
        accesses=accesses,
    )
