"""What the page about the team's work shows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from api.console.charts import Bar, BarChart, LineChart, LineSeries, Unit, bar_chart, line_chart
from api.console.subjects.shares import CountedShare
from api.console.team.queries import Abrasion, FindingCounts, MonthOfMoney, SnoozedLead, SuspendedEdit, Workload
from api.console.team.simulator import SimulatedWeek

PERIOD_DAYS: Final = 90
MONTHS: Final = 12
OVERDUE_DAYS: Final = 60
"""Days after which an open case is overdue."""
_GROUPS: Final = {"specialty": "Specialty", "region": "Region", "size": "Size"}
_SIZES: Final = {"small": "below 10 claims", "medium": "10 to 99 claims", "large": "100 claims or more"}


@dataclass(frozen=True, slots=True)
class DurationLine:
    """Days of something."""

    name: str
    median: str
    p90: str


@dataclass(frozen=True, slots=True)
class WorkloadLine:
    """Open cases of a person."""

    name: str
    open_cases: int
    oldest: str
    overdue: int


@dataclass(frozen=True, slots=True)
class SuspendedEditLine:
    """A suspended edit."""

    edit: str
    since: str
    overturned: str


@dataclass(frozen=True, slots=True)
class TeamFigures:
    """What was read."""

    findings: FindingCounts
    money: Sequence[MonthOfMoney]
    workload: Sequence[Workload]
    abrasion: Sequence[Abrasion]
    suspended: Sequence[SuspendedEdit]
    snoozed: Sequence[SnoozedLead]
    simulated: SimulatedWeek


@dataclass(frozen=True, slots=True)
class TeamView:
    """The page."""

    since: str
    hit_rates: Sequence[CountedShare]
    durations: Sequence[DurationLine]
    money: LineChart
    workload: Sequence[WorkloadLine]
    workload_chart: BarChart
    abrasion: Sequence[tuple[str, Sequence[CountedShare]]]
    suspended: Sequence[SuspendedEditLine]
    snoozed: Sequence[SnoozedLead]
    simulated: SimulatedWeek
    simulated_billed: str


def team_view(figures: TeamFigures, *, since: date, months: Sequence[date]) -> TeamView:
    """The page of figures; `months`: first days of the months shown, the earliest first."""
    found = figures.findings
    return TeamView(
        since=since.isoformat(),
        hit_rates=[
            CountedShare("Claims: fraud confirmed", found.fraud, found.claims, "claims with a finding"),
            CountedShare(
                "Claims: fraud, waste, abuse or billing error",
                found.fraud + found.wrong,
                found.claims,
                "claims with a finding",
            ),
            CountedShare("Cases: substantiated", found.substantiated, found.cases, "closed cases"),
        ],
        durations=[
            _duration("Claims: receipt to first finding", found.claim_days),
            _duration("Cases: opened to closed", found.case_days),
        ],
        money=_money(figures.money, months),
        workload=[
            WorkloadLine(one.name or "Unassigned", one.open_cases, _day(one.oldest_at), one.overdue)
            for one in figures.workload
        ],
        workload_chart=bar_chart(
            "Open cases by investigator",
            [Bar(one.name or "Unassigned", one.open_cases, compared=one.overdue) for one in figures.workload],
            measure="open cases",
            name="Investigator",
            compared=f"open for more than {OVERDUE_DAYS} days",
        ),
        abrasion=[(title, _released(figures.abrasion, by)) for by, title in _GROUPS.items()],
        suspended=[
            SuspendedEditLine(
                one.edit,
                _day(one.suspended_at),
                f"{one.overturned:,} of {one.decided:,} appeals (limit {one.limit_percent} %)",
            )
            for one in figures.suspended
        ],
        snoozed=figures.snoozed,
        simulated=figures.simulated,
        simulated_billed=Unit.CENTS.full(figures.simulated.billed_cents),
    )


def _duration(name: str, days: tuple[float, float] | None) -> DurationLine:
    if days is None:
        return DurationLine(name, "–", "–")
    return DurationLine(name, f"{days[0]:,.1f} days", f"{days[1]:,.1f} days")


def _money(found: Sequence[MonthOfMoney], months: Sequence[date]) -> LineChart:
    by_month = {one.month: one for one in found}
    filled = [by_month.get(month, MonthOfMoney(month, 0, 0)) for month in months]
    return line_chart(
        "Savings and recoveries by month",
        LineSeries("Recovered", [(one.month, one.recovered) for one in filled]),
        LineSeries("Not paid after review", [(one.month, one.not_paid) for one in filled]),
        unit=Unit.CENTS,
        measure="Money",
    )


def _released(abrasion: Sequence[Abrasion], by: str) -> list[CountedShare]:
    return [
        CountedShare(
            _SIZES.get(one.group, one.group) if by == "size" else one.group,
            one.released,
            one.settled,
            f"claims of {one.providers:,} {'provider' if one.providers == 1 else 'providers'}",
        )
        for one in abrasion
        if one.by == by
    ]


def _day(at: datetime) -> str:
    return at.date().isoformat()
