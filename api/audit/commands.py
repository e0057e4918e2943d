"""Acts of the command line: stored in the home before the command begins, and in the audit log once it ended.

A command acts on files as well as on the database, and may be killed at any point, or run where no database does. So
its record is a file first (`audit-pending` in the home), which the command holds locked while it runs. It becomes a row
of the log when the command ends, or when a worker finds it unlocked
(`docs/adr/0265-commands-are-audited-by-one-table.md`).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from sqlalchemy import bindparam, select

from api.audit.records import COMMAND_LINE, FAILED, Subject
from api.audit.repository import row_of
from api.audit.tables import AuditRow
from api.database import DATABASE_FAILURES, OWN, Database, Query, acting_for, compiled, is_temporary
from api.request_context import PURPOSE_OF_ROLE, Actor
from core.durable_files import sync_folder, write_at
from core.logging import get_logger
from core.settings import Settings

log = get_logger("audit")

FOLDER: Final = "audit-pending"
"""In the home."""
ROLE: Final = "operator"
MAX_BYTES: Final = 65_536
"""Largest record of a command, in bytes of JSON; a larger file is not read."""
MAX_BYTES_AT_START: Final = MAX_BYTES // 2
"""Largest record of a command that begins; the rest is for what the command notes."""


class RecordTooLargeError(ValueError):
    """The record of a command would be too large to be read again."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the audit record of this command has {size:,} bytes, and at most {limit:,} are allowed")


class CommandRecord(BaseModel):
    """What a command does, by whom."""

    model_config = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")

    record_id: str = Field(pattern="^cmd_[0-9a-z]{26}$", description="In the log, the id of the request.")
    at: AwareDatetime
    act: str
    name: str = Field(description="Who is responsible: as stated, else the user of the system.")
    os_user: str = Field(description="The user of the system.")
    command: str = Field(description="The words that call it.")
    subject_kind: str | None = None
    subject_id: str | None = None
    outcome: str = FAILED
    details: dict[str, JsonValue] = Field(default_factory=dict)


class PendingCommand:
    """The record of a command that runs. Held by this process alone, until it is closed or the process ends."""

    def __init__(self, settings: Settings, record: CommandRecord) -> None:
        """Store the record; it is on disk when this returns.

        Raises `RecordTooLargeError`, and `OSError`; nothing is left of the record then.
        """
        folder = _folder(settings)
        text = _json(record, MAX_BYTES_AT_START)
        self._made = [one for one in (folder, folder.parent) if not one.exists()]
        self._path = folder / f"{record.record_id}.json"
        self._descriptor: int | None = None
        self._size = 0
        try:
            try:
                self._descriptor = self._open()
            except FileNotFoundError:  # another command removed the empty folder
                self._descriptor = self._open()
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self._write(text)
            for changed in {folder, *(one.parent for one in self._made)}:
                sync_folder(changed)
        except BaseException:
            with suppress(OSError):  # what has failed first counts
                self.drop()
            raise

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def replace(self, record: CommandRecord) -> None:
        """Store what is known of the command now. Raises as the constructor; the record stays as it was then."""
        text = _json(record, MAX_BYTES)
        assert self._descriptor is not None
        before = os.pread(self._descriptor, self._size, 0)
        try:
            self._write(text)
        except OSError:
            with suppress(OSError):  # the blocks of the earlier text are there
                os.ftruncate(self._descriptor, len(before))
                write_at(self._descriptor, before, 0)
            self._size = len(before)
            raise

    def _write(self, text: bytes) -> None:
        """In one write over the whole earlier text: killed at any point, no rest of that text follows this one."""
        assert self._descriptor is not None
        write_at(self._descriptor, text.ljust(self._size), 0)
        self._size = max(self._size, len(text))
        os.fsync(self._descriptor)

    def drop(self) -> None:
        """Remove the record of a command that was refused before it did anything, and folders made for it."""
        try:
            if self._descriptor is not None:
                self._path.unlink(missing_ok=True)
        finally:
            self.close()
        for folder in self._made:
            with suppress(OSError):  # something else is in it now
                folder.rmdir()

    def close(self) -> None:
        """Leave the record to a worker or a later command."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class CommandRecords:
    """Stores the records of commands that ended, in the log of a database."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._folder = _folder(settings)
        self._refused: set[str] = set()

    async def step(self) -> int:
        """Store each record that no command holds, once; returns their number.

        A record that cannot be read or stored is logged once, and stays; those after it are stored. Raises what the
        database raises where it is unavailable.
        """
        stored = 0
        for path in sorted(self._folder.glob("cmd_*.json")):
            try:
                with _ended(path) as record:
                    if record is None:
                        continue
                    await self._store(record)
                    path.unlink(missing_ok=True)
            except (OSError, ValidationError, RecordTooLargeError) as error:
                self._refuse("the record of a command cannot be read", path, error)
            except DATABASE_FAILURES as error:
                if is_temporary(error):
                    raise
                self._refuse("the record of a command cannot be stored", path, error)
            else:
                stored += 1
        return stored

    async def _store(self, record: CommandRecord) -> None:
        with acting_for(OWN):
            async with self._database.deciding() as connection:
                (is_stored,) = await connection.fetch(_is_stored(record))
                if not is_stored:
                    await connection.finish(_row(record))

    def _refuse(self, message: str, path: Path, error: Exception) -> None:
        if path.name not in self._refused:  # once, not at each step
            log.error(message, file=path.name, problem=type(error).__name__)
        self._refused.add(path.name)


@contextmanager
def _ended(path: Path) -> Iterator[CommandRecord | None]:
    """The record in a file, locked meanwhile; `None`: its command runs, or another process has stored it.

    Raises `OSError`, and `ValidationError` or `RecordTooLargeError` where it is no record.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        size = os.fstat(descriptor).st_size
        if size > MAX_BYTES:
            raise RecordTooLargeError(size, MAX_BYTES)
        text = os.read(descriptor, MAX_BYTES)
        # Empty: between the two calls by which its command makes and locks it.
        yield CommandRecord.model_validate_json(text) if text and path.exists() else None
    finally:
        os.close(descriptor)


def _folder(settings: Settings) -> Path:
    return settings.home.absolute() / FOLDER


def _json(record: CommandRecord, limit: int) -> bytes:
    text = record.model_dump_json().encode()
    if len(text) > limit:
        raise RecordTooLargeError(len(text), limit)
    return text


_STORED = compiled(
    select(AuditRow.audit_id).where(AuditRow.at == bindparam("at"), AuditRow.request_id == bindparam("record_id"))
)


def _is_stored(record: CommandRecord) -> Query[bool]:
    return Query(_STORED, {"at": record.at, "record_id": record.record_id}, bool)


def _row(record: CommandRecord) -> Query[None]:
    subject = None
    if record.subject_kind is not None and record.subject_id is not None:
        subject = Subject(record.subject_kind, record.subject_id)
    return row_of(
        actor=Actor(COMMAND_LINE, record.name, ROLE),
        act=record.act,
        claim_id=None,
        details={**record.details, "os_user": record.os_user},
        at=record.at,
        subject=subject,
        outcome=record.outcome,
        purpose=PURPOSE_OF_ROLE[ROLE],
        request_id=record.record_id,
        address=None,
        agent=f"ginja {record.command}",
        change=None,
    )
