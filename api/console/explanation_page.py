"""Contents of the explanation page, derived from a claim and its assessments: pure, tested without a browser."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.console.claim import (
    EditLine,
    FindingsAt,
    ReasonsByDirection,
    VerdictLine,
    claim_edits,
    reasons_for_review,
    reasons_of_kind,
)
from api.console.waterfall import WaterfallPicture, waterfall_bars, waterfall_picture
from claims.attributes import AttributeValue
from claims.money import format_cents
from claims.outcome import Finding
from claims.reason_groups import REASON_GROUPS, title_of
from claims.scoring import Counterfactual, ExplanationDetails, GroupPush, PeerComparison, Reason
from core.format import number_to_4_digits, percent_interval, percent_to_1_decimal, utc_minute, utc_second

PEER_PUSH = 0.05
"""Smallest push of a group, in log-odds, that the comparison with peers shows: five per cent of the odds."""


@dataclass(frozen=True, slots=True)
class ClaimView:
    """The claim as the page shows it."""

    claim_id: str
    status: str
    amount_cents: int
    approved_cents: int | None
    member_id: str
    provider_id: str
    procedure_code: str
    diagnosis_code: str
    region: str | None
    specialty: str | None
    service_from: str
    received_at: datetime
    voided_at: datetime | None
    findings: Sequence[Finding]
    decided_by_person: bool = False
    chain: Sequence[str] = ()
    """The claim and those that replace or follow one another with it, newest first."""
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssessmentView:
    """One assessment; one by the rule has no score."""

    made_at: datetime
    decided_by: str
    breaker_state: str | None
    flagged: bool
    outcome: str
    model_version: str | None
    probability: float | None
    threshold: float | None
    margin: float | None
    base_margin: float | None
    typical_margin: float | None
    groups: Sequence[GroupPush]
    """Empty for an assessment stored before contributions were grouped."""
    contributions: Mapping[str, float]
    vector: Mapping[str, float | None]
    reasons: Sequence[Reason]
    counterfactual: Counterfactual | None
    feature_times: Mapping[str, datetime | None]
    stale_views: Sequence[str]
    explained_by: str | None
    score_failure: str | None = None
    rule_text: str | None = None
    """Verdict of the 2× rule on the amount; shown with every decision."""
    findings: Sequence[Finding] = ()
    verdicts: Sequence[VerdictLine] = ()
    """Of the rule, the models and the policy."""


@dataclass(frozen=True, slots=True)
class ContributionLine:
    name: str
    value: str
    push: str


@dataclass(frozen=True, slots=True)
class GroupSection:
    """One bar of the waterfall with the features it sums up."""

    title: str
    kind: str
    meaning: str
    push: str
    odds: str
    features: list[ContributionLine]


@dataclass(frozen=True, slots=True)
class PeerLine:
    """What one group of features adds, compared with honest peers."""

    text: str
    side: str
    odds: str


@dataclass(frozen=True, slots=True)
class PeerSection:
    """The claim compared with honest claims of its specialty."""

    summary: str
    lines: list[PeerLine]


@dataclass(frozen=True, slots=True)
class AssessmentLine:
    made_at: str
    decided_by: str
    model_version: str
    score: str
    flagged: str
    changed: str


@dataclass(frozen=True, slots=True)
class FeatureAgeLine:
    view: str
    at: str
    age: str
    stale: bool
    state: str


@dataclass(frozen=True, slots=True)
class ExplanationPage:
    """Everything the template prints; the template contains no logic."""

    claim_id: str
    provider_id: str
    member_id: str
    in_review: bool
    verdict: str
    verdict_text: str
    decided_by: str
    scored_by: str
    """`model` or `rule`: who flagged the claim, or did not."""
    held_by: int
    """Number of findings that hold the claim in review; 0 when it is not in review."""
    by_rule: bool
    flagged: bool
    probability: float | None
    threshold: float
    probability_text: str
    interval_text: str | None
    threshold_text: str
    margin_text: str
    notices: list[str]
    facts: list[tuple[str, str]]
    attributes: list[tuple[str, str]]
    """Name and value, by name."""
    edits: Sequence[EditLine]
    """Findings of every assessment."""
    review_reasons: Sequence[EditLine]
    """Those that hold the claim in review."""
    verdicts: Sequence[VerdictLine]
    evidence: ReasonsByDirection
    priors: ReasonsByDirection
    counterfactual: str | None
    interaction: str | None
    """The two facts whose combination matters most."""
    peers: PeerSection | None
    waterfall: WaterfallPicture | None
    """`None`: no score, or one stored before contributions were grouped."""
    groups: list[GroupSection]
    contributions: list[ContributionLine]
    assessments: list[AssessmentLine]
    feature_ages: list[FeatureAgeLine]
    any_stale: bool
    """Whether the score lacked features that were stale or missing."""


def explanation_page(
    claim: ClaimView, assessments: Sequence[AssessmentView], details: ExplanationDetails | None = None
) -> ExplanationPage:
    """The page of a claim with its assessments, oldest first, at least one, and the details of the latest score."""
    current = assessments[-1]
    scored = current.probability is not None and current.margin is not None
    certainty = None if details is None else details.probability_interval
    history = [FindingsAt(one.made_at, one.decided_by, one.findings) for one in assessments]
    edits = claim_edits(history, claim.status)
    return ExplanationPage(
        claim_id=claim.claim_id,
        provider_id=claim.provider_id,
        member_id=claim.member_id,
        in_review=claim.status == "in_review",
        verdict=claim.status.replace("_", " ").capitalize(),
        verdict_text=_verdict_text(claim, current),
        decided_by="decided by a person" if claim.decided_by_person else f"decided by the {current.decided_by}",
        scored_by=current.decided_by,
        held_by=_held_by(claim),
        by_rule=current.decided_by == "rule" and not claim.decided_by_person,
        flagged=current.flagged,
        probability=current.probability if scored else None,
        threshold=current.threshold or 0.0,
        probability_text=percent_to_1_decimal(current.probability),
        interval_text=None if certainty is None else percent_interval(certainty.low, certainty.high, certainty.level),
        threshold_text=percent_to_1_decimal(current.threshold),
        margin_text="–" if current.margin is None else f"{current.margin:.3f}",
        notices=_notices(claim, current),
        facts=_facts(claim, current),
        attributes=[(name, _attribute(value)) for name, value in sorted(claim.attributes.items())],
        edits=edits,
        review_reasons=reasons_for_review(edits),
        verdicts=current.verdicts,
        evidence=reasons_of_kind(claim.claim_id, claim.provider_id, current.reasons, "evidence"),
        priors=reasons_of_kind(claim.claim_id, claim.provider_id, current.reasons, "prior"),
        counterfactual=current.counterfactual.text if current.counterfactual else None,
        interaction=details.interaction.text if details and details.interaction else None,
        peers=None if details is None or details.peers is None else _peers(details.peers),
        waterfall=_waterfall(current),
        groups=[_group(group, current.vector) for group in current.groups],
        contributions=[
            ContributionLine(name, number_to_4_digits(current.vector.get(name)), f"{push:+.4f}")
            for name, push in _by_weight(current.contributions)
        ],
        assessments=[
            _assessment_line(before, after)
            for before, after in zip([None, *assessments[:-1]], assessments, strict=True)
        ][::-1],
        feature_ages=[_age(view, at, claim.received_at, current) for view, at in sorted(current.feature_times.items())],
        any_stale=bool(current.stale_views),
    )


def _held_by(claim: ClaimView) -> int:
    if claim.status != "in_review":
        return 0
    return sum(not finding.superseded for finding in claim.findings)


def _verdict_text(claim: ClaimView, current: AssessmentView) -> str:
    approved = "nothing" if not claim.approved_cents else format_cents(claim.approved_cents)
    by = (
        f"the model ({current.model_version})"
        if current.decided_by == "model"
        else f"the 2× rule, because {_no_score(current)}"
    )
    return f"{format_cents(claim.amount_cents)} claimed, {approved} approved. Assessed by {by}."


def _no_score(current: AssessmentView) -> str:
    if current.score_failure == "too_little_known":
        return "too few features were available to the model"
    if current.score_failure == "http_422":
        return "the model refused its values, such as an attribute of another type"
    return "no score arrived in time"


def _notices(claim: ClaimView, current: AssessmentView) -> list[str]:
    notices = []
    if claim.voided_at is not None:
        notices.append(f"Voided on {utc_minute(claim.voided_at)} UTC.")
    if current.decided_by == "rule" and not claim.decided_by_person:
        later = "it cannot be scored as it is" if current.score_failure == "http_422" else "it will be rescored"
        notices.append(f"Decided by the rule, because {_no_score(current)}; {later}.")
    if current.stale_views:
        notices.append(
            f"Features of {', '.join(current.stale_views)} were stale or missing; the model scored without them."
        )
    if current.explained_by == "pred_contribs":
        notices.append("Explained by the booster itself: the model is of a kind that the tables do not support.")
    return notices


def _facts(claim: ClaimView, current: AssessmentView) -> list[tuple[str, str]]:
    return [
        ("Model version", current.model_version or "none"),
        ("Breaker at the time", current.breaker_state or "not recorded"),
        ("2× rule", current.rule_text or "not recorded"),
        *([("Chain of claims, newest first", ", ".join(claim.chain))] if len(claim.chain) > 1 else []),
    ]


def _attribute(value: AttributeValue) -> str:
    match value:
        case None:
            return "no value"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:.15g}"
    return value


def _group(group: GroupPush, vector: Mapping[str, float | None]) -> GroupSection:
    declared = REASON_GROUPS.get(group.code)
    return GroupSection(
        title=title_of(group.code),
        kind="" if declared is None else declared.kind,
        meaning="" if declared is None else declared.meaning,
        push=f"{group.push:+.4f}",
        odds=f"{math.exp(group.push):.2f}",
        features=[
            ContributionLine(name, number_to_4_digits(vector.get(name)), f"{push:+.4f}")
            for name, push in _by_weight(group.features)
        ],
    )


def _peers(comparison: PeerComparison) -> PeerSection:
    """The groups that change the odds by at least `PEER_PUSH`."""
    shown = [group for group in comparison.groups if abs(group.push) >= PEER_PUSH]
    return PeerSection(
        summary=f"{comparison.claims:,} honest claims of {comparison.specialty} that the model was trained on",
        lines=[PeerLine(group.text, "for" if group.push > 0 else "against", f"{group.odds:.2f}") for group in shown],
    )


def _waterfall(current: AssessmentView) -> WaterfallPicture | None:
    if current.margin is None or current.typical_margin is None:
        return None
    return waterfall_picture(waterfall_bars(current.typical_margin, current.margin, current.groups))


def _by_weight(contributions: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(contributions.items(), key=lambda item: (-abs(item[1]), item[0]))


def _assessment_line(before: AssessmentView | None, after: AssessmentView) -> AssessmentLine:
    return AssessmentLine(
        made_at=utc_second(after.made_at),
        decided_by=after.decided_by,
        model_version=after.model_version or "–",
        score=percent_to_1_decimal(after.probability),
        flagged="yes" if after.flagged else "no",
        changed="first assessment" if before is None else _changes(before, after),
    )


def _changes(before: AssessmentView, after: AssessmentView) -> str:
    pairs = [
        ("decided by", before.decided_by, after.decided_by),
        ("model", before.model_version or "none", after.model_version or "none"),
        ("score", percent_to_1_decimal(before.probability), percent_to_1_decimal(after.probability)),
        ("flagged", "yes" if before.flagged else "no", "yes" if after.flagged else "no"),
        ("outcome", before.outcome, after.outcome),
    ]
    changed = [f"{name}: {old} → {new}" for name, old, new in pairs if old != new]
    return "; ".join(changed) or "nothing"


def _age(view: str, at: datetime | None, received_at: datetime, current: AssessmentView) -> FeatureAgeLine:
    stale = view in current.stale_views
    if at is None:
        return FeatureAgeLine(view, "–", "–", stale, "no data yet")
    return FeatureAgeLine(
        view, utc_second(at.astimezone(UTC)), _duration((received_at - at).total_seconds()), stale, "current"
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{max(seconds, 0):.1f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3_600:.0f} h"
    return f"{seconds / 86_400:.0f} days"
