"""What the rules of a policy do to a claim, with the trace of the rules that fired. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pydantic import JsonValue

from claims.adjudication import DecisionPolicy, SuspicionPolicy
from claims.outcome import Finding, Outcome
from claims.plausibility import PlausibilityPolicy, above_cap
from claims.policy.document import PolicyDocument, PolicyRule
from claims.policy.facts import PolicyFacts
from claims.policy.fields import FIELDS

POLICY_REVIEW = "policy_review"
"""Code of the finding of a rule that sends a claim to review."""
OF_SETTINGS = 0
"""Version of the policy that the settings give, which decides where no stored version is in force."""


@dataclass(frozen=True)
class PolicyInForce:
    """A version of the policy as claims are decided by it."""

    version: int
    document: PolicyDocument
    max_replacements: int
    """Most replacements of one claim: a limit of the interface, not of the policy."""

    @cached_property
    def plausibility(self) -> PlausibilityPolicy:
        """The limits of the plausibility checks."""
        return self.document.parameters.plausibility(self.document.valid_from)

    @cached_property
    def decision(self) -> DecisionPolicy:
        """The limits of the decision."""
        return self.document.parameters.decision

    @cached_property
    def suspicion(self) -> SuspicionPolicy:
        """The limits of inherited reviews and replacements."""
        given = self.document.parameters
        return SuspicionPolicy(given.suspicion_days, given.unreviewed_replacements, self.max_replacements)


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule that held for a claim."""

    rule: str
    observed: Mapping[str, JsonValue]
    """Field → its value, of the fields that its condition reads; without personal data."""


@dataclass(frozen=True, slots=True)
class RuleEffects:
    """What the rules that hold for a claim do to it."""

    findings: tuple[Finding, ...] = ()
    auto_approval_cap_cents: int | None = None
    """None: that of the parameters. Of several rules the lowest cap counts."""
    auto_cap_cites: str = ""
    rule_approval_cap_cents: int | None = None
    fired: tuple[FiredRule, ...] = ()

    def decision(self, policy: DecisionPolicy) -> DecisionPolicy:
        """The limits of the decision for this claim."""
        if self.rule_approval_cap_cents is None:
            return policy
        return replace(policy, rule_approval_cap_cents=self.rule_approval_cap_cents)

    def plausibility(self, policy: PlausibilityPolicy) -> PlausibilityPolicy:
        """The limits of the plausibility checks for this claim."""
        if self.auto_approval_cap_cents is None:
            return policy
        return replace(policy, auto_approval_cap_cents=self.auto_approval_cap_cents, cap_cites=self.auto_cap_cites)


def apply_rules(policy: PolicyInForce, facts: PolicyFacts) -> RuleEffects:
    """What the rules do to a claim, in the order of the document. They cannot reject, deny, reduce or end a review."""
    held = [rule for rule in policy.document.rules if rule.when.holds(facts)]
    if not held:
        return RuleEffects()
    findings, auto, auto_cites, without_score = [], None, "", None
    for rule in held:
        cites = f"policy/{policy.version} rules/{rule.name}"
        then = rule.then
        if then.review:
            findings.append(Finding(POLICY_REVIEW, Outcome.IN_REVIEW, rule.reason, cites))
        if then.auto_approval_cap_cents is not None and (auto is None or then.auto_approval_cap_cents < auto):
            auto, auto_cites = then.auto_approval_cap_cents, cites
        if then.rule_approval_cap_cents is not None:
            own = then.rule_approval_cap_cents
            without_score = own if without_score is None else min(without_score, own)
    return RuleEffects(tuple(findings), auto, auto_cites, without_score, tuple(_fired(rule, facts) for rule in held))


def _fired(rule: PolicyRule, facts: PolicyFacts) -> FiredRule:
    read = dict.fromkeys(one.field for one in rule.when.comparisons)
    return FiredRule(rule.name, {name: _shown(facts, name) for name in read if not FIELDS[name].is_personal})


def _shown(facts: PolicyFacts, field: str) -> JsonValue:
    value = facts.value(field)
    return list[JsonValue](sorted(value)) if isinstance(value, frozenset) else value


def late_findings(effects: RuleEffects, *, amount_cents: int, kept: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that rules add once a late score is known, without those that the claim has already."""
    found = list(effects.findings)
    cap = effects.auto_approval_cap_cents
    if cap is not None and amount_cents > cap and not _has(kept, {"above_auto_approval_cap"}):
        found.append(above_cap(amount_cents, cap, effects.auto_cap_cites))
    had = {(one.code, one.cites) for one in kept}
    return tuple(one for one in found if (one.code, one.cites) not in had)


def _has(findings: Sequence[Finding], codes: Collection[str]) -> bool:
    return any(one.code in codes for one in findings)
