"""Add up the claims of a lead, put leads in order, and say in one sentence why one is there."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from claims.leads.records import LeadClaim, LeadSource, LeadSubject, LeadSubjectKind
from claims.money import format_cents

_INDICATORS: Final = 3
"""Risk indicators that a lead names."""

_OF_WHOM: Final[Mapping[LeadSubjectKind, str]] = {
    LeadSubjectKind.RING: " of a ring of providers",
    LeadSubjectKind.PROVIDER: " of one provider",
    LeadSubjectKind.MEMBER: " of one member",
}
_REASONS: Final[Mapping[LeadSource, str]] = {
    LeadSource.APPEAL: "with an appeal that waits for a decision",
    LeadSource.AUDIT: "of the random audit sample",
    LeadSource.SCORE: "flagged or listed by score",
    LeadSource.EDITS: "pended by claim edits",
    LeadSource.RESCREENING: "decided before a change that gives another result",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFigures:
    """The sums of a lead."""

    claims: int
    scored: int
    """Of them with a score."""
    source: LeadSource
    expected_cents: int | None
    """Sum over the claims with a score; None: none has one."""
    low_cents: int | None
    high_cents: int | None
    """Sums of the ends of their 90 % intervals. All rest on the same parameters, so the ends add up."""
    paid_cents: int
    unpaid_cents: int
    probability: float | None
    """The highest."""
    indicators: tuple[str, ...]
    """The most frequent codes of risk indicators."""
    due_on: date | None
    """The earliest."""


def figures(claims: Sequence[LeadClaim]) -> LeadFigures:
    """The sums of a lead's claims; raises `ValueError` without any."""
    if not claims:
        raise ValueError("a lead has at least one claim")
    scored = [one for one in claims if one.expected_cents is not None]
    counts = Counter(code for one in claims for code in dict.fromkeys(one.indicators))
    precedence = list(LeadSource)
    return LeadFigures(
        claims=len(claims),
        scored=len(scored),
        source=min((one.source for one in claims), key=precedence.index),
        expected_cents=sum(one.expected_cents or 0 for one in scored) if scored else None,
        low_cents=sum(one.low_cents or 0 for one in scored) if scored else None,
        high_cents=sum(one.high_cents or 0 for one in scored) if scored else None,
        paid_cents=sum(one.paid_cents for one in claims),
        unpaid_cents=sum(one.unpaid_cents for one in claims),
        probability=max((one.probability for one in claims if one.probability is not None), default=None),
        indicators=tuple(code for code, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:_INDICATORS]),
        due_on=min((one.due_on for one in claims if one.due_on is not None), default=None),
    )


def rank(leads: Mapping[LeadSubject, LeadFigures]) -> list[LeadSubject]:
    """The subjects by descending expected recoverable; those without a score last, by due day."""

    def place(subject: LeadSubject) -> tuple[bool, int, date, str, str]:
        found = leads[subject]
        value = -(found.expected_cents or 0)
        return (
            found.expected_cents is None,
            value,
            found.due_on or date.max,
            subject.kind.value,
            subject.subject_id,
        )

    return sorted(leads, key=place)


def why(kind: LeadSubjectKind, found: LeadFigures) -> str:
    """One sentence made from the figures alone."""
    many = found.claims > 1
    of_whom = _OF_WHOM.get(kind, "")
    reason = _REASONS[found.source]
    parts = [f"{found.claims} claims{of_whom} {reason}" if many else f"A claim {reason}"]
    if found.probability is not None:
        parts.append(f"{'highest probability' if many else 'probability'} {_percent(found.probability)}")
    if found.indicators:
        parts.append(f"indicator {found.indicators[0].replace('_', ' ')}")
    if found.paid_cents:
        parts.append(f"{format_cents(found.paid_cents)} paid")
    if found.unpaid_cents:
        parts.append(f"{format_cents(found.unpaid_cents)} not paid yet")
    return f"{parts[0]}; {', '.join(parts[1:])}." if parts[1:] else f"{parts[0]}."


def _percent(share: float) -> str:
    """A share as a percentage with one decimal, which says of a small one that it is not 0."""
    return "below 0.1 %" if 0 < share < 0.001 else f"{share * 100:.1f} %"
