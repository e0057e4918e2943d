"""Decide past claims by a policy, all at once."""

from dataclasses import dataclass

import numpy as np

from claims.policy import PolicyDocument
from pipelines.policies.columns import ClaimColumns, Flags
from pipelines.policies.prices import price_findings
from pipelines.policies.rules import rule_effects


@dataclass(frozen=True, slots=True)
class DecidedColumns:
    """The outcome of each claim; one that is neither rejected nor in review is approved."""

    rejected: Flags
    in_review: Flags
    findings: dict[str, Flags]
    """By code; those of rules by `rules/NAME`."""

    @property
    def approved(self) -> Flags:
        """Claims approved automatically."""
        return ~(self.rejected | self.in_review)


def decide_columns(claims: ClaimColumns, document: PolicyDocument) -> DecidedColumns:
    """Decide every claim on its own, as `claims.adjudication.decide` with the rules of the document."""
    parameters = document.parameters
    prices = price_findings(claims, parameters.plausibility(document.valid_from))
    read = {**claims.edits, **prices}
    effects = rule_effects(document.rules, claims, read)
    cap = np.where(np.isnan(effects.auto_cap), parameters.auto_approval_cap_cents, effects.auto_cap)
    rule_cap = np.where(np.isnan(effects.rule_cap), parameters.rule_approval_cap_cents, effects.rule_cap)
    unscored = np.isnan(claims.probability)
    findings = {
        **read,
        "above_auto_approval_cap": claims.amount > cap,
        "model_flagged": ~unscored & claims.model_flagged,
        "rule_flagged": unscored & (claims.rule_flagged == 1),
        "rule_cannot_judge": unscored & (claims.rule_flagged == -1),
        "above_cap_without_score": unscored & (claims.rule_flagged == 0) & (claims.amount > rule_cap),
    }
    for rule in document.rules:
        if rule.then.review:
            findings[f"rules/{rule.name}"] = effects.held[rule.name]
    found: Flags = np.logical_or.reduce(list(findings.values()))
    return DecidedColumns(claims.rejected, found & ~claims.rejected, findings)
