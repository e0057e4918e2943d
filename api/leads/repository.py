"""Leads in the database, and the claims that need a person."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.appeals import AppealDecisionRow, AppealRow
from api.assessments import AssessmentRow, JsonObject
from api.catalog import ProcedureRow
from api.intake import REVIEW_BY, ClaimRow
from api.investigations import DispositionRow, SelectionRow
from api.leads.places import LeadPlace
from api.leads.records import LeadClaimRecord, LeadFilter, LeadRecord, LeadStatus, LeadTab
from api.leads.tables import LeadClaimRow, LeadRow
from api.rescreening import RescreeningFindingRow
from claims.leads import LeadSource

_LEAD = tuple(LeadRow.__table__.c[one.name] for one in fields(LeadRecord))
_REVIEW = "review"
_TRIES = 5
MOST_CLAIMS = 100_000
"""Claims that one refresh takes; those that have waited longest first."""


@dataclass(frozen=True, slots=True)
class WaitingClaim:
    """A claim that needs a person, as the database has it."""

    claim_id: str
    reasons: Sequence[str]
    provider_id: str | None
    member_id: str | None
    status: str
    amount_cents: int
    approved_cents: int
    review_by: date
    is_flagged: bool | None
    """By its latest assessment, with a score; None: there is no assessment."""
    probability: float | None
    stored_reasons: Sequence[JsonObject] | None
    peers_cents: int | None
    expected_cents: int | None
    """As of the weekly list; None: on none."""
    low_cents: int | None
    high_cents: int | None


def _needs() -> Select[tuple[str, list[str]]]:
    undecided = ~exists().where(DispositionRow.claim_id == SelectionRow.claim_id)
    unanswered = ~exists().where(AppealDecisionRow.appeal_id == AppealRow.appeal_id)
    every = union_all(
        select(ClaimRow.claim_id, literal(_REVIEW).label("reason")).where(
            ClaimRow.status == literal_column("'in_review'")
        ),
        select(SelectionRow.claim_id, SelectionRow.selected_by).where(undecided),
        select(AppealRow.claim_id, literal(LeadSource.APPEAL.value)).where(unanswered),
        select(RescreeningFindingRow.claim_id, literal(LeadSource.RESCREENING.value)).where(
            RescreeningFindingRow.closed_at.is_(None)
        ),
    ).subquery("needs")
    return select(every.c.claim_id, func.array_agg(every.c.reason.distinct()).label("reasons")).group_by(
        every.c.claim_id
    )


async def waiting_claims(connection: AsyncConnection) -> list[WaitingClaim]:
    """Every claim that needs a person and is not voided, with its latest assessment."""
    needs = _needs().subquery("waiting")
    last = (
        select(AssessmentRow.flagged, AssessmentRow.probability, AssessmentRow.reasons)
        .where(AssessmentRow.claim_id == ClaimRow.claim_id)
        .order_by(AssessmentRow.made_at.desc(), AssessmentRow.assessment_id.desc())
        .limit(1)
        .lateral("assessment")
    )
    statement = (
        select(
            ClaimRow.claim_id,
            needs.c.reasons,
            ClaimRow.provider_id,
            ClaimRow.member_id,
            ClaimRow.status,
            ClaimRow.amount_cents,
            ClaimRow.approved_cents,
            literal_column(REVIEW_BY, Date),
            and_(last.c.flagged, last.c.probability.is_not(None)),
            func.coalesce(SelectionRow.probability, last.c.probability),
            last.c.reasons,
            ProcedureRow.average_cents,
            SelectionRow.expected_recovery_cents,
            SelectionRow.recovery_low_cents,
            SelectionRow.recovery_high_cents,
        )
        .select_from(needs)
        .join(ClaimRow, ClaimRow.claim_id == needs.c.claim_id)
        .join(last, true(), isouter=True)
        .join(SelectionRow, SelectionRow.claim_id == ClaimRow.claim_id, isouter=True)
        .join(ProcedureRow, ProcedureRow.procedure_code == ClaimRow.procedure_code, isouter=True)
        .where(ClaimRow.voided_at.is_(None))
        .order_by(ClaimRow.received_at, ClaimRow.claim_id)
        .limit(MOST_CLAIMS)
    )
    return [WaitingClaim(*row) for row in await connection.execute(statement)]


async def lock_leads(connection: AsyncConnection) -> None:
    """Let no other transaction refresh leads until this one ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("leads"))))


async def unclosed(connection: AsyncConnection) -> list[LeadRecord]:
    """Every lead that is not closed."""
    statement = select(*_LEAD).where(LeadRow.status != LeadStatus.CLOSED.value).order_by(LeadRow.lead_id)
    return [LeadRecord(*row) for row in await connection.execute(statement)]


