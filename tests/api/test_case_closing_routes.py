"""Closing cases over the API: above an amount by two people, confirmed, with the findings of claims."""

from typing import Any

import pytest

from api.errors import SignatureRequired
from tests.api.case_requests import fresh_case, proposed_case
from tests.api.cases import claim, opened
from tests.api.makers import Api
from tests.api.test_case_routes import LEAD, WORKER, done, read, refused
from tests.api.test_signed_requests import bare

SMALL = {"disposition": "billing_error", "loss": "120.50", "loss_method": "claim_review", "note": "Wrong modifier."}
LARGE = {**SMALL, "loss": 90_000_000}


def approval(case: dict[str, Any]) -> dict[str, Any]:
    return {"expected_version": case["version"], "note": "Agreed."}


async def test_a_small_loss_closes_the_case_and_records_findings_of_its_claims(api: Api):
    own = await claim(api)
    made = await opened(api, [own])
    finding = {"claim_id": own, "disposition": "billing_error"}
    foreign = {"claim_id": "clm_none", "disposition": "cleared"}
    path = f"/v1/cases/{made.case_id}/closing"
    problem = await refused(api, path, {**SMALL, "findings": [finding, foreign]}, 422)
    assert problem["errors"][0]["field"] == "findings"
    closed = await done(api, path, {**SMALL, "findings": [finding]})
    assert (closed["status"], closed["is_proposed"], closed["loss"]) == ("closed", False, 120.5)
    assert closed["findings"] == [{**finding, "kind": None, "amount_recovered": 0.0}]
    recorded = (await read(api, f"/v1/claims/{own}/dispositions"))["dispositions"]
    assert [one["disposition"] for one in recorded] == ["billing_error"]
    assert "is closed" in (await refused(api, path, SMALL, 409))["detail"]


async def test_a_large_loss_is_closed_by_another_person_alone(api: Api):
    path = f"/v1/cases/{(await fresh_case(api)).case_id}/closing"
    proposed = await done(api, path, LARGE, role=LEAD)
    assert (proposed["status"], proposed["is_proposed"]) == ("open", True)
    own = await refused(api, f"{path}/approve", approval(proposed), 403, role=LEAD)
    assert "another person" in own["detail"]
    await refused(api, f"{path}/approve", approval(proposed), 403, role=WORKER)
    stale = await refused(api, f"{path}/approve", {"expected_version": 1}, 409, role="admin")
    assert "read it again" in stale["detail"]
    closed = await done(api, f"{path}/approve", approval(proposed), role="admin")
    assert (closed["status"], closed["loss"]) == ("closed", 90_000_000.0)
    assert closed["proposed_by"] == proposed["proposed_by"] != closed["closed_by"]
    assert "closed" in (await refused(api, f"{path}/approve", approval(closed), 409, role="admin"))["detail"]


async def test_a_proposal_that_is_refused_leaves_the_case_open(api: Api):
    waiting = await proposed_case(api)
    path = f"/v1/cases/{waiting.case_id}"
    open_again = await done(api, f"{path}/closing/refuse", {"expected_version": waiting.version}, role=LEAD)
    assert (open_again["status"], open_again["is_proposed"], open_again["disposition"]) == ("open", False, None)
    await refused(api, f"{path}/closing/approve", approval(open_again), 409, role=LEAD)


async def test_a_case_is_reopened_by_a_lead_unless_its_subject_has_an_open_one(api: Api):
    about = {"subject_kind": "provider", "subject_id": "H456"}
    first = await done(api, "/v1/cases", about)
    path = f"/v1/cases/{first['case_id']}"
    await done(api, f"{path}/closing", SMALL)
    second = await done(api, "/v1/cases", about)
    await refused(api, f"{path}/reopen", {"note": "More claims."}, 403)
    other = await refused(api, f"{path}/reopen", {"note": "More claims."}, 409, role=LEAD)
    assert second["case_id"] in other["detail"]
    await done(api, f"/v1/cases/{second['case_id']}/closing", SMALL)
    assert (await done(api, f"{path}/reopen", {"note": "More claims."}, role=LEAD))["status"] == "open"


@pytest.mark.parametrize(("act", "body"), [("closing", LARGE), ("closing/approve", {"expected_version": 2})])
async def test_an_approval_and_a_large_loss_are_refused_without_a_confirmation(api: Api, act: str, body: Any):
    found = await (fresh_case(api) if act == "closing" else proposed_case(api))
    path = f"/v1/cases/{found.case_id}"
    async with bare(api) as client:
        answer = await client.post(f"{path}/{act}", json=body, headers=api.as_(LEAD))
        small = await client.post(
            f"/v1/cases/{(await opened(api)).case_id}/closing", json=SMALL, headers=api.as_(WORKER)
        )
    assert (answer.status_code, answer.json()["type"]) == (401, SignatureRequired.type_uri())
    assert (await read(api, path))["status"] == "open"
    assert small.status_code == 200, "a small loss needs none"
