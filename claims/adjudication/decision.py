"""Decide a claim from findings, benefit and score, or from the 2× rule when no score is available.

Pure: every input is an argument.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from claims.adjudication.contract_denials import without_a_person
from claims.benefits import Benefit
from claims.money import format_cents
from claims.outcome import Finding, Outcome, most_severe
from claims.rule import RuleVerdict
from claims.scoring import OutOfRange, Score

COMPLETE_GAIN_PRESENT = 0.8
"""Default of `DecisionPolicy.complete_gain_present`."""


@dataclass(frozen=True, slots=True)
class DecisionPolicy:
    """Settings of the decision."""

    rule_approval_cap_cents: int
    """A claim decided without a score goes to review above this amount, whatever the rule says."""
    complete_gain_present: float = COMPLETE_GAIN_PRESENT
    """A score with a smaller available share of the model's gain sends the claim to review."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Outcome, amounts and findings, including those of the decision itself, and what assessed the fraud risk."""

    outcome: Outcome
    approved_cents: int
    flagged: bool
    decided_by: Literal["model", "rule"]
    """What assessed the fraud risk."""
    findings: tuple[Finding, ...]
    reserved_cents: int = 0
    """Benefit reserved by a claim in review: what would have been paid. 0 for any other outcome."""


def decide(
    *,
    amount_cents: int,
    benefit: Benefit,
    findings: Sequence[Finding],
    score: Score | None,
    rule: RuleVerdict,
    policy: DecisionPolicy,
    due_cents: int | None = None,
    suspended: Collection[str] = (),
) -> Decision:
    """Decide a claim. `score=None` means that no valid score is available; the rule is applied then.

    `due_cents` is what the plan pays of the amount before its benefit limit; None: all of it. What price, cost sharing
    and other payers take from it leaves the claim approved; what the benefit limit takes does not.

    Only an approval pays; a claim in review or rejected has an approved amount of 0. A claim in review reserves what
    would have been paid, so that a later claim cannot use it before a person has decided.

    Only a contract denial (`CONTRACT_DENIALS`) rejects or reduces: any other adverse finding sends the claim to
    review, and so does one whose code is in `suspended`.
    """
    risk_findings = (
        findings_without_score(amount_cents, rule, policy)
        if score is None
        else findings_of_score(score, policy.complete_gain_present)
    )
    all_findings = without_a_person((*findings, *risk_findings), suspended)
    due = amount_cents if due_cents is None else due_cents
    payable = benefit.pays(due)
    benefit_outcome = _outcome_of_benefit(due, benefit)
    if benefit_outcome is Outcome.IN_REVIEW:
        all_findings = (*all_findings, _BENEFIT_RESERVED)
    if benefit_outcome in _OF_BENEFIT and _OF_BENEFIT[benefit_outcome] in suspended:
        if benefit_outcome is Outcome.PARTIALLY_APPROVED:
            limit = (_partial(payable, due),)
            all_findings = (*all_findings, *without_a_person(limit, suspended))
        benefit_outcome = Outcome.IN_REVIEW
    outcome = most_severe([benefit_outcome, *(finding.outcome for finding in all_findings)])
    if outcome is Outcome.PARTIALLY_APPROVED:
        all_findings = (*all_findings, _partial(payable, due))
    return Decision(
        outcome=outcome,
        approved_cents=payable if outcome.pays else 0,
        flagged=score.flagged if score is not None else bool(rule.flagged),
        decided_by="rule" if score is None else "model",
        findings=all_findings,
        reserved_cents=payable if outcome is Outcome.IN_REVIEW else 0,
    )


_OF_BENEFIT = {Outcome.REJECTED: "benefit_exhausted", Outcome.PARTIALLY_APPROVED: "benefit_limit"}
"""The contract denial behind each adverse outcome of the benefit."""


def _outcome_of_benefit(due_cents: int, benefit: Benefit) -> Outcome:
    """In review while other claims' reservations reduce the payment: those claims may still be denied."""
    if benefit.depends_on_reservations(due_cents):
        return Outcome.IN_REVIEW
    payable = benefit.pays(due_cents)
    if payable == due_cents:
        return Outcome.APPROVED
    return Outcome.REJECTED if payable == 0 else Outcome.PARTIALLY_APPROVED


