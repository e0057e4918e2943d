"""Appeals that tests file and decide."""

from typing import Any

import httpx

from tests.api.decisions import DENY, approved, decide, held
from tests.api.makers import MINIMAL, Api

APPEAL = {
    "appellant": "provider",
    "reason": "The records show two separate services.",
    "documents": [{"name": "operation report", "media_type": "application/pdf", "sha256": "ab" * 32}],
}
UPHELD = {"outcome": "upheld"}
OVERTURNED = {"outcome": "overturned", "note": "paid in full"}
PARTLY = {"outcome": "partly_overturned", "amount": "1200.00"}


async def denied(api: Api, **changes: Any) -> str:
    """A claim that an investigator denied."""
    claim_id = await held(api, **changes)
    assert (await decide(api, claim_id, DENY)).json()["outcome"] == "denied"
    return claim_id


async def rejected(api: Api, **changes: Any) -> str:
    """A claim that was rejected as a duplicate of another."""
    await approved(api, **changes)
    answer = (await api.submit(MINIMAL | changes)).json()
    assert answer["status"] == "rejected"
    return str(answer["claim_id"])


async def appeal(
    api: Api, claim_id: str, body: Any = APPEAL, *, role: str = "provider", **headers: str
) -> httpx.Response:
    return await api.post(f"/v1/claims/{claim_id}/appeals", body, role=role, **headers)


async def filed(api: Api, claim_id: str, **options: Any) -> str:
    """The id of a new appeal."""
    answer = await appeal(api, claim_id, **options)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["appeal_id"])


async def answer(
    api: Api, appeal_id: str, body: Any, *, role: str = "lead_investigator", **headers: str
) -> httpx.Response:
    return await api.post(f"/v1/appeals/{appeal_id}/decision", body, role=role, **headers)
