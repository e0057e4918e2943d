"""What people do with leads. Each function that changes something is one transaction with its audit rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo
from typing import Final, Self

from pydantic import JsonValue
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.cases import CaseSubject, Detection, SubjectKind, open_case_within
from api.database import Database, fetch
from api.errors import Conflict, Forbidden, Invalid, NotFound
from api.field_keys import FieldKeys
from api.identity import Caller, Scope
from api.leads import repository
from api.leads.places import LeadPlace
from api.leads.records import LeadClaimRecord, LeadFilter, LeadRecord, LeadStatus, LeadTab, SavedView
from api.leads.rings import find_ring
from api.leads.tables import LeadClaimRow, SavedViewRow
from claims.leads import LeadSource, LeadSubjectKind, SnoozeReason
from claims.service_days import receipt_day
from core import clock
from core.ids import new_id

MOST_AT_ONCE: Final = 100
"""Leads that one act changes."""
LONGEST_SNOOZE_DAYS: Final = 90
MAX_CLAIMS: Final = 500
"""Claims of a lead that are shown."""
MAX_VIEWS: Final = 20
MAX_VIEW_NAME: Final = 60
_DETECTION: Final = {
    LeadSource.APPEAL: Detection.APPEAL,
    LeadSource.AUDIT: Detection.AUDIT_SAMPLE,
    LeadSource.SCORE: Detection.SCORE,
    LeadSource.EDITS: Detection.EDIT,
    LeadSource.RESCREENING: Detection.EDIT,
}


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of a tab."""

    leads: Sequence[LeadRecord]
    counts: dict[LeadTab, int]
    views: Sequence[SavedView]
    next_place: LeadPlace | None
    """None: this was the last."""


@dataclass(frozen=True, slots=True)
class LeadPage:
    """A part of the leads of a tab, and where the next part begins; `None`: this was the last."""

    leads: Sequence[LeadRecord]
    next_place: LeadPlace | None

    @classmethod
    def of(cls, found: Sequence[LeadRecord], limit: int) -> Self:
        """Of one lead more than `limit`, where there is one."""
        return cls(found[:limit], LeadPlace.of(found[limit - 1]) if len(found) > limit else None)


