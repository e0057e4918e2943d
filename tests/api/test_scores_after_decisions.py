"""Scores that arrive after a decision."""

import pytest

from tests.api.decisions import (
    APPROVE,
    DENY,
    LARGE,
    REDUCED,
    RELEASE,
    decide,
    money_of,
    version_of,
)
from tests.api.makers import Api, answering, says_nothing
from tests.api.test_rescoring import CHEAP, rescorer


async def test_a_claim_held_by_the_rule_keeps_its_reason_after_a_low_score(api: Api):
    api.scorer.behaviour = says_nothing
    claim_id = (await api.submit()).json()["claim_id"]
    api.scorer.behaviour = answering(0.05)
    await rescorer(api).drain()
    shown = (await api.get(f"/v1/claims/{claim_id}")).json()
    assert (shown["status"], shown["fraud_flag"], shown["decided_by"]) == ("in_review", False, "model")
    found = [(reason["code"], reason["superseded"]) for reason in shown["reasons"] if "superseded" in reason]
    assert found == [("above_cap_without_score", True), ("later_score_does_not_flag", False)]
    released = await decide(api, claim_id, RELEASE | {"reason": "later_score_does_not_flag"})
    assert released.json()["outcome"] == "approved"


@pytest.mark.parametrize("body", [RELEASE, REDUCED | {"amount": 5}, DENY])
@pytest.mark.parametrize(("probability", "code"), [(0.9, "flagged_after_decision"), (0.1, "scored_after_decision")])
async def test_a_score_after_a_decision_is_noted_and_the_decision_is_unchanged(api: Api, body, probability, code):
    api.scorer.behaviour = says_nothing
    claim_id = (await api.submit(CHEAP | {"claim_amount": 200})).json()["claim_id"]
    await decide(api, claim_id, body)
    before = money_of(api, claim_id)
    api.scorer.behaviour = answering(probability)
    assert await rescorer(api).drain() == 1
    assert money_of(api, claim_id) == before
    shown = (await api.get(f"/v1/claims/{claim_id}")).json()
    assert code in [reason["code"] for reason in shown["reasons"]]
    assert api.rows("SELECT outcome FROM assessments ORDER BY made_at DESC LIMIT 1") == [(before[0],)]
    events = api.rows("SELECT payload ->> 'claim_id' FROM outbox WHERE topic = 'claim.flagged_after_decision'")
    assert events == ([(claim_id,)] if probability == 0.9 else [])
    seen_by_provider = (await api.get(f"/v1/claims/{claim_id}", role="provider")).json()["reasons"]
    assert code not in [reason["code"] for reason in seen_by_provider]


async def test_a_score_after_the_void_of_a_decided_claim_changes_nothing_and_sends_no_event(api: Api):
    api.scorer.behaviour = says_nothing
    claim_id = (await api.submit(CHEAP | {"claim_amount": 200})).json()["claim_id"]
    await decide(api, claim_id, RELEASE)
    await api.post(f"/v1/claims/{claim_id}/void", b"")
    api.scorer.behaviour = answering(0.9)
    await rescorer(api).drain()
    assert money_of(api, claim_id) == ("voided", 0, 0)
    assert api.rows("SELECT 1 FROM outbox WHERE topic = 'claim.flagged_after_decision'") == []


async def test_a_score_before_the_approval_requires_the_approver_to_read_the_claim_again(api: Api):
    api.scorer.behaviour = says_nothing
    claim_id = (await api.submit(LARGE)).json()["claim_id"]
    await decide(api, claim_id, RELEASE)
    version = await version_of(api, claim_id)
    api.scorer.behaviour = answering(0.9)
    await rescorer(api).drain()
    assert (await decide(api, claim_id, APPROVE, role="admin", version=version)).status_code == 409
    assert (await decide(api, claim_id, APPROVE, role="admin")).status_code == 201
