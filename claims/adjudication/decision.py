"""The decision over a claim: findings, benefit, and a score, or the rule where there is no score.

Everything comes in as an argument, so what happens when the scorer is gone is a line of this page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from claims.benefits import Benefit
from claims.money import format_cents
from claims.outcome import Finding, Outcome, most_severe
from claims.rule import RuleVerdict
from claims.scoring import OutOfRange, Score

COMPLETE_GAIN_PRESENT = 0.8
"""Default of `DecisionPolicy.complete_gain_present`."""


@dataclass(frozen=True, slots=True)
class DecisionPolicy:
    """What an insurer chooses."""

    rule_approval_cap_cents: int
    """A claim decided without a score goes to review above this amount, whatever the rule says."""
    complete_gain_present: float = COMPLETE_GAIN_PRESENT
    """A score of which less of the model's gain was available sends the claim to review."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, by whom, and why. `findings` are all that spoke, the decision's own among them."""

    outcome: Outcome
    approved_cents: int
    flagged: bool
    decided_by: Literal["model", "rule"]
    """Who judged whether the claim is likely fraud."""
    findings: tuple[Finding, ...]
    reserved_cents: int = 0
    """Benefit that a claim in review holds: what would have been paid. 0 for any other outcome."""


def decide(
    *,
    amount_cents: int,
    benefit: Benefit,
    findings: Sequence[Finding],
    score: Score | None,
    rule: RuleVerdict,
    policy: DecisionPolicy,
) -> Decision:
    """Decide a claim; `score=None` means none could be had, or none that can be believed: then the rule judges.

    Money is promised only by an approval; a claim in review or rejected is approved for nothing yet. A claim in review
    reserves what would have been paid, so that a later claim cannot use it before a person has decided.
    """
    judged = (
        _by_rule(amount_cents, rule, policy)
        if score is None
        else findings_of_score(score, policy.complete_gain_present)
    )
    spoken = (*findings, *judged)
    payable = benefit.pays(amount_cents)
    own = _by_benefit(amount_cents, benefit)
    if own is Outcome.IN_REVIEW:
        spoken = (*spoken, _BENEFIT_RESERVED)
    outcome = most_severe([own, *(finding.outcome for finding in spoken)])
    if outcome is Outcome.PARTIALLY_APPROVED:
        spoken = (*spoken, _partial(payable, amount_cents))
    return Decision(
        outcome=outcome,
        approved_cents=payable if outcome.pays else 0,
        flagged=score.flagged if score is not None else bool(rule.flagged),
        decided_by="rule" if score is None else "model",
        findings=spoken,
        reserved_cents=payable if outcome is Outcome.IN_REVIEW else 0,
    )


def _by_benefit(amount_cents: int, benefit: Benefit) -> Outcome:
    """A claim that another one's reservation keeps from its payment waits: that claim may yet be denied."""
    if benefit.waits(amount_cents):
        return Outcome.IN_REVIEW
    payable = benefit.pays(amount_cents)
    if payable == 0:
        return Outcome.REJECTED
    return Outcome.APPROVED if payable == amount_cents else Outcome.PARTIALLY_APPROVED


_BENEFIT_RESERVED = Finding(
    "benefit_reserved",
    Outcome.IN_REVIEW,
    "Whether this year's benefit pays the claim depends on claims that are not decided yet.",
    "plan limit",
)


def findings_of_score(score: Score, complete_gain_present: float = COMPLETE_GAIN_PRESENT) -> tuple[Finding, ...]:
    """What the score says against paying: its flag, and where its silence means nothing."""
    cites = f"models/{score.model_version}"
    spoken = []
    if score.flagged:
        text = "The model finds the claim likely to be fraud; an investigator looks at it."
        spoken.append(Finding("model_flagged", Outcome.IN_REVIEW, text, cites))
    if outside := _outside_training(score):
        spoken.append(Finding("outside_training_range", Outcome.IN_REVIEW, outside, f"{cites} training range"))
    if score.gain_present < complete_gain_present:
        text = (
            f"Only {score.gain_present:.0%} of what the model relies on was available, less than the "
            f"{complete_gain_present:.0%} needed. {_missing_views(score)}"
        )
        spoken.append(Finding("score_incomplete", Outcome.IN_REVIEW, text, f"{cites} feature views"))
    return tuple(spoken)


def _outside_training(score: Score) -> str | None:
    if score.out_of_range:
        farthest = max(score.out_of_range, key=_times_beyond)
        others = len(score.out_of_range) - 1
        more = f" {others} more feature{'s are' if others > 1 else ' is'} out of range." if others else ""
        return (
            f"The model was not trained on claims like this one. {farthest.meaning.rstrip('.')}: "
            f"{_plain(farthest.value)}; training claims have {_plain(farthest.low)} to {_plain(farthest.high)}.{more}"
        )
    if score.tail_limit is not None and score.tail_features > score.tail_limit:
        return (
            f"The model was not trained on claims like this one: {score.tail_features} features have extreme values; "
            f"99.9 % of the training claims have at most {score.tail_limit}."
        )
    return None


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _times_beyond(one: OutOfRange) -> float:
    """How far a value lies beyond the nearer bound, as a multiple of that bound; by the value where the bound is 0."""
    if one.value > one.high:
        return one.value / one.high if one.high > 0 else abs(one.value)
    return one.low / one.value if one.value > 0 else abs(one.low)


def _missing_views(score: Score) -> str:
    return f"Missing or stale: {', '.join(score.stale_views) or 'no view named'}."


def score_not_used(score: Score, least_gain_present: float) -> Finding:
    """Why a score was not used; it decides nothing, for the rule decides instead."""
    text = (
        f"The score was not used: only {score.gain_present:.0%} of what the model relies on was available, less than "
        f"{least_gain_present:.0%}. The rule decides, and the claim is scored again. {_missing_views(score)}"
    )
    return Finding("score_not_used", Outcome.APPROVED, text, f"models/{score.model_version} feature views")


def _by_rule(amount_cents: int, rule: RuleVerdict, policy: DecisionPolicy) -> tuple[Finding, ...]:
    if rule.flagged is None:
        return (Finding("rule_cannot_judge", Outcome.IN_REVIEW, rule.text, "procedures"),)
    if rule.flagged:
        return (Finding("rule_flagged", Outcome.IN_REVIEW, rule.text, "procedures average"),)
    if amount_cents > policy.rule_approval_cap_cents:
        text = (
            f"No score could be had, and without one claims above {format_cents(policy.rule_approval_cap_cents)} are "
            "looked at by a person."
        )
        return (Finding("above_cap_without_score", Outcome.IN_REVIEW, text, "policy rule_approval_cap"),)
    return ()


def _partial(payable: int, amount_cents: int) -> Finding:
    text = f"The benefit left this year pays {format_cents(payable)} of {format_cents(amount_cents)}."
    return Finding("benefit_limit", Outcome.PARTIALLY_APPROVED, text, "plan limit")
