"""What the page of a claim shows beside its score, as it is printed: pure."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from itertools import chain
from typing import Final

from api.console.charts import (
    Distribution,
    LineChart,
    LineSeries,
    Percentiles,
    Timeline,
    TimelineEvent,
    Unit,
    bins_of,
    distribution_chart,
    line_chart,
    timeline_chart,
)
from api.console.claim.context_reader import MOST_MEMBER_CLAIMS, MOST_PEERS
from api.console.claim.context_records import BilledClaim, BilledLine, ClaimContext, MemberClaim, PeerAmounts
from api.console.claim.edits import EditLine, edits_of_line
from api.console.claim.list_pages import list_address
from api.console.claim.reasons import CountedLink
from api.payments import payment_from_json
from claims.money import format_cents
from core.format import counted, utc_second

FEWEST_PEERS: Final = 30
"""Claims that a group of peers needs; with fewer, the next wider one is compared with."""
_PLACES: Final = {
    "02": "telehealth, not at home",
    "10": "telehealth, at home",
    "11": "office",
    "12": "home",
    "19": "off-campus outpatient hospital",
    "20": "urgent care",
    "21": "inpatient hospital",
    "22": "on-campus outpatient hospital",
    "23": "emergency room",
    "24": "ambulatory surgical center",
    "31": "skilled nursing facility",
    "32": "nursing facility",
    "51": "inpatient psychiatric facility",
    "61": "inpatient rehabilitation facility",
    "81": "independent laboratory",
}
"""Frequent codes of the CMS place of service set."""
_DAYS_OF_PROVIDER = 90


@dataclass(frozen=True, slots=True)
class PrintedClaimLine:
    """A line of the claim, with the findings about it and what is paid for it."""

    line: str
    procedure: str
    units: str
    service: str
    billed: str
    paid: str
    edits: Sequence[EditLine]


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and a value, and where the value leads."""

    name: str
    value: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class PeerDistribution:
    """Where the amount of the claim lies among its peers."""

    chart: Distribution
    group: str
    link: CountedLink
    position: str


@dataclass(frozen=True, slots=True)
class TimelineSection:
    """A picture over time, with the claims that it counts."""

    chart: LineChart | Timeline
    link: CountedLink


@dataclass(frozen=True, slots=True)
class ContextSections:
    """Everything of the page beside the score and the forms."""

    facts: Sequence[Fact]
    corrections: Sequence[Fact]
    """The claims that this one replaces, is replaced by, or inherits the review of."""
    lines: Sequence[PrintedClaimLine]
    peers: PeerDistribution | None
    provider: TimelineSection | None
    member: TimelineSection | None


def context_sections(context: ClaimContext, edits: Sequence[EditLine]) -> ContextSections:
    """The sections of a claim."""
    claim = context.claim
    return ContextSections(
        facts=_facts(claim),
        corrections=_corrections(claim),
        lines=_lines(claim, context.lines, edits),
        peers=peer_distribution(claim, context.peers),
        provider=None if claim.provider_id is None else _provider(claim, dict(context.provider_days)),
        member=None if claim.member_id is None else _member(claim, context.member_claims),
    )


def _facts(claim: BilledClaim) -> list[Fact]:
    service = claim.service_from.isoformat()
    if claim.service_to != claim.service_from:
        service += f" to {claim.service_to.isoformat()}"
    if claim.service_date_defaulted:
        service += " (not sent; day of receipt)"
    place = claim.place_of_service
    facts = [
        Fact("Claimed", format_cents(claim.amount_cents)),
        Fact("Approved", format_cents(claim.approved_cents)),
        Fact("Reserved", format_cents(claim.reserved_cents)),
        Fact("Service", service),
        Fact("Received (UTC)", utc_second(claim.received_at)),
        Fact("Place of service", "unknown" if place is None else f"{place} {_PLACES.get(place, '')}".strip()),
        Fact("Principal procedure", claim.procedure_code or "unknown"),
        Fact("Diagnoses", ", ".join([claim.diagnosis_code or "unknown", *claim.other_diagnoses])),
        Fact("Region", claim.region or "unknown"),
        Fact("Specialty", claim.specialty or "unknown"),
    ]
    if claim.pay_by is not None:
        facts.append(Fact("Pay by", claim.pay_by.isoformat()))
    if claim.authorization_number is not None:
        facts.append(Fact("Prior authorization", claim.authorization_number))
    if claim.voided_at is not None:
        facts.append(Fact("Voided (UTC)", utc_second(claim.voided_at)))
    return facts


def _corrections(claim: BilledClaim) -> list[Fact]:
    named = (
        ("Replaces the voided claim", claim.replaces),
        ("Voided and replaced by", claim.replaced_by),
        ("Has the review of", claim.inherits_from if claim.inherits_from != claim.replaces else None),
    )
    return [Fact(name, one, one) for name, one in named if one is not None]


def _lines(claim: BilledClaim, lines: Sequence[BilledLine], edits: Sequence[EditLine]) -> list[PrintedClaimLine]:
    payment = payment_from_json(claim.payment)
    paid = {} if payment is None else {one.price.line: one.paid_cents for one in payment.lines}
    only = len(lines) == 1
    return [
        PrintedClaimLine(
            line=str(one.line),
            procedure=" ".join([one.procedure_code, *(one.modifiers or ())]),
            units=str(one.units),
            service="" if one.service_date is None else one.service_date.isoformat(),
            billed=format_cents(one.amount_cents),
            paid=_paid(claim, paid.get(one.line), only=only),
            edits=edits_of_line(edits, one.line),
        )
        for one in lines
    ]


