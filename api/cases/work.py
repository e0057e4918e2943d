"""Work in a case: notes, contacts, education, referrals, tasks and requests of records.

Each function is one transaction with its event and audit row. Everyone who works cases may, also in a case that another
person has.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Final

from pydantic import JsonValue
from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cases import history
from api.cases.service import lock_open_case, require_worker
from api.cases.tables import CaseTaskRow
from api.database import Database
from api.errors import Conflict, Invalid, NotFound
from api.field_keys import CASE_LETTER, CASE_TITLE, FieldKeys
from api.identity import Caller
from core import clock
from core.ids import new_id

MAX_CASE_TEXT: Final = 10_000
"""Characters of a note or a letter."""
MAX_TITLE: Final = 200
MAX_TASKS: Final = 500
"""Tasks of one case."""
_LAYOUT: Final = frozenset("\n\r\t")


class CaseNoteKind(Enum):
    """What is recorded in words."""

    NOTE = "note"
    CONTACT = "contact"
    """Someone was spoken to, or written to."""
    EDUCATION = "education"
    """The provider was taught how to bill."""
    REFERRAL = "referral"
    """The case was passed to a law enforcement or licensing agency."""


class CaseTaskKind(Enum):
    """What is to be done until a day."""

    TASK = "task"
    RECORDS_REQUEST = "records_request"
    """Records were asked for by a letter; it is done when they were received."""


@dataclass(frozen=True, slots=True)
class NewCaseTask:
    """A task as it is added."""

    kind: CaseTaskKind
    title: str
    due_on: date
    letter: str | None = None
    """The text of the letter of a request of records."""


@dataclass(frozen=True, slots=True)
class CaseTask:
    """A task of a case."""

    task_id: str
    case_id: str
    kind: str
    title: str
    letter: str | None
    due_on: date
    added_at: datetime
    added_by: str
    done_at: datetime | None
    done_by: str | None


async def add_note(
    database: Database,
    keys: FieldKeys,
    caller: Caller,
    case_id: str,
    text: str,
    kind: CaseNoteKind = CaseNoteKind.NOTE,
    *,
    on: date | None = None,
) -> int:
    """Record what a person writes in an open case; returns the number of the event.

    `on`: the day of a contact, an education or a referral. Raises `Forbidden`, `NotFound`, `Conflict`, `Invalid`.
    """
    require_worker(caller)
    check_text("text", text)
    async with database.transaction() as connection:
        await lock_open_case(connection, case_id)
        details: dict[str, JsonValue] = {} if on is None else {"on": on.isoformat()}
        return await history.add_event(connection, keys, caller, case_id, f"case.{kind.value}", details, text=text)


async def add_task(database: Database, keys: FieldKeys, caller: Caller, case_id: str, new: NewCaseTask) -> CaseTask:
    """Add a task, or a request of records, to an open case.

    Raises `Forbidden`, `NotFound`, `Conflict`, `Invalid`.
    """
    require_worker(caller)
    _check_title(new.title)
    if (new.letter is None) != (new.kind is CaseTaskKind.TASK):
        raise Invalid.field("letter", "must be the text of the letter of a records_request; a task has none")
    if new.letter is not None:
        check_text("letter", new.letter)
    task = CaseTask(
        task_id=new_id("ctk"),
        case_id=case_id,
        kind=new.kind.value,
        title=new.title,
        letter=new.letter,
        due_on=new.due_on,
        added_at=clock.now(),
        added_by=caller.actor_id,
        done_at=None,
        done_by=None,
    )
    async with database.transaction() as connection:
        await lock_open_case(connection, case_id)
        if len(await _tasks(connection, keys, case_id)) >= MAX_TASKS:
            raise Conflict(f"the case has {MAX_TASKS} tasks, and gets no more; record further work as notes")
        await connection.execute(insert(CaseTaskRow).values(await _stored(keys, task)))
        details: dict[str, JsonValue] = {"task_id": task.task_id, "due_on": task.due_on.isoformat()}
        act = f"case.add_{task.kind}"
        await history.add_event(connection, keys, caller, case_id, act, details, text=task.letter or task.title)
    return task


async def finish_task(
    database: Database, keys: FieldKeys, caller: Caller, case_id: str, task_id: str
) -> list[CaseTask]:
    """Record that a task is done, or that requested records were received; returns the tasks of the case.

    Done again, it stays as it is. Raises `Forbidden`, `NotFound`, `Conflict`.
    """
    require_worker(caller)
    async with database.transaction() as connection:
        await lock_open_case(connection, case_id)
        task = next((one for one in await _tasks(connection, keys, case_id) if one.task_id == task_id), None)
        if task is None:
            raise NotFound("task not found; read the case for its tasks")
        if task.done_at is None:
            done = {"done_at": clock.now(), "done_by": caller.actor_id}
            await connection.execute(update(CaseTaskRow).where(CaseTaskRow.task_id == task_id).values(done))
            details: dict[str, JsonValue] = {"task_id": task_id}
            await history.add_event(
                connection, keys, caller, case_id, f"case.finish_{task.kind}", details, text=task.title
            )
        return await _tasks(connection, keys, case_id)


async def tasks_of(database: Database, keys: FieldKeys, case_id: str) -> list[CaseTask]:
    """The tasks of a case: what is open first, then by due date. Raises what `FieldKeys` raises."""
    async with database.reading() as connection:
        return await _tasks(connection, keys, case_id)


async def _tasks(connection: AsyncConnection, keys: FieldKeys, case_id: str) -> list[CaseTask]:
    statement = (
        select(CaseTaskRow.__table__)
        .where(CaseTaskRow.case_id == case_id)
        .order_by(CaseTaskRow.done_at.is_not(None), CaseTaskRow.due_on, CaseTaskRow.task_id)
        .limit(MAX_TASKS)
    )
    return [await _read(keys, row) for row in (await connection.execute(statement)).mappings()]


async def _read(keys: FieldKeys, row: RowMapping) -> CaseTask:
    values = dict(row)
    title, letter = values.pop(CASE_TITLE.column), values.pop(CASE_LETTER.column)
    shown = await CASE_TITLE.shown(keys, title, None, row["task_id"])
    return CaseTask(**values, title=shown or "", letter=await CASE_LETTER.shown(keys, letter, None, row["task_id"]))


async def _stored(keys: FieldKeys, task: CaseTask) -> dict[str, object]:
    letter = None if task.letter is None else await CASE_LETTER.sealed(keys, task.letter, task.task_id)
    return {
        "task_id": task.task_id,
        "case_id": task.case_id,
        "kind": task.kind,
        "due_on": task.due_on,
        "added_at": task.added_at,
        "added_by": task.added_by,
        CASE_TITLE.column: await CASE_TITLE.sealed(keys, task.title, task.task_id),
        CASE_LETTER.column: letter,
    }


def _check_title(title: str) -> None:
    if not title.strip() or len(title) > MAX_TITLE or not title.isprintable():
        raise Invalid.field("title", f"must be 1 to {MAX_TITLE} characters on one line")


def check_text(field: str, text: str) -> None:
    """Raise `Invalid` for a text that is empty, too long, or has control characters but line breaks and tabs."""
    if not text.strip() or len(text) > MAX_CASE_TEXT or not all(one.isprintable() or one in _LAYOUT for one in text):
        raise Invalid.field(field, f"must be 1 to {MAX_CASE_TEXT} characters; line breaks are allowed")