_BENEFIT_RESERVED = Finding(
    "benefit_reserved",
    Outcome.IN_REVIEW,
    "Whether this year's benefit covers the claim depends on claims that are still in review.",
    "plan limit",
)


def findings_of_score(score: Score, complete_gain_present: float = COMPLETE_GAIN_PRESENT) -> tuple[Finding, ...]:
    """The findings of a score: its flag, and where the model cannot be relied on."""
    cites = f"models/{score.model_version}"
    findings = []
    if score.flagged:
        text = "The model flags the claim as likely fraud; an investigator reviews it."
        findings.append(Finding("model_flagged", Outcome.IN_REVIEW, text, cites))
    if outside := _outside_training(score):
        findings.append(Finding("outside_training_range", Outcome.IN_REVIEW, outside, f"{cites} training range"))
    if score.gain_present < complete_gain_present:
        text = (
            f"Only {score.gain_present:.0%} of the information the model relies on was available; at least "
            f"{complete_gain_present:.0%} is needed. {_missing_views(score)}"
        )
        findings.append(Finding("score_incomplete", Outcome.IN_REVIEW, text, f"{cites} feature views"))
    return tuple(findings)


def _outside_training(score: Score) -> str | None:
    if score.out_of_range:
        farthest = max(score.out_of_range, key=_times_beyond)
        others = len(score.out_of_range) - 1
        more = f" {others} more feature{'s are' if others > 1 else ' is'} out of range." if others else ""
        return (
            f"The model was not trained on claims like this one. {farthest.meaning.rstrip('.')}: "
            f"{_plain(farthest.value)}; training claims have {_plain(farthest.low)} to {_plain(farthest.high)}.{more}"
        )
    if score.tail_limit is None:
        return "The model has no training range, so it is unknown whether it applies to this claim."
    if score.tail_features > score.tail_limit:
        return (
            f"The model was not trained on claims like this one: {score.tail_features} features have extreme values; "
            f"99.9 % of the training claims have at most {score.tail_limit}."
        )
    return None


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _times_beyond(one: OutOfRange) -> float:
    """How far a value lies beyond the nearer bound, as a multiple of it; the value itself where the bound is 0."""
    if one.value > one.high:
        return one.value / one.high if one.high > 0 else abs(one.value)
    return one.low / one.value if one.value > 0 else abs(one.low)


def _missing_views(score: Score) -> str:
    return f"Missing or stale: {', '.join(score.stale_views) or 'not stated'}."


def score_not_used(score: Score, min_gain_present: float) -> Finding:
    """The finding that a score was not used. It does not affect the outcome; the rule is applied instead."""
    text = (
        f"The score was not used: only {score.gain_present:.0%} of the information the model relies on was available; "
        f"at least {min_gain_present:.0%} is needed. The 2× rule applies, and the claim will be scored again. "
        f"{_missing_views(score)}"
    )
    return Finding("too_little_known", Outcome.APPROVED, text, f"models/{score.model_version} feature views")


def findings_without_score(amount_cents: int, rule: RuleVerdict, policy: DecisionPolicy) -> tuple[Finding, ...]:
    """The findings of the 2× rule and its cap, where no score is available."""
    if rule.flagged is None:
        return (Finding("rule_cannot_judge", Outcome.IN_REVIEW, rule.text, "procedures"),)
    if rule.flagged:
        return (Finding("rule_flagged", Outcome.IN_REVIEW, rule.text, "procedures average"),)
    if amount_cents > policy.rule_approval_cap_cents:
        text = (
            f"No score was available; without one, claims above {format_cents(policy.rule_approval_cap_cents)} are "
            "reviewed by a person."
        )
        return (Finding("above_cap_without_score", Outcome.IN_REVIEW, text, "policy rule_approval_cap"),)
    return ()


def _partial(payable: int, due_cents: int) -> Finding:
    text = f"The benefit remaining this year pays {format_cents(payable)} of {format_cents(due_cents)}."
    return Finding("benefit_limit", Outcome.PARTIALLY_APPROVED, text, "plan limit")
