"""Scores for claims that were loaded with a history.

A loaded claim was decided before this platform received it, so it has no assessment, and no weekly list contains it. A
backfilled assessment records its score; the claim's status and amounts do not change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import any_, bindparam, exists, func, select

from api import assessments
from api.assessments import AssessmentRecord, AssessmentRow
from api.database import Database, Query, Rows, compiled, nothing
from api.intake import FACT_COLUMNS, ClaimRow, facts_of
from claims.adjudication import Decision
from claims.outcome import Outcome
from claims.scoring import ClaimFacts, Score
from core import clock
from core.ids import new_id

_LOCK = compiled(select(func.pg_advisory_xact_lock(func.hashtext("backfill of scores"))))
_UNSCORED = compiled(
    select(ClaimRow.status, ClaimRow.approved_cents, *FACT_COLUMNS)
    .where(
        ClaimRow.received_at >= bindparam("first"),
        ClaimRow.received_at < bindparam("until"),
        ClaimRow.voided_at.is_(None),
        ~exists().where(AssessmentRow.claim_id == ClaimRow.claim_id),
    )
    .order_by(ClaimRow.received_at, ClaimRow.claim_id)
)

_ASSESSED = compiled(select(AssessmentRow.claim_id).where(AssessmentRow.claim_id == any_(bindparam("ids"))))


@dataclass(frozen=True, slots=True)
class UnscoredClaim:
    """A claim without an assessment, with its decision."""

    facts: ClaimFacts
    outcome: Outcome
    approved_cents: int


@dataclass(frozen=True, slots=True)
class UnscoredClaims:
    """Claims without an assessment, oldest first."""

    claims: list[UnscoredClaim]
    incomplete: int
    """Further ones that cannot be scored: they have no member, provider, procedure or diagnosis."""


async def unscored_claims(database: Database, first: datetime, until: datetime) -> UnscoredClaims:
    """Claims received from `first` to before `until` that are not voided and have no assessment."""
    async with database.looking() as connection:
        (found,) = await connection.fetch(Query(_UNSCORED, {"first": first, "until": until}, _read))
    return found


async def record_scores(database: Database, scored: Sequence[tuple[UnscoredClaim, Score]]) -> int:
    """Store the scores in one transaction; returns how many.

    A claim that has been assessed in the meantime is left out.
    """
    if not scored:
        return 0
    ids = [claim.facts.claim_id for claim, _ in scored]
    async with database.deciding() as connection:
        _, assessed = await connection.fetch(
            Query(_LOCK, {}, nothing), Query(_ASSESSED, {"ids": ids}, lambda rows: {str(row[0]) for row in rows})
        )
        records = [_assessment(claim, score) for claim, score in scored if claim.facts.claim_id not in assessed]
        await connection.finish(*map(assessments.add_assessment, records))
    return len(records)


def _assessment(claim: UnscoredClaim, score: Score) -> AssessmentRecord:
    decision = Decision(claim.outcome, claim.approved_cents, score.flagged, "model", ())
    return assessments.assessment_record(
        assessment_id=new_id("asm"),
        claim_id=claim.facts.claim_id,
        made_at=clock.now(),
        decision=decision,
        score=score,
        breaker_state="closed",
        score_failure=None,
        rule=None,
    )


def _read(rows: Rows) -> UnscoredClaims:
    claims, incomplete = [], 0
    for row in rows:
        try:
            claims.append(UnscoredClaim(facts_of(row[2:]), Outcome(row[0]), row[1]))
        except ValidationError:
            incomplete += 1
    return UnscoredClaims(claims, incomplete)