class Leads:
    """Leads of an installation."""

    def __init__(self, database: Database, keys: FieldKeys, zone: tzinfo) -> None:
        """`zone` is the insurer's."""
        self._database = database
        self._keys = keys
        self._zone = zone

    def today(self) -> date:
        """The day at the insurer."""
        return receipt_day(clock.now(), self._zone)

    async def leads(
        self, caller: Caller, tab: LeadTab, sought: LeadFilter, *, after: LeadPlace | None, limit: int
    ) -> LeadPage:
        """A page of a tab, best first; of closed leads the latest first. Raises `Forbidden`, `Invalid`."""
        _require_reader(caller)
        if after is not None and (after.closed_at is None) == (tab is LeadTab.CLOSED):
            raise Invalid.field("cursor", "is of another tab; send `next_cursor` of the previous page of this one")
        async with self._database.reading() as connection:
            leads = await repository.leads_of(connection, tab, caller.actor_id, sought, after=after, limit=limit + 1)
        return LeadPage.of(leads, limit)

    async def page(
        self, caller: Caller, tab: LeadTab, sought: LeadFilter, *, after: LeadPlace | None, limit: int
    ) -> QueuePage:
        """As `leads`, with the counts of all tabs and the caller's views."""
        _require_reader(caller)
        async with self._database.reading() as connection:
            found = await repository.leads_of(connection, tab, caller.actor_id, sought, after=after, limit=limit + 1)
            counts = await repository.counts_of_tabs(connection, caller.actor_id)
            views = await _views(connection, caller)
        page = LeadPage.of(found, limit)
        return QueuePage(page.leads, counts, views, page.next_place)

    async def lead(self, caller: Caller, lead_id: str) -> tuple[LeadRecord, Sequence[LeadClaimRecord]]:
        """A lead and its claims. Raises `Forbidden`, `NotFound`."""
        _require_reader(caller)
        async with self._database.reading() as connection:
            found = await repository.find_lead(connection, lead_id)
            if found is None:
                raise NotFound(_NO_LEAD)
            return found, await repository.claims_of(connection, lead_id, limit=MAX_CLAIMS)

    async def lead_alone(self, caller: Caller, lead_id: str) -> LeadRecord:
        """A lead without its claims. Raises `Forbidden`, `NotFound`."""
        _require_reader(caller)
        async with self._database.reading() as connection:
            found = await repository.find_lead(connection, lead_id)
        if found is None:
            raise NotFound(_NO_LEAD)
        return found

    async def take(self, caller: Caller, lead_ids: Sequence[str]) -> None:
        """Assign open leads to the caller: all or none. Raises `Conflict`, which names who has one."""
        async with self._database.transaction() as connection:
            for found in await _locked(connection, caller, lead_ids):
                await _assign(connection, caller, found)

    async def take_next(self, caller: Caller) -> LeadRecord | None:
        """Assign the best lead that no one has to the caller, who alone gets it; None: there is none."""
        _require_worker(caller)
        async with self._database.transaction() as connection:
            found = await repository.best_unassigned(connection)
            return None if found is None else await _assign(connection, caller, found)

    async def release(self, caller: Caller, lead_ids: Sequence[str]) -> None:
        """Leads that the caller has are without an owner again. Raises `Conflict` for one of another person."""
        async with self._database.transaction() as connection:
            for found in await _locked(connection, caller, lead_ids):
                _require_own(caller, found)
                released = {"assigned_to": None, "assigned_name": None, "assigned_at": None}
                await repository.change_leads(connection, {found.lead_id: released})
                await _record(connection, caller, found, "lead.release", {})

    async def snooze(
        self, caller: Caller, lead_ids: Sequence[str], *, until: date | None, reason: SnoozeReason | None
    ) -> None:
        """Put leads aside until a day. Raises `Invalid`, and `Conflict` for one of another person."""
        today = self.today()
        latest = today + timedelta(days=LONGEST_SNOOZE_DAYS)
        async with self._database.transaction() as connection:
            leads = await _locked(connection, caller, lead_ids)
            if until is None or not today < until <= latest:
                raise Invalid.field("until", f"must be a day from {today + timedelta(days=1)} to {latest}")
            if reason is None:
                raise Invalid.field("reason", f"must be one of {', '.join(one.value for one in SnoozeReason)}")
            values = {"status": LeadStatus.SNOOZED.value, "snoozed_until": until, "snooze_reason": reason.value}
            for found in leads:
                _require_own(caller, found)
                await repository.change_leads(connection, {found.lead_id: values})
                details: dict[str, JsonValue] = {"until": until.isoformat(), "reason": reason.value}
                await _record(connection, caller, found, "lead.snooze", details)

    async def wake(self, caller: Caller, lead_ids: Sequence[str]) -> None:
        """Leads that were put aside are open again."""
        values = {"status": LeadStatus.OPEN.value, "snoozed_until": None, "snooze_reason": None}
        async with self._database.transaction() as connection:
            for found in await _locked(connection, caller, lead_ids):
                await repository.change_leads(connection, {found.lead_id: values})
                await _record(connection, caller, found, "lead.wake", {})

    async def open_case(self, caller: Caller, lead_id: str) -> str:
        """The id of the open case of a lead's subject, which has the lead's claims afterwards.

        The case of a single claim is about its provider. The lead is assigned to the caller. Raises `Conflict`,
        `Forbidden`, and `Invalid` for a claim without provider.
        """
        async with self._database.transaction() as connection:
            (found,) = await _locked(connection, caller, [lead_id])
            await _assign(connection, caller, found)
            waiting = select(LeadClaimRow.claim_id).where(
                LeadClaimRow.lead_id == lead_id, LeadClaimRow.done_at.is_(None)
            )
            claim_ids = list(await connection.scalars(waiting.order_by(LeadClaimRow.claim_id)))
            subject = await _case_subject(connection, found)
            case = await open_case_within(
                connection,
                self._keys,
                caller,
                subject,
                claim_ids,
                _DETECTION[LeadSource(found.source)],
                detected_at=found.opened_at,
            )
            await _record(connection, caller, found, "lead.open_case", {"case_id": case.case_id})
        return case.case_id

    async def save_view(self, caller: Caller, name: str, query: str) -> None:
        """Keep filters under a name; those of the same name are replaced. Raises `Invalid`, `Conflict`."""
        _require_reader(caller)
        name = " ".join(name.split())
        if not 0 < len(name) <= MAX_VIEW_NAME or not name.isprintable():
            raise Invalid.field("name", f"must have 1 to {MAX_VIEW_NAME} printable characters")
        async with self._database.transaction() as connection:
            await connection.execute(
                delete(SavedViewRow).where(SavedViewRow.actor_id == caller.actor_id, SavedViewRow.name == name)
            )
            count = await connection.scalar(
                select(func.count()).select_from(SavedViewRow).where(SavedViewRow.actor_id == caller.actor_id)
            )
            if (count or 0) >= MAX_VIEWS:
                raise Conflict(f"there are {MAX_VIEWS} saved views already; remove one first")
            values = {"view_id": new_id("viw"), "actor_id": caller.actor_id, "name": name, "query": query}
            await connection.execute(insert(SavedViewRow).values(**values, created_at=clock.now()))

    async def remove_view(self, caller: Caller, view_id: str) -> None:
        """Remove a saved view of the caller; one that is gone stays gone."""
        async with self._database.transaction() as connection:
            await connection.execute(
                delete(SavedViewRow).where(SavedViewRow.actor_id == caller.actor_id, SavedViewRow.view_id == view_id)
            )


