"""The values that conditions read, for one claim: from what is stored of it, so that they can be read again later."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from typing import Self, TypeAlias

from claims.rule import RuleVerdict
from claims.scoring import ClaimFacts

FieldValue: TypeAlias = int | float | str | bool | frozenset[str] | None
"""None: the value is missing."""

NOT_READ = frozenset(
    (
        *("above_auto_approval_cap", "above_cap_without_score", "policy_review"),
        *("model_flagged", "outside_training_range", "score_incomplete", "too_little_known"),
        *("rule_flagged", "rule_cannot_judge", "benefit_reserved", "benefit_limit"),
        *("later_score_does_not_flag", "flagged_after_decision", "scored_after_decision"),
    )
)
"""Findings made after the rules, or by a cap that rules set: no condition reads them."""


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """One claim, by the names of `claims.policy.fields.FIELDS`."""

    amount_cents: int
    units: int
    lines: int
    diagnoses: int
    procedure_code: str | None
    diagnosis_code: str | None
    place_of_service: str | None
    service_days: int
    receipt_delay_days: int
    age_years: int | None
    benefit_limit_cents: int | None
    provider_id: str | None
    specialty: str | None
    region: str | None
    findings: frozenset[str]
    probability: float | None
    model_flagged: bool | None
    rule_flagged: bool | None

    @classmethod
    def of(
        cls,
        claim: ClaimFacts,
        *,
        findings: Iterable[str],
        probability: float | None,
        model_flagged: bool | None,
        rule: RuleVerdict | None,
    ) -> Self:
        """The facts of a claim with the codes of its findings; without a score, both values of it are None."""
        return cls(
            amount_cents=claim.amount_cents,
            units=claim.units,
            lines=claim.lines,
            diagnoses=claim.diagnoses,
            procedure_code=claim.procedure_code,
            diagnosis_code=claim.diagnosis_code,
            place_of_service=claim.place_of_service,
            service_days=(claim.service_to - claim.service_from).days + 1,
            receipt_delay_days=(claim.received_at.astimezone(UTC).date() - claim.service_to).days,
            age_years=claim.age_years,
            benefit_limit_cents=claim.benefit_limit_cents,
            provider_id=claim.provider_id,
            specialty=claim.specialty,
            region=claim.region,
            findings=frozenset(findings) - NOT_READ,
            probability=probability,
            model_flagged=model_flagged,
            rule_flagged=None if rule is None else rule.flagged,
        )

    def value(self, field: str) -> FieldValue:
        """The value of a field of `FIELDS`."""
        found: FieldValue = getattr(self, field)
        return found
