"""`POST /v1/fhir/Claim` with `Prefer: respond-async`: answered before the claim is decided, and decided once."""

import json
from typing import Any

import psycopg
import pytest

from api.fhir.handlers import QueuedFhirClaim
from api.fhir.routes import FHIR
from api.tasks.repository import recover_lost
from core import clock
from formats.fhir import read_claim
from tests.api.makers import Api
from tests.api.tasks import ASYNC, carry_out, make_due, payloads, state
from tests.api.test_fhir import issues
from tests.api.test_tasks import in_database
from tests.formats.fhir_claims import fhir_claim, item


async def send(api: Api, claim: Any, *, role: str = "claims_system", **headers: str) -> Any:
    body = claim if isinstance(claim, bytes) else json.dumps(claim).encode()
    return await api.post("/v1/fhir/Claim", body, role=role, **{"Content-Type": FHIR, **headers})


async def queued(api: Api, claim: Any, **headers: str) -> str:
    response = await send(api, claim, **ASYNC, **headers)
    assert response.status_code == 202, response.text
    return str(response.json()["task_id"])


async def answered(api: Api, task_id: str) -> Any:
    await carry_out(api, task_id)
    task = await state(api, task_id)
    assert task["state"] == "succeeded", task
    return task["response"]


async def test_a_claim_is_answered_first_and_its_task_has_the_claim_response(api: Api):
    response = await send(api, fhir_claim(), **ASYNC)
    assert response.status_code == 202
    assert response.headers["preference-applied"] == "respond-async"
    task = response.json()
    assert (task["state"], task["kind"], api.count("claims")) == ("queued", "decide_fhir_claim", 0)
    assert response.headers["location"] == f"/v1/tasks/{task['task_id']}"
    found = await answered(api, task["task_id"])
    ordinary = await send(api, fhir_claim())  # the same identifier: the claim that the task has stored
    assert ordinary.headers["idempotency-replayed"] == "true"
    assert (found["status"], found["body"]) == (201, ordinary.json())
    assert found["body"]["resourceType"] == "ClaimResponse"
    assert found["location"] == ordinary.headers["location"]
    assert api.count("claims") == 1
    assert api.rows("SELECT payload, payload_sealed FROM tasks") == [(None, None)]


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (fhir_claim(status="draft"), 422),
        (fhir_claim(patient={"identifier": {"value": "M999"}}), 422),
        (fhir_claim(item=[item(1, "P999", 1300)]), 422),
    ],
)
async def test_what_is_invalid_is_refused_at_once_as_without_the_preference(api: Api, claim: Any, status: int):
    first, again = await send(api, claim), await send(api, claim, **ASYNC)
    assert (first.status_code, again.status_code) == (status, status)
    assert (first.content, first.headers["content-type"]) == (again.content, again.headers["content-type"])
    assert api.count("tasks") == 0


async def test_a_refusal_that_only_the_decision_finds_is_an_operation_outcome(api: Api):
    first = await queued(api, fhir_claim())
    other = await queued(api, fhir_claim(item=[item(1, "P001", 1300)]))
    await answered(api, first)
    found = await answered(api, other)
    assert (found["status"], found["location"]) == (422, None)
    assert found["body"]["resourceType"] == "OperationOutcome"
    assert found["body"]["issue"][0]["details"]["coding"][0]["code"] == "claim_number_used"


async def test_a_claim_is_taken_once_by_its_identifier_however_often_it_is_queued(api: Api):
    tasks = [await queued(api, fhir_claim()) for _ in range(2)]
    bodies = [(await answered(api, one))["body"] for one in tasks]
    assert bodies[0] == bodies[1]
    assert api.count("claims") == 1


@pytest.mark.parametrize("claim", [fhir_claim(), fhir_claim(identifier=None)], ids=["identified", "not identified"])
async def test_an_attempt_after_one_that_was_killed_finds_the_claim(api: Api, claim: Any):
    task_id = await queued(api, claim)
    (payload,) = api.rows("SELECT payload_sealed FROM tasks")[0]
    first = await answered(api, task_id)
    # As if the process had been killed between the claim's transaction and that of the task's end.
    with psycopg.connect(api.url) as connection:
        connection.execute(
            "UPDATE tasks SET state = 'running', payload_sealed = %s, result = NULL, body_sealed = NULL, "
            "ended_at = NULL, lease = 'lse_killed', leased_until = now() - interval '1 hour'",
            [payload],
        )
    assert await in_database(api, recover_lost, clock.now())
    make_due(api)
    assert await answered(api, task_id) == first
    assert api.count("claims") == 1


async def test_a_key_repeats_the_task_and_comes_before_the_identifier(api: Api):
    first = await send(api, fhir_claim(), **ASYNC, **{"Idempotency-Key": "k-1"})
    again = await send(api, fhir_claim(), **ASYNC, **{"Idempotency-Key": "k-1"})
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    other = await queued(api, fhir_claim(), **{"Idempotency-Key": "k-2"})
    for task_id in (first.json()["task_id"], other):
        assert (await answered(api, task_id))["status"] == 201
    assert api.count("claims") == 2


async def test_a_key_is_for_requests_with_or_without_the_preference(api: Api):
    await send(api, fhir_claim(), **ASYNC, **{"Idempotency-Key": "k-1"})
    await send(api, fhir_claim(), **{"Idempotency-Key": "k-2"})
    without = await send(api, fhir_claim(), **{"Idempotency-Key": "k-1"})
    assert (without.status_code, without.json()["resourceType"]) == (422, "OperationOutcome")
    assert issues(without)[0][1] == "invalid_idempotency_key"
    with_it = await send(api, fhir_claim(), **ASYNC, **{"Idempotency-Key": "k-2"})
    assert with_it.status_code == 422
    assert with_it.json()["errors"][0]["field"] == "Idempotency-Key"
    assert (api.count("tasks"), api.count("claims")) == (1, 1)


async def test_what_a_task_holds_has_no_names(api: Api):
    named = fhir_claim(
        patient={"identifier": {"value": "M123"}, "display": "Jane Roe"},
        contained=[{"resourceType": "Patient", "id": "p", "name": [{"family": "Roe"}], "birthDate": "1980-01-01"}],
    )
    await queued(api, named)
    (payload,) = await payloads(api)
    assert b"M123" in payload
    assert not any(one in payload for one in (b"Roe", b"Jane", b"1980"))


@pytest.mark.parametrize("amount", [1300, 1300.5, 0.1])
def test_what_a_task_holds_is_read_as_what_was_sent(amount: float):
    from api import strict_json

    claim = fhir_claim(
        item=[
            item(1, "P001", amount) | {"servicedPeriod": {"start": "2026-03-01T10:00:00Z"}, "quantity": {"value": 1.5}}
        ],
        total={"value": amount, "currency": "USD"},
        billablePeriod={"start": "2026-03-01", "end": "2026-03-02"},
        insurance=[{"sequence": 1, "focal": True, "preAuthRef": ["PA 1"]}],
    )
    document = strict_json.read(json.dumps(claim).encode(), max_depth=24)
    assert isinstance(document, dict)
    sent = read_claim(document).resource
    assert sent is not None
    assert QueuedFhirClaim.of(QueuedFhirClaim(resource=sent, keyed=False).stored()).resource == sent
