"""The worker's part: claims of uploaded files are submitted one by one, each under a key of its job and line.

Claims of X12 files have the keys of `POST /v1/x12/837`, and are read a transaction set at a time.

A worker leases a job for a slice of it, and stores counts, rejects and the place in the file in one transaction when
the slice is done. If it is killed before, the lease ends and the slice is submitted again: claims that were taken are
repeated by their keys. A worker whose lease was taken over stores nothing. Whatever ends a slice early, what was done
before is stored.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.antivirus import Clamd, NotScanned, ScanTooLarge
from api.audit import Subject
from api.bulk import repository
from api.bulk.lines import FileLine, InvalidFile, InvalidLine, LineCutter, claim_body, read_header
from api.bulk.records import BulkJob, LineReject
from api.bulk.slices import Slice, UndecidedClaims
from api.bulk.x12_parts import FilePart, next_part, position_of, rejects_of, stored_position
from api.database import Database, fetch, is_temporary
from api.edi import take_claim
from api.errors import ApiError, InternalError
from api.field_keys import FieldKeys
from api.identity import Caller
from api.intake import Intake, refused_fields, submit_parsed
from api.users import caller_of_actor
from core import clock
from core.ids import new_id
from core.logging import get_logger
from formats.x12 import EnvelopePosition, InvalidX12, X12Claim

LEASE: Final = timedelta(seconds=60)
RETRY_AFTER: Final = timedelta(seconds=5)
"""Until a job is taken again whose claims could not be decided, such as without a database."""
LONGEST_RETRY_AFTER: Final = timedelta(minutes=10)
"""The same for a file that gets no answer from the antivirus scanner: it waits twice as long each time, so that
scans that end at their deadline leave the worker to other files."""
MAX_ATTEMPTS: Final = 5
"""At a line that fails by an internal error; after them it is refused, and the file goes on."""
LONGEST_PAUSE_S: Final = 0.1
WINDOW: Final = 1 << 18
"""Bytes of an X12 file that are read at first for its next transaction set; twice as many while it goes on."""
LONGEST_SET: Final = 1 << 23
"""Bytes of a transaction set: one is read as a whole, as its last segment says whether it is complete."""
_READ: Final = 1 << 16
_HASHED: Final = 1 << 20
_TOO_LONG: Final = InvalidLine("too_long", "the line is longer than a claim may be", "send fewer lines in the claim")
_NOT_DECIDED: Final = (
    "not_decided",
    f"an internal error prevented a decision {MAX_ATTEMPTS} times",
    "look the claim up, and send it again if it was not stored; report the error if it repeats",
)

log = get_logger("bulk")


class InfectedFile(InvalidFile):
    """The antivirus scanner found something in the file."""

    def __init__(self, signature: str, sender: Caller) -> None:
        super().__init__(
            f"the antivirus scanner found {signature} in the file; it was deleted and no claim of it was submitted: "
            "check the system that made it"
        )
        self.signature = signature
        self.sender = sender


class BulkProcessor:
    """Submits the claims of uploaded files, in turns: a slice of the file that waits longest."""

    def __init__(
        self, database: Database, intake: Intake, keys: FieldKeys, *, longest_line: int, scanner: Clamd | None
    ) -> None:
        """`scanner` reads each file before its claims are read; `None`: files are not scanned."""
        self._scanner = scanner
        self._database = database
        self._keys = keys
        self._intake = intake
        self._longest_line = longest_line
        self._failed: dict[str, tuple[int, int]] = {}
        """The line of a job that failed last, and how many times."""
        self._unscanned: dict[str, timedelta] = {}
        """How long a job waits whose file was not scanned; from the shortest pause again after a restart."""
        self._latest: tuple[tuple[str, int], FilePart] | None = None
        """The part of an X12 file that was read last, with its job and offset: most slices continue in it."""

    async def work(self) -> int:
        """Submit a slice of a file; returns 0 if there was none, or if claims cannot be decided now."""
        lease, now = new_id("lse"), clock.now()
        async with self._database.transaction() as connection:
            job = await repository.take_job(connection, lease, now, now + LEASE)
        if job is None:
            return 0
        done = Slice(job.next_offset, job.next_line, time.monotonic(), position=job.position)
        busy, infected = False, None
        try:
            await self._submit(job, done)
            result = done.result("done" if done.ended else "running")
        except InvalidFile as error:
            result = done.result("failed", failure=str(error))
            infected = error if isinstance(error, InfectedFile) else None
        except Exception as error:
            log.warning("bulk slice ended early", job_id=job.job_id, line=done.line, error=_cause(error))
            result, busy = done.result("running"), True
        now = clock.now()
        async with self._database.transaction() as connection:
            not_before = now + self._unscanned.get(job.job_id, RETRY_AFTER) if busy else now
            is_stored = await repository.store_slice(
                connection, job.job_id, lease, result, done.rejects, now=now, not_before=not_before
            )
            if is_stored and infected is not None:
                await _record(connection, job, infected)
        return int(not busy)

    async def _submit(self, job: BulkJob, done: Slice) -> None:
        """Submit claims of a slice. Raises `InvalidFile`, and `UndecidedClaims` where none can be decided now."""
        async with self._database.reading() as connection:
            sender = await caller_of_actor(connection, job.actor_id, clock.now())
        if sender is None:
            raise InvalidFile("the API key or user of the upload is no longer valid; upload the rest with another one")
        if job.next_offset == 0:
            await self._scan(job, sender)
            done.sha256 = await self._verified(job)
        if job.format == "x12":
            await self._submit_sets(job, sender, done)
        else:
            await self._submit_lines(job, sender, done)

    async def _submit_lines(self, job: BulkJob, sender: Caller, done: Slice) -> None:
        header = await self._header(job) if job.format == "csv" else []
        cutter = LineCutter(done.offset, done.line, self._longest_line)
        read = done.offset
        while read < job.size:
            content = await self._bytes(job, read, _READ)
            read += len(content)
            for line in cutter.feed(content):
                await self._take_line(job, sender, header, line, done)
                if done.is_full:
                    return
        for line in cutter.end():
            await self._take_line(job, sender, header, line, done)

    async def _take_line(self, job: BulkJob, sender: Caller, header: list[str], line: FileLine, done: Slice) -> None:
        """Submit a line; raises `UndecidedClaims`."""
        is_header = job.format == "csv" and line.number == 1
        if not is_header and (line.text is None or line.text.strip()):
            await self._take(job, line.number, partial(self._line, job, sender, header, line), done)
        done.offset, done.line, done.lines = line.ends, line.number + 1, done.lines + 1
        done.ended = line.ends == job.size

    async def _submit_sets(self, job: BulkJob, sender: Caller, done: Slice) -> None:
        """Submit claims of transaction sets; those of a set that are before `line` were submitted by earlier slices."""
        while not done.ended and not done.is_full:
            part = await self._part(job, position_of(done.position))
            for one in part.claims:
                number = one.claim.place.number
                if number < done.line:
                    continue
                await self._take(job, number, partial(self._claim, job, sender, one.claim), done)
                done.offset, done.line, done.lines = one.ends, number + 1, done.lines + 1
                if done.is_full:
                    return
            done.rejects += rejects_of(part.problems)
            done.offset, done.line = part.after.offset, part.after.number + 1
            done.position, done.ended = stored_position(part.after), part.is_last
        if done.ended:
            done.offset, self._latest = job.size, None

    async def _part(self, job: BulkJob, position: EnvelopePosition) -> FilePart:
        """The next part of an X12 file; raises `InvalidFile`, `UndecidedClaims`."""
        key = (job.job_id, position.offset)
        if self._latest is not None and self._latest[0] == key:
            return self._latest[1]
        content, window = b"", WINDOW
        while True:
            while len(content) < window and position.offset + len(content) < job.size:
                content += await self._bytes(job, position.offset + len(content), window - len(content))
            is_rest = position.offset + len(content) == job.size
            try:
                # In a thread: the worker's other work goes on meanwhile.
                part = await asyncio.to_thread(next_part, content, position, is_rest=is_rest)
            except InvalidX12 as error:
                raise InvalidFile(f"{error}; send an interchange from its ISA to its IEA segment") from None
            if part is not None:
                self._latest = key, part
                return part
            if window >= LONGEST_SET:
                raise InvalidFile(
                    f"the transaction set after segment {position.number} has more than {LONGEST_SET} bytes; divide it "
                    "into sets of at most 5,000 claims, as the 837 guides recommend; claims before it were submitted"
                )
            window *= 2

    async def _claim(self, job: BulkJob, sender: Caller, claim: X12Claim) -> list[LineReject]:
        """Why a claim of an X12 file was refused; empty: it was taken, now or before."""
        try:
            taken = await take_claim(claim, self._intake, sender, accepted_at=job.uploaded_at)
        except ApiError as error:
            if is_temporary(error):
                raise UndecidedClaims from error
            raise
        reasons = [(str(one.place), one.code, one.reason, one.remedy) for one in taken.answer.reasons]
        return [LineReject(claim.place.number, place, *one) for place, one in enumerate(reasons, start=1)]

    async def _take(
        self, job: BulkJob, number: int, submit: Callable[[], Awaitable[list[LineReject]]], done: Slice
    ) -> None:
        """Submit a claim, and wait as long as it took: live claims have at least half of what decides claims."""
        began = time.monotonic()
        done.count(await self._decided(job, number, submit))
        await asyncio.sleep(min(time.monotonic() - began, LONGEST_PAUSE_S))

    async def _decided(
        self, job: BulkJob, number: int, submit: Callable[[], Awaitable[list[LineReject]]]
    ) -> list[LineReject]:
        """Why a claim was refused; one that fails again and again is refused, too. Raises `UndecidedClaims`."""
        try:
            reasons = await submit()
        except UndecidedClaims:
            raise
        except Exception as error:
            if is_temporary(error):
                raise UndecidedClaims from error
            at, before = self._failed.get(job.job_id, (number, 0))
            attempts = before + 1 if at == number else 1
            # The type only: a message may repeat values of the claim.
            log.error("bulk line failed", job_id=job.job_id, line=number, attempts=attempts, error=_cause(error))
            if attempts < MAX_ATTEMPTS:
                self._failed[job.job_id] = number, attempts
                raise UndecidedClaims from error
            reasons = [LineReject(number, 1, "", *_NOT_DECIDED)]
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
                raise UndecidedClaims from error
            if error.status >= InternalError.status:
                raise
            return [
                LineReject(line.number, place, *map(_printable, (one.field, one.code, one.reason, one.remedy)))
                for place, one in enumerate(refused_fields(error, by_number=False), start=1)
            ]
        return []

    async def _scan(self, job: BulkJob, sender: Caller) -> None:
        """Raises `InfectedFile`, and `UndecidedClaims` while the scanner says nothing: the file waits for it."""
        if self._scanner is None:
            return
        try:
            signature = await self._scanner.scan(self._content(job))
        except ScanTooLarge:
            self._unscanned.pop(job.job_id, None)
            raise InvalidFile(
                "the file is larger than what the antivirus scanner takes, and no claim of it was submitted: upload it "
                "in smaller files, or have the operator raise clamd's StreamMaxLength to GINJA_CLAMD_MAX_BYTES"
            ) from None
        except NotScanned as error:
            before = self._unscanned.get(job.job_id)
            pause = RETRY_AFTER if before is None else min(2 * before, LONGEST_RETRY_AFTER)
            self._unscanned[job.job_id] = pause
            log.warning(
                "file waits for the antivirus scanner", job_id=job.job_id, pause=pause.total_seconds(), error=str(error)
            )
            raise UndecidedClaims from error
        self._unscanned.pop(job.job_id, None)
        if signature is not None:
            raise InfectedFile(signature, sender)

    async def _content(self, job: BulkJob) -> AsyncIterator[bytes]:
        """The bytes of the file, in pieces."""
        read = 0
        while read < job.size:
            content = await self._bytes(job, read, _HASHED)
            yield content
            read += len(content)

    async def _verified(self, job: BulkJob) -> str:
        """The hash of the file; raises `InvalidFile` where another one was announced."""
        digest = hashlib.sha256()
        async for content in self._content(job):
            digest.update(content)
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
        """Bytes before the end of the file, at least one; raises `UndecidedClaims` where the job was cancelled."""
        async with self._database.reading() as connection:
            content = await repository.bytes_from(connection, self._keys, job.job_id, offset, most)
        if not content:
            raise UndecidedClaims
        return content


async def _record(connection: AsyncConnection, job: BulkJob, infected: InfectedFile) -> None:
    """The audit row of a file that was deleted, in the name of its sender."""
    details: dict[str, JsonValue] = {"signature": infected.signature, "size": job.size}
    subject = Subject("bulk_job", job.job_id)
    await fetch(
        connection, audit.record(infected.sender, "bulk.refuse_infected", None, details, clock.now(), subject=subject)
    )


def _printable(text: str) -> str:
    """A text that may have a name sent by the client, without its control characters and lone surrogates."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _cause(error: BaseException) -> str:
    return type(error.__cause__ or error).__name__
