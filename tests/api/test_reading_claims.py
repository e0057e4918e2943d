import pytest

from tests.api.makers import LINES, MINIMAL, Api, answering


async def test_a_provider_sees_the_decision_on_its_own_claim_and_no_score(api: Api):
    api.scorer.behaviour = answering(0.9)
    submitted = await api.submit(role="provider")
    claim_id = submitted.json()["claim_id"]
    read = await api.get(f"/v1/claims/{claim_id}", role="provider")
    listed = (await api.get("/v1/claims", role="provider")).json()["claims"]
    for body in (submitted.json(), read.json(), *listed):
        assert body["status"] == "in_review"
        assert not {"score", "fraud_flag", "decided_by", "model_version"} & set(body)
        assert body["reasons"] == []
    assert "0.9" not in submitted.text + read.text


async def test_a_provider_sees_what_the_edits_found(api: Api):
    await api.submit(role="provider")
    again = await api.submit(role="provider")
    assert [reason["code"] for reason in again.json()["reasons"]] == ["duplicate"]


async def test_a_provider_neither_sees_nor_submits_claims_of_another(api: Api):
    other = (await api.submit(MINIMAL | {"provider_id": "H457"})).json()["claim_id"]
    assert (await api.get(f"/v1/claims/{other}", role="provider")).status_code == 404
    assert (await api.get("/v1/claims?provider_id=H457", role="provider")).json()["claims"] == []
    assert (await api.submit(MINIMAL | {"provider_id": "H457"}, role="provider")).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "role", "status"),
    [
        ("GET", "/v1/claims/clm_1/explanation", "provider", 403),
        ("GET", "/v1/claims/clm_1/explanation", "investigator", 404),
        ("POST", "/v1/claims", "investigator", 403),
        ("POST", "/v1/claims/clm_1/void", "provider", 403),
        ("POST", "/v1/claims/clm_1/void", "investigator", 403),
        ("POST", "/v1/claims:score-batch", "provider", 403),
        ("GET", "/v1/claims/clm_1", "claims_system", 404),
        ("GET", "/v1/claims/%00", "admin", 404),
        ("DELETE", "/v1/claims/clm_1", "admin", 405),
        ("GET", "/v1/nothing", "admin", 404),
    ],
)
async def test_each_role_has_its_scopes(api: Api, method, path, role, status):
    headers = {"Content-Type": "application/json", **api.as_(role)}
    response = await api.client.request(method, path, headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/claims", "GET, POST"),
        ("/v1/claims/clm_1/decisions", "GET, POST"),
        ("/v1/claims/clm_1/appeals", "GET, POST"),
        ("/v1/claims/clm_1", "GET"),
    ],
)
async def test_a_method_that_a_path_does_not_have_is_answered_with_those_it_has(api: Api, path, methods):
    response = await api.client.request("TRACE", path, headers=api.as_("admin"))
    assert (response.status_code, response.headers["allow"]) == (405, methods)


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer x"}, {"X-API-Key": "x"}, {"Authorization": "Basic eDp5"}]
)
async def test_without_a_valid_key_nothing_is_revealed(api: Api, headers):
    response = await api.client.get("/v1/claims", headers=headers)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_key_is_accepted_in_either_header(api: Api):
    assert (await api.client.get("/v1/claims", headers={"X-API-Key": api.keys["admin"]})).status_code == 200


async def test_pages_hold_every_claim_once_newest_first(api: Api):
    made = [(await api.submit(MINIMAL | {"claim_amount": 100 + at})).json()["claim_id"] for at in range(7)]
    seen, cursor = [], ""
    while cursor is not None:
        page = (await api.get(f"/v1/claims?limit=3{cursor and f'&cursor={cursor}'}")).json()
        seen.append([claim["claim_id"] for claim in page["claims"]])
        cursor = page["next_cursor"]
    assert [len(page) for page in seen] == [3, 3, 1]
    assert [claim_id for page in seen for claim_id in page] == made[::-1]


