"""Evaluate a stored decision by a version of the policy: by that of its receipt it comes to the same outcome.

Findings of edits, prices and earlier claims rest on statistics and claims of that time, and are taken as they were
stored. Caps and rules are evaluated again, from the claim's stored facts. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from claims.adjudication import findings_without_score
from claims.outcome import Finding, Outcome, most_severe
from claims.plausibility import above_cap
from claims.policy.evaluation import POLICY_REVIEW, PolicyInForce, apply_rules
from claims.policy.facts import PolicyFacts
from claims.rule import RuleVerdict
from claims.scoring import ClaimFacts

_EVALUATED = frozenset({POLICY_REVIEW, "above_auto_approval_cap", "above_cap_without_score"})


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """What is stored of a decision at receipt."""

    facts: ClaimFacts
    findings: Sequence[Finding]
    outcome: Outcome
    probability: float | None
    flagged: bool
    rule: RuleVerdict | None


@dataclass(frozen=True, slots=True)
class Reevaluation:
    """A stored decision, evaluated again."""

    outcome: Outcome
    findings: tuple[Finding, ...]


def reevaluate(stored: StoredDecision, policy: PolicyInForce) -> Reevaluation:
    """What a version of the policy decides about a stored claim."""
    facts = PolicyFacts.of(
        stored.facts,
        findings=(one.code for one in stored.findings),
        probability=stored.probability,
        model_flagged=None if stored.probability is None else stored.flagged,
        rule=stored.rule,
    )
    effects = apply_rules(policy, facts)
    amount, limits = facts.amount_cents, effects.plausibility(policy.plausibility)
    found = [one for one in stored.findings if one.code not in _EVALUATED]
    if amount > limits.auto_approval_cap_cents:
        found.append(above_cap(amount, limits.auto_approval_cap_cents, limits.cites_of_cap))
    if stored.probability is None and stored.rule is not None and stored.rule.flagged is False:
        found += findings_without_score(amount, stored.rule, effects.decision(policy.decision))
    found += effects.findings
    return Reevaluation(most_severe(one.outcome for one in found), tuple(found))