_NO_LEAD: Final = "lead not found; `GET /v1/leads` and the page `/console/queue` list those that there are"


async def _views(connection: AsyncConnection, caller: Caller) -> list[SavedView]:
    statement = (
        select(SavedViewRow.view_id, SavedViewRow.name, SavedViewRow.query)
        .where(SavedViewRow.actor_id == caller.actor_id)
        .order_by(SavedViewRow.name)
        .limit(MAX_VIEWS)
    )
    return [SavedView(*row) for row in await connection.execute(statement)]


async def _locked(connection: AsyncConnection, caller: Caller, lead_ids: Sequence[str]) -> list[LeadRecord]:
    """Leads that are not closed, locked in the order of their ids."""
    _require_worker(caller)
    asked = sorted(set(lead_ids))
    if not 0 < len(asked) <= MOST_AT_ONCE:
        raise Invalid.field("lead_id", f"must name 1 to {MOST_AT_ONCE} leads")
    leads = []
    for lead_id in asked:
        found = await repository.find_lead(connection, lead_id, lock=True)
        if found is None:
            raise NotFound(_NO_LEAD)
        if found.status == LeadStatus.CLOSED.value:
            raise Conflict(f"lead {lead_id} is closed: none of its claims needs a person any more")
        leads.append(found)
    return leads


async def _assign(connection: AsyncConnection, caller: Caller, found: LeadRecord) -> LeadRecord:
    if found.assigned_to == caller.actor_id:
        return found
    if found.assigned_to is not None:
        raise Conflict(
            f"lead {found.lead_id} is assigned to {found.assigned_name}; ask them to release it, or take the next lead",
            extensions={"assigned_to": found.assigned_to, "assigned_name": found.assigned_name},
        )
    now = clock.now()
    owner = {"assigned_to": caller.actor_id, "assigned_name": caller.name, "assigned_at": now}
    await repository.change_leads(connection, {found.lead_id: owner})
    await _record(connection, caller, found, "lead.assign", {})
    return replace(found, assigned_to=caller.actor_id, assigned_name=caller.name, assigned_at=now)


async def _record(
    connection: AsyncConnection, caller: Caller, found: LeadRecord, act: str, details: dict[str, JsonValue]
) -> None:
    about: dict[str, JsonValue] = {"subject": f"lead/{found.lead_id}", **details}
    await fetch(connection, audit.record(caller, act, None, about, clock.now()))


async def _case_subject(connection: AsyncConnection, found: LeadRecord) -> CaseSubject:
    if found.subject.kind is LeadSubjectKind.PROVIDER:
        return CaseSubject.provider(found.subject_id)
    if found.subject.kind is LeadSubjectKind.MEMBER:
        return CaseSubject.member(found.subject_id)
    if found.subject.kind is LeadSubjectKind.RING:
        ring = await find_ring(connection, found.subject_id)
        if ring is None:
            raise Conflict("the ring fell apart since; its claims are in other leads in a minute")
        return CaseSubject(SubjectKind.RING, ring.ring_id, ring.provider_ids)
    claims = await repository.claims_of(connection, found.lead_id, limit=1)
    provider_id = claims[0].provider_id if claims else None
    if provider_id is None:
        raise Invalid.field("lead_id", "is about a claim without provider; decide the claim on its page")
    return CaseSubject.provider(provider_id)


def _require_own(caller: Caller, found: LeadRecord) -> None:
    if found.assigned_to in (None, caller.actor_id) or caller.may(Scope.APPROVE):
        return
    raise Conflict(
        f"lead {found.lead_id} is assigned to {found.assigned_name}; ask them, or a lead investigator",
        extensions={"assigned_to": found.assigned_to, "assigned_name": found.assigned_name},
    )


def _require_reader(caller: Caller) -> None:
    if not caller.may(Scope.CASES_READ):
        raise Forbidden(f"role {caller.role} may not read leads; an investigator does")


def _require_worker(caller: Caller) -> None:
    if not caller.may(Scope.CASES_WORK):
        raise Forbidden(f"role {caller.role} may not work leads; an investigator does")
