"""Claims in review, and the decisions that tests take on them."""

from datetime import timedelta

from core import clock
from tests.api.makers import MINIMAL, Api, answering

RELEASE = {"action": "release", "reason": "review_found_no_issue"}
DENY = {"action": "deny", "reason": "not_covered"}
FRAUD = {"action": "deny", "reason": "fraud"}
REDUCED = {"action": "pay_reduced", "reason": "fee_schedule", "amount": "1200.00"}
APPROVE = {"action": "approve", "reason": "proposal_agreed"}
REFUSE = {"action": "refuse", "reason": "proposal_wrong_amount"}
REOPEN = {"action": "reopen", "reason": "appeal"}
LARGE = MINIMAL | {"claim_amount": "5000.01"}
LIMITED = MINIMAL | {"member_id": "M124"}
"""The plan of M124 pays 10000.00 a year."""


def pend(**changes):
    due = clock.now().date() + timedelta(days=14)
    decision = {"action": "pend", "reason": "medical_records_needed", "documents": ["operation report"]}
    return decision | {"due_on": due.isoformat()} | changes


async def held(api: Api, body=MINIMAL, **changes) -> str:
    """A claim that the model sent to review."""
    api.scorer.behaviour = answering(0.9)
    answer = (await api.submit(body | changes)).json()
    assert answer["status"] == "in_review"
    return str(answer["claim_id"])


async def approved(api: Api, body=MINIMAL, **changes):
    api.scorer.behaviour = answering(0.1)
    return (await api.submit(body | changes)).json()


async def version_of(api: Api, claim_id: str) -> int:
    return int((await api.get(f"/v1/claims/{claim_id}/decisions")).json()["version"])


async def decide(api: Api, claim_id: str, body, *, role="investigator", version=None, **headers):
    expected = await version_of(api, claim_id) if version is None else version
    sent = body | {"expected_version": expected}
    return await api.post(f"/v1/claims/{claim_id}/decisions", sent, role=role, **headers)


def money_of(api: Api, claim_id: str):
    return api.rows("SELECT status, approved_cents, reserved_cents FROM claims WHERE claim_id = %s", claim_id)[0]


def fields(response):
    return [error["field"] for error in response.json()["errors"]]
