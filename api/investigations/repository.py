"""Questions about lists and findings."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Text, and_, case, exists, func, insert, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, array, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from api.intake.tables import ClaimRow
from api.investigations.tables import DispositionRow, SelectionRow
from api.scoring.tables import AssessmentRow, LabelRow


async def hold_week(connection: AsyncConnection, week: date) -> None:
    """Let nobody else make this week's list until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"selections {week}"))))


async def scored_between(connection: AsyncConnection, first: datetime, until: datetime) -> Sequence[Any]:
    """Standing claims received from `first` to before `until` that nobody has selected, each with its decisive score.

    That is the latest; for a claim that replaces or follows others, the highest of the latest scores of all of
    them, so that a held service does not leave the list by being billed again. Rows of claim_id, probability,
    model_version; claims of which only the rule has judged the whole chain are left out.
    """
    chain = case(
        (
            or_(ClaimRow.replaces.is_not(None), ClaimRow.inherits_from.is_not(None)),
            func.claim_chain(ClaimRow.claim_id, type_=ARRAY(Text)),
        ),
        else_=array([ClaimRow.claim_id]),
    )
    week = (
        select(ClaimRow.claim_id, func.unnest(chain).label("of_chain"))
        .outerjoin(SelectionRow, SelectionRow.claim_id == ClaimRow.claim_id)
        .where(
            ClaimRow.received_at >= first,
            ClaimRow.received_at < until,
            ClaimRow.voided_at.is_(None),
            SelectionRow.claim_id.is_(None),
        )
        .subquery()
    )
    latest = (
        select(week.c.claim_id, AssessmentRow.probability, AssessmentRow.model_version)
        .join(AssessmentRow, AssessmentRow.claim_id == week.c.of_chain)
        .where(AssessmentRow.probability.is_not(None))
        .ext(distinct_on(week.c.claim_id, week.c.of_chain))
        .order_by(week.c.claim_id, week.c.of_chain, AssessmentRow.made_at.desc(), AssessmentRow.assessment_id.desc())
        .subquery()
    )
    statement = (
        select(latest).ext(distinct_on(latest.c.claim_id)).order_by(latest.c.claim_id, latest.c.probability.desc())
    )
    return (await connection.execute(statement)).all()


async def add_selections(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Store a week's list."""
    if rows:
        await connection.execute(insert(SelectionRow), rows)


async def selections_of(connection: AsyncConnection, week: date) -> Sequence[Any]:
    """A week's list, the best first and those by lot after, each with its claim and its latest finding."""
    found = (
        select(DispositionRow.claim_id, DispositionRow.disposition)
        .ext(distinct_on(DispositionRow.claim_id))
        .order_by(DispositionRow.claim_id, DispositionRow.known_at.desc())
        .subquery()
    )
    statement = (
        select(
            SelectionRow.claim_id,
            SelectionRow.selected_by,
            SelectionRow.propensity,
            SelectionRow.probability,
            SelectionRow.model_version,
            ClaimRow.received_at,
            ClaimRow.provider_id,
            ClaimRow.amount_cents,
            found.c.disposition,
        )
        .join(ClaimRow, ClaimRow.claim_id == SelectionRow.claim_id)
        .outerjoin(found, and_(found.c.claim_id == SelectionRow.claim_id))
        .where(SelectionRow.week == week)
        .order_by(SelectionRow.selected_by.desc(), SelectionRow.probability.desc(), SelectionRow.claim_id)
    )
    return (await connection.execute(statement)).all()


async def amount_of(connection: AsyncConnection, claim_id: str) -> int | None:
    """The claim's amount in cents, the claim held until the transaction ends; `None`: there is no such claim."""
    statement = select(ClaimRow.amount_cents).where(ClaimRow.claim_id == claim_id).with_for_update()
    return (await connection.execute(statement)).scalar_one_or_none()


async def is_there(connection: AsyncConnection, claim_id: str) -> bool:
    """Whether there is such a claim."""
    return (await connection.execute(select(exists().where(ClaimRow.claim_id == claim_id)))).scalar_one()


async def latest_week(connection: AsyncConnection) -> date | None:
    """The Monday of the latest week that has a list."""
    return (await connection.execute(select(func.max(SelectionRow.week)))).scalar_one()


async def dispositions_of(connection: AsyncConnection, claim_id: str) -> Sequence[Any]:
    """Everything found of a claim, the latest first."""
    statement = (
        select(
            DispositionRow.disposition,
            DispositionRow.kind,
            DispositionRow.amount_recovered_cents,
            DispositionRow.decided_by,
            DispositionRow.note,
            DispositionRow.known_at,
        )
        .where(DispositionRow.claim_id == claim_id)
        .order_by(DispositionRow.known_at.desc())
    )
    return (await connection.execute(statement)).all()


async def add_disposition(connection: AsyncConnection, **values: Any) -> None:
    """Store a finding."""
    await connection.execute(insert(DispositionRow).values(**values))


async def add_label(
    connection: AsyncConnection, *, claim_id: str, known_at: datetime, is_fraud: bool, kind: str | None
) -> None:
    """Store what a finding says of the claim as a label."""
    await connection.execute(
        insert(LabelRow).values(
            claim_id=claim_id, known_at=known_at, is_fraud=is_fraud, kind=kind, source="disposition"
        )
    )
