"""What a policy would have changed of past claims, compared with another: decisions, dollars, alerts, and groups."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from claims.policy import Operator, PolicyDocument, PolicyRule, differences
from pipelines.policies.columns import ClaimColumns, Flags
from pipelines.policies.decisions import DecidedColumns, decide_columns
from pipelines.policies.reading import ReplayedHistory

MOST_PROVIDERS = 10
"""Providers that are listed: those with the most changed decisions."""
NOT_REPLAYED = ("parameters.suspicion_days", "parameters.unreviewed_replacements", "parameters.complete_gain_present")
"""Values whose effect needs earlier claims or full scores: a change of them is named, and not replayed."""
_OF_SCORES = ("probability", "model_flagged")
_COMPARED = ("plan", "specialty", "region", "age", "sex")


@dataclass(frozen=True, slots=True)
class PolicyTotals:
    """The decisions of one policy."""

    approved: int
    in_review: int
    rejected: int
    approved_cents: int
    """Amount approved without a person."""
    reviews_per_week: float


@dataclass(frozen=True, slots=True)
class ReplayedFinding:
    """The claims with one finding, by both policies."""

    finding: str
    """Its code; of a rule `rules/` and its name."""
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class AffectedGroup:
    """The claims of one group."""

    group: str
    value: str
    claims: int
    changed: int
    reviewed_before: float
    """Share in review."""
    reviewed_after: float

    @property
    def added_share(self) -> float:
        """By how much the share in review rises."""
        return self.reviewed_after - self.reviewed_before


@dataclass(frozen=True, slots=True)
class PolicyReplay:
    """Two policies on the same claims."""

    claims: int
    not_submittable: int
    first_day: date
    last_day: date
    prices_as_of: date
    scored: int
    """Claims with a score; the 2× rule decides the others."""
    before: PolicyTotals
    after: PolicyTotals
    changed: int
    to_review: int
    to_review_cents: int
    to_approval: int
    to_approval_cents: int
    findings: tuple[ReplayedFinding, ...]
    """Those whose number differs."""
    groups: tuple[AffectedGroup, ...]
    providers: tuple[AffectedGroup, ...]
    not_replayed: tuple[str, ...]
    """Changed values and rules whose effect is not replayed."""

    @property
    def changed_share(self) -> float:
        """Share of the decisions that change."""
        return self.changed / self.claims


def replay_policies(history: ReplayedHistory, *, before: PolicyDocument, after: PolicyDocument) -> PolicyReplay:
    """Decide every claim by both policies."""
    claims = history.claims
    old, new = decide_columns(claims, before), decide_columns(claims, after)
    to_review, to_approval = new.in_review & ~old.in_review, old.in_review & ~new.in_review
    changed = to_review | to_approval
    groups = [one for name in _COMPARED for one in _groups(claims, name, old, new, changed)]
    providers = sorted(_groups(claims, "provider", old, new, changed), key=lambda one: (-one.changed, one.value))
    return PolicyReplay(
        claims=len(claims),
        not_submittable=history.not_submittable,
        first_day=history.first_day,
        last_day=history.last_day,
        prices_as_of=history.prices_as_of,
        scored=int(np.count_nonzero(~np.isnan(claims.probability))),
        before=_totals(claims, old, history.weeks),
        after=_totals(claims, new, history.weeks),
        changed=int(changed.sum()),
        to_review=int(to_review.sum()),
        to_review_cents=int(claims.amount[to_review].sum()),
        to_approval=int(to_approval.sum()),
        to_approval_cents=int(claims.amount[to_approval].sum()),
        findings=tuple(_findings(old, new)),
        groups=tuple(groups),
        providers=tuple(one for one in providers[:MOST_PROVIDERS] if one.changed),
        not_replayed=tuple(_not_replayed(claims, before, after, old)),
    )


def _not_replayed(
    claims: ClaimColumns, before: PolicyDocument, after: PolicyDocument, decided: DecidedColumns
) -> Iterator[str]:
    """What changes without that these claims can show its effect."""
    scored = ~np.isnan(claims.probability)
    for one in differences(before, after):
        if one.path in NOT_REPLAYED:
            yield one.path
        if one.path == "parameters.rule_approval_cap_cents" and scored.all():
            yield f"{one.path}: every claim has a score"
    for rule in (*before.rules, *after.rules):
        if rule in before.rules and rule in after.rules:
            continue
        yield from dict.fromkeys(_not_shown(rule, scored, decided))


def _not_shown(rule: PolicyRule, scored: Flags, decided: DecidedColumns) -> Iterator[str]:
    """What of a rule these claims cannot show."""
    if rule.then.rule_approval_cap_cents is not None and scored.all():
        yield f"rules.{rule.name} sets rule_approval_cap_cents: every claim has a score"
    for one in rule.when.comparisons:
        if one.field in _OF_SCORES and not scored.any():
            yield f"rules.{rule.name} reads {one.field}: no claim has a score"
        if one.field in _OF_SCORES and one.asked is Operator.MISSING and scored.all():
            yield f"rules.{rule.name} reads {one.field}: every claim has a score"
        if one.field == "findings" and one.value not in decided.findings:
            yield f"rules.{rule.name} reads {one.value}, which is not found here"


def _totals(claims: ClaimColumns, decided: DecidedColumns, weeks: float) -> PolicyTotals:
    reviews = int(decided.in_review.sum())
    return PolicyTotals(
        approved=int(decided.approved.sum()),
        in_review=reviews,
        rejected=int(decided.rejected.sum()),
        approved_cents=int(claims.amount[decided.approved].sum()),
        reviews_per_week=round(reviews / weeks, 2),
    )


def _findings(old: DecidedColumns, new: DecidedColumns) -> Iterator[ReplayedFinding]:
    for code in dict.fromkeys((*old.findings, *new.findings)):
        before, after = (int(one.findings[code].sum()) if code in one.findings else 0 for one in (old, new))
        if before != after:
            yield ReplayedFinding(code, before, after)


def _groups(
    claims: ClaimColumns, name: str, old: DecidedColumns, new: DecidedColumns, changed: Flags
) -> Iterator[AffectedGroup]:
    column = claims.groups[name]
    size = len(column.values)
    counts = np.bincount(column.codes, minlength=size)
    by_group = [np.bincount(column.codes[flags], minlength=size) for flags in (changed, old.in_review, new.in_review)]
    for at, value in enumerate(column.values):
        if counts[at]:
            moved, before, after = (int(flags[at]) for flags in by_group)
            claims_here = int(counts[at])
            yield AffectedGroup(name, value, claims_here, moved, before / claims_here, after / claims_here)
