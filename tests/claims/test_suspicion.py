from dataclasses import replace
from datetime import timedelta

import pytest

from claims.adjudication import HeldClaim, SuspicionPolicy, inherit, replaced_often
from claims.claim import ClaimLine
from claims.outcome import Finding, Outcome
from tests.claims.makers import DAY, make_claim

FLAGGED = Finding("model_flagged", Outcome.IN_REVIEW, "likely fraud", "models/v1")
INHERITED = Finding("review_inherited", Outcome.IN_REVIEW, "as another", "claims/clm_x")
POLICY = SuspicionPolicy(days=7)
HELD = HeldClaim(
    claim_id="clm_0",
    status="in review",
    findings=(FLAGGED,),
    procedure_codes=frozenset({"P001", "P009"}),
    diagnosis_codes=frozenset({"D001"}),
    service_from=DAY,
    service_to=DAY,
    is_replacement=False,
    chain=("clm_0", "clm_first"),
)


def inherits(held, claim=None, replaced=None):
    return inherit(claim or make_claim(), replaced=replaced, held=(held,), policy=POLICY)


def test_a_claim_for_a_held_service_inherits_the_review_and_names_claim_finding_and_chain():
    found = inherits(HELD)
    assert (found.finding.code, found.finding.outcome, found.finding.cites) == (
        *("review_inherited", Outcome.IN_REVIEW, "claims/clm_0"),
    )
    assert "model_flagged: likely fraud" in found.finding.text
    assert "clm_1, clm_0, clm_first" in found.finding.text


@pytest.mark.parametrize(
    ("change", "line", "expected"),
    [
        ({"service_from": DAY - timedelta(7), "service_to": DAY - timedelta(7)}, "P001", True),
        ({"service_from": DAY - timedelta(8), "service_to": DAY - timedelta(8)}, "P001", False),
        ({"service_from": DAY - timedelta(30), "service_to": DAY}, "P001", True),
        ({}, "P777", True),
        ({"service_from": DAY - timedelta(1), "service_to": DAY - timedelta(1)}, "P777", False),
        ({"diagnosis_codes": frozenset({"D9"})}, "P777", False),
    ],
    ids=[
        "a week apart",
        "longer",
        "during a stay",
        "other code, same day and diagnosis",
        "other code and day",
        "other",
    ],
)
def test_the_same_service_is_one_procedure_in_some_days_or_one_diagnosis_on_one_day(change, line, expected):
    claim = make_claim(ClaimLine(line, 100_00))
    assert (inherits(replace(HELD, **change), claim) is not None) is expected


def test_a_replacement_with_other_contents_inherits_the_review():
    far = replace(HELD, service_from=DAY - timedelta(99), service_to=DAY - timedelta(99), diagnosis_codes=frozenset())
    claim = make_claim(ClaimLine("P777", 1), replaces="clm_0")
    assert inherit(claim, replaced=far, held=(), policy=POLICY).source.claim_id == "clm_0"


def test_a_suspicion_is_not_inherited_along_a_course_of_treatments():
    """Each weekly claim resembles the one before it; only a replacement, or a claim that is closed, passes it on."""
    resembling = replace(HELD, findings=(INHERITED,))
    assert inherits(resembling) is None
    assert inherits(replace(resembling, is_replacement=True)) is not None
    assert inherits(replace(resembling, status="voided while in review")) is not None
    assert inherits(replace(resembling, findings=(INHERITED, FLAGGED))).finding.text.count("model_flagged") == 1


def test_along_a_chain_the_finding_named_is_the_one_that_started_it():
    last = replace(HELD, findings=(INHERITED,), is_replacement=True, chain_reason=FLAGGED)
    text = inherits(last).finding.text
    assert "model_flagged: likely fraud" in text
    assert "as another" not in text


def test_a_denial_without_an_assessment_is_inherited():
    found = inherits(replace(HELD, status="denied", findings=()))
    assert "clm_0, for the same service, is denied." in found.finding.text


@pytest.mark.parametrize(("replacements", "expected"), [(0, []), (2, []), (3, ["replaced_often"])])
def test_many_replacements_are_an_indicator(replacements, expected):
    found = replaced_often(replacements, ("clm_2", "clm_1", "clm_0"), POLICY)
    assert [finding.code for finding in found] == expected
