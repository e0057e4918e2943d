"""Claims in review, and the decisions on them."""

from dataclasses import asdict, replace

from sqlalchemy import ColumnElement, Date, func, insert, literal, literal_column, null, select, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.assessments import AssessmentRow
from api.database import fetch
from api.decisions import DecisionRow
from api.field_keys import (
    DECISION_DOCUMENTS,
    DECISION_NOTE,
    FieldKeys,
    StoredText,
    list_text,
    open_columns,
    seal_columns,
    text_list,
)
from api.intake import REVIEW_BY, ClaimRow, benefit_used, counted
from api.investigations import DispositionRow
from api.members import lock_member
from api.paging import PageCursor
from api.payments import payment_from_json, payment_to_json
from api.reviews.records import DecisionRecord, QueuedClaim, ReviewedClaim
from claims.benefits import Benefit
from claims.outcome import Outcome
from claims.payment import ClaimPayment, itemize
from claims.review import Settlement

_CLAIM = tuple(ClaimRow.__table__.c[name] for name in ReviewedClaim.__dataclass_fields__)
_DECISION = tuple(DecisionRow.__table__.c[name] for name in DecisionRecord.__dataclass_fields__)


async def claim_of(connection: AsyncConnection, claim_id: str) -> ReviewedClaim | None:
    """A claim; `None` if there is none."""
    row = (await connection.execute(select(*_CLAIM).where(ClaimRow.claim_id == claim_id))).one_or_none()
    return None if row is None else ReviewedClaim(*row)


async def lock_claim(connection: AsyncConnection, claim_id: str) -> ReviewedClaim | None:
    """Lock a claim and the benefit of its member until the transaction ends; `None` if there is no such claim.

    Locks in the order of a submission: first the member, then the claim.
    """
    found = await claim_of(connection, claim_id)
    if found is None:
        return None
    await fetch(connection, lock_member(found.member_id or claim_id))
    held = select(*_CLAIM).where(ClaimRow.claim_id == claim_id).with_for_update(key_share=True)
    return ReviewedClaim(*(await connection.execute(held)).one())


async def benefit_without(connection: AsyncConnection, claim: ReviewedClaim) -> tuple[Benefit, ClaimPayment | None]:
    """The benefit without the claim itself, its limit as of receipt, and the claim itemized by the cost shared now."""
    payment = payment_from_json(claim.payment)
    terms = None if payment is None else payment.terms
    use = await fetch(
        connection, benefit_used(claim.member_id, claim.service_from, terms=terms, without=claim.claim_id)
    )
    benefit = Benefit(claim.benefit_limit_cents, use.used_cents, use.reserved_cents)
    return benefit, None if payment is None else itemize(payment.prices, terms, use.shared)


async def decisions_of(connection: AsyncConnection, keys: FieldKeys, claim_id: str) -> list[DecisionRecord]:
    """Every decision on the claim, oldest first. Raises `DecryptionError` where a note was changed."""
    statement = select(*_DECISION, DecisionRow.note_sealed, DecisionRow.documents_sealed)
    of_claim = statement.where(DecisionRow.claim_id == claim_id).order_by(DecisionRow.number)
    rows = (await connection.execute(of_claim)).all()
    found = [DecisionRecord(*row[:-2]) for row in rows]
    notes, documents = [], []
    for one, row in zip(found, rows, strict=True):
        notes.append(StoredText(claim_id, (one.decision_id,), row[-2], one.note))
        documents.append(StoredText(claim_id, (one.decision_id,), row[-1], list_text(one.documents)))
    opened = await open_columns(connection, keys, {DECISION_NOTE: notes, DECISION_DOCUMENTS: documents})
    return [
        replace(one, note=note, documents=_names(names))
        for one, note, names in zip(found, opened[DECISION_NOTE], opened[DECISION_DOCUMENTS], strict=True)
    ]


def _names(value: str | None) -> list[str]:
    """Names of documents; where their key is lost, that is in their place."""
    names = text_list(value)
    return [value or ""] if names is None else list(map(str, names))


