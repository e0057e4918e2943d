"""Decisions at receipt with everything that evaluating them again needs."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.assessments import AssessmentRow, finding_from_json, rule_from_json
from api.intake import FACT_COLUMNS, ClaimRow, facts_of
from claims.outcome import Outcome
from claims.policy import StoredDecision

_BATCH = 5_000
_OF_DECISION = (
    AssessmentRow.policy_version,
    AssessmentRow.policy_trace,
    AssessmentRow.findings,
    AssessmentRow.outcome,
    AssessmentRow.probability,
    AssessmentRow.flagged,
    AssessmentRow.rule,
)


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """A decision at receipt, and the version of the policy that made it."""

    claim_id: str
    policy_version: int
    policy_trace: Sequence[JsonValue] | None
    stored: StoredDecision


async def recorded_decisions(connection: AsyncConnection, *, most: int) -> AsyncIterator[RecordedDecision]:
    """The newest decisions at receipt that a version of the policy made, newest first.

    Decisions of before policies had versions, and claims whose facts are incomplete, are left out.
    """
    statement = (
        select(*_OF_DECISION, *FACT_COLUMNS)
        .join(ClaimRow, ClaimRow.claim_id == AssessmentRow.claim_id)
        .where(AssessmentRow.supersedes.is_(None), AssessmentRow.policy_version.is_not(None))
        .order_by(ClaimRow.received_at.desc(), ClaimRow.claim_id.desc())
        .limit(most)
    )
    result = await connection.stream(statement, execution_options={"yield_per": _BATCH})
    async for version, trace, findings, outcome, probability, flagged, rule, *facts in result:
        try:
            claim = facts_of(facts)
        except ValidationError:
            continue
        stored = StoredDecision(
            facts=claim,
            findings=[finding_from_json(one) for one in findings],
            outcome=Outcome(outcome),
            probability=probability,
            flagged=flagged,
            rule=rule_from_json(rule),
        )
        yield RecordedDecision(claim.claim_id, version, trace, stored)
