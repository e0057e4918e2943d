"""`ExplanationOfBenefit` as decided claims: what is read, and what is refused with its path."""

import json
from datetime import date

import pytest
from fhir.resources.R4B.explanationofbenefit import ExplanationOfBenefit

from formats.history import HistoryAdjustment, HistoryClaim, HistoryLine, HistoryProblem, HistoryStatus
from tests.formats.history_files import amount, explained, explanation, read_json_explanation
from tests.formats.x12_files import public_files

CARC = "https://x12.org/codes/claim-adjustment-reason-codes"
BLUE_BUTTON = "https://bluebutton.cms.gov/resources/variables/"


def read(**changes) -> HistoryClaim:
    found = read_json_explanation(explanation(**changes))
    assert isinstance(found, HistoryClaim), found
    return found


def problem(**changes) -> HistoryProblem:
    found = read_json_explanation(explanation(**changes))
    assert isinstance(found, HistoryProblem), found
    return found


def denial(code: str, system: str = CARC) -> dict:
    return amount("denialreason", None, reason={"coding": [{"system": system, "code": code}]})


def test_a_claim_has_the_amounts_dates_lines_and_diagnoses_of_the_explanation():
    assert read() == HistoryClaim(
        claim_id="EOB-1",
        claim_number="EOB-1",
        where="ExplanationOfBenefit",
        member_id="M123",
        provider_id="1234567893",
        status=HistoryStatus.PAID,
        billed_cents=120_00,
        paid_cents=80_00,
        received_on=date(2026, 1, 7),
        decided_on=date(2026, 1, 21),
        service_from=date(2026, 1, 5),
        service_to=date(2026, 1, 6),
        lines=(
            HistoryLine(1, "99213", 1, 70_00, date(2026, 1, 5)),
            HistoryLine(2, "85025", 1, 50_00, date(2026, 1, 5)),
        ),
        adjustments=(),
        diagnosis_codes=("E119", "A02"),
        place_of_service="11",
    )


def test_the_example_of_the_tests_is_r4():
    required = {"insurance": [{"focal": True, "coverage": {"display": "plan"}}], "insurer": {"display": "payer"}}
    found = ExplanationOfBenefit.model_validate_json(json.dumps(explanation(priority=None, **required)))
    assert [one.sequence for one in found.item] == [1, 2]


def test_without_a_total_the_submitted_amounts_of_all_items_count():
    assert read(total=None).billed_cents == 120_00
    found = problem(total=None, item=[explained(1, "99213", 70), explained(2, "85025", None)])
    assert (found.where, found.code) == ("total", "missing_element")


def test_of_several_submitted_amounts_of_an_item_that_of_the_charge_counts():
    rate = amount("submitted", 5)
    charge = amount("submitted", 70)
    charge["category"]["coding"].append({"code": f"{BLUE_BUTTON}rev_cntr_tot_chrg_amt"})
    assert read(item=[explained(1, "99213", None, rate, charge)]).lines[0].amount_cents == 70_00
    assert read(item=[explained(1, "99213", None, rate, amount("submitted", 70))]).lines[0].amount_cents is None


def test_without_a_payment_the_total_of_benefits_was_paid():
    assert read(payment=None).paid_cents == 80_00
    assert read(payment=None, total=[amount("submitted", 120)]).paid_cents is None


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"payment": {"type": {"coding": [{"code": "denied"}]}, "amount": {"value": 0}}}, HistoryStatus.DENIED),
        ({"payment": {"type": {"coding": [{"code": "paid"}]}, "amount": {"value": 0}}}, HistoryStatus.PAID),
        ({"payment": {"amount": {"value": 0}}, "adjudication": [denial("50")]}, HistoryStatus.DENIED),
        (
            {
                "payment": {"type": {"coding": [{"code": "complete"}]}, "amount": {"value": 0}},
                "adjudication": [denial("50")],
            },
            HistoryStatus.DENIED,
        ),
        (
            {
                "payment": {"type": {"coding": [{"code": "partial"}]}, "amount": {"value": 0}},
                "adjudication": [denial("50")],
            },
            HistoryStatus.DENIED,
        ),
        (
            {
                "payment": {"type": {"coding": [{"code": "partial"}]}, "amount": {"value": 5}},
                "adjudication": [denial("50")],
            },
            HistoryStatus.PAID,
        ),
        (
            {
                "payment": {"type": {"coding": [{"code": "paid"}]}, "amount": {"value": 0}},
                "adjudication": [denial("50")],
            },
            HistoryStatus.PAID,
        ),
        ({"payment": {"amount": {"value": 0}}}, HistoryStatus.PAID),
        (
            {"payment": {"amount": {"value": 0}}, "item": [explained(1, "A", 120, denial("0", "urn:reduction"))]},
            HistoryStatus.PAID,
        ),
        (
            {
                "payment": {"amount": {"value": 0}},
                "item": [explained(1, "A", 70, denial("50")), explained(2, "B", 50, denial("96"))],
            },
            HistoryStatus.DENIED,
        ),
        ({"status": "cancelled", "meta": {"lastUpdated": "2026-02-03T00:00:00Z"}}, HistoryStatus.REVERSED),
    ],
)
def test_the_status_is_what_payment_reasons_and_status_say(changes, status):
    assert read(**changes).status is status


