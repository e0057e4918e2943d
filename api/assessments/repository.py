"""Assessments: added, read, never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime

from psycopg.types.json import Jsonb
from pydantic import JsonValue
from pydantic_core import to_json
from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.assessments.records import AssessmentRecord, JsonObject, finding_to_json, rule_to_json
from api.assessments.tables import AssessmentRow
from api.database import Query, Rows, compiled, nothing
from claims.adjudication import Decision
from claims.rule import RuleVerdict
from claims.scoring import Score

_NAMES = tuple(field.name for field in fields(AssessmentRecord))
_COLUMNS = tuple(AssessmentRow.__table__.c[name] for name in _NAMES)
_JSON = (
    *("findings", "rule", "vector", "contributions", "groups", "reasons"),
    *("counterfactual", "feature_times", "shadow", "changes"),
    "policy_trace",
)
_OF_SCORE = (
    *("model_version", "schema_hash", "probability", "margin", "threshold", "base_margin", "typical_margin"),
    *("vector", "contributions", "groups", "reasons", "counterfactual", "feature_times", "stale_views"),
    *("explained_by", "shadow"),
)
_NO_SCORE: Mapping[str, JsonValue] = {name: [] if name == "reasons" else None for name in _OF_SCORE}

_ADD = compiled(insert(AssessmentRow).values({name: bindparam(name) for name in _NAMES}))
_BY_ID = compiled(select(*_COLUMNS).where(AssessmentRow.assessment_id == bindparam("id")))


def assessment_record(
    *,
    assessment_id: str,
    claim_id: str,
    made_at: datetime,
    decision: Decision,
    score: Score | None,
    breaker_state: str,
    score_failure: str | None,
    rule: RuleVerdict | None,
    stale_views: Sequence[str] | None = None,
    supersedes: str | None = None,
    changes: Mapping[str, JsonValue] | None = None,
    policy_version: int | None = None,
    policy_trace: Sequence[JsonValue] | None = None,
) -> AssessmentRecord:
    """An assessment with everything that was known, scored and decided.

    `rule` is null only for an assessment that supersedes one without it; `stale_views` are those of a score not used.
    `policy_version` is null where nothing is decided.
    """
    of_score = _NO_SCORE if score is None else score.model_dump(mode="json", include=set(_OF_SCORE))
    if stale_views is not None:
        of_score = {**of_score, "stale_views": list(stale_views)}
    return AssessmentRecord(
        assessment_id=assessment_id,
        claim_id=claim_id,
        made_at=made_at,
        decided_by=decision.decided_by,
        breaker_state=breaker_state,
        score_failure=score_failure,
        outcome=decision.outcome.value,
        approved_cents=decision.approved_cents,
        flagged=decision.flagged,
        findings=[finding_to_json(finding) for finding in decision.findings],
        rule=None if rule is None else rule_to_json(rule),
        supersedes=supersedes,
        changes=changes,
        policy_version=policy_version,
        policy_trace=policy_trace,
        **of_score,
    )


def add_assessment(record: AssessmentRecord) -> Query[None]:
    """Store an assessment."""
    params = {name: getattr(record, name) for name in _NAMES}
    for name in _JSON:
        if params[name] is not None:
            params[name] = Jsonb(params[name], dumps=to_json)
    return Query(_ADD, params, nothing)


def assessment(assessment_id: str) -> Query[AssessmentRecord]:
    """One assessment, which must exist."""

    def read(rows: Rows) -> AssessmentRecord:
        return AssessmentRecord(*rows[0])

    return Query(_BY_ID, {"id": assessment_id}, read)


async def latest_findings(connection: AsyncConnection, claim_id: str) -> Sequence[JsonObject]:
    """The findings of a claim's latest assessment, as stored; none for a claim loaded as history."""
    statement = (
        select(AssessmentRow.findings)
        .where(AssessmentRow.claim_id == claim_id)
        .order_by(AssessmentRow.made_at.desc(), AssessmentRow.assessment_id.desc())
        .limit(1)
    )
    return await connection.scalar(statement) or ()


async def assessments_of(connection: AsyncConnection, claim_id: str) -> list[AssessmentRecord]:
    """Every assessment of a claim, oldest first."""
    statement = (
        select(*_COLUMNS)
        .where(AssessmentRow.claim_id == claim_id)
        .order_by(AssessmentRow.made_at, AssessmentRow.assessment_id)
    )
    return [AssessmentRecord(*row) for row in await connection.execute(statement)]
