"""Assessments as the database has them. JSON columns stay as they were stored, also by earlier versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from claims.outcome import Finding, Outcome
from claims.rule import RuleVerdict

JsonObject = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class AssessmentSummary:
    """What responses about a claim say of its latest assessment."""

    flagged: bool
    probability: float | None
    decided_by: str
    model_version: str | None
    findings: Sequence[Finding]
    reasons: Sequence[JsonObject]
    rule: RuleVerdict | None


@dataclass(frozen=True, slots=True)
class AssessmentRecord:
    """One assessment; the fields are the columns of `assessments`, in their order."""

    assessment_id: str
    claim_id: str
    made_at: datetime
    decided_by: str
    breaker_state: str
    score_failure: str | None
    outcome: str
    approved_cents: int
    flagged: bool
    findings: Sequence[JsonObject]
    rule: JsonObject | None
    model_version: str | None
    schema_hash: str | None
    probability: float | None
    margin: float | None
    threshold: float | None
    base_margin: float | None
    typical_margin: float | None
    vector: Mapping[str, float | None] | None
    contributions: Mapping[str, float] | None
    groups: Sequence[JsonObject] | None
    reasons: Sequence[JsonObject]
    counterfactual: JsonObject | None
    feature_times: Mapping[str, str | None] | None
    stale_views: Sequence[str] | None
    explained_by: str | None
    shadow: JsonObject | None
    supersedes: str | None
    changes: JsonObject | None
    policy_version: int | None
    """Of the policy that decided; 0: the settings; None: nothing was decided, or before policies had versions."""
    policy_trace: Sequence[JsonValue] | None

    @property
    def stored_findings(self) -> list[Finding]:
        """The findings as the rules see them."""
        return [finding_from_json(finding) for finding in self.findings]


def finding_to_json(finding: Finding) -> dict[str, JsonValue]:
    """A finding as it is stored."""
    return {
        "code": finding.code,
        "outcome": finding.outcome.value,
        "text": finding.text,
        "cites": finding.cites,
        "line": finding.line,
        "superseded": finding.superseded,
    }


def finding_from_json(stored: JsonObject) -> Finding:
    """A finding as it was stored; those of before findings could be superseded are not."""
    code, outcome, text, cites = (stored[name] for name in ("code", "outcome", "text", "cites"))
    line, superseded = stored["line"], stored.get("superseded", False)
    assert isinstance(code, str)
    assert isinstance(text, str)
    assert isinstance(cites, str)
    assert isinstance(line, int | None)
    assert isinstance(superseded, bool)
    return Finding(code, Outcome(outcome), text, cites, line, superseded)


def rule_to_json(rule: RuleVerdict) -> dict[str, JsonValue]:
    """A verdict of the 2× rule as it is stored."""
    return {
        "flagged": rule.flagged,
        "amount_cents": rule.amount_cents,
        "average_cents": rule.average_cents,
        "basis": rule.basis,
        "claims": rule.claims,
        "text": rule.text,
    }


def rule_from_json(stored: JsonObject | None) -> RuleVerdict | None:
    """A verdict of the 2× rule as it was stored; `None` where none was."""
    return None if stored is None else RuleVerdict(**stored)  # type: ignore[arg-type]
