"""Claims in the outbox that wait for a score."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select

from api.database import Query, Rows, compiled
from api.intake import ClaimRow
from api.outbox import RESCORE, OutboxRow
from claims.scoring import ClaimFacts

BATCH = 64


@dataclass(frozen=True, slots=True)
class PendingClaim:
    """A claim that waits for a score."""

    position: int
    """Of its event in the outbox."""
    attempts: int
    assessment_id: str
    """The rule's assessment, which the score's one will supersede."""
    facts: ClaimFacts


_FACTS = tuple(ClaimFacts.model_fields)
_PENDING = compiled(
    select(
        OutboxRow.position,
        OutboxRow.attempts,
        OutboxRow.payload["assessment_id"].astext,
        *(ClaimRow.__table__.c[name] for name in _FACTS),
    )
    .join(ClaimRow, ClaimRow.claim_id == OutboxRow.payload["claim_id"].astext)
    .where(
        OutboxRow.topic == RESCORE,
        OutboxRow.done_at.is_(None),
        func.coalesce(OutboxRow.not_before, bindparam("now")) <= bindparam("now"),
    )
    .order_by(OutboxRow.position)
    .limit(BATCH)
)


def pending_claims(now: datetime) -> Query[list[PendingClaim]]:
    """The oldest claims that may be scored at `now`, at most `BATCH`."""
    return Query(_PENDING, {"now": now}, _read)


def _read(rows: Rows) -> list[PendingClaim]:
    return [PendingClaim(row[0], row[1], row[2], ClaimFacts(**dict(zip(_FACTS, row[3:], strict=True)))) for row in rows]
