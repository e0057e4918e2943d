"""Opening and assigning cases. Each function that changes something is one transaction with its event and audit row.

What ends in `_within` runs in a transaction that others have begun.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cases import history, repository
from api.cases.records import (
    MAX_CLAIMS,
    CaseClaim,
    CaseEvent,
    CaseRecord,
    CaseStatus,
    CaseSubject,
    Detection,
    SubjectKind,
)
from api.database import Database
from api.errors import Conflict, Forbidden, Invalid, NotFound
from api.field_keys import FieldKeys
from api.identity import Caller, Scope
from api.paging import ListPage, PageCursor
from api.users import caller_of_actor
from core import clock
from core.ids import new_id

MAX_RING: Final = 100
"""Providers of a ring."""
_TRIES: Final = 5
_DIGITS: Final = 10
"""Of the number of an event, which is a column of 31 bits."""
_NAMED: Final = 5
"""Ids that a message names."""


async def open_case(
    database: Database,
    keys: FieldKeys,
    caller: Caller,
    subject: CaseSubject,
    claim_ids: Sequence[str] = (),
    detection: Detection = Detection.MANUAL,
    *,
    detected_at: datetime | None = None,
) -> CaseRecord:
    """Open a case about a subject, or return the open one that there is; either has the claims afterwards.

    `detected_at`: when the suspicion arose; left out, now. Raises `Forbidden`, and `Invalid` for a claim that is not of
    the subject.
    """
    async with database.transaction() as connection:
        return await open_case_within(connection, keys, caller, subject, claim_ids, detection, detected_at=detected_at)


async def open_case_within(
    connection: AsyncConnection,
    keys: FieldKeys,
    caller: Caller,
    subject: CaseSubject,
    claim_ids: Sequence[str] = (),
    detection: Detection = Detection.MANUAL,
    *,
    detected_at: datetime | None = None,
) -> CaseRecord:
    """As `open_case`, in the transaction of `connection`."""
    require_worker(caller)
    _check_subject(subject)
    await _require_claims_of(connection, subject, claim_ids)
    found, is_new = await _open(connection, caller, subject, detection, detected_at)
    if is_new:
        details: dict[str, JsonValue] = {
            "subject_kind": subject.kind.value,
            "subject_id": subject.subject_id,
            "detection": detection.value,
        }
        await history.add_event(connection, keys, caller, found.case_id, "case.open", details)
    elif joined := sorted(set(subject.provider_ids) - set(found.provider_ids)):
        await repository.set_providers(connection, found.case_id, sorted({*found.provider_ids, *joined}))
        added: dict[str, JsonValue] = {"provider_ids": [*joined]}
        await history.add_event(connection, keys, caller, found.case_id, "case.add_providers", added)
    await _add_claims(connection, keys, caller, found.case_id, claim_ids)
    return await _case(connection, found.case_id)


async def add_claims(
    database: Database, keys: FieldKeys, caller: Caller, case_id: str, claim_ids: Sequence[str]
) -> CaseRecord:
    """Add claims to an open case; those that it has stay. Raises `Forbidden`, `NotFound`, `Conflict`, `Invalid`."""
    require_worker(caller)
    async with database.transaction() as connection:
        found = await lock_open_case(connection, case_id)
        await _require_claims_of(connection, found.subject, claim_ids)
        await _add_claims(connection, keys, caller, case_id, claim_ids)
        return await _case(connection, case_id)


async def remove_claims(
    database: Database, keys: FieldKeys, caller: Caller, case_id: str, claim_ids: Sequence[str]
) -> CaseRecord:
    """Remove claims from an open case of the caller's, or of no one's.

    Raises `Forbidden`, `NotFound`, `Conflict`, also for a case that another has, and `Invalid` for a claim it lacks.
    """
    require_worker(caller)
    asked = _distinct(claim_ids)
    async with database.transaction() as connection:
        require_own(caller, await lock_open_case(connection, case_id))
        removed = await repository.remove_case_claims(connection, case_id, asked)
        if missing := sorted(set(asked) - set(removed)):
            raise Invalid.field("claim_ids", f"{_names(missing)} not in the case; read the case for its claims")
        await history.add_event(connection, keys, caller, case_id, "case.remove_claims", {"claim_ids": list(removed)})
        return await _case(connection, case_id)


async def assign(
    database: Database, keys: FieldKeys, caller: Caller, case_id: str, assignee_id: str | None
) -> CaseRecord:
    """Assign an open case, to `caller` itself or another who works cases; `None`: to no one.

    Raises `Conflict`, which names the one who has the case, where that is another and the caller leads no
    investigation; `Forbidden`, `NotFound`, and `Invalid` for an assignee who may not work cases.
    """
    require_worker(caller)
    async with database.transaction() as connection:
        found = await lock_open_case(connection, case_id)
        require_own(caller, found)
        if found.assigned_to == assignee_id:
            return found
        assignee = None if assignee_id is None else await _assignee(connection, caller, assignee_id)
        name = None if assignee is None else assignee.name
        await repository.change_case(connection, case_id, {"assigned_to": assignee_id, "assigned_name": name})
        details: dict[str, JsonValue] = {"from": found.assigned_to, "to": assignee_id}
        await history.add_event(connection, keys, caller, case_id, "case.assign", details)
        return await _case(connection, case_id)


async def case(database: Database, case_id: str) -> CaseRecord:
    """A case; raises `NotFound`."""
    async with database.reading() as connection:
        return await _case(connection, case_id)


async def open_case_of(database: Database, kind: SubjectKind, subject_id: str) -> CaseRecord | None:
    """The open case of a subject; None: there is none."""
    async with database.reading() as connection:
        return await repository.find_open_case(connection, kind, subject_id)


async def cases_of(database: Database, kind: SubjectKind, subject_id: str, *, limit: int = 100) -> list[CaseRecord]:
    """The cases of a subject, open and closed, the latest first."""
    async with database.reading() as connection:
        return await repository.cases_of_subject(connection, kind, subject_id, limit)


async def cases_page(
    database: Database, chosen: repository.CaseFilter, *, after: PageCursor | None, limit: int
) -> ListPage[CaseRecord]:
    """Cases that a filter chooses, the latest first."""
    place = None if after is None else (after.received_at, after.item_id)
    async with database.reading() as connection:
        found = await repository.cases_after(connection, chosen, place, limit + 1)
    shown = found[:limit]
    return ListPage(shown, PageCursor(shown[-1].opened_at, shown[-1].case_id) if len(found) > limit else None)


async def claims_of(database: Database, case_id: str, *, limit: int = MAX_CLAIMS) -> list[CaseClaim]:
    """The claims of a case, in the order in which they were added."""
    async with database.reading() as connection:
        return await repository.claims_of_case(connection, case_id, limit)


async def history_of(
    database: Database, keys: FieldKeys, case_id: str, *, before: int | None = None, limit: int = 200
) -> list[CaseEvent]:
    """The history of a case, the latest first. Raises what `history.events_of` raises."""
    async with database.reading() as connection:
        return await history.events_of(connection, keys, case_id, before=before, limit=limit)


async def history_page(
    database: Database, keys: FieldKeys, case_id: str, *, after: PageCursor | None, limit: int
) -> ListPage[CaseEvent]:
    """A part of the history of a case, the latest first. Raises `NotFound`, `Invalid` for a place in another list."""
    number = None if after is None else after.item_id
    if number is not None and not (number.isascii() and number.isdigit() and len(number) < _DIGITS):
        raise Invalid.field("cursor", "is not a cursor of a history; send `next_cursor` of the previous page")
    async with database.reading() as connection:
        await _case(connection, case_id)
        before = None if number is None else int(number)
        found = await history.events_of(connection, keys, case_id, before=before, limit=limit + 1)
    shown = found[:limit]
    return ListPage(shown, PageCursor(shown[-1].at, str(shown[-1].event_no)) if len(found) > limit else None)


async def lock_case(connection: AsyncConnection, case_id: str) -> CaseRecord:
    """A case, which no other transaction changes until this one ends. Raises `NotFound`."""
    found = await repository.find_case(connection, case_id, lock=True)
    if found is None:
        raise NotFound(history.NO_CASE)
    return found


async def lock_open_case(connection: AsyncConnection, case_id: str) -> CaseRecord:
    """An open case, which no other transaction changes until this one ends. Raises `NotFound`, `Conflict`."""
    found = await lock_case(connection, case_id)
    if not found.is_open:
        raise Conflict(f"case {case_id} is closed; reopen it first")
    return found


def require_worker(caller: Caller) -> None:
    """Raise `Forbidden` where the caller may not work cases."""
    if not caller.may(Scope.CASES_WORK):
        raise Forbidden(f"a key of role {caller.role} does not work cases; ask for an investigator's key")


def require_own(caller: Caller, found: CaseRecord) -> None:
    """Raise `Conflict`, which names who has the case, unless that is the caller or no one, or the caller leads."""
    if found.assigned_to in (None, caller.actor_id) or caller.may(Scope.APPROVE):
        return
    raise Conflict(
        f"case {found.case_id} is assigned to {found.assigned_name}; ask them to release it, or a lead investigator to "
        "reassign it",
        extensions={"assigned_to": found.assigned_to, "assigned_name": found.assigned_name},
    )


async def _case(connection: AsyncConnection, case_id: str) -> CaseRecord:
    found = await repository.find_case(connection, case_id)
    if found is None:
        raise NotFound(history.NO_CASE)
    return found


async def _open(
    connection: AsyncConnection,
    caller: Caller,
    subject: CaseSubject,
    detection: Detection,
    detected_at: datetime | None,
) -> tuple[CaseRecord, bool]:
    """The open case of a subject, locked, and whether it is new."""
    at = clock.now()
    if detected_at is not None and detected_at > at:
        raise Invalid.field("detected_at", "must not be in the future")
    if subject.kind is SubjectKind.RING:
        of_ring = await repository.find_open_ring(connection, subject.provider_ids)
        if of_ring is not None:
            return of_ring, False
    for _ in range(_TRIES):
        made = CaseRecord(
            case_id=new_id("cas"),
            subject_kind=subject.kind.value,
            subject_id=subject.subject_id,
            provider_ids=subject.provider_ids,
            status=CaseStatus.OPEN.value,
            detection=detection.value,
            detected_at=detected_at or at,
            opened_at=at,
            opened_by=caller.actor_id,
            assigned_to=None,
            assigned_name=None,
            disposition=None,
            loss_cents=None,
            loss_method=None,
            findings=(),
            proposed_at=None,
            proposed_by=None,
            closed_at=None,
            closed_by=None,
            version=0,
        )
        if await repository.add_case(connection, made):
            return made, True
        found = await repository.find_open_case(connection, subject.kind, subject.subject_id, lock=True)
        if found is not None:
            return found, False
    raise Conflict("the case of the subject was closed at the same time; try again")


async def _add_claims(
    connection: AsyncConnection, keys: FieldKeys, caller: Caller, case_id: str, claim_ids: Sequence[str]
) -> None:
    added = await repository.add_case_claims(
        connection, case_id, _distinct(claim_ids), by=caller.actor_id, at=clock.now()
    )
    if added:
        await history.add_event(connection, keys, caller, case_id, "case.add_claims", {"claim_ids": list(added)})


async def _require_claims_of(connection: AsyncConnection, subject: CaseSubject, claim_ids: Sequence[str]) -> None:
    asked = _distinct(claim_ids)
    if not asked:
        return
    if missing := sorted(set(asked) - await repository.claims_of_subject(connection, subject, asked)):
        raise Invalid.field(
            "claim_ids", f"{_names(missing)} not of {subject.kind.value} {subject.subject_id}; check the ids"
        )


async def _assignee(connection: AsyncConnection, caller: Caller, assignee_id: str) -> Caller:
    if assignee_id == caller.actor_id:
        return caller
    found = await caller_of_actor(connection, assignee_id, clock.now())
    if found is None or not found.may(Scope.CASES_WORK):
        raise Invalid.field("assignee_id", "must be the id of an active user or key that works cases")
    return found


def _check_subject(subject: CaseSubject) -> None:
    if subject.kind is SubjectKind.RING and not 2 <= len(subject.provider_ids) <= MAX_RING:
        raise Invalid.field("provider_ids", f"must be 2 to {MAX_RING} different providers")


def _distinct(claim_ids: Sequence[str]) -> list[str]:
    found = sorted(set(claim_ids))
    if len(found) > MAX_CLAIMS:
        raise Invalid.field("claim_ids", f"must be at most {MAX_CLAIMS} claims; send the rest in another request")
    return found


def _names(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f"{', '.join(ids[:_NAMED])}{more} {'is' if len(ids) == 1 else 'are'}"
