import asyncio
import json

import pytest

from tests.api.makers import MINIMAL, Api, says_nothing, scores
from tests.claims.makers import score_document

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_liveness_readiness_and_metrics_are_served(shared_api: Api):
    await shared_api.submit()
    assert (await shared_api.client.get("/livez")).status_code == 200
    ready = (await shared_api.get("/readyz", role="operator")).json()
    assert (ready["ready"], ready["scorer_breaker"]) == (True, "closed")
    text = (await shared_api.get("/metrics", role="operator")).text
    for name in (
        "ginja_claims_decided_total",
        "ginja_scorer_breaker",
        "ginja_claims_scored_total",
        "ginja_feature_age",
    ):
        assert name in text


async def test_the_api_collects_its_garbage_regularly(shared_api: Api):
    assert "garbage" in {task.get_name() for task in asyncio.all_tasks()}


async def test_the_api_documentation_loads_nothing_from_other_hosts(shared_api: Api):
    page = await shared_api.client.get("/docs")
    assert "http://" not in page.text
    assert "https://" not in page.text
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert f"/docs/static/{asset}" in page.text
        assert (await shared_api.client.get(f"/docs/static/{asset}")).status_code == 200


async def test_the_description_lists_request_bodies_responses_and_problems(shared_api: Api):
    document = (await shared_api.client.get("/openapi.json")).json()
    submit = document["paths"]["/v1/claims"]["post"]
    assert submit["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ClaimIn"}
    assert "application/problem+json" in submit["responses"]["422"]["content"]
    text = json.dumps(document)
    for name in (part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]):
        assert name in document["components"]["schemas"]


async def test_no_member_is_named_in_the_log(shared_api: Api, log_lines):
    await shared_api.submit()
    await shared_api.submit(MINIMAL | {"member_id": "M999"})
    await shared_api.get("/v1/claims?member_id=M123")
    lines = log_lines.getvalue()
    assert lines.count('"event": "request"') == 3
    for personal in ("M123", "M999", "Jane", "Roe", "1980"):
        assert personal not in lines


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
async def test_a_batch_of_past_claims_is_scored_in_order_and_not_stored(shared_api: Api, accept):
    before = shared_api.count("claims"), shared_api.count("assessments"), shared_api.count("outbox")
    claims = [MINIMAL | {"claim_id": f"old-{at}", "received_at": "2026-03-02T10:15:00Z"} for at in range(5)]
    response = await shared_api.post("/v1/claims:score-batch", {"claims": claims}, Accept=accept)
    assert response.status_code == 200
    lines = response.text.splitlines() if "ndjson" in accept else [json.dumps(one) for one in response.json()["scores"]]
    assert [json.loads(line)["claim_id"] for line in lines] == [f"old-{at}" for at in range(5)]
    assert shared_api.scorer.received[-1].path == "/v1/score_batch"
    assert (shared_api.count("claims"), shared_api.count("assessments"), shared_api.count("outbox")) == before


async def test_errors_in_a_batch_of_past_claims_are_named_by_their_position(shared_api: Api):
    claims = [MINIMAL | {"claim_id": "a"}, MINIMAL | {"claim_id": "b", "member_id": "M999"}]
    response = await shared_api.post("/v1/claims:score-batch", {"claims": claims})
    assert response.json()["errors"][0]["field"] == "claims[1].member_id"
    for wrong in ([], [MINIMAL], [MINIMAL | {"claim_id": "a", "received_at": "2026-03-02T10:15:00"}]):
        assert (await shared_api.post("/v1/claims:score-batch", {"claims": wrong})).status_code == 422


async def test_scores_in_another_order_are_not_accepted(shared_api: Api):
    async def swapped(exchange):
        both = [score_document(claim_id=one) for one in ("b", "a")]
        await exchange.answer(json.dumps({"scores": both}).encode())

    shared_api.scorer.behaviour = swapped
    claims = [MINIMAL | {"claim_id": "a"}, MINIMAL | {"claim_id": "b"}]
    response = await shared_api.post("/v1/claims:score-batch", {"claims": claims})
    shared_api.scorer.behaviour = scores
    assert response.status_code == 503


async def test_without_a_scorer_the_rule_decides_at_once_and_the_claim_waits_for_its_score(shared_api: Api):
    shared_api.scorer.behaviour = says_nothing
    body = MINIMAL | {"member_id": "M124", "procedure_code": "P002"}
    answers = [(await shared_api.submit(body | {"claim_amount": amount})).json() for amount in (80, 90.01, 95)]
    assert [answer["decided_by"] for answer in answers] == ["rule"] * 3
    assert [answer["fraud_flag"] for answer in answers] == [False, True, True]
    other_day = {"member_id": "M124", "claim_amount": 1000.01, "service_from": "2026-01-05"}
    over_cap = (await shared_api.submit(MINIMAL | other_day)).json()
    assert (over_cap["status"], over_cap["reasons"][0]["code"]) == ("in_review", "above_cap_without_score")
    rows = shared_api.rows(
        "SELECT score_failure, breaker_state FROM assessments WHERE decided_by = 'rule' ORDER BY made_at"
    )
    assert rows == [("reset", "closed")] * 3 + [("breaker_open", "open")]
    waiting = shared_api.rows("SELECT count(*) FROM outbox WHERE topic = 'claim.rescore' AND done_at IS NULL")
    assert waiting == [(4,)]
