"""Attributes of a claim: stored, returned, sent to the scorer, and the same for a late score."""

import json

import pytest
from psycopg.errors import CheckViolation

from tests.api.makers import LINES, MINIMAL, Api, answering, says_nothing, scores
from tests.api.test_rescoring import rescorer

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHEAP = MINIMAL | {"procedure_code": "P002", "claim_amount": 50}
VALUES = {"police_report": False, "vehicle_age": 7.25, "make": "Škoda", "policy_start": "2024-05-31", "colour": None}
LARGEST = 1_000_000_000_000_000


def stored(api: Api, claim_id: str):
    return api.rows("SELECT attributes FROM claims WHERE claim_id = %s", claim_id)[0][0]


async def refuses(exchange):
    await exchange.answer(b'{"errors":[]}', 422)


async def test_attributes_are_sent_to_the_scorer_stored_and_returned(shared_api: Api):
    response = await shared_api.submit(LINES | {"attributes": VALUES})
    assert response.status_code == 201
    claim_id = response.json()["claim_id"]
    assert shared_api.scorer.received[-1].document["claim"]["attributes"] == VALUES
    assert stored(shared_api, claim_id) == VALUES
    for role in ("provider", "admin"):
        read = await shared_api.get(f"/v1/claims/{claim_id}", role=role)
        assert read.json()["attributes"] == response.json()["attributes"] == VALUES
    assert (await shared_api.get(f"/v1/claims/{claim_id}")).content == response.content


@pytest.mark.parametrize("sent", [{}, {"attributes": {}}])
async def test_a_claim_without_attributes_has_none_in_the_database_and_in_the_request(shared_api: Api, sent):
    body = (await shared_api.submit(LINES | sent)).json()
    assert body["attributes"] == {}
    assert stored(shared_api, body["claim_id"]) is None
    assert "attributes" not in shared_api.scorer.received[-1].document["claim"]


async def test_a_correction_has_its_own_attributes(shared_api: Api):
    first = (await shared_api.submit(LINES | {"attributes": VALUES})).json()
    second = (await shared_api.submit(LINES | {"attributes": {"vehicle_age": 8}, "replaces": first["claim_id"]})).json()
    third = (await shared_api.submit(LINES | {"replaces": second["claim_id"]})).json()
    assert [stored(shared_api, one["claim_id"]) for one in (first, second, third)] == [VALUES, {"vehicle_age": 8}, None]


async def test_a_request_that_differs_in_its_attributes_is_another_one(shared_api: Api):
    key = {"Idempotency-Key": "attributes"}
    first = await shared_api.submit(MINIMAL | {"attributes": {"a": 1}}, **key)
    again = await shared_api.submit(MINIMAL | {"attributes": {"a": 1}}, **key)
    other = await shared_api.submit(MINIMAL | {"attributes": {"a": 2}}, **key)
    assert (first.content, again.headers["idempotency-replayed"], other.status_code) == (again.content, "true", 422)


@pytest.mark.parametrize(
    "value", [LARGEST, -LARGEST, 0.1, 1e-20, True, None, "x" * 64, "\U0001f600" * 64, "2024-05-31", "a 'quote' \\"]
)
async def test_a_value_within_its_bounds_is_stored_as_sent(shared_api: Api, value):
    body = (await shared_api.submit(LINES | {"attributes": {"a" * 40: value}})).json()
    assert stored(shared_api, body["claim_id"]) == body["attributes"] == {"a" * 40: value}
    assert type(stored(shared_api, body["claim_id"])["a" * 40]) in (type(value), float)


async def test_a_negative_zero_is_sent_to_the_scorer_as_the_zero_that_is_stored(shared_api: Api):
    await shared_api.submit(json.dumps(LINES | {"attributes": {"a": -0.0}}).encode())
    assert str(shared_api.scorer.received[-1].document["claim"]["attributes"]["a"]) == "0.0"


@pytest.mark.parametrize("value", [LARGEST + 1, -LARGEST - 1, 1e20, "x" * 65, "", "a\nb", "a\x7f", [1], {"a": 1}])
async def test_a_value_beyond_its_bounds_is_refused_naming_the_attribute_and_what_is_allowed(shared_api: Api, value):
    response = await shared_api.submit(MINIMAL | {"attributes": {"good": 1, "vehicle_age": value}})
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["field"] == "attributes.vehicle_age"
    assert error["message"].startswith("must be true, false, null, a number from -1e+15 to 1e+15, or a text of 1 to 64")


