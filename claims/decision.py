"""The decision over a claim: findings, benefit, and a score, or the rule where there is no score.

Everything comes in as an argument, so what happens when the scorer is gone is a line of this page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from claims.benefits import Benefit
from claims.money import format_cents
from claims.outcome import Finding, Outcome, gravest
from claims.rule import RuleVerdict
from claims.scoring import Score

WITHOUT_SCORE = frozenset({"rule_cannot_judge", "rule_flagged", "above_cap_without_score", "too_little_known"})
"""Codes of what is found only for want of a score."""

COMPLETE_GAIN_PRESENT = 0.8
"""Default of `Policy.complete_gain_present`."""


@dataclass(frozen=True, slots=True)
class Policy:
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


def decide(
    *,
    amount_cents: int,
    benefit: Benefit,
    findings: Sequence[Finding],
    score: Score | None,
    rule: RuleVerdict,
    policy: Policy,
) -> Decision:
    """Decide a claim; `score=None` means none could be had, or none that can be believed: then the rule judges.

    Money is promised only by an approval; a claim in review or rejected is approved for nothing yet.
    """
    judged = _by_rule(amount_cents, rule, policy) if score is None else _by_model(score, policy.complete_gain_present)
    spoken = (*findings, *judged)
    payable = benefit.pays(amount_cents)
    own = Outcome.APPROVED if payable == amount_cents else Outcome.PARTIALLY_APPROVED
    if payable == 0:
        own = Outcome.REJECTED
    outcome = gravest([own, *(finding.outcome for finding in spoken)])
    if outcome is Outcome.PARTIALLY_APPROVED:
        spoken = (*spoken, _partial(payable, amount_cents))
    return Decision(
        outcome=outcome,
        approved_cents=payable if outcome.pays else 0,
        flagged=score.flagged if score is not None else bool(rule.flagged),
        decided_by="rule" if score is None else "model",
        findings=spoken,
    )


def _by_model(score: Score, complete_gain_present: float = COMPLETE_GAIN_PRESENT) -> tuple[Finding, ...]:
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
        listed = "; ".join(
            f"{one.feature} is {one.value:g}, in training {one.low:g} to {one.high:g}" for one in score.out_of_range
        )
        return f"The model was not trained on claims like this one: {listed}."
    if score.tail_limit is not None and score.tail_features > score.tail_limit:
        return (
            f"The model was not trained on claims like this one: {score.tail_features} features have extreme values; "
            f"99.9 % of the training claims have at most {score.tail_limit}."
        )
    return None


def _missing_views(score: Score) -> str:
    return f"Missing or stale: {', '.join(score.stale_views) or 'no view named'}."


def too_little_known(score: Score, least_gain_present: float) -> Finding:
    """Why a score was not used; it decides nothing, for the rule decides instead."""
    text = (
        f"The score was not used: only {score.gain_present:.0%} of what the model relies on was available, less than "
        f"{least_gain_present:.0%}. The rule decides, and the claim is scored again. {_missing_views(score)}"
    )
    return Finding("too_little_known", Outcome.APPROVED, text, f"models/{score.model_version} feature views")


def _by_rule(amount_cents: int, rule: RuleVerdict, policy: Policy) -> tuple[Finding, ...]:
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


def reconsider(*, standing: Outcome, approved_cents: int, findings: Sequence[Finding], score: Score) -> Decision:
    """The decision once a score has come in for a claim that the rule had decided; `findings` are those of then.

    A score can send a paid claim to review. It never pays what a person was going to look at, and it never rejects:
    that is for an investigator.
    """
    judged = _by_model(score)
    spoken = (*(finding for finding in findings if finding.code not in WITHOUT_SCORE), *judged)
    outcome = Outcome.IN_REVIEW if standing.pays and judged else standing
    return Decision(outcome, approved_cents if outcome.pays else 0, score.flagged, "model", spoken)
