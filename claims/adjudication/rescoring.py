"""Late scores: a score that arrives after the decision can at most send an approved claim to review.

It never pays, never rejects, and never changes what a person decided. The finding that sent a claim to review is kept,
so that the reviewer sees why the claim is held.
"""

from collections.abc import Sequence
from dataclasses import replace

from claims.adjudication.decision import COMPLETE_GAIN_PRESENT, Decision, findings_of_score
from claims.outcome import Finding, Outcome
from claims.scoring import Score

CODES_WITHOUT_SCORE = frozenset({"rule_cannot_judge", "rule_flagged", "above_cap_without_score", "too_little_known"})
"""Codes of findings made only because no score was available."""


def reconsider(
    *,
    outcome: Outcome,
    approved_cents: int,
    reserved_cents: int,
    findings: Sequence[Finding],
    score: Score,
    decided_by_person: bool,
    complete_gain_present: float = COMPLETE_GAIN_PRESENT,
    of_policy: Sequence[Finding] = (),
) -> Decision:
    """The decision after a late score for a claim that was decided by the rule; `findings` are those of that decision.

    `outcome`, `approved_cents` and `reserved_cents` are the claim's current values. An approved claim that the score
    flags, or whose score is incomplete, goes to review and reserves the approved amount, unless a person decided it. So
    does one with findings `of_policy`: those that the rules of the claim's policy add once the score is known.
    """
    kept = tuple(replace(one, superseded=True) if one.code in CODES_WITHOUT_SCORE else one for one in findings)
    if decided_by_person:
        findings = (*kept, _after_decision(score))
        return Decision(outcome, approved_cents, score.flagged, "model", findings, reserved_cents)
    new = (*findings_of_score(score, complete_gain_present), *of_policy)
    findings = (*kept, *new)
    if outcome.pays and new:
        return Decision(Outcome.IN_REVIEW, 0, score.flagged, "model", findings, approved_cents)
    if outcome is Outcome.IN_REVIEW and not new and releasable(kept):
        findings = (*findings, _does_not_flag(score))
    return Decision(outcome, approved_cents, score.flagged, "model", findings, reserved_cents)


def releasable(findings: Sequence[Finding]) -> bool:
    """Whether the claim is in review only because a score was missing."""
    holding = [one for one in findings if one.outcome is Outcome.IN_REVIEW]
    return bool(holding) and all(one.superseded for one in holding)


def _does_not_flag(score: Score) -> Finding:
    text = "Held because no score was available. The later score does not flag the claim; a reviewer can release it."
    return Finding("later_score_does_not_flag", Outcome.APPROVED, text, f"models/{score.model_version}")


def _after_decision(score: Score) -> Finding:
    cites = f"models/{score.model_version}"
    if score.flagged:
        text = "A score received after the reviewer's decision flags the claim. The decision holds unless reopened."
        return Finding("flagged_after_decision", Outcome.IN_REVIEW, text, cites)
    text = "A score received after the reviewer's decision does not flag the claim. The decision holds."
    return Finding("scored_after_decision", Outcome.APPROVED, text, cites)
