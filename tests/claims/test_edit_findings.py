"""Every finding of the edits in full: code, outcome, text, cited table entry and line.

An investigator reads the text and looks the entry up; a provider reads the text of an edit.
"""

from datetime import date, timedelta

import pytest

from claims.adjudication import (
    SimilarClaim,
    run_edits,
)
from claims.benefits import Benefit
from claims.claim import ClaimLine
from claims.outcome import Finding, Outcome
from claims.reference import Diagnosis, Limits, Member, Procedure, Provider
from tests.claims.makers import DAY, RECEIVED, make_claim, make_evidence

NEXT = DAY + timedelta(days=1)
BEFORE = DAY - timedelta(days=1)
WOMAN = Member("M1", birth_date=date(1990, 3, 2), sex="F")
MAN = Member("M1", birth_date=date(1990, 3, 2), sex="M")
DEFAULTED = " No service date was sent, so the date of receipt was used; send service_from to distinguish services."


def similar(**changes):
    values = {
        "claim_id": "clm_0",
        "received_at": RECEIVED,
        "amount_cents": 100_00,
        "procedure_code": "P001",
        "procedure_codes": frozenset(["P001"]),
        "service_from": DAY,
        "service_to": DAY,
    }
    return SimilarClaim(**(values | changes))


def rejected(code, text, cites):
    return Finding(code, Outcome.REJECTED, text, cites)


def review(code, text, cites, line=None):
    return Finding(code, Outcome.IN_REVIEW, text, cites, line)


def with_procedure(limits, member):
    return make_evidence(member=member, procedures={"P001": Procedure("P001", limits)})


def with_diagnosis(limits, member):
    return make_evidence(member=member, diagnoses={"D001": Diagnosis("D001", limits)})


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (
            make_evidence(member=Member("M1", enrolled_from=NEXT)),
            rejected("cover_not_begun", "Cover begins on 2026-03-03, after the service began.", "members/M1"),
        ),
        (
            make_evidence(member=Member("M1", enrolled_to=DAY)),
            rejected("cover_ended", "Cover ended on 2026-03-02, before the service ended.", "members/M1"),
        ),
        (
            make_evidence(provider=Provider("H1", excluded_from=DAY)),
            rejected("provider_excluded", "The provider has been excluded since 2026-03-02.", "providers/H1"),
        ),
        (
            make_evidence(provider=Provider("H1", active_from=NEXT)),
            rejected(
                "provider_inactive",
                "The provider may bill for services from 2026-03-03 to today; this service is outside that period.",
                "providers/H1",
            ),
        ),
        (
            make_evidence(provider=Provider("H1", active_to=BEFORE)),
            rejected(
                "provider_inactive",
                "The provider may bill for services from any date to 2026-03-01; this service is outside that period.",
                "providers/H1",
            ),
        ),
        (
            make_evidence(benefit=Benefit(100_00, 100_00)),
            rejected("benefit_exhausted", "The yearly limit of 100.00 is used up.", "members/M1 plan limit"),
        ),
        (
            make_evidence(similar_claims=(similar(),)),
            rejected(
                "duplicate",
                "Claim clm_0 has the same member, provider, procedure, service date and amount.",
                "claims/clm_0",
            ),
        ),
        (
            make_evidence(similar_claims=(similar(service_date_defaulted=True),)),
            rejected(
                "duplicate",
                f"Claim clm_0 has the same member, provider, procedure, service date and amount.{DEFAULTED}",
                "claims/clm_0",
            ),
        ),
        (
            make_evidence(similar_claims=(similar(amount_cents=99_00),)),
            review(
                "possible_duplicate",
                "Claim clm_0 has the same member and provider and a procedure in common, from 2026-03-02, at 99.00.",
                "claims/clm_0",
            ),
        ),
        (
            make_evidence(similar_claims=(similar(amount_cents=99_00, service_date_defaulted=True),)),
            review(
                "possible_duplicate",
                "Claim clm_0 has the same member and provider and a procedure in common, from 2026-03-02, at 99.00."
                f"{DEFAULTED}",
                "claims/clm_0",
            ),
        ),
        (
            make_evidence(make_claim(ClaimLine("P001", 5, 4)), procedures={"P001": Procedure("P001", max_units=3)}),
            review(
                "units_over_limit",
                "P001 is billed for 4 units; at most 3 are plausible per claim.",
                "procedures/P001 max_units",
                1,
            ),
        ),
        (
            with_procedure(Limits(sex="F"), MAN),
            review("procedure_sex", "P001 is for women only.", "procedures/P001 sex", 1),
        ),
        (
            with_procedure(Limits(sex="M"), WOMAN),
            review("procedure_sex", "P001 is for men only.", "procedures/P001 sex", 1),
        ),
        (
            with_procedure(Limits(min_age_years=37), WOMAN),
            review("procedure_age", "P001 is for ages from 37.", "procedures/P001 min_age_years", 1),
        ),
        (
            with_procedure(Limits(max_age_years=35), WOMAN),
            review("procedure_age", "P001 is for ages up to 35.", "procedures/P001 max_age_years", 1),
        ),
        (
            with_diagnosis(Limits(sex="M"), WOMAN),
            review("diagnosis_sex", "D001 is for men only.", "diagnoses/D001 sex"),
        ),
        (
            with_diagnosis(Limits(min_age_years=37), WOMAN),
            review("diagnosis_age", "D001 is for ages from 37.", "diagnoses/D001 min_age_years"),
        ),
        (
            with_diagnosis(Limits(max_age_years=35), WOMAN),
            review("diagnosis_age", "D001 is for ages up to 35.", "diagnoses/D001 max_age_years"),
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Finding) else "",
)
def test_an_edit_states_the_fact_and_cites_its_table(evidence, expected):
    assert run_edits(evidence) == (expected,)


