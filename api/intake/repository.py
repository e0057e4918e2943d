"""Claims: what the edits need of the history, and what is stored of a claim."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from api.intake.tables import ClaimLineRow, ClaimRow, IdempotencyKeyRow
from api.scoring.tables import AssessmentRow
from claims.claim import Claim
from claims.edits import LookAlike
from claims.outcome import Outcome
from claims.scoring import ClaimFacts


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as it was given, and the hash of the request it was given to."""

    request_hash: bytes
    status: int
    body: bytes


async def reply_to(connection: AsyncConnection, api_key_id: str, key: str) -> Reply | None:
    """The reply kept for an Idempotency-Key of this caller."""
    statement = select(IdempotencyKeyRow.request_hash, IdempotencyKeyRow.status, IdempotencyKeyRow.body).where(
        IdempotencyKeyRow.api_key_id == api_key_id, IdempotencyKeyRow.key == key
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else Reply(*row)


async def keep_reply(connection: AsyncConnection, api_key_id: str, key: str, reply: Reply, at: datetime) -> None:
    """Keep a reply. A second one under the same key waits for the first's commit, and then violates the primary key."""
    await connection.execute(
        insert(IdempotencyKeyRow).values(
            api_key_id=api_key_id,
            key=key,
            request_hash=reply.request_hash,
            status=reply.status,
            body=reply.body,
            created_at=at,
        )
    )


async def lock_member(connection: AsyncConnection, member_id: str) -> None:
    """Let one claim of a member be decided at a time, until the transaction ends: two cannot use the same benefit, nor
    each miss that the other is its duplicate."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(member_id, 0))))


async def history(connection: AsyncConnection, claim: Claim) -> tuple[int, tuple[LookAlike, ...]]:
    """Cents of the benefit used in the calendar year of service, and the claims that look like this one.

    Reads the member's claims of that year by the index on member and first day of service.
    """
    year = claim.service_from.year
    alike = (
        (ClaimRow.provider_id == claim.provider_id)
        & (ClaimRow.procedure_code == claim.principal.procedure_code)
        & (ClaimRow.service_from == claim.service_from)
    )
    order = ClaimRow.received_at
    statement = select(
        func.coalesce(func.sum(ClaimRow.approved_cents), 0),
        func.array_agg(aggregate_order_by(ClaimRow.claim_id, order)).filter(alike),
        func.array_agg(aggregate_order_by(ClaimRow.received_at, order)).filter(alike),
        func.array_agg(aggregate_order_by(ClaimRow.amount_cents, order)).filter(alike),
    ).where(
        ClaimRow.member_id == claim.member_id,
        ClaimRow.service_from.between(date(year, 1, 1), date(year, 12, 31)),
        ClaimRow.voided_at.is_(None),
        ClaimRow.claim_id != (claim.replaces or ""),
    )
    used, ids, received, amounts = (await connection.execute(statement)).one()
    return int(used), tuple(map(LookAlike, ids or (), received or (), amounts or ()))


async def add_claim(
    connection: AsyncConnection,
    claim: Claim,
    facts: ClaimFacts,
    *,
    outcome: Outcome,
    approved_cents: int,
    submitted_by: str,
) -> dict[str, Any]:
    """Store a claim with its lines; returns the row."""
    row = {
        **facts.model_dump(),
        "other_diagnoses": list(claim.diagnosis_codes[1:]),
        "voided_at": None,
        "replaces": claim.replaces,
        "status": outcome.value,
        "approved_cents": approved_cents,
        "source": "api",
        "submitted_by": submitted_by,
    }
    await connection.execute(insert(ClaimRow), row)
    lines = [
        {
            "claim_id": claim.claim_id,
            "line": number,
            "procedure_code": line.procedure_code,
            "units": line.units,
            "amount_cents": line.amount_cents,
            "service_date": line.service_date,
        }
        for number, line in enumerate(claim.lines, start=1)
    ]
    await connection.execute(insert(ClaimLineRow), lines)
    return row


async def void(connection: AsyncConnection, claim_id: str, at: datetime, reason: str | None) -> bool:
    """Take a claim back, once; says whether it stood until now."""
    statement = (
        update(ClaimRow)
        .where(ClaimRow.claim_id == claim_id, ClaimRow.voided_at.is_(None))
        .values(
            voided_at=func.greatest(at, ClaimRow.received_at), void_reason=reason, status="voided", approved_cents=0
        )
        .returning(ClaimRow.claim_id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def restate(connection: AsyncConnection, claim_id: str, outcome: Outcome, approved_cents: int) -> bool:
    """Give a claim that is not voided another standing; says whether it was there to change."""
    statement = (
        update(ClaimRow)
        .where(ClaimRow.claim_id == claim_id, ClaimRow.voided_at.is_(None))
        .values(status=outcome.value, approved_cents=approved_cents)
        .returning(ClaimRow.claim_id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


_LAST_ASSESSMENT = (
    select(
        AssessmentRow.flagged,
        AssessmentRow.probability,
        AssessmentRow.decided_by,
        AssessmentRow.model_version,
        AssessmentRow.findings,
        AssessmentRow.reasons,
    )
    .where(AssessmentRow.claim_id == ClaimRow.claim_id)
    .order_by(AssessmentRow.made_at.desc(), AssessmentRow.assessment_id.desc())
    .limit(1)
    .lateral("assessment")
)


def _with_assessment() -> Select[tuple[Any, ...]]:
    return select(*ClaimRow.__table__.columns, *_LAST_ASSESSMENT.c).join(_LAST_ASSESSMENT, true(), isouter=True)


async def claim_with(connection: AsyncConnection, claim_id: str, provider_id: str | None) -> dict[str, Any] | None:
    """A claim with its last assessment's columns (null for a loaded claim); only that provider's, if one is given."""
    statement = _with_assessment().where(ClaimRow.claim_id == claim_id)
    if provider_id is not None:
        statement = statement.where(ClaimRow.provider_id == provider_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else row._asdict()


async def lines_of(connection: AsyncConnection, claim_id: str) -> list[dict[str, Any]]:
    """A claim's lines in their order."""
    statement = select(*ClaimLineRow.__table__.columns).where(ClaimLineRow.claim_id == claim_id)
    return [row._asdict() for row in await connection.execute(statement.order_by(ClaimLineRow.line))]


async def claims_before(
    connection: AsyncConnection,
    *,
    before: tuple[datetime, str] | None,
    limit: int,
    filters: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Claims received before a place in the list, newest first; `filters` are columns and the value each must have."""
    statement = _with_assessment().order_by(ClaimRow.received_at.desc(), ClaimRow.claim_id.desc()).limit(limit)
    for column, value in filters.items():
        statement = statement.where(ClaimRow.__table__.c[column] == value)
    if before is not None:
        statement = statement.where(tuple_(ClaimRow.received_at, ClaimRow.claim_id) < tuple_(*before))
    return [row._asdict() for row in await connection.execute(statement)]
