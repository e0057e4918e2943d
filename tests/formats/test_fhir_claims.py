"""FHIR claims: what is read, what is refused where, and that another implementation accepts the answers."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.fhir import AnsweredClaim, FhirProblem, claim_response, operation_outcome, read_claim
from tests.formats.fhir_claims import diagnosis, fhir_claim, item
from tests.formats.x12_files import public_files


def decoded(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(document), parse_float=Decimal)
    return found


def problems(**changes: Any) -> list[tuple[str, str]]:
    found = read_claim(decoded(fhir_claim(**changes)))
    assert (found.claim is None) == bool(found.problems)
    return [(one.code, one.where) for one in found.problems]


def claim_of(**changes: Any):
    found = read_claim(decoded(fhir_claim(**changes)))
    assert found.problems == []
    assert found.claim is not None
    return found.claim


def test_a_claim_is_read_whole():
    found = claim_of()
    assert json.loads(found.document) == {
        "member_id": "M123",
        "provider_id": "H456",
        "diagnosis_codes": ["D001", "D002"],
        "claim_amount": "1300",
        "lines": [
            {"procedure_code": "P001", "amount": "1200.5", "units": 1, "service_date": "2026-03-01"},
            {"procedure_code": "P002", "amount": "99.5", "units": 3, "service_date": "2026-03-02"},
        ],
        "service_from": "2026-03-01",
        "service_to": "2026-03-03",
        "place_of_service": "11",
    }
    assert found.claim_number == "urn:example:claims|PCN-1"
    assert found.place_of("lines[1].amount") == "Claim.item[1].net"
    assert found.place_of("diagnosis_codes[0]") == "Claim.diagnosis[1].diagnosisCodeableConcept"


def related(code: str) -> dict[str, Any]:
    return {"relationship": {"coding": [{"code": code}]}, "claim": {"reference": "Claim/clm_1"}}


THREE = [diagnosis(2, "D001"), diagnosis(1, "D002"), diagnosis(3, "D9", "admitting")]
FIRST, RELATED = "Claim.item[0]", "Claim.related[0].claim"
ELSEWHERE = item(2, "P002", 1, locationCodeableConcept={"coding": [{"code": "22"}]})


def test_lines_have_modifiers():
    line = item(1, "P001", 1300, modifier=[{"coding": [{"code": "25"}]}, {}, {"coding": [{"code": "59"}]}])
    (found,) = claim_of(item=[line]).lines
    assert found.modifiers == ("25", "59")


NPI = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"patient": {"reference": "Patient/M124"}}, "member_id", "M124"),
        ({"patient": {"reference": "https://example.org/fhir/Patient/M124"}}, "member_id", "M124"),
        (
            {
                "provider": {"reference": "#p"},
                "contained": [{"resourceType": "Organization", "id": "p", "identifier": [{"value": "x"}, NPI]}],
            },
            "provider_id",
            "1234567893",
        ),
        ({"total": None}, "amount", "1300.0"),
        ({"identifier": None}, "claim_number", ""),
        ({"billablePeriod": None}, "service_from", None),
        ({"related": [related("prior")]}, "replaces", "clm_1"),
        ({"related": [related("associated")]}, "replaces", None),
        ({"diagnosis": THREE}, "diagnosis_codes", ("D002", "D001")),
    ],
)
def test_each_element_becomes_a_field(changes, field, expected):
    assert getattr(claim_of(**changes), field) == expected


@pytest.mark.parametrize(
    ("line", "amount", "units"),
    [
        (item(1, "P001", None, unitPrice={"value": 10.25}, quantity={"value": 4}), "41.00", 4),
        (item(1, "P001", None, unitPrice={"value": 10.25}), "10.25", 1),
        (item(1, "P001", None), "50", 1),
        (item(1, "P001", 50, quantity={"value": 1.5}), "50", 2),
        (item(1, "P001", 50) | {"productOrService": None, "revenue": {"coding": [{"code": "0305"}]}}, "50", 1),
    ],
)
def test_amounts_and_units_of_a_line(line, amount, units):
    found = claim_of(item=[line], total={"value": 50})
    assert [(one.amount, one.units) for one in found.lines] == [(amount, units)]


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"resourceType": "Patient"}, "invalid_resource_type", "resourceType"),
        ({"status": "cancelled"}, "invalid_status", "Claim.status"),
        ({"use": "preauthorization"}, "invalid_use", "Claim.use"),
        ({"patient": None}, "missing_element", "Claim.patient"),
        ({"patient": {}}, "invalid_patient", "Claim.patient"),
        ({"patient": {"reference": "#nobody"}}, "invalid_patient", "Claim.patient"),
        ({"patient": "M123"}, "invalid_element", "Claim.patient"),
        ({"provider": {"display": "Clinic"}}, "invalid_provider", "Claim.provider"),
        ({"diagnosis": None}, "missing_element", "Claim.diagnosis"),
        ({"diagnosis": [{"sequence": 1}]}, "missing_element", "Claim.diagnosis[0].diagnosisCodeableConcept"),
        ({"item": None}, "missing_element", "Claim.item"),
        ({"item": [item(1, "P001", 1), item(1, "P001", 2)]}, "repeated_sequence", "Claim.item"),
        ({"item": [item(1, "P001", None), item(2, "P001", 2)]}, "missing_element", "Claim.item[0].net"),
        ({"item": [item(1, "P001", 1, quantity={"value": 0})]}, "invalid_units", "Claim.item[0].quantity"),
        (
            {"item": [item(1, "P001", 1) | {"productOrService": {}}]},
            "missing_element",
            "Claim.item[0].productOrService",
        ),
        ({"item": [item(1, "P001", 1, servicedDate="2026-03")]}, "invalid_element", "Claim.item[0].servicedDate"),
        ({"item": [item(1, "P001", 1, servicedDate="2026-02-30")]}, "invalid_element", "Claim.item[0].servicedDate"),
        ({"item": [item(1, "P001", 1) | {"net": {"value": "1"}}]}, "invalid_element", "Claim.item[0].net.value"),
        ({"item": [item(1, "P001", 1) | {"net": {"value": True}}]}, "invalid_element", "Claim.item[0].net.value"),
        ({"item": [item("1", "P001", 1)]}, "invalid_element", "Claim.item[0].sequence"),
        ({"item": [item(1, "P001", 1), ELSEWHERE]}, "places_differ", "Claim.item"),
        ({"total": {"value": 1300, "currency": "EUR"}}, "currencies_differ", "Claim.item"),
        ({"modifierExtension": [{"url": "x"}]}, "invalid_element", "Claim.modifierExtension"),
        ({"item": [item(1, "P001", 1, modifierExtension=[])]}, "invalid_element", "Claim.item[0].modifierExtension"),
        (
            {"related": [{"relationship": {"coding": [{"code": "prior"}]}}]},
            "invalid_replaces",
            "Claim.related[0].claim",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_path(changes, code, where):
    assert (code, where) in problems(**changes)


def test_problems_do_not_repeat_what_was_sent():
    found = read_claim(
        decoded(fhir_claim(patient={"reference": 4711}, status="secret-status", item=[item(1, "P", 1.5)]))
    )
    assert found.problems
    assert "4711" not in json.dumps(operation_outcome(found.problems))


names = st.sampled_from(["coding", "code", "value", "reference"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["coding", "code", "value", "reference"]), inner)
    ),
    max_leaves=5,
)


@given(st.sampled_from(sorted(fhir_claim())), json_values)
def test_no_value_makes_reading_fail(name, value):
    document = decoded(fhir_claim()) | {name: value}
    found = read_claim(document)
    assert (found.claim is None) == bool(found.problems)


ANSWER = AnsweredClaim("clm_1", "approved", datetime(2026, 3, 4, 10, 30, tzinfo=UTC), 1300.0, 1200.5, ("Because.",))
WAITING = AnsweredClaim("clm_2", "in_review", datetime(2026, 3, 4, 10, 30, tzinfo=UTC), 1300.0, 0.0, ())


@pytest.mark.parametrize("answer", [ANSWER, WAITING])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"identifier": None, "type": {}, "total": None},
        {"patient": {"reference": "#p"}, "contained": [{"resourceType": "Patient", "id": "p", "identifier": [NPI]}]},
    ],
)
def test_another_implementation_accepts_the_answers(answer, changes):
    module = pytest.importorskip("fhir.resources.R4B.claimresponse")
    found = read_claim(decoded(fhir_claim(**changes)))
    assert found.resource is not None
    response = claim_response(found.resource, answer)
    module.ClaimResponse.model_validate(response)
    waiting = answer is WAITING
    assert (response["outcome"], len(response["total"])) == (("queued", 1) if waiting else ("complete", 2))  # type: ignore[arg-type]


def test_another_implementation_accepts_the_outcomes():
    module = pytest.importorskip("fhir.resources.R4B.operationoutcome")
    found = [FhirProblem("Claim.item[0].net", "missing_element", "required", "reason", "remedy")] * 60
    outcome = operation_outcome([*found, FhirProblem("", "x", "transient", "reason", "remedy")])
    module.OperationOutcome.model_validate(outcome)
    assert len(outcome["issue"]) == 50  # type: ignore[arg-type]


def test_the_public_claims_are_read_or_refused_with_their_paths():
    outcomes = {}
    for path in public_files("fhir", "*laim*.json"):
        found = read_claim(json.loads(path.read_text(), parse_float=Decimal))
        outcomes[path.stem] = [(one.code, one.where) for one in found.problems]
    assert outcomes == {
        "v2__claimFissRead": [
            ("missing_element", "Claim.item[0].net"),
            ("missing_element", "Claim.item[1].productOrService"),
            ("missing_element", "Claim.item[1].net"),
        ],
        "v2__claimMcsRead": [],
    }
