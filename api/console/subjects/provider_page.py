"""The page of a provider: profile, money over time against peers, mix, busiest days, and shares."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from api.cases import CaseRecord
from api.console.charts import Bar, BarChart, LineChart, LineSeries, Unit, bar_chart, line_chart
from api.console.subjects.case_lines import CaseLine, case_lines
from api.console.subjects.claims_table import SubjectClaim
from api.console.subjects.months import months_between, span_text
from api.console.subjects.provider_queries import MOST_OUTCOMES, MonthOfProvider, Outcomes, Practice, ProviderProfile
from api.console.subjects.ring_page import ProviderRing
from api.console.subjects.shares import CountedShare
from claims.money import format_cents
from core.format import utc_minute

OWN = "This provider"


@dataclass(frozen=True, slots=True)
class DayLine:
    """One of the busiest days of service."""

    day: str
    claims: int
    members: int
    billed: str
    is_unusual: bool
    """Whether it has more claims than 99 % of the peers' days."""


@dataclass(frozen=True, slots=True)
class ProviderView:
    """What the template prints."""

    provider_id: str
    facts: Sequence[tuple[str, str]]
    warnings: Sequence[str]
    """What the register says against it, such as an exclusion."""
    span: str
    peers: str
    """Whom it is compared with."""
    charts: Sequence[LineChart]
    mix: BarChart
    days: Sequence[DayLine]
    day_limit: str
    shares: Sequence[CountedShare]
    shares_of: str
    """The claims that they are of."""
    ring: ProviderRing | None
    """`None`: it has no claim."""
    cases: Sequence[CaseLine]
    has_open_case: bool
    claims: Sequence[SubjectClaim]
    next_page: str | None


def provider_page(
    profile: ProviderProfile,
    practice: Practice,
    outcomes: Outcomes,
    ring: ProviderRing | None,
    cases: Sequence[CaseRecord],
    claims: Sequence[SubjectClaim],
    *,
    first: datetime,
    after: datetime,
    today: date,
    next_page: str | None,
) -> ProviderView:
    """The page of a provider, for the months from `first` until before `after`."""
    months = months_between(first, after)
    group = f"{profile.specialty or 'unknown specialty'} in {profile.region or 'unknown region'}"
    return ProviderView(
        provider_id=profile.provider_id,
        facts=_facts(profile, practice),
        warnings=_warnings(profile, today),
        span=span_text(months),
        peers=_peers(practice, group),
        charts=[
            _over_time("Billed per month", practice, profile.provider_id, months, Unit.CENTS, "billed_cents"),
            _over_time("Claims per month", practice, profile.provider_id, months, Unit.COUNT, "claims"),
        ],
        mix=_mix(practice),
        days=_days(practice),
        day_limit=""
        if practice.peer_day_p99 is None
        else f"99 % of the peers' days of service have {practice.peer_day_p99:.0f} claims or fewer.",
        shares=[
            CountedShare("Flagged", outcomes.flagged, outcomes.assessed, "assessed claims"),
            CountedShare("Confirmed fraud", outcomes.confirmed, outcomes.labelled, "investigated claims"),
            CountedShare("Overturned", outcomes.overturned, outcomes.appealed, "claims with a decided appeal"),
        ],
        shares_of=_shares_of(outcomes),
        ring=ring,
        cases=case_lines(cases),
        has_open_case=any(case.is_open for case in cases),
        claims=claims,
        next_page=next_page,
    )


def _facts(profile: ProviderProfile, practice: Practice) -> list[tuple[str, str]]:
    active = f"{profile.active_from or 'ever'} to {profile.active_to or 'now'}"
    return [
        ("Name", profile.name or "–"),
        ("NPI", profile.npi or "–"),
        ("Specialty", profile.specialty or "–"),
        ("Region", profile.region or "–"),
        ("Active", active if profile.is_registered else "not registered"),
        ("Contract", _contract(practice)),
        ("First claim", "–" if profile.first_claim is None else utc_minute(profile.first_claim)),
        ("Latest claim", "–" if profile.latest_claim is None else utc_minute(profile.latest_claim)),
        ("Claims in these months", f"{practice.own_claims:,}"),
    ]


def _shares_of(outcomes: Outcomes) -> str:
    return f"The latest {MOST_OUTCOMES:,} claims" if outcomes.claims >= MOST_OUTCOMES else "Claims"


def _contract(practice: Practice) -> str:
    priced = sum(use.has_price for use in practice.codes)
    if not priced:
        return "no agreed prices"
    return f"prices agreed for {priced} of its {len(practice.codes)} most frequent procedures"


def _warnings(profile: ProviderProfile, today: date) -> list[str]:
    found = []
    if profile.excluded_from is not None:
        found.append(f"Excluded from {profile.excluded_from}.")
    if profile.exclusion is not None:
        found.append(f"On the exclusion list in force (OIG LEIE), section {profile.exclusion}.")
    if profile.active_to is not None and profile.active_to < today:
        found.append(f"Not active since {profile.active_to}.")
    if not profile.is_registered:
        found.append("Not in the register of providers.")
    return found


def _peers(practice: Practice, group: str) -> str:
    if not practice.peers:
        return f"No other registered provider of {group} has claims in these months."
    drawn = "" if practice.all_peers <= practice.peers else f" of {practice.all_peers:,}, drawn by a hash of their ids"
    return f"Peers: {practice.peers} providers{drawn}, {group}. A month without a claim counts as 0."


def _over_time(
    title: str, practice: Practice, provider_id: str, months: Sequence[date], unit: Unit, of: str
) -> LineChart:
    values: dict[str, dict[date, int]] = {}
    for month in practice.months:
        values.setdefault(month.provider_id, {})[month.month] = _value(month, of)
    own = values.pop(provider_id, {})
    series = LineSeries(OWN, [(month, own.get(month, 0)) for month in months])
    if not values:
        return line_chart(title, series, unit=unit, measure=title)
    medians = [(month, statistics.median(one.get(month, 0) for one in values.values())) for month in months]
    return line_chart(title, series, LineSeries(f"Median of {len(values)} peers", medians), unit=unit, measure=title)


def _value(month: MonthOfProvider, of: str) -> int:
    return month.billed_cents if of == "billed_cents" else month.claims


def _mix(practice: Practice) -> BarChart:
    bars = [
        Bar(
            use.code,
            use.own / practice.own_claims,
            use.peers / practice.peer_claims if practice.peer_claims else None,
        )
        for use in practice.codes
    ]
    return bar_chart(
        "Most frequent procedures",
        bars,
        unit=Unit.SHARE,
        measure="Share of its claims",
        name="Procedure",
        compared=f"share of the claims of {practice.peers} peers" if practice.peer_claims else "",
    )


def _days(practice: Practice) -> list[DayLine]:
    limit = practice.peer_day_p99
    return [
        DayLine(
            day=found.day.isoformat(),
            claims=found.claims,
            members=found.members,
            billed=format_cents(found.billed_cents),
            is_unusual=limit is not None and found.claims > limit,
        )
        for found in practice.days
    ]