@pytest.mark.parametrize("name", ["", "A", "9a", "_a", "a-b", "a b", "é", "a" * 41])
async def test_a_name_that_no_attribute_has_is_refused(shared_api: Api, name):
    response = await shared_api.submit(MINIMAL | {"attributes": {name: 1}})
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["field"] == f"attributes.{name}"
    assert error["message"].startswith("must be the name of an attribute: 1 to 40 lowercase letters")


@pytest.mark.parametrize("value", [None, [], "a", 1])
async def test_attributes_that_are_no_object_are_refused(shared_api: Api, value):
    response = await shared_api.submit(MINIMAL | {"attributes": value})
    assert [error["field"] for error in response.json()["errors"]] == ["attributes"]


async def test_the_number_of_attributes_is_bounded(shared_api: Api):
    values = {f"a{number}": number for number in range(101)}
    beyond = await shared_api.submit(LINES | {"attributes": values})
    assert [error["field"] for error in beyond.json()["errors"]] == ["attributes"]
    values.pop("a100")
    assert (await shared_api.submit(LINES | {"attributes": values})).json()["attributes"] == values


async def test_a_name_sent_twice_is_refused(shared_api: Api):
    body = json.dumps(MINIMAL | {"attributes": {"a": 1}}).replace('"a": 1', '"a": 1, "a": 1')
    response = await shared_api.submit(body.encode())
    assert [error["field"] for error in response.json()["errors"]] == ["attributes"]
    assert "only once" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "values",
    [
        *("{}", "[]", "1", '{"A": 1}', '{"a": []}', '{"a": {}}', '{"a": ""}'),
        *('{"a": 1000000000000001}', '{"a": -1000000000000001}', f'{{"a": "{"x" * 65}"}}', f'{{"{"a" * 41}": 1}}'),
        json.dumps({f"a{number}": 1 for number in range(101)}),
    ],
)
async def test_the_database_refuses_what_a_claim_cannot_have(shared_api: Api, values):
    with pytest.raises(
        CheckViolation if values not in ("[]", "1") else Exception, match=r"claims_attributes_check|jsonpath"
    ):
        shared_api.execute(f"UPDATE claims SET attributes = '{values}'")


@pytest.mark.asyncio(loop_scope="function")
async def test_a_late_score_has_the_attributes_that_the_first_request_had(api: Api):
    api.scorer.behaviour = says_nothing
    await api.submit(CHEAP | {"attributes": VALUES})
    await api.submit(CHEAP | {"service_from": "2026-01-05"})
    requests = [exchange.document["claim"] for exchange in api.scorer.received]
    first = list({claim["claim_id"]: claim for claim in requests}.values())  # one may have been sent twice
    api.scorer.behaviour = answering(0.1)
    api.scorer.received.clear()
    assert await rescorer(api).drain() == 2
    late = [exchange.document["claim"] for exchange in api.scorer.received]
    assert [claim.get("attributes") for claim in late] == [VALUES, None]
    assert [json.dumps(one, sort_keys=True) for one in late] == [json.dumps(one, sort_keys=True) for one in first]


@pytest.mark.asyncio(loop_scope="function")
async def test_a_claim_whose_attributes_the_model_refuses_is_decided_by_the_rule_and_kept(api: Api):
    api.scorer.behaviour = refuses
    response = await api.submit(CHEAP | {"attributes": {"vehicle_age": "seven"}})
    body = response.json()
    assert (response.status_code, body["status"], body["decided_by"]) == (201, "approved", "rule")
    assert api.rows("SELECT decided_by, score_failure FROM assessments") == [("rule", "http_422")]
    assert api.dependencies.scorer.state().value == "closed"
    await rescorer(api).drain()
    assert api.rows("SELECT attempts, done_at FROM outbox WHERE topic = 'claim.rescore'") == [(1, None)]
    assert stored(api, body["claim_id"]) == {"vehicle_age": "seven"}


async def test_a_batch_has_attributes_and_one_that_the_model_refuses_names_the_claims(shared_api: Api):
    claims = [MINIMAL | {"claim_id": f"old-{at}", "attributes": {"vehicle_age": at}} for at in range(2)]
    assert (await shared_api.post("/v1/claims:score-batch", {"claims": claims})).status_code == 200
    sent = [request["claim"]["attributes"] for request in shared_api.scorer.received[-1].document["requests"]]
    assert sent == [{"vehicle_age": 0}, {"vehicle_age": 1}]
    shared_api.scorer.behaviour = refuses
    try:
        refused = await shared_api.post("/v1/claims:score-batch", {"claims": claims})
    finally:
        shared_api.scorer.behaviour = scores
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "claims")
    assert "claims 0 to 1 was refused" in refused.json()["errors"][0]["message"]
