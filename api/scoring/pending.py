"""Claims in the outbox that wait for a score."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import bindparam, func, select

from api.database import Query, compiled
from api.intake import FACT_COLUMNS, ClaimRow, facts_of
from api.outbox import RESCORE, OutboxRow
from claims.scoring import ClaimFacts

BATCH = 64


@dataclass(frozen=True, slots=True)
class UnreadableEvent:
    """An event whose claim cannot be scored as it is stored."""

    position: int
    error: str


@dataclass(frozen=True, slots=True)
class PendingClaim:
    """A claim that waits for a score."""

    position: int
    """Of its event in the outbox."""
    attempts: int
    assessment_id: str
    """The rule's assessment, which the score's one will supersede."""
    withheld_by: str | None
    """The model whose score of it was not used at the last attempt, because too little was known."""
    facts: ClaimFacts


_PENDING = compiled(
    select(
        OutboxRow.position,
        OutboxRow.attempts,
        OutboxRow.payload["assessment_id"].astext,
        OutboxRow.payload["withheld_by"].astext,
        *FACT_COLUMNS,
    )
    .outerjoin(ClaimRow, ClaimRow.claim_id == OutboxRow.payload["claim_id"].astext)
    .where(
        OutboxRow.topic == RESCORE,
        OutboxRow.done_at.is_(None),
        func.coalesce(OutboxRow.not_before, bindparam("now")) <= bindparam("now"),
    )
    .order_by(OutboxRow.position)
    .limit(BATCH)
)


def pending_claims(now: datetime) -> Query[list[PendingClaim | UnreadableEvent]]:
    """The oldest claims that may be scored at `now`, at most `BATCH`; events that cannot be read are among them."""
    return Query(_PENDING, {"now": now}, lambda rows: [_read(row) for row in rows])


def _read(row: tuple[Any, ...]) -> PendingClaim | UnreadableEvent:
    position, attempts, assessment_id, withheld_by, *facts = row
    if facts[0] is None:
        return UnreadableEvent(position, "the claim of the event does not exist")
    if assessment_id is None:
        return UnreadableEvent(position, "the event names no assessment")
    try:
        return PendingClaim(position, attempts, assessment_id, withheld_by, facts_of(facts))
    except ValidationError as error:
        fields = ", ".join(sorted({str(one["loc"][0]) for one in error.errors(include_input=False)}))
        return UnreadableEvent(position, f"the stored claim is invalid: {fields}")
