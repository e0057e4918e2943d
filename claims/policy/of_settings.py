"""The policy that the settings give: it decides where no stored version is in force."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import JsonValue

from claims.plausibility import DEFAULT_POLICY
from claims.policy.document import PolicyDocument, PolicyParameters
from claims.policy.evaluation import OF_SETTINGS, PolicyInForce, RuleEffects

_ALWAYS = DEFAULT_POLICY.effective_from


class PolicySettings(Protocol):
    """The settings that are parameters of the policy."""

    @property
    def rule_approval_cap_cents(self) -> int:
        """A claim without a score is reviewed above it."""

    @property
    def auto_approval_cap_cents(self) -> int:
        """A claim is reviewed above it."""

    @property
    def score_complete_gain_present(self) -> float:
        """A score with a smaller share of the model's gain leads to review."""

    @property
    def min_provider_claims(self) -> int:
        """A provider with fewer claims has no history."""

    @property
    def suspicion_days(self) -> int:
        """Services this many days apart may be the same."""

    @property
    def max_replacements(self) -> int:
        """Most replacements of one claim."""


def policy_of_settings(settings: PolicySettings) -> PolicyInForce:
    """The policy without rules that the settings give, as version 0."""
    parameters = PolicyParameters(
        rule_approval_cap_cents=settings.rule_approval_cap_cents,
        auto_approval_cap_cents=settings.auto_approval_cap_cents,
        complete_gain_present=settings.score_complete_gain_present,
        min_provider_claims=settings.min_provider_claims,
        suspicion_days=settings.suspicion_days,
    )
    document = PolicyDocument(title="Settings of the platform", valid_from=_ALWAYS, parameters=parameters)
    return PolicyInForce(OF_SETTINGS, document, settings.max_replacements)


def changed_settings(policy: PolicyInForce) -> dict[str, JsonValue]:
    """The parameters of the policy of the settings that differ from those that the platform comes with."""
    changed: dict[str, JsonValue] = policy.document.parameters.model_dump(mode="json", exclude_defaults=True)
    return changed


def trace(policy: PolicyInForce, effects: RuleEffects) -> list[JsonValue] | None:
    """What is stored with a decision beside the version: the rules that held, and settings that were changed.

    None: neither. With it a decision can be evaluated again after the settings change.
    """
    fired: list[JsonValue] = [{"rule": one.rule, "observed": dict(one.observed)} for one in effects.fired]
    if policy.version == OF_SETTINGS and (changed := changed_settings(policy)):
        fired.append({"settings": changed})
    return fired or None


def settings_of_trace(trace: Sequence[JsonValue] | None) -> PolicyParameters:
    """The parameters of the settings that a decision was made by."""
    for one in trace or ():
        if isinstance(one, dict) and isinstance(one.get("settings"), dict):
            return PolicyParameters.model_validate(one["settings"])
    return PolicyParameters()
