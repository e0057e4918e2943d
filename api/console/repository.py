"""Claims in the database, as the console shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Text, exists, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from api.assessments import AssessmentRow
from api.intake import ClaimRow
from claims.attributes import AttributeValue


@dataclass(frozen=True, slots=True)
class ExplainedClaim:
    """The columns of a claim that the explanation page shows, and its chain."""

    claim_id: str
    status: str
    amount_cents: int
    approved_cents: int
    member_id: str | None
    provider_id: str | None
    procedure_code: str | None
    diagnosis_code: str | None
    region: str | None
    specialty: str | None
    service_from: date
    received_at: datetime
    voided_at: datetime | None
    decision_id: str | None
    attributes: Mapping[str, AttributeValue] | None
    chain: Sequence[str]
    """The claim and those that replace or follow one another with it, newest first."""


@dataclass(frozen=True, slots=True)
class FlaggedClaim:
    """A claim with a flagging assessment."""

    claim_id: str
    received_at: datetime
    provider_id: str | None
    status: str
    amount_cents: int
    probability: float | None


_EXPLAINED = tuple(ClaimRow.__table__.c[one.name] for one in fields(ExplainedClaim) if one.name != "chain")


async def explained_claim(connection: AsyncConnection, claim_id: str) -> ExplainedClaim | None:
    """A claim; `None` if there is none."""
    chain = func.claim_chain(ClaimRow.claim_id, type_=ARRAY(Text))
    statement = select(*_EXPLAINED, chain).where(ClaimRow.claim_id == claim_id)
    row: Sequence[Any] | None = (await connection.execute(statement)).one_or_none()
    return None if row is None else ExplainedClaim(*row)


async def payment_of(connection: AsyncConnection, claim_id: str) -> tuple[str, Mapping[str, JsonValue] | None]:
    """Status and stored payment of a claim, which must exist."""
    statement = select(ClaimRow.status, ClaimRow.payment).where(ClaimRow.claim_id == claim_id)
    status, payment = (await connection.execute(statement)).one()
    return status, payment


async def latest_flagged(connection: AsyncConnection, limit: int) -> list[FlaggedClaim]:
    """Claims flagged by their latest assessment, latest first."""
    later = aliased(AssessmentRow)
    statement = (
        select(
            ClaimRow.claim_id,
            ClaimRow.received_at,
            ClaimRow.provider_id,
            ClaimRow.status,
            ClaimRow.amount_cents,
            AssessmentRow.probability,
        )
        .join(AssessmentRow, AssessmentRow.claim_id == ClaimRow.claim_id)
        .where(AssessmentRow.flagged, ~exists().where(later.supersedes == AssessmentRow.assessment_id))
        .order_by(AssessmentRow.made_at.desc())
        .limit(limit)
    )
    return [FlaggedClaim(*row) for row in await connection.execute(statement)]
