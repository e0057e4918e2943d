"""Keep leads in step with the claims that need a person, and rank them every Monday."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cases import CaseRow
from api.database import Database
from api.investigations import monday_of
from api.leads import repository
from api.leads.records import ExpectedCents, LeadRecord, LeadStatus, ScoredLeadClaim
from api.leads.repository import WaitingClaim
from api.leads.rings import refresh_rings, ring_of_providers
from claims.leads import LeadClaim, LeadFigures, LeadSource, LeadSubject, LeadSubjectKind, figures, group, rank
from claims.outcome import Outcome
from claims.service_days import receipt_day
from core import clock
from core.ids import new_id
from core.logging import get_logger

log = get_logger("leads")

Expected = Callable[[Sequence[ScoredLeadClaim]], Sequence[ExpectedCents]]
"""Expected recoverable of claims, in their order."""
_INDICATORS: Final = 3


@dataclass(frozen=True, slots=True)
class LeadTools:
    """What the command line connects to the worker: the model room and the learning loop, unknown to the API."""

    expected: Expected
    make_weekly_list: Callable[[], object] | None = None
    """Makes the list of the last complete week unless there is one; None: the worker makes none."""


class LeadWork:
    """The worker's part: the weekly list on schedule, and leads in step with claims."""

    def __init__(self, database: Database, tools: LeadTools, zone: tzinfo, *, capacity: int) -> None:
        """`capacity`: leads that can be investigated in a week; `zone`: the insurer's."""
        self._database = database
        self._tools = tools
        self._zone = zone
        self._capacity = capacity
        self._listed: date | None = None
        self._ringed: date | None = None

    async def step(self) -> int:
        """Make rings and list of the week where they are due, then refresh; there is never more to do at once.

        Where one cannot be made, leads are refreshed all the same, and ranked once the list is made; raises what
        making it raised.
        """
        monday = monday_of(clock.now().date())
        try:
            await self._make_weekly(monday)
        finally:
            await refresh(
                *(self._database, self._tools.expected, self._zone),
                capacity=self._capacity,
                ranked_on=monday if self._listed == monday else None,
            )
        return 0

    async def _make_weekly(self, monday: date) -> None:
        try:
            if self._ringed != monday:
                await refresh_rings(self._database, monday)
                self._ringed = monday
        finally:
            if self._tools.make_weekly_list is not None and self._listed != monday:
                await asyncio.to_thread(self._tools.make_weekly_list)
            self._listed = monday


async def refresh(
    database: Database, expected: Expected, zone: tzinfo, *, capacity: int, ranked_on: date | None
) -> int:
    """Bring leads in step with the claims that need a person; returns how many leads are not closed.

    A claim that needs a person is in exactly one lead that is not closed. A lead none of whose claims does is closed;
    any other stays, also over a Monday, with who has it and until when it is put aside. `ranked_on`: the Monday whose
    ranks leads get, unless they have them; None: the list of this week is not made yet, ranks stay.
    """
    now = clock.now()
    today = receipt_day(now, zone)
    async with database.transaction() as connection:
        await repository.lock_leads(connection)
        await repository.wake(connection, today)
        waiting = await repository.waiting_claims(connection)
        if len(waiting) == repository.MOST_CLAIMS:
            log.warning("more claims need a person than leads can have", most=repository.MOST_CLAIMS)
        leads = {one.subject: one for one in await repository.unclosed(connection)}
        open_claims = await repository.open_claims(connection)
        investigated = await _subjects_of_cases(connection)
        claims = await asyncio.to_thread(_lead_claims, waiting, expected)
        grouped = group(
            claims,
            under_investigation=investigated | {one for one in leads if one.kind is not LeadSubjectKind.CLAIM},
            taken={
                subject
                for subject, one in leads.items()
                if one.assigned_to is not None or one.status == LeadStatus.SNOOZED.value
            },
            rings=await ring_of_providers(connection),
        )
        sums = {subject: figures(members) for subject, members in grouped.items()}
        last = await repository.last_week(connection)
        changes = _changes(leads, sums, now)
        added = _added(sums, leads, now)
        if ranked_on is not None and (last is None or last < ranked_on):
            _rank(sums, leads, changes, added, ranked_on, capacity)
        await _store(connection, leads, added, changes, grouped, open_claims, now)
    return len(sums)


def _lead_claims(waiting: Sequence[WaitingClaim], expected: Expected) -> list[LeadClaim]:
    scored = [one for one in waiting if one.expected_cents is None and one.probability is not None]
    values = expected(
        [ScoredLeadClaim(one.claim_id, one.probability or 0.0, one.amount_cents, one.peers_cents) for one in scored]
    )
    found = {one.claim_id: value for one, value in zip(scored, values, strict=True)}
    return [_lead_claim(one, found.get(one.claim_id)) for one in waiting]


