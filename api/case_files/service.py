"""Adding files to cases, reading and withdrawing them. Each is recorded before it is answered."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit, cases
from api.antivirus import Clamd, NotScanned, ScanTooLarge
from api.audit import Subject
from api.case_files import repository
from api.case_files.form import FileForm
from api.case_files.media_types import WrongContent, media_type_of
from api.case_files.records import (
    MAX_FILES,
    MAX_NAME,
    MAX_SOURCE,
    CaseFile,
    CaseFileAccess,
    CaseFileScan,
    CaseFileWithdrawal,
    NewCaseFile,
)
from api.database import Database, fetch
from api.errors import BatchQueueFull, Conflict, Invalid, NotFound
from api.field_keys import FieldKeys
from api.fields import parse_day
from api.identity import Caller
from claims.service_days import receipt_day
from core import clock
from core.errors import DecryptionError
from core.ids import new_id
from core.logging import get_logger
from core.settings import Settings

log = get_logger("case files")

MAX_RECEIVING: Final = 4
"""Files that a process receives at a time; each is in memory until it is stored."""
SCAN_S: Final = 10.0
"""For the scan of a file while its sender waits; later scans have longer."""
MAX_ACCESSES: Final = 10_000
"""Accesses that are listed: the latest."""
READ: Final = "case.read_file"
NO_FILE: Final = "file not found; `GET /v1/cases/{case_id}/files` lists those of a case"


@dataclass(frozen=True, slots=True)
class ReadCaseFile:
    """A file whose access is recorded, and its content."""

    file: CaseFile
    content: AsyncIterator[bytes]


class CaseFiles:
    """The files of cases."""

    def __init__(self, database: Database, keys: FieldKeys, settings: Settings) -> None:
        self._database = database
        self._keys = keys
        self._zone = settings.zone
        self._scanner = None if settings.clamd_url is None else Clamd(settings.clamd_url, deadline_s=SCAN_S)
        self._receiving = 0
        self.most = settings.largest_case_file
        """Bytes of the largest file."""

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """A place to receive a file and to add it: as many as there are bound the memory. Raises `BatchQueueFull`."""
        if self._receiving >= MAX_RECEIVING:
            raise BatchQueueFull(f"{MAX_RECEIVING} files are being received; retry it")
        self._receiving += 1
        try:
            yield
        finally:
            self._receiving -= 1

    async def require_open(self, case_id: str) -> None:
        """Raise `NotFound` or `Conflict` for a case that takes no file, before one is received."""
        if not (await cases.case(self._database, case_id)).is_open:
            raise Conflict(f"case {case_id} is closed; reopen it first")

    async def add(self, caller: Caller, case_id: str, new: NewCaseFile) -> CaseFile:
        """Add a file to an open case, with its event, in one transaction: all of it is stored, or nothing.

        A file of which the antivirus scanner does not say whether it finds something is stored and waits for it.
        Raises `Forbidden`, `NotFound`, `Conflict`; `Invalid` also for a content that is not what the name says, or in
        which the scanner finds something.
        """
        cases.require_worker(caller)
        _check(new, receipt_day(clock.now(), self._zone).isoformat())
        try:
            media_type, digest = await asyncio.to_thread(_read, new)
        except WrongContent as error:
            raise Invalid.field("file", str(error)) from None
        async with self._database.reading() as connection:
            await self._require_place(connection, case_id, new.task_id)
        scan = await self._scan(caller, case_id, new, digest)
        file = CaseFile(
            file_id=new_id("cfl"),
            case_id=case_id,
            task_id=new.task_id,
            name=new.name,
            obtained_from=new.obtained_from,
            obtained_on=new.obtained_on,
            media_type=media_type,
            size=len(new.content),
            sha256=digest,
            added_at=clock.now(),
            added_by=caller.actor_id,
            added_name=caller.name,
            withdrawal=None,
            scan=scan,
            accesses=(),
        )
        details: dict[str, JsonValue] = {
            "file_id": file.file_id,
            "sha256": digest,
            "size": file.size,
            "media_type": media_type,
            "obtained_on": file.obtained_on.isoformat(),
            "task_id": file.task_id,
        }
        async with self._database.transaction() as connection:
            await cases.lock_open_case(connection, case_id)
            await self._require_place(connection, case_id, new.task_id)
            await repository.add_file(connection, self._keys, file, new.content)
            text = f"{file.name}, obtained from {file.obtained_from}"
            await cases.add_event(connection, self._keys, caller, case_id, "case.add_file", details, text=text)
        return file

    async def files_of(self, case_id: str) -> list[CaseFile]:
        """The files of a case, the oldest first, withdrawn ones among them. Raises `NotFound`."""
        await cases.case(self._database, case_id)
        async with self._database.reading() as connection:
            return await repository.files_of_case(
                connection, self._keys, case_id, limit=MAX_FILES, accesses=MAX_ACCESSES
            )

    async def file(self, case_id: str, file_id: str) -> CaseFile:
        """A file without its content. Raises `NotFound`."""
        async with self._database.reading() as connection:
            found = await repository.files_of_case(
                connection, self._keys, case_id, file_id=file_id, limit=1, accesses=MAX_ACCESSES
            )
        if not found:
            raise NotFound(NO_FILE)
        return found[0]

    async def open(self, caller: Caller, case_id: str, file_id: str) -> ReadCaseFile:
        """A file to be sent, whose access is recorded, and whose content has its SHA-256.

        Raises `NotFound`; `Conflict` where the antivirus scanner has not read it or has found something;
        `DecryptionError` where what is stored was changed.
        """
        found = await self.file(case_id, file_id)
        if found.scan is not None and found.scan.signature is not None:
            raise Conflict(f"the antivirus scanner found {found.scan.signature} in the file; it is kept and not sent")
        if self._scanner is not None and found.scan is None:
            raise Conflict("the file waits for the antivirus scanner; try again later")
        digest = hashlib.sha256()
        async for part in self.content(found):
            digest.update(part)
        if digest.hexdigest() != found.sha256:
            raise DecryptionError(f"case_file_parts.content of {file_id}: its SHA-256 is not that of the file")
        access = CaseFileAccess(file_id, clock.now(), caller.actor_id, caller.name, caller.role)
        details: dict[str, JsonValue] = {"file_id": file_id, "sha256": found.sha256}
        async with self._database.transaction() as connection:
            await repository.add_access(connection, access)
            row = audit.record(caller, READ, None, details, access.at, subject=Subject("case", case_id))
            await fetch(connection, row)
        return ReadCaseFile(found, self.content(found))

    async def withdraw(self, caller: Caller, case_id: str, file_id: str, reason: str) -> CaseFile:
        """Withdraw a file from an open case: it stays, with the reason, and does not count any more.

        Raises `Forbidden`, `NotFound`, `Conflict`, also where it is withdrawn already, and `Invalid`.
        """
        cases.require_worker(caller)
        cases.check_text("reason", reason)
        async with self._database.transaction() as connection:
            await cases.lock_open_case(connection, case_id)
            found = await repository.files_of_case(
                connection, self._keys, case_id, file_id=file_id, limit=1, accesses=0
            )
            if not found:
                raise NotFound(NO_FILE)
            if found[0].withdrawal is not None:
                raise Conflict("the file is withdrawn; its record says why")
            withdrawal = CaseFileWithdrawal(clock.now(), caller.actor_id, caller.name, reason)
            await repository.add_withdrawal(connection, self._keys, file_id, withdrawal)
            details: dict[str, JsonValue] = {"file_id": file_id, "sha256": found[0].sha256}
            await cases.add_event(connection, self._keys, caller, case_id, "case.withdraw_file", details, text=reason)
        return await self.file(case_id, file_id)

    def content(self, file: CaseFile) -> AsyncIterator[bytes]:
        """The content of a file, in parts. Raises as `repository.content_of` does."""
        return repository.content_of(self._database, self._keys, file.file_id, file.size)

    async def _require_place(self, connection: AsyncConnection, case_id: str, task_id: str | None) -> None:
        if await repository.count_files(connection, case_id) >= MAX_FILES:
            raise Conflict(f"the case has {MAX_FILES} files, and gets no more; put further records into one PDF")
        if task_id is not None and not await repository.has_records_request(connection, case_id, task_id):
            raise Invalid.field("task_id", "must be the id of a records request of the case, or be left out")

    async def _scan(self, caller: Caller, case_id: str, new: NewCaseFile, digest: str) -> CaseFileScan | None:
        """What the scanner says; None: nothing yet, or there is none. Raises `Invalid` where it finds something."""
        if self._scanner is None:
            return None
        try:
            signature = await self._scanner.scan(_pieces(new.content))
        except ScanTooLarge:
            raise Invalid.field("file", "is larger than what the antivirus scanner takes; split it") from None
        except NotScanned as error:
            log.warning("file of a case waits for the antivirus scanner", case_id=case_id, error=str(error))
            return None
        if signature is not None:
            details: dict[str, JsonValue] = {"signature": signature, "size": len(new.content), "sha256": digest}
            refused = audit.record(
                caller, "case.refuse_infected_file", None, details, clock.now(), subject=Subject("case", case_id)
            )
            async with self._database.transaction() as connection:
                await fetch(connection, refused)
            raise Invalid.field("file", f"the antivirus scanner found {signature} in it; it was not stored")
        return CaseFileScan(clock.now(), None)


def new_file(form: FileForm, *, also: frozenset[str] = frozenset()) -> NewCaseFile:
    """A file from its form, which has the fields `also` beside its own.

    Raises `Invalid` for what is missing or not as it must be.
    """
    fields = {name: value.strip() for name, value in form.fields.items()}
    unknown = sorted(set(fields) - {"obtained_from", "obtained_on", "task_id"} - also)
    if unknown:
        raise Invalid.field(unknown[0][:64] or "body", "is not a field of this form; see /docs for the fields")
    if form.file_name is None:
        raise Invalid.field("file", "is required")
    try:
        day = parse_day(fields.get("obtained_on", ""))
    except ValueError as error:
        raise Invalid.field("obtained_on", str(error)) from None
    # Browsers of old send the path on their own machine, too.
    name = form.file_name.replace("\\", "/").rpartition("/")[2]
    return NewCaseFile(name, fields.get("obtained_from", ""), day, fields.get("task_id") or None, bytes(form.content))


def _check(new: NewCaseFile, today: str) -> None:
    if not new.name.strip() or len(new.name) > MAX_NAME or not new.name.isprintable():
        raise Invalid.field("file", f"must have a name of 1 to {MAX_NAME} characters on one line")
    if not new.obtained_from or len(new.obtained_from) > MAX_SOURCE or not new.obtained_from.isprintable():
        raise Invalid.field(
            "obtained_from", f"must be the person or institution that gave it: 1 to {MAX_SOURCE} characters on one line"
        )
    if new.obtained_on.isoformat() > today:
        raise Invalid.field("obtained_on", "must not be in the future")


def _read(new: NewCaseFile) -> tuple[str, str]:
    """Media type and SHA-256."""
    return media_type_of(new.name, new.content), hashlib.sha256(new.content).hexdigest()


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for begins in range(0, len(content), repository.PART):
        yield content[begins : begins + repository.PART]
