"""What the console asks of the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, Text, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from api.console.tables import ConsoleSessionRow
from api.identity.roles import ROLES, Scope
from api.identity.tables import ApiKeyRow
from api.intake.tables import ClaimRow
from api.scoring.tables import AssessmentRow


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who looks at the page, and until when."""

    name: str
    role: str
    expires_at: datetime

    def may(self, scope: Scope) -> bool:
        """Whether the role of the session's key includes `scope`."""
        return scope in ROLES[self.role]


async def add_session(
    connection: AsyncConnection, *, token_hash: bytes, api_key_id: str, created_at: datetime, expires_at: datetime
) -> None:
    """Store a new session."""
    await connection.execute(
        insert(ConsoleSessionRow).values(
            token_hash=token_hash, api_key_id=api_key_id, created_at=created_at, expires_at=expires_at
        )
    )


async def session_with(connection: AsyncConnection, token_hash: bytes, at: datetime) -> SignedIn | None:
    """Whose session this is, if both it and its key hold at the moment `at`."""
    statement = (
        select(ApiKeyRow.name, ApiKeyRow.role, ConsoleSessionRow.expires_at)
        .join(ApiKeyRow, ApiKeyRow.api_key_id == ConsoleSessionRow.api_key_id)
        .where(
            ConsoleSessionRow.token_hash == token_hash,
            ConsoleSessionRow.ended_at.is_(None),
            ConsoleSessionRow.expires_at > at,
            ApiKeyRow.revoked_at.is_(None),
            ApiKeyRow.expires_at.is_(None) | (ApiKeyRow.expires_at > at),
        )
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else SignedIn(*row)


async def end_session(connection: AsyncConnection, token_hash: bytes, at: datetime) -> None:
    """End a session; ending one that has ended changes nothing."""
    await connection.execute(
        update(ConsoleSessionRow)
        .where(ConsoleSessionRow.token_hash == token_hash, ConsoleSessionRow.ended_at.is_(None))
        .values(ended_at=at)
    )


async def claim_with(connection: AsyncConnection, claim_id: str) -> RowMapping | None:
    """A claim's stored row and its chain."""
    chain = func.claim_chain(ClaimRow.claim_id, type_=ARRAY(Text))
    statement = select(ClaimRow.__table__, chain.label("chain")).where(ClaimRow.claim_id == claim_id)
    return (await connection.execute(statement)).mappings().one_or_none()


async def flagged_latest(connection: AsyncConnection, limit: int) -> Sequence[RowMapping]:
    """Claims whose assessment flagged them, the newest first."""
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
        .where(AssessmentRow.flagged)
        .order_by(AssessmentRow.made_at.desc())
        .limit(limit)
    )
    return (await connection.execute(statement)).mappings().all()