def _paid(claim: BilledClaim, of_line: int | None, *, only: bool) -> str:
    """What is paid for a line: as itemized; without it the claim's, where it has one line."""
    if claim.status == "in_review":
        return "in review"
    if claim.status not in ("approved", "partially_approved"):
        return format_cents(0)
    if of_line is not None:
        return format_cents(of_line)
    if only or claim.approved_cents == claim.amount_cents:
        return format_cents(claim.approved_cents) if only else "in full"
    return "not itemized"


def peer_distribution(claim: BilledClaim, peers: Sequence[PeerAmounts]) -> PeerDistribution | None:
    """The amounts of the narrowest group of peers that has `FEWEST_PEERS` claims; `None`: the procedure has too few."""
    known_specialty, known_region = claim.specialty is not None, claim.region is not None
    groups = (
        (
            known_specialty and known_region,
            "procedure_specialty_region_claims_365d",
            f"{claim.procedure_code}, {claim.specialty}, {claim.region} region",
            [one for one in peers if one.same_specialty and one.same_region],
        ),
        (
            known_specialty,
            "procedure_specialty_claims_365d",
            f"{claim.procedure_code}, {claim.specialty}, any region",
            [one for one in peers if one.same_specialty],
        ),
        (
            known_region,
            "procedure_region_claims_365d",
            f"{claim.procedure_code}, any specialty, {claim.region} region",
            [one for one in peers if one.same_region],
        ),
        (
            True,
            "procedure_claims_to_midnight_365d",
            f"{claim.procedure_code}, any specialty and region",
            peers,
        ),
    )
    is_complete = sum(len(one.cents) for one in peers) < MOST_PEERS
    for usable, set_name, group, of_group in groups:
        if usable and sum(len(one.cents) for one in of_group) >= FEWEST_PEERS:
            amounts = sorted(chain.from_iterable(one.cents for one in of_group))
            return _peers(claim, set_name, group, amounts, complete=is_complete)
    return None


def _peers(
    claim: BilledClaim, set_name: str, group: str, amounts: Sequence[int], *, complete: bool
) -> PeerDistribution:
    percentiles = Percentiles(*(percentile(amounts, share) for share in (0.50, 0.95, 0.99)))
    below = bisect_left(amounts, claim.amount_cents)
    n = len(amounts)
    text = f"{n:,}" if complete else f"{n:,} of the latest {MOST_PEERS:,} claims of the procedure"
    return PeerDistribution(
        chart=distribution_chart(
            "Amount among peers",
            bins_of([float(amount) for amount in amounts]),
            percentiles,
            here=float(claim.amount_cents),
            unit=Unit.CENTS,
            measure="Amount claimed",
        ),
        group=group,
        link=CountedLink(text, "The claims of the distribution", list_address(set_name, claim.claim_id)),
        position=f"{below:,} of {counted(n, 'claim')} have a smaller amount.",
    )


def percentile(ordered: Sequence[int], share: float) -> float:
    """The percentile of ordered values, between two of them by straight line (as `percentile_cont` of SQL)."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def _provider(claim: BilledClaim, days: dict[date, int]) -> TimelineSection:
    last = claim.received_at.astimezone(UTC).date()
    points = [
        (day, float(days.get(day, 0)))
        for day in (last - timedelta(days=back) for back in range(_DAYS_OF_PROVIDER, -1, -1))
    ]
    total = sum(days.values())
    return TimelineSection(
        chart=line_chart(
            "Claims received of this provider by day, voided ones included",
            LineSeries(f"Provider {claim.provider_id}", points),
            measure="Claims a day",
        ),
        link=CountedLink(
            counted(total, "claim"),
            "The claims of these days before this one",
            list_address("provider_received_90d", claim.claim_id),
        ),
    )


def _member(claim: BilledClaim, claims: Sequence[MemberClaim]) -> TimelineSection:
    before = sum((one.received_at, one.claim_id) != (claim.received_at, claim.claim_id) for one in claims)
    earlier = sum(one.received_at < claim.received_at for one in claims)
    cut = len(claims) == MOST_MEMBER_CLAIMS
    events = []
    for one in reversed(claims):
        own = one.claim_id == claim.claim_id
        text = f"{one.procedure_code or 'unknown'} at {one.provider_id or 'unknown'}, {format_cents(one.amount_cents)}"
        record = {True: ", recorded as fraud", False: ", recorded as no fraud", None: ""}[one.fraud]
        mark = "here" if own else "for" if one.fraud else "plain"
        href = "" if own else f"/console/claims/{one.claim_id}"
        events.append(
            TimelineEvent(one.received_at, "Received", f"{text}{record}{', this claim' if own else ''}", mark, href)  # type: ignore[arg-type]
        )
        if one.voided_at is not None:
            events.append(TimelineEvent(max(one.voided_at, one.received_at), "Voided", text, "plain", href))
    shown = f"the latest {before + 1} are drawn" if cut else "all are drawn, later ones with them"
    return TimelineSection(
        chart=timeline_chart("Claims of this member since a year before this one", events),
        link=CountedLink(
            "its earlier claims of the year" if cut else counted(earlier, "earlier claim"),
            f"The member's claims of the 365 days before; {shown}",
            list_address("member_received_365d", claim.claim_id),
        ),
    )
