"""A request that is sent again after a release is the same request, whatever that release makes of its body."""

import json
from typing import Any

import pytest
from pydantic import JsonValue

from api.versions import CURRENT, HEADER, ApiVersion, VersionChange, VersionHistory
from tests.api.makers import MINIMAL, Api, running_api

NEXT = "2027-06-01"
BEFORE = VersionHistory([ApiVersion(CURRENT)])
VOID = "/v1/claims/{claim_id}/void"


def with_one_unit(document: JsonValue) -> JsonValue:
    return {"units": 1, **document} if isinstance(document, dict) else document


def with_reason(document: JsonValue) -> JsonValue:
    return {"reason": "no reason was sent", **document} if isinstance(document, dict) else document


RELEASED = VersionHistory(
    [
        ApiVersion(
            NEXT,
            (VersionChange("x", requests={"POST /v1/claims": with_one_unit, f"POST {VOID}": with_reason}),),
        ),
        ApiVersion(CURRENT),
    ]
)
"""The release that declares what the version before did not send."""


async def sent(url: str, versions: VersionHistory, requests: list[tuple[str, bytes, dict[str, str]]], key: str) -> Any:
    """The responses to requests of one client, as a release with these versions gives them."""
    async with running_api(url, versions=versions) as api:
        api.client.event_hooks["response"] = []
        headers = {"X-API-Key": key or api.keys["admin"], HEADER: CURRENT, "Content-Type": "application/json"}
        found = [
            await api.client.post(path, content=body, headers={**headers, **more}) for path, body, more in requests
        ]
        return found, headers["X-API-Key"], api.rows("SELECT count(*) FROM claims")


@pytest.mark.parametrize("more", [{}, {"Prefer": "respond-async"}], ids=["at once", "later"])
async def test_a_claim_that_is_sent_again_after_a_release_is_the_same_claim(seeded_url: str, more: dict[str, str]):
    request = [("/v1/claims", json.dumps(MINIMAL, indent=3).encode(), {"Idempotency-Key": "k1", **more})]
    (first,), key, stored = await sent(seeded_url, BEFORE, request, "")
    (again,), _, still = await sent(seeded_url, RELEASED, request, key)
    assert (again.status_code, again.content) == (first.status_code, first.content), again.text
    assert again.headers["idempotency-replayed"] == "true"
    assert still == stored


async def test_a_change_that_is_sent_again_after_a_release_is_the_same_change(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    request = [(VOID.format(claim_id=claim_id), b' { "reason" : "billed twice" } ', {"Idempotency-Key": "k1"})]
    (first,), key, _ = await sent(api.url, BEFORE, request, "")
    (again,), _, _ = await sent(api.url, RELEASED, request, key)
    assert (first.status_code, again.content) == (200, first.content), again.text


async def test_another_body_that_is_translated_alike_is_another_request(seeded_url: str):
    bodies = [json.dumps(MINIMAL).encode(), json.dumps(MINIMAL | {"units": 1}).encode()]
    requests = [("/v1/claims", body, {"Idempotency-Key": "k1"}) for body in bodies]
    (first, other), _, stored = await sent(seeded_url, RELEASED, requests, "")
    assert (first.status_code, other.status_code, stored) == (201, 422, [(1,)]), other.text
    assert other.json()["errors"][0]["field"] == "Idempotency-Key"
