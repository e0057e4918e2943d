"""Both Python clients when answers are lost, cut, or come from something else: nothing is done twice or given up."""

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import pytest

from ginja_client import (
    ConnectionFailed,
    FileTooShort,
    GinjaError,
    InvalidRequest,
    ServiceUnavailable,
    UnexpectedResponse,
    etag_of,
)
from tests.api.bulk_files import ndjson
from tests.api.client_gateway import Gateway
from tests.api.makers import Api
from tests.api.running_client import CLAIM, KINDS, Running, serving
from tests.api.servers import on_a_port
from tests.api.test_exports import YESTERDAY, submitted

ALWAYS = 99
ENDPOINT: Any = {"url": "https://127.0.0.1:9/hook", "events": ["claim.decided"]}


@pytest.fixture
def running(seeded_url: str) -> Iterator[Running]:
    with serving(seeded_url, signed_requests="accepted") as found:
        yield found


@pytest.fixture(params=KINDS)
def ginja(running: Running, request: pytest.FixtureRequest) -> Iterator[Any]:
    with running.either(request.param) as client:
        yield client


def sent(running: Running, method: str) -> list[dict[str, str]]:
    """The headers of the requests with a method."""
    return [headers for of, _, headers in running.gateway.seen if of == method]


def test_a_claim_whose_answer_was_lost_is_submitted_once(running: Running, ginja: Any):
    running.gateway.lost = 2
    claim = ginja.submit_claim(CLAIM)
    assert running.count("claims") == 1
    keys = [headers["idempotency-key"] for headers in sent(running, "POST")]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert [one["claim_id"] for one in ginja.iter_claims()] == [claim["claim_id"]]


@pytest.mark.parametrize(
    ("failure", "error"),
    [("lost", ConnectionFailed), ("refusals", ServiceUnavailable), ("paged", UnexpectedResponse)],
)
def test_a_call_that_failed_is_repeated_with_the_key_of_its_error(
    running: Running, ginja: Any, failure: str, error: type[GinjaError]
):
    setattr(running.gateway, failure, ALWAYS)
    with pytest.raises(error) as failed:
        ginja.submit_claim(CLAIM)
    assert failed.value.idempotency_key == sent(running, "POST")[0]["idempotency-key"]
    setattr(running.gateway, failure, 0)
    claim = ginja.submit_claim(CLAIM, idempotency_key=failed.value.idempotency_key)
    assert [one["claim_id"] for one in ginja.iter_claims()] == [claim["claim_id"]]
    assert running.count("claims") == 1


def test_a_refusal_names_the_key_and_a_call_without_one_has_none(running: Running, ginja: Any):
    with pytest.raises(InvalidRequest) as refused:
        ginja.submit_claim(CLAIM | {"claim_amount": "12.345"})
    assert refused.value.idempotency_key == sent(running, "POST")[0]["idempotency-key"]
    running.gateway.lost = 1
    with pytest.raises(ConnectionFailed) as failed:
        ginja.register_webhook_endpoint(ENDPOINT)
    assert failed.value.idempotency_key is None
    running.gateway.paged = 1
    with pytest.raises(UnexpectedResponse, match="200 with text/html"):
        ginja.get_version()
    running.gateway.paged = 1
    with pytest.raises(UnexpectedResponse):
        list(ginja.export_claims(str(YESTERDAY)))


def test_an_upload_whose_beginning_was_lost_is_repeated_with_the_key_of_its_error(running: Running, ginja: Any):
    file = io.BytesIO(ndjson(CLAIM))
    running.gateway.lost = ALWAYS
    with pytest.raises(ConnectionFailed) as failed:
        ginja.upload_claims(file, file_format="ndjson")
    running.gateway.lost = 0
    job = ginja.upload_claims(file, file_format="ndjson", idempotency_key=failed.value.idempotency_key)
    assert (job["status"], running.count("bulk_jobs")) == ("queued", 1)


