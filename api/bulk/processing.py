"""The worker's part: claims of uploaded files are submitted one by one, each under a key of its job and line.

A worker leases a job for a slice of it, and stores counts, rejects and the place in the file in one transaction when
the slice is done. If it is killed before, the lease ends and the slice is submitted again: claims that were taken are
repeated by their keys. A worker whose lease was taken over stores nothing. Whatever ends a slice early, what was done
before is stored.
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
from api.database import Database, is_temporary
from api.errors import ApiError, InternalError
from api.identity import Caller, caller_of_key
from api.intake import Intake, refused_fields, submit_parsed
from core import clock
from core.ids import new_id
from core.logging import get_logger

LEASE: Final = timedelta(seconds=60)
SLICE_LINES: Final = 200
SLICE_S: Final = 20.0
"""A slice ends after this time, well within its lease: a claim takes a few seconds at most."""
RETRY_AFTER: Final = timedelta(seconds=5)
"""Until a job is taken again whose claims could not be decided, such as without a database."""
MAX_ATTEMPTS: Final = 5
"""At a line that fails by an internal error; after them it is refused, and the file goes on."""
LONGEST_PAUSE_S: Final = 0.1
_READ: Final = 1 << 16
_HASHED: Final = 1 << 20
_TOO_LONG: Final = InvalidLine("too_long", "the line is longer than a claim may be", "send fewer lines in the claim")
_NOT_DECIDED: Final = (
    "not_decided",
    f"an internal error prevented a decision {MAX_ATTEMPTS} times",
    "look the claim up, and send it again if it was not stored; report the error if it repeats",
)

log = get_logger("bulk")


@dataclass(slots=True)
class _Slice:
    """What was done since the lease was taken."""

    offset: int
    line: int
    began: float
    accepted: int = 0
    refused: int = 0
    lines: int = 0
    sha256: str | None = None
    rejects: list[LineReject] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return self.lines >= SLICE_LINES or time.monotonic() - self.began > SLICE_S

    def result(self, status: BulkStatus, *, failure: str | None = None) -> SliceResult:
        return SliceResult(self.offset, self.line, self.accepted, self.refused, status, failure, self.sha256)


class BulkProcessor:
    """Submits the claims of uploaded files, in turns: a slice of the file that waits longest."""

    def __init__(self, database: Database, intake: Intake, *, longest_line: int) -> None:
        self._database = database
        self._intake = intake
        self._longest_line = longest_line
        self._failed: dict[str, tuple[int, int]] = {}
        """The line of a job that failed last, and how many times."""

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
            await self._submit(job, done)
            result = done.result("done" if done.offset == job.size else "running")
        except InvalidFile as error:
            result = done.result("failed", failure=str(error))
        except Exception as error:
            log.warning("bulk slice ended early", job_id=job.job_id, line=done.line, error=_cause(error))
            result, busy = done.result("running"), True
        now = clock.now()
        async with self._database.transaction() as connection:
            not_before = now + RETRY_AFTER if busy else now
            await repository.store_slice(
                connection, job.job_id, lease, result, done.rejects, now=now, not_before=not_before
            )
        return int(not busy)

    async def _submit(self, job: BulkJob, done: _Slice) -> None:
        """Submit the lines of a slice. Raises `InvalidFile`, and `_Undecided` where claims cannot be decided now."""
        async with self._database.reading() as connection:
            sender = await caller_of_key(connection, job.actor_id, clock.now())
        if sender is None:
            raise InvalidFile("the API key of the upload is no longer valid; upload the rest with another one")
        if job.next_offset == 0:
            done.sha256 = await self._verified(job)
        header = await self._header(job) if job.format == "csv" else []
        cutter = LineCutter(done.offset, done.line, self._longest_line)
        read = done.offset
        while read < job.size:
            content = await self._bytes(job, read, _READ)
            read += len(content)
            for line in cutter.feed(content):
                await self._take(job, sender, header, line, done)
                if done.is_full:
                    return
        for line in cutter.end():
            await self._take(job, sender, header, line, done)

    async def _take(self, job: BulkJob, sender: Caller, header: list[str], line: FileLine, done: _Slice) -> None:
        """Submit a line; raises `_Undecided`."""
        is_header = job.format == "csv" and line.number == 1
        if not is_header and (line.text is None or line.text.strip()):
            began = time.monotonic()
            reasons = await self._decided(job, sender, header, line)
            done.accepted += not reasons
            done.refused += bool(reasons)
            done.rejects += reasons
            # As long as the claim took: live claims have at least half of what decides claims.
            await asyncio.sleep(min(time.monotonic() - began, LONGEST_PAUSE_S))
        done.offset, done.line, done.lines = line.ends, line.number + 1, done.lines + 1

    async def _decided(self, job: BulkJob, sender: Caller, header: list[str], line: FileLine) -> list[LineReject]:
        """Why a line was refused; a line that fails again and again is refused, too. Raises `_Undecided`."""
        try:
            reasons = await self._line(job, sender, header, line)
        except _Undecided:
            raise
        except Exception as error:
            if is_temporary(error):
                raise _Undecided from error
            at, before = self._failed.get(job.job_id, (line.number, 0))
            attempts = before + 1 if at == line.number else 1
            # The type only: a message may repeat values of the claim.
            log.error("bulk line failed", job_id=job.job_id, line=line.number, attempts=attempts, error=_cause(error))
            if attempts < MAX_ATTEMPTS:
                self._failed[job.job_id] = line.number, attempts
                raise _Undecided from error
            reasons = [LineReject(line.number, 1, "", *_NOT_DECIDED)]
        self._failed.pop(job.job_id, None)
        return reasons

    async def _line(self, job: BulkJob, sender: Caller, header: list[str], line: FileLine) -> list[LineReject]:
        """Why a line was refused; empty: it was taken."""
        try:
            if line.text is None:
                raise _TOO_LONG
            body = claim_body(line.text, job.format, header)
        except InvalidLine as error:
            return [LineReject(line.number, 1, "", error.code, error.reason, error.remedy)]
        try:
            key = f"bulk {job.job_id} {line.number}"
            await submit_parsed(self._intake, sender, body, key, accepted_at=job.uploaded_at)
        except ApiError as error:
            if is_temporary(error):
                raise _Undecided from error
            if error.status >= InternalError.status:
                raise
            return [
                LineReject(line.number, place, *map(_printable, (one.field, one.code, one.reason, one.remedy)))
                for place, one in enumerate(refused_fields(error, by_number=False), start=1)
            ]
        return []

    async def _verified(self, job: BulkJob) -> str:
        """The hash of the file; raises `InvalidFile` where another one was announced."""
        digest, read = hashlib.sha256(), 0
        while read < job.size:
            content = await self._bytes(job, read, _HASHED)
            digest.update(content)
            read += len(content)
        if job.sha256 not in (None, digest.hexdigest()):
            raise InvalidFile("the file has another SHA-256 than announced; upload it again")
        return digest.hexdigest()

    async def _header(self, job: BulkJob) -> list[str]:
        """The columns, of the first line, which may lie in several chunks; raises `InvalidFile`."""
        start = b""
        while b"\n" not in start and len(start) < min(_READ, job.size):
            start += await self._bytes(job, len(start), _READ - len(start))
        first, mark, _ = start.partition(b"\n")
        if not mark and len(first) < job.size:
            raise InvalidFile("the first line is too long to be the header of a CSV file; use ndjson")
        return read_header(first.rstrip(b"\r"))

    async def _bytes(self, job: BulkJob, offset: int, most: int) -> bytes:
        """Bytes before the end of the file, at least one; raises `_Undecided` where the job was cancelled meanwhile."""
        async with self._database.reading() as connection:
            content = await repository.bytes_from(connection, job.job_id, offset, most)
        if not content:
            raise _Undecided
        return content


class _Undecided(Exception):
    """Claims cannot be decided now, or the bytes of the file were removed."""


def _printable(text: str) -> str:
    """A text that may have a name sent by the client, without its control characters and lone surrogates."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _cause(error: BaseException) -> str:
    return type(error.__cause__ or error).__name__
