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

WITHOUT_SCORE = frozenset({"rule_cannot_judge", "rule_flagged", "above_cap_without_score"})
"""Codes of what is found only for want of a score."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What an insurer chooses."""

    rule_approval_cap_cents: int
    """A claim decided without a score goes to review above this amount, whatever the rule says."""


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
    judged = _by_rule(amount_cents, rule, policy) if score is None else _by_model(score)
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


def _by_model(score: Score) -> tuple[Finding, ...]:
    if not score.flagged:
        return ()
    text = "The model finds the claim likely to be fraud; an investigator looks at it."
    return (Finding("model_flagged", Outcome.IN_REVIEW, text, f"models/{score.model_version}"),)


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
    spoken = (*(finding for finding in findings if finding.code not in WITHOUT_SCORE), *_by_model(score))
    outcome = Outcome.IN_REVIEW if standing.pays and score.flagged else standing
    return Decision(outcome, approved_cents if outcome.pays else 0, score.flagged, "model", spoken)
