from datetime import date, timedelta

import pytest

from claims.adjudication import SimilarClaim, edits
from claims.benefits import Benefit
from claims.claim import ClaimLine
from claims.cost_sharing import CostSharing
from claims.outcome import Outcome
from claims.reference import Diagnosis, Limits, Member, Procedure, Provider
from tests.claims.makers import DAY, RECEIVED, make_claim, make_evidence

NEXT = DAY + timedelta(days=1)
BEFORE = DAY - timedelta(days=1)


def look_alike(**changes):
    values = {
        "claim_id": "clm_0",
        "received_at": RECEIVED,
        "amount_cents": 100_00,
        "procedure_code": "P001",
        "procedure_codes": frozenset(["P001"]),
        "service_from": DAY,
        "service_to": DAY,
        "service_date_defaulted": False,
    }
    return SimilarClaim(**(values | changes))


def codes(evidence):
    return [finding.code for finding in edits.run_edits(evidence)]


def test_an_ordinary_claim_has_no_findings():
    assert codes(make_evidence()) == []


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        (Member("M1", enrolled_from=DAY), []),
        (Member("M1", enrolled_from=NEXT), ["cover_not_begun"]),
        (Member("M1", enrolled_to=NEXT), []),
        (Member("M1", enrolled_to=DAY), ["cover_ended"]),
    ],
)
def test_a_member_is_covered_from_the_first_day_to_before_the_end(member, expected):
    assert codes(make_evidence(member=member)) == expected


@pytest.mark.parametrize(
    ("enrolled_from", "waiting_days", "expected"),
    [
        (DAY, 0, []),
        (DAY, 1, ["waiting_period"]),
        (BEFORE, 1, []),
        (BEFORE, 2, ["waiting_period"]),
        (NEXT, 30, ["cover_not_begun"]),
        (None, 0, []),
        (None, 1, ["enrollment_unknown"]),
    ],
)
def test_services_are_covered_once_the_waiting_period_is_over(enrolled_from, waiting_days, expected):
    terms = CostSharing("PL1", BEFORE, waiting_days=waiting_days)
    assert codes(make_evidence(member=Member("M1", enrolled_from=enrolled_from, cost_sharing=(terms,)))) == expected


def test_the_waiting_period_is_that_of_the_terms_on_the_day_of_service():
    terms = (CostSharing("PL1", BEFORE, last_day=BEFORE, waiting_days=30), CostSharing("PL1", NEXT, waiting_days=30))
    assert codes(make_evidence(member=Member("M1", enrolled_from=DAY, cost_sharing=terms))) == []


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (Provider("H1", active_from=DAY, active_to=DAY), []),
        (Provider("H1", active_from=NEXT), ["provider_inactive"]),
        (Provider("H1", active_to=BEFORE), ["provider_inactive"]),
        (Provider("H1", excluded_from=NEXT), []),
        (Provider("H1", excluded_from=DAY), ["provider_excluded"]),
    ],
)
def test_a_provider_bills_while_active_and_not_excluded(provider, expected):
    assert codes(make_evidence(provider=provider)) == expected


@pytest.mark.parametrize(
    ("used", "expected"), [(99_00, []), (100_00, ["benefit_exhausted"]), (200_00, ["benefit_exhausted"])]
)
def test_a_benefit_with_nothing_left_is_found(used, expected):
    assert codes(make_evidence(benefit=Benefit(100_00, used))) == expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (look_alike(), ["duplicate"]),
        (look_alike(amount_cents=99_00), ["possible_duplicate"]),
        (look_alike(claim_id="clm_replaced"), []),
        (look_alike(claim_id="clm_1"), []),
    ],
)
def test_a_similar_claim_is_a_duplicate_at_the_same_amount_unless_the_claim_corrects_it(other, expected):
    claim = make_claim(replaces="clm_replaced")
    assert codes(make_evidence(claim, similar_claims=(other,))) == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "days", "amount", "expected"),
    [
        (True, False, 1, 100_00, "duplicate"),
        (False, True, 1, 100_00, "duplicate"),
        (True, True, -1, 100_00, "duplicate"),
        (True, False, 0, 100_00, "duplicate"),
        (True, False, 2, 100_00, "possible_duplicate"),
        (True, False, 3, 99_00, "possible_duplicate"),
        (True, True, 4, 100_00, None),
        (False, False, 1, 100_00, None),
    ],
)
def test_around_a_day_of_service_that_was_not_sent_days_near_it_count(ours, theirs, days, amount, expected):
    day = DAY - timedelta(days=days)
    other = look_alike(service_from=day, service_to=day, service_date_defaulted=theirs, amount_cents=amount)
    found = edits.run_edits(make_evidence(make_claim(service_date_defaulted=ours), similar_claims=(other,)))
    assert [finding.code for finding in found] == ([] if expected is None else [expected])
    assert all("send service_from" in finding.text for finding in found)


