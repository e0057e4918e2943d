"""Decisions that a second person approves or refuses."""

import asyncio

import pytest

from api.identity import create_key
from tests.api.decisions import (
    APPROVE,
    DENY,
    FRAUD,
    LARGE,
    REDUCED,
    REFUSE,
    RELEASE,
    decide,
    held,
    money_of,
    version_of,
)
from tests.api.makers import Api, running_api


@pytest.mark.parametrize("body", [RELEASE, REDUCED, DENY])
async def test_above_the_limit_a_second_person_approves(api: Api, body):
    claim_id = await held(api, LARGE)
    proposed = (await decide(api, claim_id, body)).json()
    assert proposed["effect"] == "proposed"
    assert money_of(api, claim_id) == ("in_review", 0, 5000_01)
    review = (await api.get(f"/v1/claims/{claim_id}/decisions", role="investigator")).json()
    assert (review["state"], review["needs_second_approval"], review["allowed_actions"]) == ("proposed", True, [])
    own = await decide(api, claim_id, APPROVE)
    assert own.status_code == 403
    review = (await api.get(f"/v1/claims/{claim_id}/decisions", role="lead_investigator")).json()
    assert review["allowed_actions"] == ["approve", "refuse"]
    done = (await decide(api, claim_id, APPROVE, role="lead_investigator")).json()
    assert (done["effect"], done["answers"]) == ("settled", proposed["decision_id"])
    assert money_of(api, claim_id)[1:] == (round(proposed["pays_amount"] * 100), 0)


async def test_an_approver_cannot_approve_their_own_proposal_with_any_of_their_keys(api: Api):
    claim_id = await held(api, LARGE)
    await decide(api, claim_id, RELEASE, role="lead_investigator")
    refused = await decide(api, claim_id, APPROVE, role="lead_investigator")
    assert refused.status_code == 403
    assert "ask another approver" in refused.json()["detail"]
    _, api.keys["second_key"] = await create_key(api.database, name="lead_investigator", role="admin")
    assert (await decide(api, claim_id, APPROVE, role="second_key")).status_code == 403
    assert (await decide(api, claim_id, APPROVE, role="admin")).status_code == 201


async def test_a_refused_proposal_leaves_the_claim_to_be_decided_otherwise(api: Api):
    claim_id = await held(api, LARGE)
    await decide(api, claim_id, FRAUD | {"disposition": "confirmed"})
    assert (await decide(api, claim_id, REFUSE, role="lead_investigator")).json()["effect"] == "refused"
    assert money_of(api, claim_id) == ("in_review", 0, 5000_01)
    assert (api.count("labels"), api.count("dispositions")) == (0, 0)
    assert (await decide(api, claim_id, RELEASE)).json()["effect"] == "proposed"


async def test_two_simultaneous_approvals_answer_a_proposal_once(api: Api):
    claim_id = await held(api, LARGE)
    await decide(api, claim_id, FRAUD | {"disposition": "confirmed"})
    version = await version_of(api, claim_id)
    answers = await asyncio.gather(
        decide(api, claim_id, APPROVE, role="lead_investigator", version=version),
        decide(api, claim_id, REFUSE, role="admin", version=version),
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]


@pytest.mark.parametrize(("limit", "effect"), [(5000_00, "settled"), (4999_99, "proposed")])
async def test_the_amount_above_which_two_decide_is_a_setting(seeded_url, limit, effect):
    async with running_api(seeded_url, review_second_approval_above_cents=limit) as api:
        assert (await decide(api, await held(api), RELEASE)).json()["effect"] == effect
