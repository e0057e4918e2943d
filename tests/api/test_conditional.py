"""Entity tags, conditional requests, compression, and pages while claims are added."""

import asyncio

import pytest

from api.conditional import MIN_COMPRESSED
from api.entity_tags import entity_tag
from core import clock
from tests.api.bulk_files import submit_all, upload
from tests.api.decisions import held
from tests.api.makers import MINIMAL, Api, concrete, contract
from tests.api.test_idempotency import IN_FLIGHT
from tests.api.webhooks import with_ids

RESOURCES = sorted(one.path for one in contract().operations if "304" in one.described["responses"])
CHANGES = {"void": {}, "decisions": {"action": "release", "reason": "review_found_no_issue", "expected_version": 1}}
CHANGES |= {"dispositions": {"disposition": "cleared"}}


async def read(api: Api, path: str, *, role: str = "admin", **headers: str):
    return await api.client.get(path, headers={"Accept-Encoding": "identity", **api.as_(role), **headers})


def test_every_route_that_reads_one_resource_has_entity_tags():
    paths = {one.path for one in contract().operations if one.method == "GET" and "{" in one.path}
    assert set(RESOURCES) == paths


@pytest.mark.parametrize("path", RESOURCES)
async def test_a_resource_that_has_not_changed_is_not_sent_again(api: Api, path: str):
    claim_id = await held(api)
    url = await with_ids(api, path)
    if "{job_id}" in path:
        url = url.replace("{job_id}", await upload(api, b"{}\n", role="admin"))
        await submit_all(api)
    url = concrete(url, claim_id=claim_id)
    first = await read(api, url)
    tag = first.headers["etag"]
    assert (first.status_code, tag) == (200, entity_tag(first.content))
    for known in (tag, f'"x", {tag}', "*"):
        again = await read(api, url, **{"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-length" not in again.headers
    for other in ('"x"', f"W/{tag}", tag.strip('"')):
        assert (await read(api, url, **{"If-None-Match": other})).content == first.content
    await api.post(f"/v1/claims/{claim_id}/dispositions", CHANGES["dispositions"])
    await api.post(f"/v1/claims/{claim_id}/decisions", CHANGES["decisions"])
    changed = await read(api, url, **{"If-None-Match": tag})
    assert (changed.status_code, changed.headers["etag"] == tag) in {(200, False), (304, True)}
    if path == "/v1/claims/{claim_id}":
        assert changed.json()["status"] == "approved"


async def test_callers_that_see_different_fields_get_different_tags(api: Api):
    url = f"/v1/claims/{await held(api)}"
    tags = {role: (await read(api, url, role=role)).headers["etag"] for role in ("admin", "provider")}
    assert len(set(tags.values())) == 2
    assert (await read(api, url, role="provider", **{"If-None-Match": tags["admin"]})).status_code == 200


async def test_an_unknown_claim_has_no_tag(api: Api):
    response = await read(api, "/v1/claims/clm_none", **{"If-None-Match": "*"})
    assert (response.status_code, "etag" in response.headers) == (404, False)


@pytest.mark.parametrize("verb", CHANGES)
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k1"}])
async def test_a_change_is_made_only_if_the_claim_is_as_it_was_read(api: Api, verb: str, key: dict[str, str]):
    claim_id = await held(api)
    url, path = f"/v1/claims/{claim_id}", f"/v1/claims/{claim_id}/{verb}"
    tag = (await read(api, url)).headers["etag"]
    refused = await api.post(path, CHANGES[verb], **{"If-Match": '"stale"', **key})
    assert (refused.status_code, refused.json()["type"]) == (412, "/docs/problems#precondition-failed")
    assert (await read(api, url)).headers["etag"] == tag
    made = await api.post(path, CHANGES[verb], **{"If-Match": f'"x", {tag}', **key})
    assert made.is_success
    if key:  # a repetition is answered as the first, although the claim has changed
        again = await api.post(path, CHANGES[verb], **{"If-Match": tag, **key})
        assert (again.content, again.headers["idempotency-replayed"]) == (made.content, "true")
    unknown = await api.post(path.replace(claim_id, "clm_none"), CHANGES[verb], **{"If-Match": "*"})
    assert unknown.status_code == 404


async def test_of_concurrent_changes_of_one_state_one_is_made(api: Api):
    claim_id = await held(api)
    tag = (await read(api, f"/v1/claims/{claim_id}")).headers["etag"]
    void, decide = (f"/v1/claims/{claim_id}/{verb}" for verb in ("void", "decisions"))
    sent = [(void, CHANGES["void"]), (decide, CHANGES["decisions"])] * 3
    replies = await asyncio.gather(*(api.post(path, body, **{"If-Match": tag}) for path, body in sent))
    assert sorted(reply.status_code for reply in replies if reply.is_success) in ([200], [201])
    assert {reply.status_code for reply in replies if not reply.is_success} == {412}
    assert IN_FLIGHT not in {reply.json().get("type") for reply in replies}


async def test_large_reads_are_compressed_for_clients_that_accept_it(api: Api):
    claim_id = await held(api)
    for number in range(4):
        await api.submit(MINIMAL | {"claim_amount": 100 + number})
    url = "/v1/claims"
    plain, coded = [await read(api, url, **{"Accept-Encoding": coding}) for coding in ("identity", "gzip")]
    assert len(plain.content) >= MIN_COMPRESSED
    assert ("content-encoding" in plain.headers, coded.headers["content-encoding"]) == (False, "gzip")
    assert plain.headers["vary"] == coded.headers["vary"] == "Accept-Encoding"
    assert coded.content == plain.content
    assert int(coded.headers["content-length"]) < len(plain.content) / 2
    small = await read(api, "/v1/decision-reasons?x=1", **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers
    posted = await api.post("/v1/claims", MINIMAL, **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in posted.headers
    explained = f"/v1/claims/{claim_id}/explanation"
    tag = (await read(api, explained, **{"Accept-Encoding": "identity"})).headers["etag"]
    response = await read(api, explained, **{"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["etag"] == f'{tag[:-1]}-gzip"'
    again = await read(api, explained, **{"Accept-Encoding": "gzip", "If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


async def test_pages_of_the_console_are_not_compressed(api: Api):
    response = await api.client.get("/console/sign-in", headers={"Accept-Encoding": "gzip"})
    assert response.status_code == 200
    assert "content-encoding" not in response.headers
    style = await api.client.get("/docs/static/swagger-ui.css", headers={"Accept-Encoding": "gzip"})
    assert style.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("sort", ["-received_at", "received_at"])
async def test_no_claim_is_skipped_or_doubled_while_claims_are_added(api: Api, sort: str):
    began = clock.now()
    with clock.held(clock.from_micros(clock.micros(began) - 120_000_000)):
        made = [(await api.submit(MINIMAL | {"claim_amount": 100 + at})).json()["claim_id"] for at in range(9)]
    adding = True

    async def add() -> None:
        at = 0
        while adding:
            await api.submit(MINIMAL | {"claim_amount": 1_000 + at})
            at += 1

    task = asyncio.create_task(add())
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = (await api.get(f"/v1/claims?limit=2&sort={sort}{cursor and f'&cursor={cursor}'}")).json()
        seen += [claim["claim_id"] for claim in page["claims"]]
        cursor = page["next_cursor"]
        await api.submit(MINIMAL | {"claim_amount": 10_000 + len(seen)})
    adding = False
    await task
    assert len(seen) == len(set(seen))
    assert [one for one in seen if one in made] == (made if sort == "received_at" else made[::-1])


async def test_claims_received_at_the_same_instant_have_one_order(api: Api):
    rows = ", ".join(
        f"('same-{at}', '2026-01-05Z', '2026-01-05', '2026-01-05', 100, 'approved', 0, 'api')" for at in range(5)
    )
    columns = "claim_id, received_at, service_from, service_to, amount_cents, status, approved_cents, source"
    api.execute(f"INSERT INTO claims ({columns}) VALUES {rows}")
    for sort, expected in (("received_at", range(5)), ("-received_at", range(4, -1, -1))):
        seen, cursor = [], ""
        while cursor is not None:
            page = (await api.get(f"/v1/claims?limit=2&sort={sort}{cursor and f'&cursor={cursor}'}")).json()
            seen += [claim["claim_id"] for claim in page["claims"]]
            cursor = page["next_cursor"]
        assert seen == [f"same-{at}" for at in expected]


async def test_a_claim_that_may_still_be_passed_is_not_listed_oldest_first(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    assert (await api.get("/v1/claims?sort=received_at")).json()["claims"] == []
    with clock.held(clock.from_micros(clock.micros(clock.now()) + 61_000_000)):
        (claim,) = (await api.get("/v1/claims?sort=received_at")).json()["claims"]
    assert claim["claim_id"] == claim_id


async def test_only_declared_orders_are_accepted(api: Api):
    for sort in ("claim_amount", "received_at;DROP", "", "-claim_id"):
        response = await api.get(f"/v1/claims?sort={sort}")
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "sort")