async def test_a_list_is_filtered_by_the_parameters(api: Api):
    await api.submit()
    await api.submit()
    await api.submit(MINIMAL | {"member_id": "M124", "claim_amount": 50})
    for query, expected in (
        ("status=rejected", 1),
        ("member_id=M124", 1),
        ("provider_id=H456", 3),
        ("status=voided", 0),
    ):
        assert len((await api.get(f"/v1/claims?{query}")).json()["claims"]) == expected


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=201", "limit=x", "limit=1_0", "limit=%205", "limit=%2B5", "limit=5.0", f"limit={10**19}"),
        *("cursor=x", "cursor=%00", "cursor=OTk5", "member_id=%00", "status=nonsense", "status=", "member_id=%FF"),
    ],
)
async def test_an_invalid_parameter_is_named(api: Api, query):
    response = await api.get(f"/v1/claims?{query}")
    assert response.status_code == 422
    assert response.json()["errors"]


async def test_an_explanation_contains_lines_and_every_assessment(api: Api):
    claim_id = (await api.submit(LINES)).json()["claim_id"]
    body = (await api.get(f"/v1/claims/{claim_id}/explanation", role="investigator")).json()
    assert [line["amount"] for line in body["lines"]] == [1200.5, 99.5]
    (assessment,) = body["assessments"]
    assert assessment["contributions"] == {"amount": 1.5, "member_claims_30d": -0.5}
    assert assessment["reasons"][0]["features"] == {"amount": 100.0}
    assert [(group["code"], group["push"]) for group in assessment["groups"]] == [
        ("claim_size", 1.5),
        ("member_pattern", -0.25),
    ]
    assert assessment["typical_margin"] + sum(group["push"] for group in assessment["groups"]) == assessment["margin"]
    assert assessment["base_margin"] + sum(assessment["contributions"].values()) == assessment["margin"]


DETAILS = {
    "model_version": "m-1",
    "interaction": {
        "features": ["amount", "member_claims_30d"],
        "push": 0.25,
        "odds": 1.284,
        "text": "Claimed amount (100.00), together with claims of the member in 30 days (3): …",
    },
    "probability_interval": {"low": 0.31, "high": 0.62, "level": 0.9},
    "peers": {
        "specialty": "orthopedics",
        "claims": 2000,
        "margin": -3.0,
        "groups": [{"code": "claim_size", "push": 2.0, "odds": 7.389, "text": "…", "features": {"amount": 2.0}}],
    },
}


async def test_an_explanation_has_the_details_of_the_model_that_scored(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    (stored,) = api.rows("SELECT model_version FROM assessments")
    api.scorer.model, api.scorer.details = stored[0], DETAILS | {"model_version": stored[0]}
    body = (await api.get(f"/v1/claims/{claim_id}/explanation", role="investigator")).json()
    assert body["details"] == DETAILS | {"model_version": stored[0]}
    assert "interval" not in (await api.get(f"/v1/claims/{claim_id}", role="provider")).text


async def test_an_explanation_lacks_details_when_another_model_serves(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    api.scorer.model, api.scorer.details = "another", DETAILS
    response = await api.get(f"/v1/claims/{claim_id}/explanation", role="investigator")
    assert (response.status_code, response.json()["details"]) == (200, None)


@pytest.mark.parametrize("answered", [{}, {"model_version": "m-1", "interaction": {}, "peers": None}])
async def test_an_explanation_lacks_details_that_are_not_valid(api: Api, answered):
    claim_id = (await api.submit()).json()["claim_id"]
    (stored,) = api.rows("SELECT model_version FROM assessments")
    api.scorer.model, api.scorer.details = stored[0], answered
    response = await api.get(f"/v1/claims/{claim_id}/explanation", role="investigator")
    assert (response.status_code, response.json()["details"]) == (200, None)


async def test_a_claim_is_voided_once_and_reported_as_voided(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    response = await api.post(f"/v1/claims/{claim_id}/void", {"reason": "billed in error"}, role="claims_system")
    assert (response.status_code, response.json()["status"], response.json()["approved_amount"]) == (200, "voided", 0)
    assert response.json()["voided_at"] is not None
    again = await api.post(f"/v1/claims/{claim_id}/void", b"", role="claims_system")
    assert again.status_code == 409
    assert api.rows("SELECT topic FROM outbox ORDER BY position") == [("claim.received",), ("claim.voided",)]
    assert api.rows("SELECT outcome FROM assessments") == [("approved",)]


async def test_a_voided_claim_is_no_duplicate_and_uses_no_benefit(api: Api):
    body = MINIMAL | {"member_id": "M124", "claim_amount": 5500}
    claim_id = (await api.submit(body)).json()["claim_id"]
    await api.post(f"/v1/claims/{claim_id}/void", b"")
    assert (await api.submit(body)).json()["approved_amount"] == 5500
