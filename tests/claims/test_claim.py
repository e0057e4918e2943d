from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.claim import ClaimLine, InvalidClaim
from claims.reference import Member, Provider
from tests.claims.makers import DAY, make_claim

lines = st.lists(
    st.builds(ClaimLine, st.sampled_from(["P1", "P2"]), st.integers(1, 10_000_00), st.integers(1, 9)),
    min_size=1,
    max_size=9,
)


@given(lines)
def test_a_claims_amount_and_units_are_the_sums_of_its_lines(of_claim):
    claim = make_claim(*of_claim)
    assert claim.amount_cents == sum(line.amount_cents for line in of_claim)
    assert claim.units == sum(line.units for line in of_claim)


@given(lines)
def test_the_principal_line_is_the_first_of_the_highest_amount(of_claim):
    principal = make_claim(*of_claim).principal
    highest = max(line.amount_cents for line in of_claim)
    assert principal is next(line for line in of_claim if line.amount_cents == highest)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lines": ()}, "lines"),
        ({"diagnosis_codes": ()}, "diagnosis_codes"),
        ({"diagnosis_codes": ("D1", "D1")}, "diagnosis_codes"),
        ({"service_to": date(2026, 3, 1)}, "service_to"),
        ({"service_from": date(2026, 3, 3), "service_to": date(2026, 3, 3)}, "service_from"),
        ({"received_at": datetime(2026, 3, 2)}, "received_at"),
        ({"lines": (ClaimLine("P1", 1), ClaimLine("P1", 0))}, "lines[1].amount"),
        ({"lines": (ClaimLine("P1", 1, units=0),)}, "lines[0].units"),
        ({"lines": (ClaimLine("P1", 1, service_date=date(2026, 3, 3)),)}, "lines[0].service_date"),
        ({"lines": (ClaimLine("P1", 100_000_000_00), ClaimLine("P1", 1))}, "claim_amount"),
    ],
)
def test_a_claim_that_contradicts_itself_is_refused_naming_the_field(changes, field):
    with pytest.raises(InvalidClaim) as refused:
        make_claim(**changes)
    assert refused.value.field == field


def test_the_facts_of_a_claim_are_those_of_its_receipt():
    claim = make_claim(ClaimLine("P1", 5, 2), ClaimLine("P2", 7), diagnosis_codes=("D1", "D2"))
    member = Member("M1", birth_date=date(1980, 3, 3), sex="M", benefit_limit_cents=9)
    facts = claim.facts(member, Provider("H1", specialty="cardiology", region="Coast"))
    assert (facts.procedure_code, facts.amount_cents, facts.units, facts.lines, facts.diagnoses) == ("P2", 12, 3, 2, 2)
    assert (facts.age_years, facts.sex, facts.region, facts.specialty) == (45, "M", "Coast", "cardiology")


@pytest.mark.parametrize(
    ("born", "age"), [(date(1980, 3, 2), 46), (date(1980, 3, 3), 45), (date(2026, 3, 3), None), (DAY, 0), (None, None)]
)
def test_age_is_in_completed_years_on_the_day_of_service(born, age):
    assert Member("M1", birth_date=born).age_years(DAY) == age
