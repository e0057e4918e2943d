"""The Python client against the running API: synchronous over a socket, asynchronous in this process."""

import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from core import clock
from ginja_client import (
    AsyncGinjaClient,
    AuthenticationFailed,
    ConnectionFailed,
    GinjaClient,
    InvalidRequest,
    PreconditionFailed,
    ResourceNotFound,
    ServiceUnavailable,
    StateConflict,
    verify_webhook,
)
from tests.api.bulk_files import ndjson, submit_all
from tests.api.client_gateway import Gateway
from tests.api.makers import LINES, Api
from tests.api.running_client import CLAIM, FAST, Running, serving
from tests.api.tasks import carry_out
from tests.api.test_exports import YESTERDAY, submitted
from tests.api.webhooks import deliver, receiving

README = Path(__file__).parents[2] / "clients" / "python" / "README.md"


@pytest.fixture
def running(seeded_url: str) -> Iterator[Running]:
    with serving(seeded_url) as found:
        yield found


def test_a_claim_is_submitted_read_listed_and_voided(running: Running):
    with running.client() as ginja:
        claim = ginja.submit_claim(CLAIM)
        assert claim["claim_amount"] == 410.0
        assert ginja.get_claim(claim["claim_id"]) == claim
        assert ginja.get_claim(claim["claim_id"], fields="status,notice.decided_by").keys() == {"status", "notice"}
        assert [one["claim_id"] for one in ginja.list_claims(member_id="M123", limit=1)["claims"]] == [
            claim["claim_id"]
        ]
        voided = ginja.void_claim(claim["claim_id"], {"reason": "billed in error"})
        assert voided["status"] == "voided"
        assert ginja.get_version()["version"] == ginja.get_version()["current"]


def test_lists_are_followed_page_by_page(running: Running):
    with running.client() as ginja:
        sent = [ginja.submit_claim(CLAIM | {"claim_amount": 100 + one})["claim_id"] for one in range(5)]
        before = len(running.gateway.seen)
        assert sorted(one["claim_id"] for one in ginja.iter_claims(limit=2)) == sorted(sent)
        assert len(running.gateway.seen) - before == 3
        assert [one["claim_id"] for one in ginja.iter_claims(status="voided")] == []
        assert {one["member_id"] for one in ginja.iter_members(limit=2)} == {"M123", "M124", "M125"}


def test_a_key_of_the_caller_repeats_a_call_of_another_process(running: Running):
    with running.client() as first, running.client() as second:
        claims = [one.submit_claim(CLAIM, idempotency_key="row-1") for one in (first, second)]
        assert claims[0] == claims[1]
        with pytest.raises(InvalidRequest) as refused:
            second.submit_claim(CLAIM | {"claim_amount": 1}, idempotency_key="row-1")
        assert refused.value.errors[0].field == "Idempotency-Key"


def test_a_refusal_that_passes_is_tried_again_and_one_that_stays_is_raised(running: Running):
    running.gateway.refusals = 3
    with running.client() as ginja:
        assert ginja.list_claims()["claims"] == []
        assert len(running.gateway.seen) == 4
        running.gateway.refusals = 4
        with pytest.raises(ServiceUnavailable):
            ginja.list_claims()
        assert running.gateway.refusals == 0


def test_a_change_without_a_key_is_not_repeated_once_it_may_have_arrived(running: Running):
    running.gateway.lost = 1
    endpoint: Any = {"url": "https://203.0.113.7/hook", "events": ["claim.decided"]}
    with running.client() as ginja, pytest.raises(ConnectionFailed, match="after 1 attempts"):
        ginja.register_webhook_endpoint(endpoint)
    assert len(running.gateway.seen) == 1


def test_an_api_that_is_not_there_is_reported_with_the_attempts(running: Running):
    nowhere = GinjaClient("http://127.0.0.1:1", running.key, retries=FAST)
    with nowhere as ginja, pytest.raises(ConnectionFailed, match="after 4 attempts: ConnectError"):
        ginja.submit_claim(CLAIM)


def test_refusals_are_errors_of_their_own(running: Running):
    with running.client() as ginja:
        with pytest.raises(InvalidRequest) as invalid:
            ginja.submit_claim(CLAIM | {"claim_amount": "12.345"})
        assert (invalid.value.status, invalid.value.kind) == (422, "invalid")
        assert [one.field for one in invalid.value.errors] == ["claim_amount"]
        assert str(invalid.value.request_id).startswith("req_")
        with pytest.raises(ResourceNotFound):
            ginja.get_claim("clm_none/../x")
        claim_id = ginja.submit_claim(CLAIM)["claim_id"]
        with pytest.raises(PreconditionFailed):
            ginja.void_claim(claim_id, if_match='"stale"')
        ginja.void_claim(claim_id)
        with pytest.raises(StateConflict, match="409 conflict"):
            ginja.void_claim(claim_id)
    with running.client(key="gnj_unknown") as stranger, pytest.raises(AuthenticationFailed):
        stranger.list_claims()
    with running.client(api_version="2020-01-01") as older, pytest.raises(InvalidRequest, match="X-API-Version"):
        older.list_claims()