def _lead_claim(one: WaitingClaim, value: ExpectedCents | None) -> LeadClaim:
    in_review = one.status == Outcome.IN_REVIEW.value
    return LeadClaim(
        claim_id=one.claim_id,
        source=_source(one),
        provider_id=one.provider_id,
        member_id=one.member_id,
        expected_cents=one.expected_cents if value is None else value.cents,
        low_cents=one.low_cents if value is None else value.low_cents,
        high_cents=one.high_cents if value is None else value.high_cents,
        paid_cents=0 if in_review else one.approved_cents,
        unpaid_cents=one.amount_cents if in_review else 0,
        probability=one.probability,
        indicators=_indicators(one),
        due_on=one.review_by if in_review else None,
    )


def _source(one: WaitingClaim) -> LeadSource:
    for source in (LeadSource.APPEAL, LeadSource.AUDIT, LeadSource.SCORE):
        if source.value in one.reasons:
            return source
    if "review" in one.reasons:
        return LeadSource.SCORE if one.is_flagged else LeadSource.EDITS
    return LeadSource.RESCREENING


def _indicators(one: WaitingClaim) -> tuple[str, ...]:
    codes = (
        str(reason.get("code"))
        for reason in one.stored_reasons or ()
        if reason.get("direction") == "for" and reason.get("kind", "evidence") == "evidence"
    )
    return tuple(dict.fromkeys(codes))[:_INDICATORS]


async def _subjects_of_cases(connection: AsyncConnection) -> frozenset[LeadSubject]:
    """Rings, providers and members that have an open case."""
    statement = select(CaseRow.subject_kind, CaseRow.subject_id).where(CaseRow.status == "open")
    rows = (await connection.execute(statement)).all()
    return frozenset(LeadSubject(LeadSubjectKind(kind), subject_id) for kind, subject_id in rows)


_Changes = dict[str, dict[str, object]]


def _columns(found: LeadFigures) -> dict[str, object]:
    return {
        "source": found.source.value,
        "claims": found.claims,
        "scored": found.scored,
        "expected_cents": found.expected_cents,
        "low_cents": found.low_cents,
        "high_cents": found.high_cents,
        "paid_cents": found.paid_cents,
        "unpaid_cents": found.unpaid_cents,
        "probability": found.probability,
        "indicators": list(found.indicators),
        "due_on": found.due_on,
    }


def _changes(
    leads: Mapping[LeadSubject, LeadRecord], sums: Mapping[LeadSubject, LeadFigures], now: datetime
) -> _Changes:
    """What changes of the leads that there are: their figures, or their end."""
    changes: _Changes = {}
    for subject, lead in leads.items():
        found = sums.get(subject)
        if found is None:
            changes[lead.lead_id] = {
                "status": LeadStatus.CLOSED.value,
                "closed_at": now,
                "snoozed_until": None,
                "snooze_reason": None,
            }
        elif found != lead.figures:
            changes[lead.lead_id] = _columns(found)
    return changes


def _added(
    sums: Mapping[LeadSubject, LeadFigures], leads: Collection[LeadSubject], now: datetime
) -> dict[LeadSubject, dict[str, object]]:
    return {
        subject: {
            "lead_id": new_id("led"),
            "subject_kind": subject.kind.value,
            "subject_id": subject.subject_id,
            "status": LeadStatus.OPEN.value,
            "week": None,
            "rank": None,
            "listed": False,
            "opened_at": now,
            **_columns(found),
        }
        for subject, found in sums.items()
        if subject not in leads
    }


def _rank(
    sums: Mapping[LeadSubject, LeadFigures],
    leads: Mapping[LeadSubject, LeadRecord],
    changes: _Changes,
    added: Mapping[LeadSubject, dict[str, object]],
    monday: date,
    capacity: int,
) -> None:
    """Give every lead its rank of this Monday."""
    for place, subject in enumerate(rank(sums), start=1):
        ranked: dict[str, object] = {"week": monday, "rank": place, "listed": place <= capacity}
        if subject in added:
            added[subject].update(ranked)
        else:
            changes.setdefault(leads[subject].lead_id, {}).update(ranked)
    log.info("leads ranked", week=monday.isoformat(), leads=len(sums), listed=min(capacity, len(sums)))


async def _store(
    connection: AsyncConnection,
    leads: Mapping[LeadSubject, LeadRecord],
    added: Mapping[LeadSubject, Mapping[str, object]],
    changes: _Changes,
    grouped: Mapping[LeadSubject, Sequence[LeadClaim]],
    open_claims: Mapping[str, tuple[str, str]],
    now: datetime,
) -> None:
    ids = {subject: lead.lead_id for subject, lead in leads.items()}
    ids |= {subject: str(row["lead_id"]) for subject, row in added.items()}
    sought = {one.claim_id: (ids[subject], one.source.value) for subject, members in grouped.items() for one in members}
    moved = [claim_id for claim_id, place in open_claims.items() if sought.get(claim_id) != place]
    await repository.change_leads(connection, changes)
    await repository.add_leads(connection, list(added.values()))
    await repository.end_claims(connection, moved, now)
    await repository.add_claims(
        connection,
        [
            {"lead_id": lead_id, "claim_id": claim_id, "source": source, "added_at": now, "done_at": None}
            for claim_id, (lead_id, source) in sought.items()
            if open_claims.get(claim_id) != (lead_id, source)
        ],
    )
