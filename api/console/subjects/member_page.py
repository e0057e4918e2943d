"""The page of a member: claims over time, providers seen, cases and claims; who it is only after a reveal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from api.cases import CaseRecord
from api.console.charts import LineChart, LineSeries, Unit, line_chart
from api.console.subjects.case_lines import CaseLine, case_lines
from api.console.subjects.claims_table import SubjectClaim
from api.console.subjects.member_queries import MemberHistory, MemberProfile
from api.console.subjects.months import months_between, span_text
from api.members import Identity
from api.purposes import PURPOSES_OF_USE, Need
from claims.money import format_cents
from core.format import utc_minute

REVEAL_PURPOSES: Final = tuple(
    code for code in ("FRAUD", "HLEGAL", "HPAYMT", "HOPERAT") if PURPOSES_OF_USE[code].need is Need.NOTHING
)
"""Purposes for which an investigator may read who a member is, without its consent."""


@dataclass(frozen=True, slots=True)
class SeenProviderLine:
    """A provider that billed for the member."""

    provider_id: str
    specialty: str
    claims: int
    billed: str
    days: str


@dataclass(frozen=True, slots=True)
class RevealedIdentity:
    """Who a member is, and for which purpose that is shown."""

    name: str
    birth_date: str
    purpose: str

    @classmethod
    def of(cls, identity: Identity | None, purpose: str) -> "RevealedIdentity":
        """Of what is known; nothing is known of an erased or unregistered member."""
        known = identity or Identity()
        born = "not known" if known.birth_date is None else known.birth_date.isoformat()
        return cls(known.name or "not known", born, PURPOSES_OF_USE[purpose].display)


@dataclass(frozen=True, slots=True)
class MemberView:
    """What the template prints."""

    member_id: str
    facts: Sequence[tuple[str, str]]
    span: str
    charts: Sequence[LineChart]
    providers: Sequence[SeenProviderLine]
    all_providers: int
    cases: Sequence[CaseLine]
    has_open_case: bool
    claims: Sequence[SubjectClaim]
    next_page: str | None
    purposes: Sequence[tuple[str, str]]
    """Of the form that reveals: codes and labels."""
    identity: RevealedIdentity | None
    """`None`: masked."""


def member_view(
    profile: MemberProfile,
    history: MemberHistory,
    cases: Sequence[CaseRecord],
    claims: Sequence[SubjectClaim],
    *,
    first: datetime,
    after: datetime,
    next_page: str | None,
    identity: RevealedIdentity | None,
) -> MemberView:
    """The page of a member, for the months from `first` until before `after`."""
    months = months_between(first, after)
    counted = [(month, history.months.get(month, (0, 0))) for month in months]
    billed = LineSeries("This member", [(month, cents) for month, (_, cents) in counted])
    claimed = LineSeries("This member", [(month, count) for month, (count, _) in counted])
    return MemberView(
        member_id=profile.member_id,
        facts=_facts(profile),
        span=span_text(months),
        charts=[
            line_chart("Claims per month", claimed, unit=Unit.COUNT, measure="Claims per month"),
            line_chart("Billed per month", billed, unit=Unit.CENTS, measure="Billed per month"),
        ],
        providers=[
            SeenProviderLine(
                provider_id=one.provider_id,
                specialty=one.specialty or "–",
                claims=one.claims,
                billed=format_cents(one.billed_cents),
                days=f"{one.first_day} to {one.last_day}",
            )
            for one in history.providers
        ],
        all_providers=history.all_providers,
        cases=case_lines(cases),
        has_open_case=any(case.is_open for case in cases),
        claims=claims,
        next_page=next_page,
        purposes=[(code, PURPOSES_OF_USE[code].display) for code in REVEAL_PURPOSES],
        identity=identity,
    )


def _facts(profile: MemberProfile) -> list[tuple[str, str]]:
    covered = "not enrolled"
    if profile.is_registered:
        end = "now" if profile.enrolled_to is None else f"before {profile.enrolled_to}"
        covered = f"{profile.enrolled_from or 'ever'} to {end}"
    return [
        ("Plan", profile.plan_id or "–"),
        ("Region", profile.region or "–"),
        ("Covered", covered),
        ("First claim", "–" if profile.first_claim is None else utc_minute(profile.first_claim)),
        ("Latest claim", "–" if profile.latest_claim is None else utc_minute(profile.latest_claim)),
    ]
