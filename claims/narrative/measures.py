"""What each measure means: the concepts by which a clause states it, and those that it may mention besides.

A clause states a measure where it has every required concept and none that is neither required nor optional. So the
words `The provider was paid` cannot cite an amount billed, and `flagged claims` cannot cite the count of all claims.
A measure has the id of its facts, with `*` for the part that tells them apart (`claims.evidence.facts`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from claims.narrative.facts import StatedKind
from claims.narrative.lexicon import Concept

C = Concept


@dataclass(frozen=True, slots=True)
class StatedMeasure:
    """How a measure is stated."""

    kinds: frozenset[StatedKind]
    required: frozenset[C]
    optional: frozenset[C] = frozenset()
    heads: frozenset[C] = frozenset()
    """What is counted, of a count: the noun that the number stands before, or `number of` does."""
    singular: C | None = None
    """The noun for exactly one, where it differs."""
    whole: str | None = None
    """The measure that this is part of: allows `of which`."""
    has_subject: bool = False
    """Whether a clause has to name what the fact is about."""
    anchors: frozenset[C] = frozenset()
    """Of these concepts the clause has one, or the clause before it where it states a measure with the same: what
    begins and ends on the days of a range."""
    comparable: bool = True
    """Whether the value can be compared with that of another fact."""


_CASE: Final = frozenset({C.CASE, C.PROVIDER, C.SUBJECT_WORD})
_SUM: Final = frozenset({C.AMOUNT, C.TOTAL, C.CLAIMS})
_NUMBER: Final = frozenset({C.NUMBER_OF, C.TOTAL})
_DAYS_OF_CASE: Final = frozenset({C.DAYS})
_PATTERN: Final = frozenset({StatedKind.COUNT, StatedKind.MONEY, StatedKind.SHARE, StatedKind.RATIO})


def _count(
    *required: C, head: C, singular: C | None = None, also: frozenset[C] = frozenset(), whole: str | None = None
) -> StatedMeasure:
    return StatedMeasure(
        frozenset({StatedKind.COUNT}),
        frozenset(required),
        _CASE | _NUMBER | also,
        heads=frozenset({head}),
        singular=singular,
        whole=whole,
    )


def _day(*required: C, also: frozenset[C], anchors: frozenset[C], has_subject: bool = False) -> StatedMeasure:
    return StatedMeasure(
        frozenset({StatedKind.DATE}), frozenset(required), also | anchors, anchors=anchors, has_subject=has_subject
    )


def _one(kind: StatedKind, *required: C, also: frozenset[C] = _CASE, whole: str | None = None) -> StatedMeasure:
    return StatedMeasure(frozenset({kind}), frozenset(required), also, whole=whole)


def _claim(kind: StatedKind, *required: C, also: frozenset[C] = frozenset(), whole: str | None = None) -> StatedMeasure:
    optional = frozenset({C.CLAIM}) | also
    return StatedMeasure(frozenset({kind}), frozenset(required), optional, has_subject=True, whole=whole)


def _counted_on_claim(head: C) -> StatedMeasure:
    return StatedMeasure(
        frozenset({StatedKind.COUNT}),
        frozenset({head}),
        frozenset({C.CLAIM, C.NUMBER_OF}),
        heads=frozenset({head}),
        has_subject=True,
    )


def _pattern(*required: C, also: frozenset[C] = frozenset()) -> StatedMeasure:
    return StatedMeasure(_PATTERN, frozenset(required), also, has_subject=True)


MEASURES: Final[Mapping[str, StatedMeasure]] = {
    "case.id": _one(StatedKind.ID, C.CASE, also=frozenset()),
    "case.opened": _one(StatedKind.DATE, C.OPENED, also=frozenset({C.CASE})),
    "subject.provider": _one(StatedKind.ID, C.PROVIDER, also=frozenset({C.CASE, C.SUBJECT_WORD})),
    "subject.member": _one(StatedKind.ID, C.MEMBER, also=frozenset({C.CASE, C.SUBJECT_WORD})),
    "subject.ring": _one(StatedKind.ID, C.RING, also=frozenset({C.CASE, C.SUBJECT_WORD})),
    "detection.source": _one(StatedKind.TEXT, C.DETECTED, also=_CASE | {C.SOURCE}),
    "detection.date": _one(StatedKind.DATE, C.DETECTED),
    "allegation.category": _one(StatedKind.TEXT, C.ALLEGATION, also=_CASE | {C.CATEGORY}),
    "claims.count": _count(C.CLAIMS, head=C.CLAIMS, singular=C.CLAIM, also=frozenset({C.BILLED})),
    "claims.lines": _count(C.LINES, head=C.LINES, also=frozenset({C.CLAIMS})),
    "claims.members": _count(C.MEMBERS, head=C.MEMBERS, singular=C.MEMBER, also=frozenset({C.CLAIMS})),
    "claims.providers": StatedMeasure(
        frozenset({StatedKind.COUNT}),
        frozenset({C.PROVIDERS}),
        frozenset({C.CASE, C.CLAIMS, C.NUMBER_OF}),
        heads=frozenset({C.PROVIDERS}),
        singular=C.PROVIDER,
    ),
    "claims.billed": _one(StatedKind.MONEY, C.BILLED, also=_CASE | _SUM),
    "claims.paid": _one(StatedKind.MONEY, C.PAID, also=_CASE | _SUM | {C.PLAN}, whole="claims.billed"),
    "claims.at_risk": _one(StatedKind.MONEY, C.AT_RISK, also=_CASE | _SUM | {C.BILLED}, whole="claims.billed"),
    "claims.first_day": _day(C.FIRST, also=_DAYS_OF_CASE, anchors=frozenset({C.SERVICE, C.CLAIMS})),
    "claims.last_day": _day(C.LAST, also=_DAYS_OF_CASE, anchors=frozenset({C.SERVICE, C.CLAIMS})),
    "claim.*.received": _claim(StatedKind.DATE, C.RECEIVED),
    "claim.*.first_day": _day(
        C.FIRST, also=frozenset({C.CLAIM, C.DAYS}), anchors=frozenset({C.SERVICE}), has_subject=True
    ),
    "claim.*.last_day": _day(
        C.LAST, also=frozenset({C.CLAIM, C.DAYS}), anchors=frozenset({C.SERVICE}), has_subject=True
    ),
    "claim.*.status": _claim(StatedKind.TEXT, also=frozenset({C.STATUS})),
    "claim.*.billed": _claim(StatedKind.MONEY, C.BILLED, also=frozenset({C.AMOUNT, C.PROVIDER})),
    "claim.*.paid": _claim(
        StatedKind.MONEY, C.PAID, also=frozenset({C.AMOUNT, C.PLAN, C.PROVIDER}), whole="claim.*.billed"
    ),
    "claim.*.at_risk": _claim(
        StatedKind.MONEY, C.AT_RISK, also=frozenset({C.AMOUNT, C.BILLED}), whole="claim.*.billed"
    ),
    "claim.*.lines": _counted_on_claim(C.LINES),
    "claim.*.edits": _counted_on_claim(C.EDITS),
    "score.*.probability": _claim(StatedKind.SHARE, C.PROBABILITY, also=frozenset({C.MODEL})),
    "score.*.threshold": _claim(StatedKind.SHARE, C.THRESHOLD, also=frozenset({C.MODEL})),
    "score.*.risk_indicators": _counted_on_claim(C.INDICATORS),
    "score.*.mitigating_factors": _counted_on_claim(C.FACTORS),
    "scores.count": _count(C.SCORED, C.CLAIMS, head=C.CLAIMS, singular=C.CLAIM, also=frozenset({C.MODEL})),
    "scores.flagged": _count(
        C.FLAGGED, C.CLAIMS, head=C.CLAIMS, singular=C.CLAIM, whole="scores.count", also=frozenset({C.MODEL})
    ),
    "pattern.*.value": _pattern(also=_CASE),
    "pattern.*.peers.median": _pattern(C.PEERS, C.MEDIAN),
    "pattern.*.peers.p95": _pattern(C.PEERS, C.P95),
    "pattern.*.peers.p99": _pattern(C.PEERS, C.P99),
    "pattern.*.peers.n": StatedMeasure(
        frozenset({StatedKind.COUNT}),
        frozenset({C.PEERS}),
        frozenset({C.NUMBER_OF, C.PROVIDERS}),
        heads=frozenset({C.PEERS, C.PROVIDERS}),
        has_subject=True,
        comparable=False,
    ),
    "actions.count": _count(C.ACTIONS, head=C.ACTIONS),
    "loss.amount": _one(StatedKind.MONEY, C.LOSS, also=frozenset({C.AMOUNT, C.TOTAL, C.CASE})),
    "loss.method": _one(StatedKind.TEXT, C.METHOD, also=frozenset({C.LOSS, C.CASE})),
    "records.count": _count(C.RECORDS, head=C.RECORDS, also=frozenset({C.OBTAINED})),
    "sample.frame_claims": _count(C.FRAME, C.CLAIMS, head=C.CLAIMS, singular=C.CLAIM),
    "sample.frame_paid": _one(StatedKind.MONEY, C.FRAME, C.PAID, also=_CASE | _SUM),
    "sample.claims": _count(C.SAMPLE, C.CLAIMS, head=C.CLAIMS, singular=C.CLAIM),
    "sample.point": _one(StatedKind.MONEY, C.OVERPAYMENT, also=_CASE | {C.AMOUNT, C.TOTAL}),
    "sample.lower_bound": _one(
        StatedKind.MONEY, C.LOWER_BOUND, also=_CASE | {C.AMOUNT, C.TOTAL, C.INTERVAL, C.OVERPAYMENT}
    ),
    "sample.confidence": _one(StatedKind.SHARE, C.CONFIDENCE, also=frozenset({C.INTERVAL, C.SAMPLE})),
}
"""StatedMeasure → how it is stated."""
