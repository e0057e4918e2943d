"""Assessments: added, read, never changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from pydantic_core import to_json
from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Query, compiled, nothing
from api.scoring.tables import AssessmentRow
from claims.adjudication import Decision
from claims.outcome import Finding, Outcome
from claims.rule import RuleVerdict
from claims.scoring import Score


def assessment_values(
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
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A row of `assessments`: everything that was known, said and decided.

    `rule` is null only for an assessment that supersedes one without it; `stale_views` are those of a score not used.
    """
    return {
        "assessment_id": assessment_id,
        "claim_id": claim_id,
        "made_at": made_at,
        "decided_by": decision.decided_by,
        "breaker_state": breaker_state,
        "score_failure": score_failure,
        "outcome": decision.outcome.value,
        "approved_cents": decision.approved_cents,
        "flagged": decision.flagged,
        "findings": [_finding_values(finding) for finding in decision.findings],
        "rule": None if rule is None else _rule_values(rule),
        "supersedes": supersedes,
        "changes": None if changes is None else dict(changes),
        **_score_values(score),
        **({} if stale_views is None else {"stale_views": list(stale_views)}),
    }


_SCORE_COLUMNS = (
    *("model_version", "schema_hash", "probability", "margin", "threshold", "base_margin", "vector", "contributions"),
    *(
        "typical_margin",
        "groups",
        "reasons",
        "counterfactual",
        "feature_times",
        "stale_views",
        "explained_by",
        "shadow",
    ),
)


def _score_values(score: Score | None) -> dict[str, Any]:
    if score is None:
        return {name: [] if name == "reasons" else None for name in _SCORE_COLUMNS}
    document = score.model_dump(mode="json", include=set(_SCORE_COLUMNS))
    return {name: document[name] for name in _SCORE_COLUMNS}


def _finding_values(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "outcome": finding.outcome.value,
        "text": finding.text,
        "cites": finding.cites,
        "line": finding.line,
        "superseded": finding.superseded,
    }


def finding_of(values: Mapping[str, Any]) -> Finding:
    """A finding as it was stored."""
    return Finding(
        values["code"],
        Outcome(values["outcome"]),
        values["text"],
        values["cites"],
        values["line"],
        values.get("superseded", False),
    )


def _rule_values(rule: RuleVerdict) -> dict[str, Any]:
    return {
        "flagged": rule.flagged,
        "amount_cents": rule.amount_cents,
        "average_cents": rule.average_cents,
        "basis": rule.basis,
        "claims": rule.claims,
        "text": rule.text,
    }


def rule_of(values: Mapping[str, Any] | None) -> RuleVerdict | None:
    """The rule's verdict as it was stored."""
    return None if values is None else RuleVerdict(**values)


_ADD = compiled(
    insert(AssessmentRow).values({column.name: bindparam(column.name) for column in AssessmentRow.__table__.columns})
)
_JSON = (
    "findings",
    "rule",
    "vector",
    "contributions",
    "groups",
    "reasons",
    "counterfactual",
    "feature_times",
    "shadow",
    "changes",
)


def add_assessment(values: Mapping[str, Any]) -> Query[None]:
    """Store an assessment."""
    wrapped = {name: Jsonb(values[name], dumps=to_json) for name in _JSON if values[name] is not None}
    return Query(_ADD, {**values, **wrapped}, nothing)


async def assessments_of(connection: AsyncConnection, claim_id: str) -> list[dict[str, Any]]:
    """Every assessment of a claim, oldest first."""
    statement = (
        select(*AssessmentRow.__table__.columns)
        .where(AssessmentRow.claim_id == claim_id)
        .order_by(AssessmentRow.made_at, AssessmentRow.assessment_id)
    )
    return [row._asdict() for row in await connection.execute(statement)]
