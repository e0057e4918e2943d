"""FHIR claims: what is read, what is refused where, and that another implementation accepts the answers."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.cost_sharing import NOTHING_SHARED, CostSharing
from claims.payment import BENEFIT_USED_UP, LinePrice, itemize, reason_of_contract
from formats.fhir import AnsweredClaim, AnsweredReason, FhirProblem, claim_response, operation_outcome, read_claim
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


AT = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
BILLED = (1200_50, 99_50)
TERMS = CostSharing("PL1", date(2026, 1, 1), None, 100_00, 20_00, 2_000, 500_00)
PRICES = (LinePrice(1, 1200_50, 1000_00), LinePrice(2, 99_50, 99_50, 9_50))
PAID = itemize(PRICES, TERMS, NOTHING_SHARED)
REASONS = (AnsweredReason("Because."), AnsweredReason("Of the line.", 2))
ANSWER = AnsweredClaim("clm_1", "approved", AT, BILLED, PAID, REASONS)
IN_PART = AnsweredClaim("clm_1", "partially_approved", AT, BILLED, PAID.limited_to(50_00, BENEFIT_USED_UP), ())
REJECTED = AnsweredClaim("clm_1", "rejected", AT, BILLED, PAID.denied(reason_of_contract("197")), REASONS)
WAITING = AnsweredClaim("clm_2", "in_review", AT, BILLED, None, ())


@pytest.mark.parametrize("answer", [ANSWER, IN_PART, REJECTED, WAITING])
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
    assert response["outcome"] == ("queued" if answer is WAITING else "complete")
    assert ("payment" in response) == (answer in (ANSWER, IN_PART))


def response_to(answer: AnsweredClaim, **changes: Any) -> Any:
    found = read_claim(decoded(fhir_claim(**changes)))
    assert found.resource is not None
    return claim_response(found.resource, answer)


def amounts(adjudications: list[Any]) -> list[tuple[str, float, list[str]]]:
    return [
        (
            one["category"]["coding"][0]["code"],
            one["amount"]["value"],
            [coding["code"] for coding in one.get("reason", {}).get("coding", ())],
        )
        for one in adjudications
    ]


def test_each_item_says_what_was_submitted_taken_and_paid():
    response = response_to(ANSWER)
    first, second = response["item"]
    assert (first["itemSequence"], first.get("noteNumber")) == (1, None)
    assert amounts(first["adjudication"]) == [
        ("submitted", 1200.5, []),
        ("eligible", 1000.0, []),
        ("discount", 200.5, ["45"]),
        ("deductible", 100.0, ["1"]),
        ("copay", 20.0, ["3"]),
        ("coinsurance", 176.0, ["2"]),
        ("benefit", 704.0, []),
    ]
    assert (second["itemSequence"], second["noteNumber"]) == (2, [2])
    assert ("priorpayerpaid", 9.5, ["23"]) in amounts(second["adjudication"])
    assert response["payment"]["amount"] == {"value": PAID.paid_cents / 100, "currency": "USD"}
    assert [one["text"] for one in response["processNote"]] == ["Because.", "Of the line."]


@pytest.mark.parametrize("answer", [ANSWER, IN_PART, REJECTED])
def test_items_and_totals_balance(answer):
    response = response_to(answer)
    for adjudications in (*(one["adjudication"] for one in response["item"]), response["total"]):
        found = {code: Decimal(str(value)) for code, value, _ in amounts(adjudications)}
        taken = sum(value for code, value in found.items() if code not in ("submitted", "eligible", "benefit"))
        assert found["submitted"] == found["benefit"] + taken
    totals = {code: value for code, value, _ in amounts(response["total"])}
    assert (totals["submitted"], totals["benefit"]) == (1300.0, answer.payment.paid_cents / 100)


def test_a_rejected_claim_has_the_reason_and_no_payment():
    response = response_to(REJECTED)
    assert "payment" not in response
    assert amounts(response["item"][0]["adjudication"]) == [
        ("submitted", 1200.5, []),
        ("eligible", 0.0, []),
        ("noncovered", 1200.5, ["197"]),
        ("benefit", 0.0, []),
    ]


def test_a_benefit_limit_is_paid_in_part_with_its_remark():
    response = response_to(IN_PART)
    assert response["payment"]["type"]["coding"][0]["code"] == "partial"
    assert ("noncovered", 654.0, ["119", "N130"]) in amounts(response["item"][0]["adjudication"])


def test_a_claim_in_review_has_items_with_what_was_submitted():
    response = response_to(WAITING, total=None)
    assert [amounts(one["adjudication"]) for one in response["item"]] == [
        [("submitted", 1200.5, [])],
        [("submitted", 99.5, [])],
    ]
    assert amounts(response["total"]) == [("submitted", 1300.0, [])]
    assert response["total"][0]["amount"]["currency"] == "USD"


def test_items_are_named_by_their_sequence():
    items = [item(7, "P002", 99.5, quantity={"value": 3}), item(3, "P001", 1200.5)]
    assert [one["itemSequence"] for one in response_to(ANSWER, item=items)["item"]] == [3, 7]


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