@pytest.mark.parametrize(
    ("lines", "other", "expected"),
    [
        ([("P2", 50_00), ("P1", 50_00)], {"procedure_code": "P1", "procedure_codes": {"P1", "P2"}}, ["duplicate"]),
        ([("P2", 60_00)], {"procedure_code": "P1", "procedure_codes": {"P1", "P2"}}, ["possible_duplicate"]),
        ([("P3", 100_00)], {"procedure_code": "P1", "procedure_codes": {"P1", "P2"}}, []),
        ([("P1", 60_00)], {"procedure_code": "P1", "service_from": BEFORE, "service_to": NEXT}, ["possible_duplicate"]),
        ([("P1", 60_00)], {"procedure_code": "P1", "service_from": BEFORE, "service_to": BEFORE}, []),
    ],
    ids=["other order of lines", "split over two claims", "other procedure", "within a stay", "another day"],
)
def test_the_same_service_is_found_however_it_is_billed(lines, other, expected):
    claim = make_claim(*(ClaimLine(code, amount) for code, amount in lines))
    codes_of_other = frozenset(other.get("procedure_codes", {other["procedure_code"]}))
    evidence = make_evidence(claim, similar_claims=(look_alike(**(other | {"procedure_codes": codes_of_other})),))
    assert codes(evidence) == expected


def test_units_of_a_procedure_are_counted_over_its_lines():
    claim = make_claim(ClaimLine("P1", 5, 2), ClaimLine("P2", 5, 9), ClaimLine("P1", 5, 2))
    evidence = make_evidence(claim, procedures={"P1": Procedure("P1", max_units=3), "P2": Procedure("P2")})
    (finding,) = edits.run_edits(evidence)
    assert (finding.code, finding.line, finding.outcome) == ("units_over_limit", 3, Outcome.IN_REVIEW)
    assert "billed for 4 units" in finding.text


@pytest.mark.parametrize(
    ("limits", "member", "expected"),
    [
        (Limits(sex="F"), Member("M1", sex="M"), ["sex"]),
        (Limits(sex="F"), Member("M1", sex="F"), []),
        (Limits(sex="F"), Member("M1"), []),
        (Limits(min_age_years=18), Member("M1", birth_date=date(2008, 3, 3)), ["age"]),
        (Limits(min_age_years=18), Member("M1", birth_date=date(2008, 3, 2)), []),
        (Limits(max_age_years=17), Member("M1", birth_date=date(2008, 3, 2)), ["age"]),
        (Limits(max_age_years=17), Member("M1"), []),
    ],
)
def test_a_code_is_for_the_sex_and_ages_of_the_catalogue(limits, member, expected):
    of_procedure = make_evidence(member=member, procedures={"P001": Procedure("P001", limits)})
    of_diagnosis = make_evidence(member=member, diagnoses={"D001": Diagnosis("D001", limits)})
    assert codes(of_procedure) == [f"procedure_{what}" for what in expected]
    assert codes(of_diagnosis) == [f"diagnosis_{what}" for what in expected]


def test_findings_are_sorted_by_severity_and_each_cites_its_table():
    evidence = make_evidence(
        make_claim(ClaimLine("P001", 5, 9)),
        provider=Provider("H1", excluded_from=BEFORE),
        procedures={"P001": Procedure("P001", max_units=1)},
    )
    found = edits.run_edits(evidence)
    assert [finding.code for finding in found] == ["provider_excluded", "units_over_limit"]
    assert [finding.cites for finding in found] == ["providers/H1", "procedures/P001 max_units"]
