"""The contract accepts every claim that the API accepts, and every one that a claims frame holds exactly."""

from datetime import date

import pyarrow as pa
import pytest
from pydantic import ValidationError

from api.intake.schemas import MAX_DIAGNOSES, MAX_LINES, MAX_UNITS
from claims.claim import ClaimLine
from claims.money import MAX_CENTS
from claims.reference import Member, Provider
from claims.scoring import MAX_COUNT, MAX_SCORED_CENTS, ClaimFacts
from features.declare import CLAIMS
from tests.claims.makers import DAY, make_claim


def test_the_largest_accepted_claim_can_be_scored() -> None:
    lines = [ClaimLine("P" * 16, MAX_CENTS // MAX_LINES, MAX_UNITS)] * MAX_LINES
    claim = make_claim(*lines, diagnosis_codes=tuple(f"D{n}" for n in range(MAX_DIAGNOSES + 1)), place_of_service="99")
    facts = claim.facts(
        Member("M" * 64, birth_date=DAY, sex="F"), Provider("H" * 64, specialty="s" * 64, region="r" * 32)
    )
    assert ClaimFacts.model_validate_json(facts.model_dump_json()) == facts
    assert (facts.amount_cents, facts.units) == (MAX_CENTS, MAX_LINES * MAX_UNITS)


def test_the_contract_allows_every_count_of_the_claims_frame_and_every_exact_amount() -> None:
    for name in ("units", "lines", "diagnoses"):
        assert CLAIMS.field(name).type == pa.int32()
    assert pa.scalar(MAX_COUNT, pa.int32()).as_py() == MAX_COUNT
    assert float(MAX_SCORED_CENTS) == MAX_SCORED_CENTS
    assert MAX_CENTS * MAX_LINES < MAX_SCORED_CENTS


@pytest.mark.parametrize(("born", "age"), [(date(1896, 3, 2), 130), (date(1895, 3, 2), None), (date(1, 1, 1), None)])
def test_a_placeholder_birth_date_leaves_the_age_unknown(born: date, age: int | None) -> None:
    assert make_claim().facts(Member("M1", birth_date=born), Provider("H1")).age_years == age


def test_a_misspelt_fact_is_refused_instead_of_read_as_missing() -> None:
    facts = make_claim().facts(Member("M1"), Provider("H1")).model_dump(mode="json")
    assert ClaimFacts.model_validate(facts)
    with pytest.raises(ValidationError, match="specialities"):
        ClaimFacts.model_validate(facts | {"specialities": "cardiology"})
