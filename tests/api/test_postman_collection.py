"""Requests of the Postman collection are sent to the running API, as Postman fills in their variables."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.api.bulk_files import begin
from tests.api.decisions import held
from tests.api.makers import Api, concrete, contract
from tests.api.webhooks import with_ids

COLLECTION = json.loads(
    (Path(__file__).parents[2] / "clients" / "postman" / "ginja.postman_collection.json").read_text()
)
REQUESTS = [(one["name"], one["request"]) for folder in COLLECTION["item"] for one in folder["item"]]
_VARIABLE = re.compile(r"\{\{([^}]+)\}\}")
REFUSED = {
    "submit_x12_claims": (400, "the ISA segment does not have 16 elements"),
    "submit_fhir_claim": (422, "diagnosis_codes[0]: is not in the catalogue"),
    "record_disposition": (422, "amount_recovered"),
    "close_finding": (404, "finding not found"),
    "file_appeal": (409, "the claim is in review; wait for its decision"),
    "decide_appeal": (404, "appeal not found"),
    "register_webhook_endpoint": (422, "the host claims.example.com cannot be resolved"),
    "add_period_of_member": (422, "the period overlaps"),
    "add_period_of_provider": (422, "the period overlaps"),
    "add_period_of_procedure": (422, "the period overlaps"),
    "activate_policy": (409, "another person activates it"),
    "roll_back_policy": (409, "there is nothing to roll back"),
    "add_case_claims": (422, "is not of provider H456"),
    "remove_case_claims": (422, "is not in the case"),
    "approve_case_closing": (409, "no disposition is proposed"),
    "refuse_case_closing": (409, "no disposition is proposed"),
    "reopen_case": (409, "the case is open"),
    "take_next_lead": (404, "no lead is unassigned"),
    "snooze_lead": (422, "must be a day from"),
    "create_signing_key": (422, "must be the id of a valid API key"),
    "draw_sample": (422, "has no paid claim in this period"),
    "review_sample": (422, "was not drawn"),
    "upgrade_version": (409, "an upgrade names a newer one"),
    # Of users that the collection cannot know; tests/api/test_sign_in.py signs them in.
    "sign_in": (401, "login, password or code is wrong"),
    "refresh_session": (401, "the refresh token is unknown"),
    "set_up_second_factor": (401, "login, password or code is wrong"),
    "confirm_second_factor": (401, "login, password or code is wrong"),
    "change_password": (401, "login, password or code is wrong"),
    "end_session": (404, "there is no session of yours"),
    "roll_back_version": (409, "no upgrade of the last 72 hours to undo"),
}
"""Operations whose example is understood and refused, because of what the test's database has, and what is said."""


def filled(text: str, values: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda found: str(uuid4()) if found[1] == "$guid" else values[found[1]], text)


async def variables(api: Api, path: str) -> dict[str, str]:
    """The variables of the collection; those of a path with ids of what there is."""
    values = {one["key"]: one["value"] for one in COLLECTION["variable"]}
    assert values["base_url"].startswith("http")
    template = _VARIABLE.sub(r"{\1}", path)
    real = await with_ids(api, template)
    if "{job_id}" in real:
        real = real.replace("{job_id}", (await begin(api, b"text", role="admin"))["job_id"])
    if "{task_id}" in real:
        real = real.replace("{task_id}", (await api.submit(Prefer="respond-async")).json()["task_id"])
    real = concrete(real, claim_id=await held(api))
    of_path = {
        part.strip("{}"): value
        for part, value in zip(template.split("/"), real.split("/"), strict=True)
        if part.startswith("{") and part.endswith("}") and "{" not in value
    }
    etag = (await api.get(real)).headers.get("etag", "")
    return values | of_path | {"base_url": "http://claims", "api_key": api.keys["admin"], "etag": etag}


@pytest.mark.parametrize(("name", "request_"), REQUESTS, ids=[name for name, _ in REQUESTS])
async def test_each_request_is_one_that_the_api_understands(api: Api, name: str, request_: Any):
    url = request_["url"]
    values = await variables(api, "/".join(url["path"]))
    assert url["raw"].partition("?")[0] == "/".join([*url["host"], *url["path"]])
    headers = {one["key"]: filled(one["value"], values) for one in request_["header"] if not one.get("disabled")}
    if request_.get("auth", {}).get("type") != "noauth":
        (token,) = COLLECTION["auth"]["bearer"]
        headers["Authorization"] = f"Bearer {filled(token['value'], values)}"
    query = {one["key"]: filled(one["value"], values) for one in url.get("query", ()) if not one.get("disabled")}
    body = request_.get("body", {}).get("raw")
    form = [one for one in request_.get("body", {}).get("formdata", ()) if not one.get("disabled")]
    response = await api.client.request(
        request_["method"],
        filled(url["raw"].partition("?")[0], values),
        params=query,
        headers=headers,
        content=None if body is None else filled(body, values).encode(),
        data={one["key"]: one["value"] for one in form if one["type"] == "text"},
        files={one["key"]: ("a.txt", b"x") for one in form if one["type"] == "file"},
    )
    operation = contract().operation(request_["method"], response.request.url.path)
    assert operation is not None
    assert operation.described["operationId"] == name
    if name in REFUSED:
        status, text = REFUSED[name]
        assert (response.status_code, text in response.text) == (status, True), response.text
    else:
        assert response.is_success, response.text


def test_every_refusal_is_that_of_a_request():
    assert REFUSED.keys() <= {name for name, _ in REQUESTS}
