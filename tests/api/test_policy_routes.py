"""The policy over HTTP: who may read, write and activate it, and what is wrong with a document that is refused."""

import json
from datetime import date
from typing import Any

import pytest

from api.policies import PolicyTestResult, record_test
from claims.policy import MAX_DOCUMENT_BYTES
from tests.api.makers import Api
from tests.claims.policies import LONG_STAY, make_document, make_long

DOCUMENT = {"title": "Long stays", "valid_from": "2026-01-01", "rules": [LONG_STAY]}


async def drafted(api: Api, *, role: str = "lead_investigator", **changes: Any) -> dict[str, Any]:
    response = await api.post("/v1/policies", {"document": DOCUMENT | changes}, role=role)
    assert response.status_code == 201, response.text
    body: dict[str, Any] = response.json()
    assert response.headers["location"] == f"/v1/policies/{body['version']}"
    return body


async def test_a_version_is_written_by_one_and_activated_by_another_and_rolled_back(api: Api):
    first = await drafted(api)
    assert (first["status"], first["document"]["rules"], first["approver"]) == ("draft", [LONG_STAY], None)
    path = f"/v1/policies/{first['version']}"
    activation = {"reason": "agreed", "force": True}
    own = await api.post(f"{path}/activate", activation, role="lead_investigator")
    assert (own.status_code, "another person activates it" in own.json()["detail"]) == (409, True)
    made = await api.post(f"{path}/activate", activation)
    assert (made.status_code, made.json()["version"], made.json()["forced"]) == (201, first["version"], True)
    read = (await api.get(path, role="investigator")).json()
    assert (read["status"], read["reason"], read["forced"]) == ("active", "agreed", True)
    listed = (await api.get("/v1/policies")).json()
    assert [one["version"] for one in listed["policies"]] == [first["version"]]
    assert listed["in_force"] == {"version": first["version"], "document": first["document"]}
    back = await api.post("/v1/policies:rollback", {"reason": "too many reviews"}, role="lead_investigator")
    assert (back.status_code, back.json()["version"], back.json()["kind"]) == (201, 0, "rollback")
    assert (await api.get("/v1/policies")).json()["in_force"]["version"] == 0
    again = await api.post("/v1/policies:rollback", {"reason": "again"})
    assert (again.status_code, "nothing to roll back" in again.json()["detail"]) == (409, True)


async def test_an_activation_needs_a_test_that_passed(api: Api):
    version = (await drafted(api))["version"]
    path, body = f"/v1/policies/{version}/activate", {"reason": "agreed"}
    untested = await api.post(path, body)
    assert (untested.status_code, f"ginja policy test {version}" in untested.json()["detail"]) == (409, True)
    days = {"first_day": date(2026, 1, 1), "last_day": date(2026, 6, 1)}
    tested = PolicyTestResult(version, None, 1_000, True, [], "ann", "own", scored=7, capacity=None, **days)
    await record_test(api.database, tested)
    made = (await api.post(path, body)).json()
    assert (made["forced"], made["test"]) == (
        False,
        {
            "test_id": 1,
            "passed": True,
            "tested_by": "ann",
            "dataset": "own",
            "claims": 1_000,
            "scored": 7,
            "first_day": "2026-01-01",
            "last_day": "2026-06-01",
            "capacity": None,
        },
    )


async def test_lists_and_the_status_of_a_version_read_no_other_document(api: Api):
    first = await drafted(api)
    second = await drafted(api, title="Second")
    api.execute("ALTER TABLE policy_versions DISABLE TRIGGER USER")
    api.execute(f'UPDATE policy_versions SET document = \'{{"title": "x"}}\' WHERE version = {second["version"]}')
    listed = await api.get("/v1/policies")
    assert (listed.status_code, [one["title"] for one in listed.json()["policies"]]) == (200, [DOCUMENT["title"], "x"])
    assert (await api.get(f"/v1/policies/{first['version']}")).json()["document"] == first["document"]


