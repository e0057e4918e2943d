"""Weekly lists and dispositions in the database."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime, timedelta

from sqlalchemy import DateTime, Text, and_, case, cast, exists, func, insert, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, array, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from api.assessments import AssessmentRow, LabelRow
from api.catalog import ProcedureRow
from api.field_keys import DISPOSITION_NOTE, FieldKeys, StoredText, open_texts, seal_text
from api.intake import ClaimRow
from api.investigations.records import Choice, DispositionRecord, FraudLabel, ScoredClaim, SelectedClaim
from api.investigations.tables import DispositionRow, SelectionRow
from claims.review import Disposition
from core import clock

_IN_ORDER = (
    SelectionRow.expected_recovery_cents.desc().nulls_last(),
    SelectionRow.probability.desc(),
    SelectionRow.claim_id,
)
"""The order of a list."""
_PROMISE_DAYS = 364
"""How long before a list the lists were made that its promise rests on."""


async def lock_week(connection: AsyncConnection, week: date) -> None:
    """Let no other transaction create this week's list until this one ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"selections {week}"))))


async def scored_between(connection: AsyncConnection, first: datetime, until: datetime) -> list[ScoredClaim]:
    """Claims received from `first` to before `until`, neither voided nor selected before, each with its score.

    That is the latest score; for a claim that replaces or follows others, the highest of their latest scores, so that a
    held service does not leave the list by being billed again. Claims whose whole chain was assessed by the rule alone
    are left out.
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
        select(latest, ClaimRow.amount_cents, ProcedureRow.average_cents)
        .join(ClaimRow, ClaimRow.claim_id == latest.c.claim_id)
        .outerjoin(ProcedureRow, ProcedureRow.procedure_code == ClaimRow.procedure_code)
        .ext(distinct_on(latest.c.claim_id))
        .order_by(latest.c.claim_id, latest.c.probability.desc())
    )
    return [ScoredClaim(*row) for row in await connection.execute(statement)]


async def add_selections(
    connection: AsyncConnection, week: date, chosen: Sequence[Choice], scored: Sequence[ScoredClaim], at: datetime
) -> None:
    """Store a week's list with the scores that it was chosen by."""
    score_of = {claim.claim_id: claim for claim in scored}
    rows = [
        {
            **asdict(one),
            "probability": score_of[one.claim_id].probability,
            "model_version": score_of[one.claim_id].model_version,
            "week": week,
            "made_at": at,
        }
        for one in chosen
    ]
    if rows:
        await connection.execute(insert(SelectionRow), rows)


async def selected_claims(connection: AsyncConnection, week: date) -> list[SelectedClaim]:
    """A week's list: by descending expected recovery or score, then those sampled at random."""
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
            SelectionRow.expected_recovery_cents,
            SelectionRow.recovery_low_cents,
            SelectionRow.recovery_high_cents,
            found.c.disposition,
        )
        .join(ClaimRow, ClaimRow.claim_id == SelectionRow.claim_id)
        .outerjoin(found, and_(found.c.claim_id == SelectionRow.claim_id))
        .where(SelectionRow.week == week)
        .order_by(SelectionRow.selected_by.desc(), *_IN_ORDER)
    )
    return [SelectedClaim(*tuple(row)) for row in await connection.execute(statement)]


async def findings_on_earlier_lists(connection: AsyncConnection, week: date) -> list[list[bool | None]]:
    """The findings on the claims by score of each list of the year before a week's, in the order of the list.

    True: confirmed; False: another finding; None: no finding when the week's list was made, so that what is promised
    of a list does not change with later findings. Only lists in the same order count, by expected recovery or by score.
    """
    made_at, by_recovery = (
        select(func.min(SelectionRow.made_at), func.bool_or(SelectionRow.expected_recovery_cents.is_not(None)))
        .where(SelectionRow.week == week)
        .subquery("made")
        .c
    )
    found = (
        select(DispositionRow.claim_id, DispositionRow.disposition)
        .where(DispositionRow.known_at <= select(made_at).scalar_subquery())
        .ext(distinct_on(DispositionRow.claim_id))
        .order_by(DispositionRow.claim_id, DispositionRow.known_at.desc())
        .subquery()
    )
    statement = (
        select(SelectionRow.week, found.c.disposition == Disposition.CONFIRMED.value)
        .outerjoin(found, found.c.claim_id == SelectionRow.claim_id)
        .where(
            SelectionRow.week < week,
            SelectionRow.week >= week - timedelta(days=_PROMISE_DAYS),
            SelectionRow.selected_by == "score",
            SelectionRow.expected_recovery_cents.is_not(None) == select(by_recovery).scalar_subquery(),
        )
        .order_by(SelectionRow.week, *_IN_ORDER)
    )
    lists: dict[date, list[bool | None]] = {}
    for earlier, confirmed in await connection.execute(statement):
        lists.setdefault(earlier, []).append(confirmed)
    return list(lists.values())


@dataclass(frozen=True, slots=True)
class PaidClaim:
    """The status of a claim, and what is paid for it."""

    status: str
    approved_cents: int