def test_an_upload_that_was_interrupted_goes_on_by_its_key_or_by_its_id(running: Running, ginja: Any):
    file = io.BytesIO(ndjson(CLAIM))
    running.gateway.only, running.gateway.refusals = "PATCH", ALWAYS
    with pytest.raises(ServiceUnavailable) as failed:
        ginja.upload_claims(file, file_format="ndjson")
    running.gateway.refusals = 0
    by_id = ginja.continue_upload(failed.value.job_id, file)
    by_key = ginja.upload_claims(file, file_format="ndjson", idempotency_key=failed.value.idempotency_key)
    assert (by_id["job_id"], by_id["status"]) == (by_key["job_id"], "queued")
    assert running.count("bulk_jobs") == 1
    with pytest.raises(InvalidRequest):
        other = io.BytesIO(ndjson(CLAIM, CLAIM))
        ginja.upload_claims(other, file_format="ndjson", idempotency_key=failed.value.idempotency_key)


def test_a_file_that_cannot_be_read_to_its_end_is_an_error_that_names_the_upload(ginja: Any):
    job = ginja.begin_upload({"format": "ndjson", "size": 9})
    with pytest.raises(FileTooShort, match="ends before byte 4") as failed:
        ginja.continue_upload(job["job_id"], io.BytesIO(b"{}\n\n"))
    assert failed.value.job_id == job["job_id"]


@pytest.mark.parametrize("failure", ["lost", "paged"])
def test_a_part_whose_answer_was_lost_is_not_sent_twice(running: Running, ginja: Any, failure: str):
    file = io.BytesIO(ndjson(CLAIM))
    running.gateway.only = "PATCH"
    setattr(running.gateway, failure, 1)
    assert ginja.upload_claims(file, file_format="ndjson")["status"] == "queued"
    assert len(sent(running, "PATCH")) == 1


def test_a_resource_has_the_tag_that_its_change_needs(running: Running, ginja: Any):
    member = ginja.get_member("M123")
    fields = ("date_of_birth", "sex", "plan_id", "line_of_business", "state_code", "first_day", "last_day")
    body: Any = {name: member[name] for name in fields if member.get(name) is not None}
    changed = ginja.update_member("M123", body, if_match=etag_of(member))
    ginja.update_member("M123", body, if_match=etag_of(changed))
    for other in (dict(member), ginja.get_member("M123", fields="plan_id"), ginja.list_members()):
        with pytest.raises(ValueError, match="no entity tag"):
            etag_of(other)


def test_a_change_with_a_tag_is_not_repeated_once_it_may_have_arrived(running: Running, ginja: Any):
    endpoint = ginja.register_webhook_endpoint(ENDPOINT)
    tag = etag_of(ginja.get_webhook_endpoint(endpoint["endpoint_id"]))
    running.gateway.lost = 1
    with pytest.raises(ConnectionFailed, match="after 1 attempts"):
        ginja.delete_webhook_endpoint(endpoint["endpoint_id"], if_match=tag)
    assert len(sent(running, "DELETE")) == 1
    assert ginja.list_webhook_endpoints()["endpoints"] == []


def test_a_deletion_whose_answer_was_lost_has_succeeded(running: Running, ginja: Any):
    endpoint = ginja.register_webhook_endpoint(ENDPOINT)
    running.gateway.lost = 1
    assert ginja.delete_webhook_endpoint(endpoint["endpoint_id"]) is None
    assert len(sent(running, "DELETE")) == 2
    with pytest.raises(GinjaError, match="404 not-found"):
        ginja.delete_webhook_endpoint(endpoint["endpoint_id"])


@pytest.mark.parametrize("kind", KINDS)
async def test_an_export_that_is_cut_goes_on_after_its_last_claim(api: Api, kind: str):
    ids = await submitted(api, 4)
    whole = (await api.get(f"/v1/exports/claims?last_day={YESTERDAY}")).content
    gateway = Gateway(api.app, refusals=1, cut=2, cut_after=len(whole) // 2)

    def read(url: str) -> list[str]:
        with Running(url, gateway, api.keys["admin"], api.url).either(kind) as ginja:
            return [one["claim_id"] for one in ginja.export_claims(str(YESTERDAY))]

    with on_a_port(gateway, lifespan="off") as url:
        assert await asyncio.to_thread(read, url) == ids
    assert len(gateway.seen) == 4
