"""What a score changes that comes after the decision: at most an approved claim goes to review.

A late score never pays, never rejects, and never undoes what a person decided. The finding that sent a claim to review
stays with it, so that the reviewer sees why the claim is held.
"""

from collections.abc import Sequence
from dataclasses import replace

from claims.adjudication.decision import Decision, findings_of_score
from claims.outcome import Finding, Outcome
from claims.scoring import Score

CODES_WITHOUT_SCORE = frozenset({"rule_cannot_judge", "rule_flagged", "above_cap_without_score", "score_not_used"})
"""Codes of findings that a claim gets only because there was no score."""


def reconsider(
    *,
    standing: Outcome,
    approved_cents: int,
    reserved_cents: int,
    findings: Sequence[Finding],
    score: Score,
    decided_by_person: bool,
) -> Decision:
    """The decision once a score has come in for a claim that the rule had judged; `findings` are those of then.

    `standing`, `approved_cents` and `reserved_cents` are the claim's present ones. An approved claim that the score
    flags, or whose score says too little, goes to review and reserves what was approved, unless a person decided it.
    """
    kept = tuple(replace(one, superseded=True) if one.code in CODES_WITHOUT_SCORE else one for one in findings)
    if decided_by_person:
        found = (*kept, _after_decision(score))
        return Decision(standing, approved_cents, score.flagged, "model", found, reserved_cents)
    judged = findings_of_score(score)
    found = (*kept, *judged)
    if standing.pays and judged:
        return Decision(Outcome.IN_REVIEW, 0, score.flagged, "model", found, approved_cents)
    if standing is Outcome.IN_REVIEW and not judged and releasable(kept):
        found = (*found, _does_not_flag(score))
    return Decision(standing, approved_cents, score.flagged, "model", found, reserved_cents)


def releasable(findings: Sequence[Finding]) -> bool:
    """Whether only the missing score held the claim: nothing else asks for a review."""
    holding = [one for one in findings if one.outcome is Outcome.IN_REVIEW]
    return bool(holding) and all(one.superseded for one in holding)


def _does_not_flag(score: Score) -> Finding:
    text = (
        "Held because there was no score. The score that came later does not flag the claim: a person can release it."
    )
    return Finding("later_score_does_not_flag", Outcome.APPROVED, text, f"models/{score.model_version}")


def _after_decision(score: Score) -> Finding:
    cites = f"models/{score.model_version}"
    if score.flagged:
        text = "A score that came after a person's decision flags the claim. The decision stands until it is reopened."
        return Finding("flagged_after_decision", Outcome.IN_REVIEW, text, cites)
    text = "A score that came after a person's decision does not flag the claim. The decision stands."
    return Finding("scored_after_decision", Outcome.APPROVED, text, cites)
