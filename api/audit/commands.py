"""Acts of the command line: stored in the home before the command begins, and in the audit log once it ended.

A command acts on files as well as on the database, and may be killed at any point, or run where no database does. So
its record is a file first (`audit-pending` in the home), which the command holds locked while it runs. It becomes a row
of the log when the command ends, or when a worker finds it unlocked
(`docs/adr/0265-commands-are-audited-by-one-table.md`).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from sqlalchemy import bindparam, select

from api.audit.records import FAILED, Subject
from api.audit.repository import row_of
from api.audit.tables import AuditRow
from api.database import OWN, Database, Query, acting_for, compiled
from api.request_context import PURPOSE_OF_ROLE, Actor
from core.logging import get_logger
from core.settings import Settings

log = get_logger("audit")

FOLDER: Final = "audit-pending"
"""In the home."""
COMMAND_LINE: Final = "command line"
"""The id of the actor."""
ROLE: Final = "operator"
_MAX_BYTES: Final = 65_536


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
        """Store the record; it is on disk when this returns. Raises `OSError`."""
        folder = _folder(settings)
        self._made = [one for one in (folder, folder.parent) if not one.exists()]
        self._path = folder / f"{record.record_id}.json"
        try:
            self._descriptor = self._open()
        except FileNotFoundError:  # another command removed the empty folder
            self._descriptor = self._open()
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self.replace(record)

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def replace(self, record: CommandRecord) -> None:
        """Store what is known of the command now. Raises `OSError`."""
        text = record.model_dump_json().encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))
        os.fsync(self._descriptor)

    def drop(self) -> None:
        """Remove the record of a command that was refused before it did anything, and folders made for it."""
        self._path.unlink(missing_ok=True)
        self.close()
        for folder in self._made:
            with suppress(OSError):  # something else is in it now
                folder.rmdir()

    def close(self) -> None:
        """Leave the record to a worker or a later command."""
        os.close(self._descriptor)


class CommandRecords:
    """Stores the records of commands that ended, in the log of a database."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._folder = _folder(settings)

    async def step(self) -> int:
        """Store each record that no command holds, once; returns their number. Raises what the database raises."""
        stored = 0
        for path, record in self._ended():
            with acting_for(OWN):
                async with self._database.deciding() as connection:
                    (is_stored,) = await connection.fetch(_is_stored(record))
                    if not is_stored:
                        await connection.finish(_row(record))
            path.unlink(missing_ok=True)
            stored += 1
        return stored

    def _ended(self) -> Iterator[tuple[Path, CommandRecord]]:
        for path in sorted(self._folder.glob("cmd_*.json")):
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:  # stored by another process
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                record = CommandRecord.model_validate_json(os.read(descriptor, _MAX_BYTES))
                if path.exists():
                    yield path, record
            except BlockingIOError:  # the command runs
                continue
            except ValidationError:
                log.error("the record of a command cannot be read", file=path.name)
            finally:
                os.close(descriptor)


def _folder(settings: Settings) -> Path:
    return settings.home.absolute() / FOLDER


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
