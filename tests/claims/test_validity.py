"""Periods of validity: what they cover, when they overlap, and what holds on a day of service."""

from datetime import date

import pytest

from claims.adjudication import run_edits
from claims.claim import ClaimLine
from claims.cost_sharing import CostSharing
from claims.outcome import Outcome
from claims.reference import EarlierCover, Member, Procedure, Provider
from claims.validity import ValidityPeriod, uninterrupted
from tests.claims.makers import make_claim, make_evidence

MARCH = ValidityPeriod(date(2026, 3, 1), date(2026, 3, 31))
APRIL = ValidityPeriod(date(2026, 4, 1), date(2026, 4, 30))
FROM_MAY = ValidityPeriod(date(2026, 5, 1), None)
LATER = date(2026, 12, 31)
UNTIL_MARCH = ValidityPeriod(None, date(2026, 3, 1))


@pytest.mark.parametrize(
    ("period", "day", "holds"),
    [
        (MARCH, date(2026, 2, 28), False),
        (MARCH, date(2026, 3, 1), True),
        (MARCH, date(2026, 3, 31), True),
        (MARCH, date(2026, 4, 1), False),
        (UNTIL_MARCH, date.min, True),
        (FROM_MAY, date.max, True),
        (ValidityPeriod(), date(2026, 1, 1), True),
    ],
)
def test_a_period_holds_from_its_first_to_its_last_day(period: ValidityPeriod, day: date, holds: bool):
    assert period.holds_on(day) is holds


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (MARCH, APRIL, False),
        (MARCH, UNTIL_MARCH, True),
        (MARCH, FROM_MAY, False),
        (MARCH, MARCH, True),
        (MARCH, ValidityPeriod(), True),
        (MARCH, ValidityPeriod(date(2026, 3, 31), date(2026, 3, 31)), True),
        (FROM_MAY, ValidityPeriod(date(2030, 1, 1), None), True),
        (UNTIL_MARCH, ValidityPeriod(None, date(2020, 1, 1)), True),
    ],
)
def test_periods_overlap_that_have_a_day_in_common(one: ValidityPeriod, other: ValidityPeriod, overlap: bool):
    assert one.overlaps(other) is other.overlaps(one) is overlap


def test_periods_that_follow_each_other_are_one():
    assert uninterrupted([APRIL, FROM_MAY, MARCH]) == (ValidityPeriod(date(2026, 3, 1), None),)
    assert uninterrupted([FROM_MAY, MARCH]) == (MARCH, FROM_MAY)


def test_a_period_names_its_days():
    assert str(MARCH) == "the period from 2026-03-01 to 2026-03-31"
    assert [str(one) for one in (FROM_MAY, UNTIL_MARCH)] == [
        "the period from 2026-05-01 on",
        "the period to 2026-03-01",
    ]


TERMS = CostSharing("PL1", date(2020, 1, 1), copay_cents=5_00)
RETURNED = Member(
    "M1",
    enrolled_from=date(2026, 3, 1),
    benefit_limit_cents=2,
    earlier=(
        EarlierCover(date(2020, 1, 1), date(2020, 12, 31), 1, "commercial", "NY", (TERMS,)),
        EarlierCover(date(2021, 1, 1), date(2021, 6, 30), 3),
    ),
)


@pytest.mark.parametrize(
    ("day", "limit", "begins", "ends"),
    [
        (date(2020, 12, 31), 1, date(2020, 1, 1), date(2021, 7, 1)),
        (date(2021, 1, 1), 3, date(2020, 1, 1), date(2021, 7, 1)),
        (date(2026, 3, 1), 2, date(2026, 3, 1), None),
        (date(2021, 7, 1), 2, date(2026, 3, 1), None),  # in the gap: the latest cover has not begun
        (date(2019, 12, 31), 2, date(2026, 3, 1), None),
    ],
)
def test_a_service_is_paid_by_the_plan_of_its_day(day: date, limit: int, begins: date, ends: date | None):
    then = RETURNED.on(day)
    assert (then.benefit_limit_cents, then.enrolled_from, then.enrolled_to) == (limit, begins, ends)
    assert then.cost_sharing == ((TERMS,) if limit == 1 else ())
    assert then.on(day) == then


@pytest.mark.parametrize(
    ("first", "last", "codes"),
    [
        (date(2020, 12, 30), date(2021, 1, 2), []),  # two plans without a gap
        (date(2021, 6, 30), date(2021, 7, 1), ["cover_ended"]),
        (date(2022, 1, 1), date(2022, 1, 1), ["cover_not_begun"]),
        (date(2026, 2, 28), date(2026, 3, 1), ["cover_not_begun"]),
    ],
)
def test_cover_without_a_gap_is_cover(first: date, last: date, codes: list[str]):
    claim = make_claim(service_from=first, service_to=last, received_on=LATER)
    found = run_edits(make_evidence(claim, member=RETURNED.on(first)))
    assert [one.code for one in found] == codes


@pytest.mark.parametrize(
    ("first", "last", "codes"),
    [
        (date(2026, 3, 31), date(2026, 4, 1), []),
        (date(2026, 4, 30), date(2026, 5, 1), ["provider_inactive"]),
        (date(2026, 5, 9), date(2026, 5, 9), ["provider_inactive"]),
        (date(2026, 6, 1), date(2026, 7, 1), []),
    ],
)
def test_a_provider_bills_in_each_of_its_periods(first: date, last: date, codes: list[str]):
    provider = Provider("H1", active_from=date(2026, 6, 1), earlier=(MARCH, APRIL))
    found = run_edits(
        make_evidence(make_claim(service_from=first, service_to=last, received_on=LATER), provider=provider)
    )
    assert [one.code for one in found] == codes


def test_a_procedure_outside_of_its_periods_goes_to_review():
    lines = (
        ClaimLine("P001", 100_00, service_date=date(2026, 3, 31)),
        ClaimLine("P001", 100_00, service_date=date(2026, 4, 1)),
        ClaimLine("P001", 100_00, service_date=date(2026, 4, 1)),
    )
    claim = make_claim(*lines, service_from=date(2026, 3, 31), service_to=date(2026, 4, 1), received_on=LATER)
    procedures = {"P001": Procedure("P001", validity=(MARCH, FROM_MAY))}
    (finding,) = run_edits(make_evidence(claim, procedures=procedures))
    assert (finding.code, finding.outcome, finding.line) == ("procedure_code_deactivated", Outcome.IN_REVIEW, 2)
    assert finding.text == (
        "P001 is in the catalogue for the period from 2026-03-01 to 2026-03-31, the period from 2026-05-01 on; "
        "this service is on 2026-04-01."
    )
    assert run_edits(make_evidence(claim, procedures={"P001": Procedure("P001")})) == ()
