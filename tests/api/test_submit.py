import asyncio
import json
from datetime import UTC, datetime

import pytest

from core import clock
from tests.api.makers import LINES, MINIMAL, Api, answering

CLAIM_TABLES = ("claims", "claim_lines", "assessments", "outbox", "idempotency_keys")


def fields(response):
    return [error["field"] for error in response.json()["errors"]]


@pytest.mark.parametrize("path", ["/v1/claims", "/claims"])
async def test_the_smallest_claim_is_decided_on_both_paths(api: Api, path):
    response = await api.post(path, MINIMAL)
    body = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/claims/{body['claim_id']}"
    assert (body["status"], body["approved_amount"], body["fraud_flag"]) == ("approved", 5000, False)
    assert (body["score"], body["decided_by"], body["model_version"]) == (0.1, "model", "v1")


async def test_a_claim_with_lines_and_diagnoses_is_stored_whole(api: Api):
    response = await api.submit(LINES)
    claim_id = response.json()["claim_id"]
    assert response.status_code == 201
    assert response.json()["claim_amount"] == 1300
    stored = api.rows(
        "SELECT procedure_code, amount_cents, units, lines, diagnoses, other_diagnoses, place_of_service, region, "
        "specialty, age_years, sex, service_from::text, service_to::text FROM claims WHERE claim_id = %s",
        claim_id,
    )
    assert stored == [
        ("P001", 1300_00, 4, 2, 2, ["D002"], "11", "Coast", "cardiology", 46, "F", "2026-03-01", "2026-03-03")
    ]
    lines = api.rows("SELECT line, procedure_code, units, amount_cents, service_date::text FROM claim_lines ORDER BY 1")
    assert lines == [(1, "P001", 1, 1200_50, None), (2, "P002", 3, 99_50, "2026-03-02")]


async def test_the_facts_sent_to_the_scorer_are_those_stored(api: Api):
    await api.submit(LINES)
    (exchange,) = api.scorer.received
    sent = exchange.document["claim"]
    (stored,) = api.rows("SELECT row_to_json(f) FROM claim_facts AS f")
    for name, value in sent.items():
        if name == "received_at":
            assert datetime.fromisoformat(value) == datetime.fromisoformat(stored[0][name])
        else:
            assert value == stored[0][name]