def test_a_file_is_uploaded_in_parts_and_goes_on_after_an_interruption(running: Running):
    file = io.BytesIO(ndjson(*(CLAIM | {"claim_amount": 100 + one} for one in range(20)), b"{}"))
    size = len(file.getvalue())
    with running.client() as ginja:
        begun = ginja.begin_upload({"format": "ndjson", "size": size})
        running.gateway.seen.clear()
        done = ginja.continue_upload(begun["job_id"], file, part_bytes=size // 3 + 1)
        assert (done["status"], done["received"]) == ("queued", size)
        assert [method for method, _, _ in running.gateway.seen] == ["GET", "PATCH", "PATCH", "PATCH"]
        whole = ginja.upload_claims(file, file_format="ndjson")
        assert whole["status"] == "queued"
        short = ginja.begin_upload({"format": "ndjson", "size": size + 1})
        with pytest.raises(ValueError, match=f"ends before byte {size}"):
            ginja.continue_upload(short["job_id"], file)


def test_the_examples_of_the_readme_run(running: Running, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.setenv("API", running.url)
    monkeypatch.setenv("KEY", running.key)
    for block in re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL):
        exec(compile(block, str(README), "exec"), {"__name__": "readme"})
    printed = capsys.readouterr().out
    assert re.search(r"clm_\w+ (approved|in_review)", printed)
    assert "reason" in printed


def asynchronous(api: Api, role: str = "admin", **options: Any) -> AsyncGinjaClient:
    transport = httpx.ASGITransport(options.pop("app", api.app))
    return AsyncGinjaClient("http://claims", api.keys[role], retries=FAST, transport=transport)


async def test_the_asynchronous_client_does_the_same(api: Api):
    gateway = Gateway(api.app, refusals=2)
    async with asynchronous(api, app=gateway) as ginja:
        claims = [await ginja.submit_claim(CLAIM | {"claim_amount": 100 + one}) for one in range(3)]
        assert len(gateway.seen) == 5
        ids = sorted(one["claim_id"] for one in claims)
        assert sorted([one["claim_id"] async for one in ginja.iter_claims(limit=2)]) == ids
        explained = await ginja.explain_claim(ids[0])
        assert explained["claim"]["claim_id"] == ids[0]
        with pytest.raises(ResourceNotFound):
            await ginja.get_claim("clm_none")
        gateway.refusals = 9
        with pytest.raises(ServiceUnavailable):
            await ginja.list_claims()


async def test_claims_of_a_file_are_submitted_and_the_refused_lines_listed(api: Api):
    async with asynchronous(api) as ginja:
        file = io.BytesIO(ndjson(CLAIM, b"{", LINES, *([b"{}"] * 3)))
        job = await ginja.upload_claims(file, file_format="ndjson")
        await submit_all(api)
        assert (await ginja.get_upload(job["job_id"]))["accepted"] == 2
        rejects = [one async for one in ginja.iter_rejects(job["job_id"])]
        assert {one["line"] for one in rejects} == {2, 4, 5, 6}
        assert all(one["remedy"] for one in rejects)


async def test_a_claim_is_submitted_as_a_task_and_decided_later(api: Api):
    async with asynchronous(api) as ginja:
        task = await ginja.submit_claim_as_task(CLAIM)
        assert (await ginja.list_claims())["claims"] == []
        await carry_out(api, task["task_id"])
        ended = await ginja.get_task(task["task_id"])
        assert ended["state"] == "succeeded"
        assert len((await ginja.list_claims())["claims"]) == 1


async def test_an_export_is_a_stream_of_claims(api: Api):
    ids = await submitted(api, 4)
    async with asynchronous(api) as ginja:
        days = {"first_day": str(YESTERDAY - timedelta(days=3))}
        found = [one["claim_id"] async for one in ginja.export_claims(str(YESTERDAY), **days)]
        assert found == ids
        rest = [one["claim_id"] async for one in ginja.export_claims(str(YESTERDAY), after=ids[1])]
        assert rest == ids[2:]
        with pytest.raises(InvalidRequest, match="last_day"):
            _ = [one async for one in ginja.export_claims(str(clock.now().date()))]


async def test_webhooks_of_the_platform_are_verified(api: Api):
    async with receiving() as receiver, asynchronous(api) as ginja:
        made = {"url": receiver.url, "events": ["claim.decided"]}
        endpoint = (await api.client.post("/v1/webhook-endpoints", json=made, headers=api.as_("admin"))).json()
        claim = await ginja.submit_claim(CLAIM)
        await deliver(api)
        (received,) = receiver.received
        event = verify_webhook(received.body.encode(), received.headers, endpoint["secret"])
        assert (event["type"], event["data"]["claim_id"]) == ("claim.decided", claim["claim_id"])
        assert json.loads(received.body) == event
        assert Webhook(endpoint["secret"]).verify(received.body, received.headers) == event