def test_a_code_outside_its_sex_and_its_ages_is_found_for_both_on_the_line_that_bills_it():
    claim = make_claim(ClaimLine("P001", 9), ClaimLine("P002", 5), ClaimLine("P002", 5))
    limits = Limits(sex="M", min_age_years=37)
    found = run_edits(
        make_evidence(claim, member=WOMAN, procedures={"P001": Procedure("P001"), "P002": Procedure("P002", limits)})
    )
    assert [(finding.code, finding.line) for finding in found] == [("procedure_sex", 2), ("procedure_age", 2)]


@pytest.mark.parametrize("limits", [Limits(min_age_years=36), Limits(max_age_years=36), Limits(sex="F")])
def test_a_code_at_the_limits_of_its_ages_fits(limits):
    assert run_edits(with_procedure(limits, WOMAN)) == ()
    assert run_edits(with_diagnosis(limits, WOMAN)) == ()


def test_one_earlier_claim_is_named_however_many_are_similar():
    same = tuple(similar(claim_id=f"clm_same_{n}") for n in range(2))
    near = tuple(similar(claim_id=f"clm_near_{n}", amount_cents=99_00) for n in range(2))
    (finding,) = run_edits(make_evidence(similar_claims=(*near, *same)))
    assert (finding.code, finding.cites) == ("duplicate", "claims/clm_same_0")
    (finding,) = run_edits(make_evidence(similar_claims=near))
    assert (finding.code, finding.cites) == ("possible_duplicate", "claims/clm_near_0")


@pytest.mark.parametrize(("units", "expected"), [((2, 1), []), ((2, 2), [2]), ((2, 1, 1, 1), [3]), ((4, 1), [1])])
def test_units_over_the_limit_are_found_once_on_the_line_that_exceeds_it(units, expected):
    claim = make_claim(*(ClaimLine("P001", 5, of_line) for of_line in units))
    found = run_edits(make_evidence(claim, procedures={"P001": Procedure("P001", max_units=3)}))
    assert [finding.line for finding in found] == expected


def test_findings_of_equal_severity_come_in_the_order_of_the_edits():
    found = run_edits(
        make_evidence(
            make_claim(ClaimLine("P001", 100_00, 4)),
            member=Member("M1", birth_date=date(1990, 3, 2), sex="F", enrolled_from=NEXT, enrolled_to=DAY),
            provider=Provider("H1", active_from=NEXT, excluded_from=DAY),
            procedures={"P001": Procedure("P001", Limits(sex="M"), max_units=3)},
            diagnoses={"D001": Diagnosis("D001", Limits(sex="M"))},
            benefit=Benefit(1, 1),
            similar_claims=(similar(),),
        )
    )
    assert [finding.code for finding in found] == [
        *("cover_not_begun", "cover_ended", "provider_excluded", "provider_inactive", "benefit_exhausted"),
        *("duplicate", "units_over_limit", "procedure_sex", "diagnosis_sex"),
    ]