async def open_claims(connection: AsyncConnection) -> dict[str, tuple[str, str]]:
    """The lead and the source of every claim that is open in a lead, by claim."""
    statement = select(LeadClaimRow.claim_id, LeadClaimRow.lead_id, LeadClaimRow.source).where(
        LeadClaimRow.done_at.is_(None)
    )
    return {claim_id: (lead_id, source) for claim_id, lead_id, source in await connection.execute(statement)}


async def last_week(connection: AsyncConnection) -> date | None:
    """The Monday on which leads were ranked last."""
    found: date | None = await connection.scalar(select(func.max(LeadRow.week)))
    return found


async def add_leads(connection: AsyncConnection, rows: Sequence[Mapping[str, object]]) -> None:
    """Store new leads."""
    if rows:
        await connection.execute(insert(LeadRow), [dict(one) for one in rows])


async def change_leads(connection: AsyncConnection, changes: Mapping[str, Mapping[str, object]]) -> None:
    """Change columns of leads, by lead; leads with the same columns go in one statement."""
    by_columns: dict[tuple[str, ...], list[dict[str, object]]] = {}
    for lead_id, values in changes.items():
        by_columns.setdefault(tuple(sorted(values)), []).append({"of_lead": lead_id, **values})
    for names, rows in by_columns.items():
        statement = update(LeadRow).where(LeadRow.lead_id == bindparam("of_lead"))
        await connection.execute(statement.values({name: bindparam(name) for name in names}), rows)


async def end_claims(connection: AsyncConnection, claim_ids: Sequence[str], at: datetime) -> None:
    """Claims need no one any more, or move to another lead."""
    if claim_ids:
        await connection.execute(
            update(LeadClaimRow)
            .where(LeadClaimRow.claim_id == func.any(list(claim_ids)), LeadClaimRow.done_at.is_(None))
            .values(done_at=at)
        )


async def add_claims(connection: AsyncConnection, rows: Sequence[Mapping[str, object]]) -> None:
    """Add claims to leads; one that was in the lead before is open in it again."""
    if not rows:
        return
    statement = upsert(LeadClaimRow)
    again = statement.on_conflict_do_update(
        index_elements=[LeadClaimRow.lead_id, LeadClaimRow.claim_id],
        set_={"source": statement.excluded.source, "added_at": statement.excluded.added_at, "done_at": None},
    )
    await connection.execute(again, [dict(one) for one in rows])


def _of_tab(tab: LeadTab, actor_id: str) -> ColumnElement[bool]:
    is_open = LeadRow.status == LeadStatus.OPEN.value
    return {
        LeadTab.UNASSIGNED: and_(is_open, LeadRow.assigned_to.is_(None)),
        LeadTab.MINE: and_(is_open, LeadRow.assigned_to == actor_id),
        LeadTab.EDITS: and_(is_open, LeadRow.source == LeadSource.EDITS.value),
        LeadTab.AUDIT: and_(is_open, LeadRow.source == LeadSource.AUDIT.value),
        LeadTab.SNOOZED: LeadRow.status == LeadStatus.SNOOZED.value,
        LeadTab.APPEALS: and_(is_open, LeadRow.source == LeadSource.APPEAL.value),
        LeadTab.CLOSED: LeadRow.status == LeadStatus.CLOSED.value,
    }[tab]


def _matching(sought: LeadFilter) -> Iterable[ColumnElement[bool]]:
    if sought.subject_kind is not None:
        yield LeadRow.subject_kind == sought.subject_kind.value
    if sought.subject_id is not None:
        yield LeadRow.subject_id == sought.subject_id
    if sought.owner is not None:
        yield LeadRow.assigned_to == sought.owner
    if sought.least_cents is not None:
        yield LeadRow.expected_cents >= sought.least_cents
    if sought.due_by is not None:
        yield LeadRow.due_on <= sought.due_by
    if sought.indicator is not None:
        yield LeadRow.indicators.contains([sought.indicator])


_ORDER = (
    LeadRow.expected_cents.desc().nulls_last(),
    LeadRow.due_on.nulls_last(),
    LeadRow.subject_kind,
    LeadRow.subject_id,
)
"""By expected recoverable, as `claims.leads.rank` has it."""