async def lock_claim(connection: AsyncConnection, claim_id: str) -> PaidClaim | None:
    """Lock a claim until the transaction ends; `None` if there is no such claim."""
    statement = select(ClaimRow.status, ClaimRow.approved_cents).where(ClaimRow.claim_id == claim_id).with_for_update()
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else PaidClaim(*row)


async def amount_of(connection: AsyncConnection, claim_id: str) -> int | None:
    """Cents claimed, which never change; `None` if there is no such claim."""
    found: int | None = await connection.scalar(select(ClaimRow.amount_cents).where(ClaimRow.claim_id == claim_id))
    return found


async def recovered_of_claims(connection: AsyncConnection, claim_ids: Sequence[str]) -> dict[str, int]:
    """Cents that were recovered of each of the claims; a claim without a recovery is left out."""
    recovered = func.sum(DispositionRow.amount_recovered_cents)
    statement = (
        select(DispositionRow.claim_id, recovered)
        .where(DispositionRow.claim_id.in_(claim_ids))
        .group_by(DispositionRow.claim_id)
    )
    return {claim_id: int(cents) for claim_id, cents in await connection.execute(statement)}


async def recovered_of(connection: AsyncConnection, claim_id: str) -> int:
    """Cents recovered of the claim by all its dispositions."""
    statement = select(func.sum(DispositionRow.amount_recovered_cents)).where(DispositionRow.claim_id == claim_id)
    return int((await connection.execute(statement)).scalar_one() or 0)


async def claim_exists(connection: AsyncConnection, claim_id: str) -> bool:
    """Whether there is such a claim."""
    return (await connection.execute(select(exists().where(ClaimRow.claim_id == claim_id)))).scalar_one()


async def latest_week(connection: AsyncConnection) -> date | None:
    """The Monday of the latest week with a list."""
    return (await connection.execute(select(func.max(SelectionRow.week)))).scalar_one()


async def dispositions_of(connection: AsyncConnection, keys: FieldKeys, claim_id: str) -> list[DispositionRecord]:
    """The dispositions of a claim, latest first. Raises `DecryptionError` where a note was changed."""
    statement = (
        select(*(DispositionRow.__table__.c[one.name] for one in fields(DispositionRecord)), DispositionRow.note_sealed)
        .where(DispositionRow.claim_id == claim_id)
        .order_by(DispositionRow.known_at.desc())
    )
    rows = (await connection.execute(statement)).all()
    found = [DispositionRecord(*row[:-1]) for row in rows]
    notes = [
        StoredText(claim_id, (claim_id, one.known_at), row[-1], one.note) for one, row in zip(found, rows, strict=True)
    ]
    opened = await open_texts(connection, keys, DISPOSITION_NOTE, notes)
    return [replace(one, note=note) for one, note in zip(found, opened, strict=True)]


async def add_disposition(
    connection: AsyncConnection, keys: FieldKeys, claim_id: str, record: DispositionRecord
) -> None:
    """Store a disposition, its note encrypted."""
    note = await seal_text(connection, keys, DISPOSITION_NOTE, claim_id, record.note, claim_id, record.known_at)
    values = {**asdict(record), "claim_id": claim_id, "note": None, "note_sealed": note}
    await connection.execute(insert(DispositionRow).values(values))


async def next_known_at(connection: AsyncConnection, claim_id: str) -> datetime:
    """The instant from which a disposition recorded now is known: the database's time, after all earlier ones.

    Call it after the claim is locked (`lock_claim`), so that dispositions are ordered by their commits whatever the
    clocks of the hosts say. A clock held by a test (`core.clock.held`) replaces the database's.
    """
    before = select(func.max(DispositionRow.known_at)).where(DispositionRow.claim_id == claim_id).scalar_subquery()
    now = func.coalesce(cast(clock.held_at(), DateTime(timezone=True)), func.clock_timestamp())
    statement = select(func.greatest(now, before + timedelta(microseconds=1)))
    known_at: datetime = (await connection.execute(statement)).scalar_one()
    return known_at


async def add_label(
    connection: AsyncConnection, *, claim_id: str, known_at: datetime, is_fraud: bool | None, kind: str | None
) -> None:
    """Store the label of a disposition: fraud, no fraud, or (None) withdrawn."""
    await connection.execute(
        insert(LabelRow).values(
            claim_id=claim_id, known_at=known_at, is_fraud=is_fraud, kind=kind, source="disposition"
        )
    )


async def fraud_label_of(connection: AsyncConnection, claim_id: str) -> FraudLabel | None:
    """The latest label of a claim where it says fraud, whether a person found it or it was loaded; else None."""
    statement = (
        select(LabelRow.is_fraud, LabelRow.kind)
        .where(LabelRow.claim_id == claim_id)
        .order_by(LabelRow.known_at.desc())
        .limit(1)
    )
    row = (await connection.execute(statement)).one_or_none()
    return FraudLabel(row.kind) if row is not None and row.is_fraud else None
