"""Console sessions and claims in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Text, exists, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from api.assessments import AssessmentRow
from api.console.tables import ConsoleSessionRow
from api.identity import ApiKeyRow, Caller, Scope, stored_scopes
from api.intake import ClaimRow
from claims.attributes import AttributeValue


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A signed-in user and the end of the session."""

    actor_id: str
    name: str
    role: str
    expires_at: datetime
    only: frozenset[Scope] | None = None
    """Of a key with fewer scopes than its role has."""
    form_token: str = ""
    """Of the session's forms."""

    @property
    def caller(self) -> Caller:
        """The caller on whose behalf this session acts; keys of providers cannot open one."""
        return Caller(self.actor_id, self.role, None, self.name, only=self.only)

    @property
    def may_operate(self) -> bool:
        """Whether the pages for operators are shown."""
        return self.may(Scope.OPERATE)

    def may(self, scope: Scope) -> bool:
        """Whether the session's key has `scope`."""
        return self.caller.may(scope)


async def add_session(
    connection: AsyncConnection, *, token_hash: bytes, actor_id: str, created_at: datetime, expires_at: datetime
) -> None:
    """Store a new session."""
    await connection.execute(
        insert(ConsoleSessionRow).values(
            token_hash=token_hash, actor_id=actor_id, created_at=created_at, expires_at=expires_at
        )
    )


async def session_with(connection: AsyncConnection, token_hash: bytes, at: datetime) -> SignedIn | None:
    """The user of a session, if both it and its key are valid at `at`."""
    statement = (
        select(ApiKeyRow.api_key_id, ApiKeyRow.name, ApiKeyRow.role, ConsoleSessionRow.expires_at, ApiKeyRow.scopes)
        .join(ApiKeyRow, ApiKeyRow.api_key_id == ConsoleSessionRow.actor_id)
        .where(
            ConsoleSessionRow.token_hash == token_hash,
            ConsoleSessionRow.ended_at.is_(None),
            ConsoleSessionRow.expires_at > at,
            ApiKeyRow.revoked_at.is_(None),
            ApiKeyRow.expires_at.is_(None) | (ApiKeyRow.expires_at > at),
        )
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else SignedIn(*row[:4], only=stored_scopes(row.scopes))


async def end_session(connection: AsyncConnection, token_hash: bytes, at: datetime) -> None:
    """End a session; one that has ended stays as it is."""
    await connection.execute(
        update(ConsoleSessionRow)
        .where(ConsoleSessionRow.token_hash == token_hash, ConsoleSessionRow.ended_at.is_(None))
        .values(ended_at=at)
    )


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