async def leads_of(
    connection: AsyncConnection,
    tab: LeadTab,
    actor_id: str,
    sought: LeadFilter,
    *,
    after: LeadPlace | None,
    limit: int,
) -> list[LeadRecord]:
    """A page of a tab, best first; of closed leads the latest first."""
    order = (LeadRow.closed_at.desc(), LeadRow.lead_id) if tab is LeadTab.CLOSED else _ORDER
    statement = select(*_LEAD).where(_of_tab(tab, actor_id), *_matching(sought)).order_by(*order).limit(limit)
    if after is not None:
        statement = statement.where(_closed_before(after) if tab is LeadTab.CLOSED else _ranked_after(after))
    return [LeadRecord(*row) for row in await connection.execute(statement)]


def _closed_before(place: LeadPlace) -> ColumnElement[bool]:
    """What follows a place in the order of closed leads."""
    return or_(
        LeadRow.closed_at < place.closed_at,
        and_(LeadRow.closed_at == place.closed_at, LeadRow.lead_id > place.lead_id),
    )


def _ranked_after(place: LeadPlace) -> ColumnElement[bool]:
    """What follows a place in `_ORDER`, where what is unknown comes last."""
    subject = tuple_(LeadRow.subject_kind, LeadRow.subject_id) > (place.subject_kind, place.subject_id)
    if place.due_on is None:
        later = and_(LeadRow.due_on.is_(None), subject)
    else:
        later = or_(
            LeadRow.due_on > place.due_on, LeadRow.due_on.is_(None), and_(LeadRow.due_on == place.due_on, subject)
        )
    if place.expected_cents is None:
        return and_(LeadRow.expected_cents.is_(None), later)
    return or_(
        LeadRow.expected_cents < place.expected_cents,
        LeadRow.expected_cents.is_(None),
        and_(LeadRow.expected_cents == place.expected_cents, later),
    )


async def counts_of_tabs(connection: AsyncConnection, actor_id: str) -> dict[LeadTab, int]:
    """Leads of each tab but the closed ones."""
    tabs = [tab for tab in LeadTab if tab is not LeadTab.CLOSED]
    counts = (func.count(case((_of_tab(tab, actor_id), 1))) for tab in tabs)
    row = (
        await connection.execute(select(*counts).select_from(LeadRow).where(LeadRow.status != LeadStatus.CLOSED.value))
    ).one()
    return dict(zip(tabs, row, strict=True))


async def find_lead(connection: AsyncConnection, lead_id: str, *, lock: bool = False) -> LeadRecord | None:
    """A lead, kept from others until the transaction ends where `lock`; `None` if there is none."""
    statement = select(*_LEAD).where(LeadRow.lead_id == lead_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if row is None else LeadRecord(*row)


async def best_unassigned(connection: AsyncConnection) -> LeadRecord | None:
    """The open lead of the highest expected recoverable that no one has, locked; `None`: there is none.

    One transaction at a time looks, so that two people get two leads. A lead that changes while it is waited for is
    looked for again.
    """
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("next lead"))))
    statement = (
        select(*_LEAD)
        .where(LeadRow.status == LeadStatus.OPEN.value, LeadRow.assigned_to.is_(None))
        .order_by(*_ORDER)
        .limit(1)
    )
    for _ in range(_TRIES):
        row = (await connection.execute(statement.with_for_update())).one_or_none()
        if row is not None:
            return LeadRecord(*row)
        if (await connection.execute(statement)).one_or_none() is None:
            return None
    return None


async def claims_of(connection: AsyncConnection, lead_id: str, *, limit: int) -> list[LeadClaimRecord]:
    """The claims of a lead: those that wait first, by amount."""
    last = (
        select(AssessmentRow.probability)
        .where(AssessmentRow.claim_id == LeadClaimRow.claim_id, AssessmentRow.probability.is_not(None))
        .order_by(AssessmentRow.made_at.desc(), AssessmentRow.assessment_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        select(
            LeadClaimRow.claim_id,
            LeadClaimRow.source,
            LeadClaimRow.done_at,
            ClaimRow.status,
            ClaimRow.provider_id,
            ClaimRow.received_at,
            ClaimRow.amount_cents,
            ClaimRow.approved_cents,
            last,
        )
        .outerjoin(ClaimRow, ClaimRow.claim_id == LeadClaimRow.claim_id)
        .where(LeadClaimRow.lead_id == lead_id)
        .order_by(LeadClaimRow.done_at.nulls_first(), ClaimRow.amount_cents.desc(), LeadClaimRow.claim_id)
        .limit(limit)
    )
    return [LeadClaimRecord(*row) for row in await connection.execute(statement)]


async def wake(connection: AsyncConnection, today: date) -> None:
    """Leads that were put aside until today or before are open again."""
    await connection.execute(
        update(LeadRow)
        .where(LeadRow.status == LeadStatus.SNOOZED.value, LeadRow.snoozed_until <= today)
        .values(status=LeadStatus.OPEN.value, snoozed_until=None, snooze_reason=None)
    )