async def test_the_assessment_records_every_input_of_the_decision(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    (row,) = api.rows(
        "SELECT claim_id, decided_by, breaker_state, outcome, probability, margin, vector, contributions, "
        "jsonb_array_length(reasons), feature_times, stale_views, explained_by, supersedes FROM assessments"
    )
    assert row == (
        *(claim_id, "model", "closed", "approved", 0.1, -1.0),
        *({"amount": 100.0, "member_claims_30d": None}, {"amount": 1.5, "member_claims_30d": -0.5}),
        *(2, {"member_today": None}, [], "tables", None),
    )


async def test_a_flagged_claim_goes_to_review_with_reasons(api: Api):
    api.scorer.behaviour = answering(0.9)
    body = (await api.submit()).json()
    assert (body["status"], body["approved_amount"], body["fraud_flag"]) == ("in_review", 0, True)
    assert [reason["code"] for reason in body["reasons"]] == ["model_flagged", "claim_size"]
    assert [(prior["code"], prior["direction"]) for prior in body["priors"]] == [("member_pattern", "against")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"member_id": "M999"}, "member_id"),
        ({"provider_id": "H999"}, "provider_id"),
        ({"diagnosis_code": "D999"}, "diagnosis_code"),
        ({"procedure_code": "P999"}, "procedure_code"),
        ({"member_id": None}, "member_id"),
        ({"member_id": 123}, "member_id"),
        ({"member_id": ""}, "member_id"),
        ({"member_id": "M" * 65}, "member_id"),
        ({"member_id": "M12\u0663"}, "member_id"),
        ({"claim_amount": 0}, "claim_amount"),
        ({"claim_amount": -5}, "claim_amount"),
        ({"other_payer_paid": -5}, "other_payer_paid"),
        ({"claim_amount": 1.001}, "claim_amount"),
        ({"claim_amount": 100_000_001}, "claim_amount"),
        ({"claim_amount": "１２"}, "claim_amount"),
        ({"claim_amount": "5,000"}, "claim_amount"),
        ({"claim_amount": True}, "claim_amount"),
        ({"claim_amount": None}, "claim_amount"),
        ({"claim_amount": [5000]}, "claim_amount"),
        ({"procedure_code": None}, "procedure_code"),
        ({"diagnosis_code": None}, "diagnosis_code"),
        ({"units": 0}, "units"),
        ({"units": 1.5}, "units"),
        ({"units": "2"}, "units"),
        ({"service_from": "2026-02-30"}, "service_from"),
        ({"service_from": "20260201"}, "service_from"),
        ({"service_from": "２０２６-02-01"}, "service_from"),
        ({"service_from": 1}, "service_from"),
        ({"service_from": "2999-01-01"}, "service_from"),
        ({"service_from": "2026-02-02", "service_to": "2026-02-01"}, "service_to"),
        ({"place_of_service": "111"}, "place_of_service"),
        ({"place_of_service": "1.0"}, "place_of_service"),
        ({"provider_id": "1.234567893E09"}, "provider_id"),
        ({"lines": []}, "lines"),
        ({"lines": [{"procedure_code": "P001", "amount": 1}]}, "procedure_code"),
        ({"amount": 5}, "amount"),
        ({"replaces": "clm_none"}, "replaces"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_invalid_field_is_named_and_nothing_is_stored(shared_api: Api, change, field):
    before = [shared_api.count(table) for table in CLAIM_TABLES]
    response = await shared_api.submit(MINIMAL | change)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert fields(response) == [field]
    assert [shared_api.count(table) for table in CLAIM_TABLES] == before


@pytest.mark.asyncio(loop_scope="module")
async def test_identifiers_are_read_as_those_of_a_file(shared_api: Api):
    sent = {"diagnosis_code": "d00.1", "place_of_service": "2"}
    response = await shared_api.submit(MINIMAL | sent)
    assert response.status_code == 201, response.text
    stored = shared_api.rows(
        "SELECT diagnosis_code, place_of_service FROM claims WHERE claim_id = %s", response.json()["claim_id"]
    )
    assert stored == [("D001", "02")]


@pytest.mark.parametrize(
    ("amount", "status"),
    [
        *(("NaN", 422), ("Infinity", 422), ("-Infinity", 422), ("1e400", 422), ("1e-400", 422), ("9" * 5_000, 422)),
        *(("1e2", 201), ("99.999999999999999999", 422), ("5000.10", 201), ("5000.100", 201), ("-0", 422)),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_amount_is_read_without_a_float(shared_api: Api, amount, status):
    body = json.dumps(MINIMAL).replace("5000", amount).encode()
    response = await shared_api.submit(body)
    assert response.status_code == status
    if status == 422:
        assert fields(response) == ["claim_amount"]
    else:
        assert response.json()["claim_amount"] == float(amount)


async def test_all_invalid_fields_are_named_at_once(api: Api):
    response = await api.submit(
        {
            "member_id": "M999",
            "provider_id": "H456",
            "diagnosis_codes": ["D001", "D777"],
            "lines": [{"procedure_code": "P001", "amount": 1}, {"procedure_code": "P777", "amount": 1}],
        }
    )
    assert fields(response) == ["member_id", "diagnosis_codes[1]", "lines[1].procedure_code"]


async def test_the_amount_is_the_sum_of_the_lines(api: Api):
    assert fields(await api.submit(LINES | {"claim_amount": 1300.01})) == ["claim_amount"]
    assert (await api.submit(LINES | {"claim_amount": "1300.00"})).status_code == 201


async def test_the_same_request_gets_the_same_reply_byte_for_byte(api: Api):
    first = await api.submit(**{"Idempotency-Key": "k1"})
    again = await api.submit(**{"Idempotency-Key": "k1"})
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (again.headers["idempotency-replayed"], again.headers["location"]) == ("true", first.headers["location"])
    assert api.count("claims") == 1


async def test_the_same_key_with_another_body_is_refused(api: Api):
    await api.submit(**{"Idempotency-Key": "k1"})
    response = await api.submit(MINIMAL | {"claim_amount": 5001}, **{"Idempotency-Key": "k1"})
    assert response.status_code == 422
    assert fields(response) == ["Idempotency-Key"]
    assert api.count("claims") == 1


async def test_a_key_belongs_to_its_caller(api: Api):
    first = await api.submit(**{"Idempotency-Key": "k1"})
    other = await api.submit(role="claims_system", **{"Idempotency-Key": "k1"})
    assert first.json()["claim_id"] != other.json()["claim_id"]


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
@pytest.mark.asyncio(loop_scope="module")
async def test_an_invalid_key_is_refused(shared_api: Api, key):
    response = await shared_api.submit(**{"Idempotency-Key": key})
    assert (response.status_code, fields(response)) == (422, ["Idempotency-Key"])


async def test_concurrent_duplicates_make_one_claim(api: Api):
    replies = await asyncio.gather(*(api.submit(**{"Idempotency-Key": "k1"}) for _ in range(8)))
    assert sorted(reply.status_code for reply in replies) == [201, *[409] * 7]
    assert [api.count(table) for table in CLAIM_TABLES] == [1, 1, 1, 1, 1]


async def test_concurrent_bodies_under_one_key_make_one_claim(api: Api):
    bodies = [MINIMAL | {"claim_amount": 100 + at, "member_id": f"M12{3 + at % 2}"} for at in range(6)]
    replies = await asyncio.gather(*(api.submit(body, **{"Idempotency-Key": "k1"}) for body in bodies))
    assert sorted(reply.status_code for reply in replies) == [201, 409, 409, 409, 409, 409]
    assert api.count("claims") == 1


async def test_concurrent_claims_share_one_benefit(api: Api):
    """The plan pays 10000.00 a year; five claims of 3000.00 on different days come together."""
    bodies = [
        MINIMAL | {"member_id": "M124", "claim_amount": 3000, "service_from": f"2026-02-0{day}"} for day in range(1, 6)
    ]
    replies = [reply.json() for reply in await asyncio.gather(*map(api.submit, bodies))]
    assert sorted(reply["approved_amount"] for reply in replies) == [0, 1000, 3000, 3000, 3000]
    assert sorted(reply["status"] for reply in replies) == [
        *("approved", "approved", "approved", "partially_approved", "rejected")
    ]


async def test_concurrent_claims_find_each_other_as_duplicates(api: Api):
    replies = [reply.json() for reply in await asyncio.gather(*(api.submit() for _ in range(4)))]
    assert sorted(reply["status"] for reply in replies) == ["approved", "rejected", "rejected", "rejected"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"provider_id": "H666"}, "provider_excluded"),
        ({"member_id": "M125"}, "cover_not_begun"),
        ({"member_id": "M124", "procedure_code": "P003"}, "procedure_sex"),
    ],
)
async def test_findings_of_the_edits_are_returned(api: Api, change, code):
    body = (await api.submit(MINIMAL | change)).json()
    assert body["reasons"][0]["code"] == code
    assert body["approved_amount"] == 0


