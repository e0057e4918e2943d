"""The worker's part: claims of uploaded files are submitted one by one, each under a key of its job and line.

A worker leases a job for a slice of it, and stores counts, rejects and the place in the file in one transaction when
the slice is done. If it is killed before, the lease ends and the slice is submitted again: claims that were taken are
repeated by their keys. A worker whose lease was taken over stores nothing.
"""

import asyncio
import hashlib
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from api.bulk import repository
from api.bulk.lines import FileLine, InvalidFile, InvalidLine, LineCutter, claim_body, read_header
from api.bulk.records import BulkJob, BulkStatus, LineReject
from api.bulk.repository import SliceResult
from api.database import Database
from api.errors import ApiError
from api.identity import Caller
from api.intake import Intake, refused_fields, submit_parsed
from core import clock
from core.ids import new_id

LEASE: Final = timedelta(seconds=60)
SLICE_LINES: Final = 200
SLICE_S: Final = 20.0
"""A slice ends after this time, well within its lease: a claim takes a few seconds at most."""
RETRY_AFTER: Final = timedelta(seconds=5)
"""Until a job is taken again whose claims could not be decided, such as without a database."""
LONGEST_PAUSE_S: Final = 0.1
_READ: Final = 1 << 16
_HASHED: Final = 1 << 20
_TOO_LONG: Final = InvalidLine("too_long", "the line is longer than a claim may be", "send fewer lines in the claim")


@dataclass(slots=True)
class _Slice:
    """What was done since the lease was taken."""

    offset: int
    line: int
    began: float
    accepted: int = 0
    refused: int = 0
    lines: int = 0
    rejects: list[LineReject] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return self.lines >= SLICE_LINES or time.monotonic() - self.began > SLICE_S

    def result(self, status: BulkStatus, *, failure: str | None = None, sha256: str | None = None) -> SliceResult:
        return SliceResult(self.offset, self.line, self.accepted, self.refused, status, failure, sha256)


class BulkProcessor:
    """Submits the claims of uploaded files, the oldest upload first."""

    def __init__(self, database: Database, intake: Intake, *, longest_line: int) -> None:
        self._database = database
        self._intake = intake
        self._longest_line = longest_line

    async def work(self) -> int:
        """Submit a slice of a file; returns 0 if there was none, or if claims cannot be decided now."""
        lease, now = new_id("lse"), clock.now()
        async with self._database.transaction() as connection:
            job = await repository.take_job(connection, lease, now, now + LEASE)
        if job is None:
            return 0
        done = _Slice(job.next_offset, job.next_line, time.monotonic())
        busy = False
        try:
            result, busy = await self._submit(job, done)
        except InvalidFile as error:
            result = done.result("failed", failure=str(error))
        now = clock.now()
        async with self._database.transaction() as connection:
            not_before = now + RETRY_AFTER if busy else None
            await repository.store_slice(
                connection, job.job_id, lease, result, done.rejects, now=now, not_before=not_before
            )
        return int(not busy)

    async def _submit(self, job: BulkJob, done: _Slice) -> tuple[SliceResult, bool]:
        """The result of a slice, and whether it ended because claims cannot be decided now."""
        async with self._database.reading() as connection:
            sender = await repository.sender_of(connection, job.api_key_id, clock.now())
        if sender is None:
            raise InvalidFile("the API key of the upload is no longer valid; upload the rest with another one")
        sha256 = await self._verified(job) if job.next_offset == 0 else None
        header = await self._header(job) if job.format == "csv" else []
        cutter = LineCutter(done.offset, done.line, self._longest_line)
        read = done.offset
        while content := await self._bytes(job, read, _READ):
            read += len(content)
            for line in cutter.feed(content):
                if not await self._take(job, sender, header, line, done):
                    return done.result("running", sha256=sha256), True
                if done.is_full:
                    return done.result("running", sha256=sha256), False
        for line in cutter.end():
            if not await self._take(job, sender, header, line, done):
                return done.result("running", sha256=sha256), True
        return done.result("done", sha256=sha256), False

    async def _take(self, job: BulkJob, sender: Caller, header: list[str], line: FileLine, done: _Slice) -> bool:
        """Submit a line; says whether it was decided."""
        is_header = job.format == "csv" and line.number == 1
        if not is_header and (line.text is None or line.text.strip()):
            began = time.monotonic()
            try:
                reasons = await self._line(job, sender, header, line)
            except _Undecided:
                return False
            done.accepted += not reasons
            done.refused += bool(reasons)
            done.rejects += reasons
            # As long as the claim took: live claims have at least half of what decides claims.
            await asyncio.sleep(min(time.monotonic() - began, LONGEST_PAUSE_S))
        done.offset, done.line, done.lines = line.ends, line.number + 1, done.lines + 1
        return True

    async def _line(self, job: BulkJob, sender: Caller, header: list[str], line: FileLine) -> list[LineReject]:
        """Why a line was refused; empty: it was taken."""
        try:
            if line.text is None:
                raise _TOO_LONG
            body = claim_body(line.text, job.format, header)
        except InvalidLine as error:
            return [LineReject(line.number, 1, "", error.code, error.reason, error.remedy)]
        try:
            await submit_parsed(self._intake, sender, body, f"bulk {job.job_id} {line.number}")
        except ApiError as error:
            if error.status >= 429:
                raise _Undecided from error
            return [
                LineReject(line.number, place, one.field, one.code, one.reason, one.remedy)
                for place, one in enumerate(refused_fields(error, by_number=False), start=1)
            ]
        return []

    async def _verified(self, job: BulkJob) -> str:
        """The hash of the file; raises `InvalidFile` where another one was announced."""
        digest, read = hashlib.sha256(), 0
        while content := await self._bytes(job, read, _HASHED):
            digest.update(content)
            read += len(content)
        if job.sha256 not in (None, digest.hexdigest()):
            raise InvalidFile("the file has another SHA-256 than announced; upload it again")
        return digest.hexdigest()

    async def _header(self, job: BulkJob) -> list[str]:
        first, mark, _ = (await self._bytes(job, 0, _READ)).partition(b"\n")
        if not mark and len(first) >= _READ:
            raise InvalidFile("the first line is too long to be the header of a CSV file; use ndjson")
        return read_header(first.rstrip(b"\r"))

    async def _bytes(self, job: BulkJob, offset: int, most: int) -> bytes:
        async with self._database.reading() as connection:
            return await repository.bytes_from(connection, job.job_id, offset, most)


class _Undecided(Exception):
    """Claims cannot be decided now."""