async def assessments_of(connection: AsyncConnection, claim_id: str) -> tuple[int, str | None]:
    """Number of assessments of the claim, and the id of the latest."""
    latest = (
        select(AssessmentRow.assessment_id, func.count().over())
        .where(AssessmentRow.claim_id == claim_id)
        .order_by(AssessmentRow.made_at.desc(), AssessmentRow.assessment_id.desc())
        .limit(1)
    )
    row = (await connection.execute(latest)).one_or_none()
    return (0, None) if row is None else (row[1], row[0])


async def findings_of(connection: AsyncConnection, claim_id: str) -> tuple[str | None, int]:
    """The latest disposition of the claim, and the cents recovered by all of them."""
    statement = (
        select(DispositionRow.disposition, func.sum(DispositionRow.amount_recovered_cents).over())
        .where(DispositionRow.claim_id == claim_id)
        .order_by(DispositionRow.known_at.desc())
        .limit(1)
    )
    row = (await connection.execute(statement)).one_or_none()
    return (None, 0) if row is None else (row[0], int(row[1]))


async def add_decision(connection: AsyncConnection, keys: FieldKeys, decision: DecisionRecord) -> None:
    """Store a decision, its note and the names of documents encrypted."""
    texts = {DECISION_NOTE: decision.note, DECISION_DOCUMENTS: list_text(decision.documents)}
    sealed = await seal_columns(connection, keys, decision.claim_id, texts, decision.decision_id)
    values = {**asdict(decision), "note": None, "documents": [], **sealed}
    await connection.execute(insert(DecisionRow).values(values))


async def change_status(
    connection: AsyncConnection,
    claim_id: str,
    settlement: Settlement,
    decision_id: str,
    payment: ClaimPayment | None,
) -> None:
    """Give a locked claim the outcome, amounts and payment of a settlement."""
    counts = counted(settlement.outcome, payment)
    await connection.execute(
        update(ClaimRow)
        .where(ClaimRow.claim_id == claim_id)
        .values(
            status=settlement.outcome.value,
            approved_cents=settlement.approved_cents,
            reserved_cents=settlement.reserved_cents,
            decision_id=decision_id,
            payment=null() if payment is None else payment_to_json(payment),
            deductible_cents=counts.deductible_cents,
            out_of_pocket_cents=counts.out_of_pocket_cents,
        )
    )


async def queue(connection: AsyncConnection, *, after: PageCursor | None, limit: int) -> list[QueuedClaim]:
    """Claims in review after a place in the queue, by the day on which each takes its turn, then by receipt."""
    review_by = literal_column(REVIEW_BY, Date)
    last = (
        select(AssessmentRow.findings, AssessmentRow.probability)
        .where(AssessmentRow.claim_id == ClaimRow.claim_id)
        .order_by(AssessmentRow.made_at.desc(), AssessmentRow.assessment_id.desc())
        .limit(1)
        .lateral("assessment")
    )
    statement = (
        select(
            ClaimRow.claim_id,
            ClaimRow.received_at,
            ClaimRow.received_on,
            ClaimRow.provider_id,
            ClaimRow.amount_cents,
            ClaimRow.reserved_cents,
            ClaimRow.line_of_business,
            ClaimRow.state_code,
            last.c.findings,
            last.c.probability,
            *(DecisionRow.__table__.c[name] for name in ("action", "effect", "due_on", "pays_cents")),
        )
        .select_from(ClaimRow)
        .join(last, true(), isouter=True)
        .join(DecisionRow, DecisionRow.decision_id == ClaimRow.decision_id, isouter=True)
        .where(_in_review())
        .order_by(review_by, ClaimRow.received_at, ClaimRow.claim_id)
        .limit(limit)
    )
    if after is not None:
        # The day of a claim never changes, also once it is decided.
        day = await connection.scalar(select(review_by).select_from(ClaimRow).where(ClaimRow.claim_id == after.item_id))
        place = tuple_(literal(day, Date), after.received_at, after.item_id)
        statement = statement.where(tuple_(review_by, ClaimRow.received_at, ClaimRow.claim_id) > place)
    return [QueuedClaim(*row) for row in await connection.execute(statement)]


async def queue_length(connection: AsyncConnection) -> int:
    """Number of claims in review."""
    return (await connection.execute(select(func.count()).select_from(ClaimRow).where(_in_review()))).scalar_one()


def _in_review() -> ColumnElement[bool]:
    return ClaimRow.status == Outcome.IN_REVIEW.value
