"""Uploading files of claims, and what became of them."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from api.bulk import repository
from api.bulk.records import BulkJob, LineReject
from api.bulk.schemas import BulkUploadIn
from api.database import Database
from api.errors import BatchQueueFull, Conflict, NotFound, TooLarge
from api.field_keys import FieldKeys
from api.identity import Caller, Scope
from core import clock
from core.ids import new_id

MAX_RECEIVING: Final = 8
"""Uploads that a process receives at a time; each holds up to two chunks in memory."""

MAX_OPEN_JOBS: Final = 20
"""Uploads of an API key that have not ended."""
MAX_OPEN_BYTES: Final = 2 << 30
"""Of their files together, as announced. A first file is taken whatever its size."""


class BulkUploads:
    """Files of claims, as their senders see them."""

    def __init__(self, database: Database, keys: FieldKeys, *, max_bytes: int) -> None:
        self._database = database
        self._keys = keys
        self._max_bytes = max_bytes
        self._receiving = 0

    async def begin(self, caller: Caller, sent: BulkUploadIn) -> BulkJob:
        """Create a job that waits for the bytes of its file; raises `TooLarge`; `Conflict`: the key has too many."""
        if sent.size > self._max_bytes:
            raise TooLarge(f"a file has at most {self._max_bytes} bytes; split it")
        now = clock.now()
        job = BulkJob(
            job_id=new_id("blk"),
            actor_id=caller.actor_id,
            format=sent.format,
            status="uploading",
            size=sent.size,
            received=0,
            sha256=sent.sha256,
            created_at=now,
            uploaded_at=None,
            ended_at=None,
            next_offset=0,
            next_line=1,
            accepted=0,
            refused=0,
            failure=None,
            position=None,
        )
        async with self._database.transaction() as connection:
            count, size = await repository.open_uploads(connection, caller.actor_id)
            if count >= MAX_OPEN_JOBS or (count and size + sent.size > MAX_OPEN_BYTES):
                raise Conflict(
                    f"{count} uploads of this key with {size} bytes have not ended; at most {MAX_OPEN_JOBS} with "
                    f"{MAX_OPEN_BYTES} bytes may be open: wait until one ends, or cancel one"
                )
            await repository.add_job(connection, job)
        return job

    async def append(self, caller: Caller, job_id: str, offset: int, chunks: AsyncIterator[bytes]) -> BulkJob:
        """Store the bytes from `offset` on as they arrive, and queue the job with the last one.

        What was stored before a failure stays: the upload continues from `received` of the job. Raises `NotFound`,
        `Conflict` where the upload is elsewhere or has ended, `TooLarge` beyond its size, `BatchQueueFull`.
        """
        job = await self.get(caller, job_id)
        if job.status != "uploading" or job.received != offset:
            raise _elsewhere(job)
        if self._receiving >= MAX_RECEIVING:
            raise BatchQueueFull(f"{MAX_RECEIVING} uploads are being received; retry it")
        self._receiving += 1
        try:
            async for chunk in chunks:
                if offset + len(chunk) > job.size:
                    raise TooLarge(f"the file has {job.size} bytes by its announcement; begin another upload")
                async with self._database.transaction() as connection:
                    stored = await repository.append_chunk(connection, self._keys, job_id, offset, chunk)
                if not stored:
                    raise _elsewhere(await self.get(caller, job_id))
                offset += len(chunk)
        finally:
            self._receiving -= 1
        async with self._database.transaction() as connection:
            await repository.complete_upload(connection, job_id, clock.now())
        return await self.get(caller, job_id)

    async def get(self, caller: Caller, job_id: str) -> BulkJob:
        """A job of the caller; raises `NotFound`."""
        async with self._database.reading() as connection:
            found = await repository.job(connection, job_id)
        if found is None or not (found.actor_id == caller.actor_id or caller.may(Scope.OPERATE)):
            raise NotFound("upload not found; check its id and the API key")
        return found

    async def cancel(self, caller: Caller, job_id: str, reason: str) -> BulkJob:
        """End a job; claims that were submitted stay. Raises `NotFound`, `Conflict` where it has ended."""
        job = await self.get(caller, job_id)
        async with self._database.transaction() as connection:
            cancelled = await repository.cancel_job(connection, job_id, reason, clock.now())
        if not cancelled:
            raise Conflict(f"the upload has ended: it is {job.status}")
        return await self.get(caller, job_id)

    async def rejects(
        self, caller: Caller, job_id: str, *, line: int, place: int, limit: int
    ) -> tuple[Sequence[LineReject], LineReject | None]:
        """Reasons after a place, and the one that the next page follows; raises `NotFound`."""
        await self.get(caller, job_id)
        async with self._database.reading() as connection:
            found = await repository.rejects_after(connection, job_id, line=line, place=place, limit=limit + 1)
        return found[:limit], found[limit - 1] if len(found) > limit else None


def _elsewhere(job: BulkJob) -> Conflict:
    if job.status != "uploading":
        return Conflict(f"the upload takes no more bytes: it is {job.status}")
    return Conflict(f"the upload has {job.received} bytes; continue with Upload-Offset: {job.received}")