async def test_a_correction_voids_what_it_replaces(api: Api):
    first = (await api.submit()).json()
    second = await api.submit(MINIMAL | {"claim_amount": 400, "replaces": first["claim_id"]})
    assert (second.status_code, second.json()["status"]) == (201, "approved")
    before = (await api.get(f"/v1/claims/{first['claim_id']}")).json()
    assert (before["status"], before["voided_at"]) == ("voided", second.json()["received_at"])
    assert [topic for (topic,) in api.rows("SELECT topic FROM outbox ORDER BY position")] == [
        *("claim.received", "claim.voided", "claim.received")
    ]
    assert (await api.submit(MINIMAL | {"replaces": first["claim_id"]})).status_code == 409


async def test_a_claim_is_corrected_once_however_many_try(api: Api):
    first = (await api.submit()).json()
    tries = [api.submit(MINIMAL | {"claim_amount": at, "replaces": first["claim_id"]}) for at in range(1, 6)]
    assert sorted(reply.status_code for reply in await asyncio.gather(*tries)) == [201, 409, 409, 409, 409]
    assert api.count("claims") == 2


async def test_only_a_claim_of_the_same_member_and_provider_is_replaced(api: Api):
    first = (await api.submit()).json()
    response = await api.submit(MINIMAL | {"member_id": "M124", "replaces": first["claim_id"]})
    assert (response.status_code, fields(response)) == (422, ["replaces"])
    assert api.rows("SELECT status FROM claims") == [("approved",)]


async def test_the_time_of_receipt_is_that_of_the_clock(api: Api):
    at = datetime(2026, 3, 2, 23, 59, 59, 999_999, tzinfo=UTC)
    with clock.held(at):
        body = (await api.submit()).json()
    assert (body["received_at"], body["service_from"]) == ("2026-03-02T23:59:59.999999Z", "2026-03-02")
