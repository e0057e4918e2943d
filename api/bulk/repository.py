"""Jobs in the database. A change of a job says in its condition which state it expects."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Integer,
    LargeBinary,
    Text,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from api.bulk.records import ENDED, BulkJob, BulkStatus, LineReject
from api.bulk.tables import BulkChunkRow, BulkJobRow, BulkRejectRow
from api.field_keys import UPLOADED_PART, UPLOADS, FieldKeys

PART: Final = 1 << 16
"""Bytes that are sealed together: what is read at a time is opened as a whole."""

_JOB = tuple(BulkJobRow.__table__.c[one.name] for one in fields(BulkJob))
_REJECT = tuple(BulkRejectRow.__table__.c[one.name] for one in fields(LineReject))
_OPEN = BulkJobRow.status.in_(("queued", "running"))


@dataclass(frozen=True, slots=True)
class SliceResult:
    """What a worker did with a part of a file."""

    next_offset: int
    next_line: int
    accepted: int
    refused: int
    status: BulkStatus
    failure: str | None = None
    sha256: str | None = None
    position: bytes | None = None


async def add_job(connection: AsyncConnection, job: BulkJob) -> None:
    """Store a new job."""
    await connection.execute(insert(BulkJobRow).values(**asdict(job)))


async def open_uploads(connection: AsyncConnection, actor_id: str) -> tuple[int, int]:
    """How many jobs of a key have not ended, and the bytes of their files; others of the key wait until the commit."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"bulk {actor_id}", 0))))
    statement = select(func.count(), func.coalesce(func.sum(BulkJobRow.size), 0)).where(
        BulkJobRow.actor_id == actor_id, BulkJobRow.status.not_in(ENDED)
    )
    count, size = (await connection.execute(statement)).one()
    return int(count), int(size)


async def job(connection: AsyncConnection, job_id: str) -> BulkJob | None:
    """A job; `None` if there is none."""
    return _read((await connection.execute(select(*_JOB).where(BulkJobRow.job_id == job_id))).one_or_none())


async def append_chunk(connection: AsyncConnection, keys: FieldKeys, job_id: str, offset: int, content: bytes) -> bool:
    """Store the bytes from `offset` on; says whether the upload had arrived there. Needs a transaction.

    Raises what `FieldKeys` raises.
    """
    sealing = await keys.current(UPLOADS)
    statement = (
        update(BulkJobRow)
        .where(BulkJobRow.job_id == job_id, BulkJobRow.status == "uploading", BulkJobRow.received == offset)
        .values(received=offset + len(content))
        .returning(BulkJobRow.job_id)
    )
    if (await connection.execute(statement)).one_or_none() is None:
        return False
    parts = [
        {
            "job_id": job_id,
            "begins": offset + begins,
            "content_sealed": UPLOADED_PART.seal(sealing, content[begins : begins + PART], job_id, offset + begins),
        }
        for begins in range(0, len(content), PART)
    ]
    await connection.execute(insert(BulkChunkRow).values(parts))
    return True


async def complete_upload(connection: AsyncConnection, job_id: str, at: datetime) -> None:
    """Queue a job whose bytes have all arrived."""
    statement = update(BulkJobRow).where(
        BulkJobRow.job_id == job_id, BulkJobRow.status == "uploading", BulkJobRow.received == BulkJobRow.size
    )
    await connection.execute(statement.values(status="queued", uploaded_at=at))


async def cancel_job(connection: AsyncConnection, job_id: str, reason: str, at: datetime) -> bool:
    """End a job that has not ended, and remove its bytes; says whether it did. Needs a transaction.

    A worker that submits a part of it stores what it did, and takes no more.
    """
    statement = (
        update(BulkJobRow)
        .where(BulkJobRow.job_id == job_id, BulkJobRow.status.not_in(ENDED))
        .values(status="cancelled", failure=reason, ended_at=at)
        .returning(BulkJobRow.job_id)
    )
    if (await connection.execute(statement)).one_or_none() is None:
        return False
    await _remove_chunks(connection, job_id)
    return True