async def test_the_same_content_is_stored_once(api: Api):
    await drafted(api)
    again = await api.post("/v1/policies", {"document": DOCUMENT})
    assert (again.status_code, "has the same content" in again.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"caps": 1}, "document", "unknown key caps; allowed: title, valid_from"),
        ({"valid_from": "soon"}, "document.valid_from", "must be a day such as 2026-12-01"),
        ({"rules": [LONG_STAY | {"then": {"deny": True}}]}, "document.rules.0.then", "unknown key deny; allowed"),
        (
            {"parameters": {"spread_multiple": 100.5}},
            "document.parameters.spread_multiple",
            "less than or equal to 100",
        ),
        (
            {"rules": [LONG_STAY | {"when": {"field": "units", "operator": "in", "value": [1, 2.5]}}]},
            "document.rules.0.when.value",
            "must be true or false, a number, a text, or a list of whole numbers or of texts",
        ),
        ({"parameters": {"units_factor": "2"}}, "document.parameters.units_factor", "input should be a valid number"),
    ],
)
async def test_a_document_is_refused_by_field(api: Api, changes, field, message):
    refused = await api.post("/v1/policies", {"document": DOCUMENT | changes})
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["field"]) == (422, field)
    assert message in error["message"]


async def test_a_document_that_was_read_can_be_sent_again_with_decimals_and_the_deepest_condition(api: Api):
    likely = {"field": "probability", "operator": "ge", "value": 0.25}
    listed = {"field": "units", "operator": "in", "value": [1, 2]}
    deepest = LONG_STAY | {"when": {"all": [likely, {"any": [likely, {"all": [likely, listed]}]}]}}
    document = make_document(deepest, parameters={"spread_multiple": 3.75}).as_json()
    sent = await api.post("/v1/policies", {"document": document})
    assert (sent.status_code, sent.json().get("document")) == (201, document), sent.text
    again = await api.post("/v1/policies", {"document": sent.json()["document"]})
    assert (again.status_code, "has the same content" in again.json()["detail"]) == (409, True)


async def test_only_their_roles_read_and_write_policies(api: Api):
    version = (await drafted(api))["version"]
    for role in ("provider", "claims_system", "monitoring", "operator"):
        assert (await api.get("/v1/policies", role=role)).status_code == 403
        assert (await api.get(f"/v1/policies/{version}", role=role)).status_code == 403
    for role in ("provider", "claims_system", "operator", "investigator"):
        for path, body in (
            ("/v1/policies", {"document": DOCUMENT}),
            (f"/v1/policies/{version}/activate", {"reason": "x"}),
            ("/v1/policies:rollback", {"reason": "x"}),
        ):
            assert (await api.post(path, body, role=role)).status_code == 403
    assert (await api.get("/v1/policies", role="investigator")).status_code == 200


async def test_a_version_that_does_not_exist_is_not_found(api: Api):
    assert (await api.get("/v1/policies/7")).status_code == 404
    assert (await api.post("/v1/policies/7/activate", {"reason": "x"})).status_code == 404
    for number in ("0", "x", "1000000000", "1.0", "%2B1"):
        assert (await api.get(f"/v1/policies/{number}")).status_code == 422
    assert (await api.get("/v1/policies/999999999")).status_code == 404


async def test_a_reason_is_one_line_of_limited_length(api: Api):
    path = f"/v1/policies/{(await drafted(api))['version']}/activate"
    for reason in ("", "x" * 501, "two\nlines", 1):
        assert (await api.post(path, {"reason": reason, "force": True})).status_code == 422
    assert (await api.post(path, {"reason": "x", "force": "true"})).status_code == 422
    assert (await api.post(path, {"reason": "x" * 500, "force": True})).status_code == 201


async def test_a_version_of_the_largest_size_is_read_and_one_over_it_is_refused_when_it_is_written(api: Api):
    made = await api.post("/v1/policies", {"document": make_long(MAX_DOCUMENT_BYTES)})
    assert made.status_code == 201, made.text
    assert len(json.dumps(made.json()["document"])) == MAX_DOCUMENT_BYTES
    assert (await api.get(f"/v1/policies/{made.json()['version']}")).json()["document"] == made.json()["document"]
    assert (await api.get("/v1/policies")).status_code == 200
    refused = await api.post("/v1/policies", {"document": make_long(MAX_DOCUMENT_BYTES + 1)})
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["field"]) == (422, "document")
    assert error["message"] == "the document with every parameter has more than 65,536 bytes as JSON; shorten it"
