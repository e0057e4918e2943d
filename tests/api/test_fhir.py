"""`POST /v1/fhir/Claim`: a claim is decided as any other, and every answer is FHIR."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from api.code_tables import COMMITTED_WITHIN
from api.fhir.routes import FHIR
from cli.main import main
from core import clock
from tests.api.makers import Api, answering
from tests.formats.fhir_claims import fhir_claim, item


async def send(api: Api, claim: Any, *, role: str = "claims_system", **headers: str):
    body = claim if isinstance(claim, bytes) else json.dumps(claim).encode()
    response = await api.post("/v1/fhir/Claim", body, role=role, **{"Content-Type": FHIR, **headers})
    assert response.headers["content-type"] == FHIR
    return response


def issues(response) -> list[tuple[str, str, list[str]]]:
    body = response.json()
    assert body["resourceType"] == "OperationOutcome"
    coding = "coding"
    return [(one["code"], one["details"][coding][0]["code"], one.get("expression", [])) for one in body["issue"]]


async def test_a_claim_is_decided_and_stored_like_any_other(api: Api):
    response = await send(api, fhir_claim())
    body = response.json()
    assert response.status_code == 201
    claim_id = body["identifier"][0]["value"]
    assert response.headers["location"] == f"/v1/claims/{claim_id}"
    assert (body["resourceType"], body["outcome"], body["disposition"]) == ("ClaimResponse", "complete", "approved")
    assert [one["amount"] for one in body["total"]] == [{"value": 1300.0, "currency": "USD"}] * 3
    assert body["request"] == {"identifier": {"system": "urn:example:claims", "value": "PCN-1"}}
    stored = (await api.get(f"/v1/claims/{claim_id}")).json()
    assert (stored["status"], stored["diagnosis_code"], stored["claim_amount"]) == ("approved", "D001", 1300.0)
    assert api.rows("SELECT procedure_code, units FROM claim_lines ORDER BY line") == [("P001", 1), ("P002", 3)]


async def test_a_claim_in_review_is_queued_without_a_benefit(api: Api):
    api.scorer.behaviour = answering(0.99)
    body = (await send(api, fhir_claim())).json()
    assert (body["outcome"], body["disposition"], len(body["total"])) == ("queued", "in_review", 1)
    assert "fraud" not in json.dumps(body)


async def test_a_claim_sent_again_gets_the_same_answer(api: Api):
    first, again = await send(api, fhir_claim()), await send(api, fhir_claim())
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert api.count("claims") == 1


async def test_an_identifier_is_not_used_for_another_claim(api: Api):
    await send(api, fhir_claim())
    response = await send(api, fhir_claim(item=[item(1, "P001", 1300)]))
    assert response.status_code == 422
    assert issues(response) == [("duplicate", "claim_number_used", ["Claim"])]


async def test_an_idempotency_key_comes_before_the_identifier(api: Api):
    await send(api, fhir_claim(), **{"Idempotency-Key": "k-1"})
    response = await send(api, fhir_claim(identifier=None), **{"Idempotency-Key": "k-1"})
    assert response.status_code == 201
    assert api.count("claims") == 1


async def test_an_idempotency_key_of_another_request_is_refused_as_such(api: Api):
    await send(api, fhir_claim(), **{"Idempotency-Key": "k-1"})
    response = await send(api, fhir_claim(item=[item(1, "P001", 1300)]), **{"Idempotency-Key": "k-1"})
    assert response.status_code == 422
    ((_, code, _),) = issues(response)
    assert code == "invalid_idempotency_key"


@pytest.mark.parametrize(
    ("changes", "status", "issue"),
    [
        ({"patient": {"identifier": {"value": "M9"}}}, 422, ("not-found", "invalid_member_id", ["Claim.patient"])),
        ({"provider": {"identifier": {"value": "H9"}}}, 422, ("not-found", "invalid_provider_id", ["Claim.provider"])),
        (
            {"item": [item(1, "P9", 1300)]},
            422,
            ("code-invalid", "invalid_procedure_code", ["Claim.item[0].productOrService"]),
        ),
        ({"item": [item(1, "P001", 12.345)]}, 422, ("value", "invalid_amount", ["Claim.item[0].net"])),
        ({"total": {"value": 1, "currency": "USD"}}, 422, ("value", "invalid_claim_amount", ["Claim.total"])),
        ({"status": "draft"}, 422, ("not-supported", "invalid_status", ["Claim.status"])),
        ({"use": None}, 422, ("required", "missing_element", ["Claim.use"])),
    ],
)
async def test_what_is_refused_is_named_by_its_path(api: Api, changes, status, issue):
    response = await send(api, fhir_claim(**changes))
    assert response.status_code == status
    assert issue in issues(response)
    assert api.count("claims") == 0


@pytest.mark.parametrize(
    ("body", "status", "issue"),
    [
        (b"{", 400, "structure"),
        (b"[]", 400, "structure"),
        (b'{"a": NaN}', 422, "value"),
        (b'{"a": 1, "a": 2}', 422, "value"),
        (b'{"a":' * 25 + b"1" + b"}" * 25, 422, "value"),
        (b"x" * 300_000, 413, "too-long"),
    ],
)
async def test_a_body_that_is_no_resource_is_an_outcome(api: Api, body: bytes, status: int, issue: str):
    response = await send(api, body)
    assert response.status_code == status
    assert [one[0] for one in issues(response)] == [issue]


async def test_another_providers_claim_is_forbidden(api: Api):
    response = await send(api, fhir_claim(provider={"reference": "Organization/H457"}), role="provider")
    assert response.status_code == 403
    assert issues(response) == [("forbidden", "forbidden", ["Claim"])]


async def test_a_claim_that_was_replaced_cannot_be_replaced_again(api: Api):
    first = (await send(api, fhir_claim())).json()["identifier"][0]["value"]
    relation = {"relationship": {"coding": [{"code": "prior"}]}, "claim": {"identifier": {"value": first}}}
    for number, status in ((2, 201), (3, 409)):
        identifier = [{"value": f"PCN-{number}"}]
        response = await send(api, fhir_claim(identifier=identifier, related=[relation]))
        assert response.status_code == status


async def test_without_a_database_the_outcome_is_transient(api: Api):
    await send(api, fhir_claim())
    api.execute("ALTER TABLE members RENAME TO hidden")
    response = await send(api, fhir_claim(identifier=None))
    assert response.status_code == 503
    assert [one[0] for one in issues(response)] == ["transient"]
    assert "retry-after" in response.headers


def adjudicated(body: dict[str, Any], item: int) -> list[tuple[str, float, list[str]]]:
    return [
        (
            one["category"]["coding"][0]["code"],
            one["amount"]["value"],
            [coding["code"] for coding in one.get("reason", {}).get("coding", ())],
        )
        for one in body["item"][item]["adjudication"]
    ]


async def test_items_have_the_payment_that_the_claim_was_decided_by(api: Api):
    api.execute(
        "INSERT INTO plan_cost_sharing (plan_id, first_day, deductible_cents, coinsurance_share) "
        "VALUES ('PL2', '2026-01-01', 20050, 1000)"
    )
    first = (await send(api, fhir_claim())).json()
    again = (await send(api, fhir_claim())).json()
    assert adjudicated(first, 0) == [
        ("submitted", 1200.5, []),
        ("eligible", 1200.5, []),
        ("deductible", 200.5, ["1"]),
        ("coinsurance", 100.0, ["2"]),
        ("benefit", 900.0, []),
    ]
    assert first["payment"]["amount"]["value"] == 989.55
    assert again == first


async def test_a_rejected_claim_and_one_above_the_benefit_say_why(api: Api):
    await send(api, fhir_claim())
    duplicate = (await send(api, fhir_claim(identifier=None))).json()
    assert adjudicated(duplicate, 1) == [
        ("submitted", 99.5, []),
        ("eligible", 0.0, []),
        ("noncovered", 99.5, ["18"]),
        ("benefit", 0.0, []),
    ]
    assert "payment" not in duplicate
    api.execute("UPDATE plans SET benefit_limit_cents = 120050 WHERE plan_id = 'PL1'")
    limited = (await send(api, fhir_claim(identifier=None, patient={"identifier": {"value": "M124"}}))).json()
    assert adjudicated(limited, 1) == [
        ("submitted", 99.5, []),
        ("eligible", 99.5, []),
        ("noncovered", 99.5, ["119", "N130"]),
        ("benefit", 0.0, []),
    ]
    assert limited["payment"]["type"]["coding"][0]["code"] == "partial"


async def test_a_line_with_a_price_of_zero_is_reduced_by_contract_and_not_refused(api: Api, tmp_path: Path):
    """Also where the claim is sent again, and its payment is that of the stored reply."""
    api.execute("INSERT INTO plan_cost_sharing (plan_id, first_day) VALUES ('PL2', '2026-01-01')")
    fees = tmp_path / "fees.csv"
    fees.write_text("procedure,amount\nP002,0.00\n")
    words = ["reference", "import", "fees", "--release", "2026Q1", str(fees), "--json"]
    environment = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(tmp_path)}
    imported = await asyncio.to_thread(CliRunner().invoke, main, words, env=environment)
    assert imported.exit_code == 0, imported.output
    with clock.held(clock.now() + COMMITTED_WITHIN):
        answers = [(await send(api, fhir_claim())).json() for _ in "ab"]
    for answer in answers:
        assert adjudicated(answer, 1) == [
            ("submitted", 99.5, []),
            ("eligible", 0.0, []),
            ("discount", 99.5, ["45"]),
            ("benefit", 0.0, []),
        ]