async def take_job(connection: AsyncConnection, lease: str, now: datetime, until: datetime) -> BulkJob | None:
    """Lease the job that waits longest since its upload or last slice, until a moment; `None`: there is none."""
    free = or_(BulkJobRow.leased_until.is_(None), BulkJobRow.leased_until <= now)
    longest = (
        select(BulkJobRow.job_id)
        .where(_OPEN, free)
        .order_by(func.coalesce(BulkJobRow.leased_until, BulkJobRow.uploaded_at), BulkJobRow.job_id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = (
        update(BulkJobRow)
        .where(BulkJobRow.job_id == longest)
        .values(status="running", lease=lease, leased_until=until)
        .returning(*_JOB)
    )
    return _read((await connection.execute(statement)).one_or_none())


async def store_slice(
    connection: AsyncConnection,
    job_id: str,
    lease: str,
    result: SliceResult,
    rejects: Sequence[LineReject],
    *,
    now: datetime,
    not_before: datetime,
) -> bool:
    """Store the progress of a job and end the lease, if it is still held; says whether it was. Needs a transaction."""
    ended = result.status in ENDED
    statement = (
        update(BulkJobRow)
        .where(BulkJobRow.job_id == job_id, BulkJobRow.lease == lease)
        .values(
            status=case((_OPEN, result.status), else_=BulkJobRow.status),
            next_offset=result.next_offset,
            next_line=result.next_line,
            accepted=BulkJobRow.accepted + result.accepted,
            refused=BulkJobRow.refused + result.refused,
            failure=func.coalesce(BulkJobRow.failure, literal(result.failure, Text)),
            sha256=literal(result.sha256) if result.sha256 is not None else BulkJobRow.sha256,
            position=literal(result.position, LargeBinary),
            lease=null(),
            leased_until=not_before,
            ended_at=func.coalesce(BulkJobRow.ended_at, literal(now) if ended else null()),
        )
        .returning(BulkJobRow.job_id)
    )
    if (await connection.execute(statement)).one_or_none() is None:
        return False
    if rejects:
        await connection.execute(insert(BulkRejectRow), [{"job_id": job_id, **asdict(one)} for one in rejects])
    if ended:
        await _remove_chunks(connection, job_id)
    return True


async def bytes_from(connection: AsyncConnection, keys: FieldKeys, job_id: str, offset: int, most: int) -> bytes:
    """Bytes of a file from an offset on, at most `most`, and fewer at the end of a part; empty at the end.

    Raises `DecryptionError` where a part was changed, and what `FieldKeys` raises.
    """
    first = cast(literal(offset, BigInteger) - BulkChunkRow.begins + 1, Integer)
    part = func.substr(BulkChunkRow.content, first, most, type_=LargeBinary)
    statement = (
        select(part, BulkChunkRow.content_sealed, BulkChunkRow.begins)
        .where(BulkChunkRow.job_id == job_id, BulkChunkRow.begins <= offset)
        .order_by(BulkChunkRow.begins.desc())
        .limit(1)
    )
    found = (await connection.execute(statement)).one_or_none()
    if found is None:
        return b""
    clear, sealed, begins = found
    if sealed is None:
        return bytes(clear)
    content = await UPLOADED_PART.opened(keys, sealed, job_id, begins)
    return content[offset - begins :][:most]


async def rejects_after(
    connection: AsyncConnection, job_id: str, *, line: int, place: int, limit: int
) -> list[LineReject]:
    """Reasons after a place, by line."""
    statement = (
        select(*_REJECT)
        .where(
            BulkRejectRow.job_id == job_id,
            tuple_(BulkRejectRow.line, BulkRejectRow.place) > tuple_(literal(line), literal(place)),
        )
        .order_by(BulkRejectRow.line, BulkRejectRow.place)
        .limit(limit)
    )
    return [LineReject(*row) for row in await connection.execute(statement)]


async def _remove_chunks(connection: AsyncConnection, job_id: str) -> None:
    await connection.execute(delete(BulkChunkRow).where(BulkChunkRow.job_id == job_id))


def _read(row: Sequence[object] | None) -> BulkJob | None:
    if row is None:
        return None
    values: Any = list(row)
    return BulkJob(*values)