def test_a_cancelled_claim_counts_until_it_was_last_changed():
    assert read(status="cancelled", meta={"lastUpdated": "2026-02-03T00:00:00Z"}).reversed_on == date(2026, 2, 3)
    assert read(status="cancelled").reversed_on == date(2026, 1, 20)
    assert problem(status="cancelled", created=None).where == "meta.lastUpdated"
    assert read(meta={"lastUpdated": "2026-02-03T00:00:00Z"}).reversed_on is None


def test_adjustments_are_reasons_with_adjustment_codes():
    adjusted = amount("noncovered", 12.5, reason={"coding": [{"system": CARC, "code": "96"}]})
    found = read(
        adjudication=[adjusted],
        item=[explained(1, "99213", 120, denial("CO45", f"{BLUE_BUTTON}rev_cntr_1st_ansi_cd"), denial("0", "urn:x"))],
    )
    assert found.adjustments == (HistoryAdjustment(None, None, "96", 12_50), HistoryAdjustment(1, "CO", "45", None))


def test_lines_are_in_the_order_of_their_sequence():
    found = read(item=[explained(2, "B", 50), explained(1, "A", 70)])
    assert [(line.number, line.procedure_code) for line in found.lines] == [(1, "A"), (2, "B")]


def test_a_revenue_code_counts_where_the_procedure_is_absent():
    item = explained(1, "x", 120)
    absent = {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "not-applicable"}
    found = read(item=[item | {"productOrService": {"coding": [absent]}, "revenue": {"coding": [{"code": "0450"}]}}])
    assert found.lines[0].procedure_code == "0450"


@pytest.mark.parametrize(
    ("reference", "id_"),
    [
        ({"reference": "Patient/M1"}, "M1"),
        ({"reference": "https://payer.example/fhir/Patient/M1"}, "M1"),
        ({"reference": "urn:uuid:9d0c"}, "9d0c"),
        ({"reference": "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1234567893"}, "1234567893"),
        ({"identifier": {"value": "M2"}, "reference": "Patient/M1"}, "M2"),
    ],
)
def test_a_party_is_named_by_identifier_address_or_search(reference, id_):
    assert read(patient=reference).member_id == id_


def test_a_contained_provider_is_named_by_its_npi():
    npi = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}
    contained = [{"resourceType": "Organization", "id": "org", "identifier": [{"value": "777"}, npi]}]
    assert read(provider={"reference": "#org"}, contained=contained).provider_id == "1234567893"


def test_the_corrected_claim_is_the_prior_one():
    related = [{"relationship": {"coding": [{"code": "prior"}]}, "reference": {"value": "EOB-0"}}]
    assert read(related=related).replaces == "EOB-0"


def test_items_at_several_places_have_no_place():
    other = explained(2, "B", 50) | {"locationCodeableConcept": {"coding": [{"code": "21"}]}}
    assert read(item=[explained(1, "A", 70), other]).place_of_service is None


@pytest.mark.parametrize(
    ("changes", "where", "code"),
    [
        ({"status": "draft"}, "status", "invalid_status"),
        ({"use": "preauthorization"}, "use", "invalid_use"),
        ({"outcome": "queued"}, "outcome", "invalid_outcome"),
        ({"outcome": None}, "outcome", "missing_element"),
        ({"patient": {"display": "Jane"}}, "patient", "invalid_patient"),
        ({"identifier": None, "id": None}, "identifier", "missing_element"),
        ({"total": [amount("submitted", 12.345)]}, "total[0].amount", "invalid_amount"),
        ({"item": [explained(1, "A", 12.345)]}, "item[0].adjudication", "invalid_amount"),
        ({"item": [explained(1, "A", 70) | {"quantity": {"value": -1}}]}, "item[0].quantity", "invalid_units"),
        ({"payment": {"amount": {"value": 80, "currency": "EUR"}}}, "total", "currencies_differ"),
        ({"billablePeriod": {"start": "2026-13-01"}}, "billablePeriod.start", "invalid_element"),
        ({"item": [explained(1, "A", 70) | {"modifierExtension": [{}]}]}, "item[0].modifierExtension",
         "invalid_element"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_with_certainty_is_refused_with_its_path(changes, where, code):
    found = problem(**changes)
    assert (found.where, found.code) == (where, code)
    assert found.reason
    assert found.remedy


def test_public_explanations_are_read():
    found = {}
    for path in public_files("fhir", "*eobRead*.json"):
        record = read_json_explanation(json.loads(path.read_text()))
        assert isinstance(record, HistoryClaim)
        found[path.stem.rpartition("Read")[2]] = (record.billed_cents, record.paid_cents, record.received_on)
    assert found == {
        "Carrier": (75_00, 199_99, date(1999, 11, 6)),
        "Inpatient": (84_999_37, 7_699_48, date(2016, 2, 26)),
        "Outpatient": (8_888_85, 693_11, date(2011, 2, 26)),
    }
