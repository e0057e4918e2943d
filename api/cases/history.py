"""The history of a case: who did what and when. Nothing in it is changed or removed."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.audit import Subject
from api.cases import repository
from api.cases.records import CaseEvent
from api.cases.tables import CaseEventRow
from api.database import fetch
from api.errors import NotFound
from api.field_keys import CASE_TEXT, FieldKeys
from api.identity import Caller
from core import clock

NO_CASE: Final = "case not found; `GET /v1/cases` and the page `/console/cases` list those that there are"


async def add_event(
    connection: AsyncConnection,
    keys: FieldKeys,
    caller: Caller,
    case_id: str,
    act: str,
    details: Mapping[str, JsonValue],
    *,
    text: str | None = None,
) -> int:
    """Record an act about a case, with its audit row, in the transaction of `connection`; returns its number.

    `act` is named as in the audit log, such as `case.assign`; it can follow the closing of the case, as a recovery
    does. `details` has no personal data; `text` is stored encrypted. The case is locked until the transaction ends.
    Raises `NotFound`, and what `FieldKeys` raises.
    """
    at = clock.now()
    number = await repository.next_event(connection, case_id)
    if number is None:
        raise NotFound(NO_CASE)
    values = {
        "case_id": case_id,
        "event_no": number,
        "at": at,
        "actor_id": caller.actor_id,
        "name": caller.name,
        "role": caller.role,
        "act": act,
        "details": dict(details),
        CASE_TEXT.column: None if text is None else await CASE_TEXT.sealed(keys, text, case_id, number),
    }
    await connection.execute(insert(CaseEventRow).values(values))
    of_audit: dict[str, JsonValue] = {**details, "event": number}
    await fetch(connection, audit.record(caller, act, None, of_audit, at, subject=Subject("case", case_id)))
    return number


async def events_of(
    connection: AsyncConnection, keys: FieldKeys, case_id: str, *, before: int | None = None, limit: int
) -> list[CaseEvent]:
    """The history of a case, the latest first; `before`: those with a lower number.

    In place of a text whose key is lost it says that. Raises `DecryptionError` where one was changed, and what
    `FieldKeys` raises.
    """
    statement = (
        select(CaseEventRow.__table__)
        .where(CaseEventRow.case_id == case_id)
        .order_by(CaseEventRow.event_no.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(CaseEventRow.event_no < before)
    events = []
    for row in (await connection.execute(statement)).mappings():
        values = dict(row)
        sealed = values.pop(CASE_TEXT.column)
        shown = await CASE_TEXT.shown(keys, sealed, None, row["case_id"], row["event_no"])
        events.append(CaseEvent(**values, text=shown))
    return events
