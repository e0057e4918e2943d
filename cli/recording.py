"""Rows of the audit log for commands: who called which, about what, with which outcome."""

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from cli.audited import AuditedCommand
from cli.errors import failure_of
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from pydantic import JsonValue

    from api.audit import CommandRecord, PendingCommand

_REFUSED = frozenset((ExitCode.DATA_REFUSED, ExitCode.MODEL_REFUSED))


@dataclass(slots=True)
class _Notes:
    subject: tuple[str, str] | None = None
    details: "dict[str, JsonValue]" = field(default_factory=dict)


_NOTES: ContextVar[_Notes | None] = ContextVar("notes of the command", default=None)


def note(kind: str | None = None, subject_id: str | None = None, **details: "JsonValue") -> None:
    """State for the row of the current command what it is about, and more of it; no personal data."""
    notes = _NOTES.get()
    if notes is None:
        return
    if kind is not None and subject_id is not None:
        notes.subject = (kind, subject_id)
    notes.details |= details


@contextmanager
def recording(path: str, declared: AuditedCommand, params: Mapping[str, object]) -> Iterator[None]:
    """Record the command that runs in this block: on disk before it begins, in the log when it ended.

    A command that is refused for what it was called with leaves nothing. Raises `click.ClickException` where the record
    cannot be stored: the command does not begin then. How the command ended never changes by what follows: where the
    outcome cannot be recorded, the command counts as interrupted, and the error stream says so.
    """
    from api.audit import PendingCommand, RecordTooLargeError
    from core.settings import settings

    record = _record(path, declared, params)
    try:
        pending = PendingCommand(settings(), record)
    except RecordTooLargeError as error:
        raise click.UsageError(f"{error}; shorten the values of its options. Nothing was done.") from None
    except OSError as error:
        raise click.ClickException(
            f"The audit record of this command cannot be stored in {settings().home}: {error.strerror}. "
            "Nothing was done."
        ) from None
    notes = _Notes()
    token = _NOTES.set(notes)
    try:
        try:
            yield
        except BaseException as error:
            outcome = _outcome_of(error)
            if outcome is None:
                _drop(pending)
            else:
                _finish(pending, record, notes, outcome)
            raise
        _finish(pending, record, notes, "success")
    finally:
        _NOTES.reset(token)


def _record(path: str, declared: AuditedCommand, params: Mapping[str, object]) -> "CommandRecord":
    from api.audit import CommandRecord
    from core import clock, ids

    details = {name: _plain(params[name]) for name in declared.details if params[name] not in (None, False, ())}
    subject_id = None if declared.parameter is None else params[declared.parameter]
    return CommandRecord(
        record_id=ids.new_id("cmd"),
        at=clock.now(),
        act=declared.act,
        name=_text(str(params.get("by") or getpass.getuser())),
        os_user=_text(getpass.getuser()),
        command=path,
        subject_kind=None if subject_id is None else declared.kind,
        subject_id=None if subject_id is None else _text(str(subject_id)),
        details={**details, "interrupted": True},
    )


def _finish(pending: "PendingCommand", record: "CommandRecord", notes: _Notes, outcome: str) -> None:
    details = {name: value for name, value in record.details.items() if name != "interrupted"}
    kind, subject_id = notes.subject or (record.subject_kind, record.subject_id)
    noted = {"details": details | notes.details, "subject_kind": kind, "subject_id": subject_id}
    try:
        try:
            pending.replace(record.model_copy(update={"outcome": outcome, **noted}))
        except ValueError:  # too large, or no JSON
            omitted = {**details, "notes_omitted": True}
            pending.replace(record.model_copy(update={"outcome": outcome, "details": omitted}))
    except (OSError, ValueError) as error:
        _warn("the outcome of this command could not be recorded; the audit log shows it as interrupted", error)
    finally:
        _close(pending)
    try:
        _store()
    except (Exception, KeyboardInterrupt) as error:  # nothing of it may replace how the command ended
        _warn("the audit record of this command is not in the log yet; a worker or a later command stores it", error)


def _drop(pending: "PendingCommand") -> None:
    try:
        pending.drop()
    except OSError as error:
        _warn("the audit record of this command could not be removed; the audit log shows it as interrupted", error)


def _close(pending: "PendingCommand") -> None:
    with suppress(OSError):  # of an earlier write, which was flushed; the descriptor is released all the same
        pending.close()


def _warn(message: str, error: BaseException) -> None:
    why = getattr(error, "strerror", None) or type(error).__name__
    with suppress(OSError, ValueError):  # the error stream is closed
        click.echo(f"Warning: {message} ({why}).", err=True)


def _store() -> None:
    """Store what ended in the log, where a database runs; otherwise a worker or a later command does.

    Where it fails, the records stay on disk. Raises what has another cause than an unavailable database.
    """
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    import psycopg
    from sqlalchemy.exc import SQLAlchemyError

    from api.audit import CommandRecords
    from api.database import Database
    from core.servers import running_postgres_url
    from core.settings import settings

    own = settings()
    url = running_postgres_url(own)
    if url is None:
        return

    async def store() -> None:
        database = Database(url, pool_size=1)
        try:
            await CommandRecords(database, own).step()
        finally:
            await database.close()

    # In a thread of its own: in a notebook an event loop runs already. An unavailable database is no news.
    with suppress(OSError, psycopg.Error, SQLAlchemyError), ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, store()).result()


def _outcome_of(error: BaseException) -> str | None:
    """The outcome in the log; `None`: nothing was done."""
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else ExitCode.OK if error.code is None else ExitCode.FAILED
    elif isinstance(error, Exception):
        failure = failure_of(error)
        code = ExitCode.FAILED if failure is None else failure.exit_code
    else:
        code = ExitCode.INTERRUPTED
    if code == ExitCode.OK:
        return "success"
    if code == ExitCode.USAGE:
        return None
    return "denied" if code in _REFUSED else "failed"


def _plain(value: object) -> "JsonValue":
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return _text(str(value))


def _text(value: str) -> str:
    """As UTF-8: bytes of a file name that are not are written as escapes."""
    return value.encode(errors="backslashreplace").decode()
