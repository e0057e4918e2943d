"""Every POST route that changes something takes an Idempotency-Key, and carries a request out once.

The routes are those of the application. A new one is tested with the first example of its body, on a claim in review;
where that does not fit, it has a body in `BODIES_BY_PATH`.
"""

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

import httpx
import psycopg
import pytest

from api.idempotency import STORED_WITH_CLAIM, TAKES_NO_KEY, keyed_routes
from api.tables import Base
from api.versions import CURRENT
from tests.api.appeals import OVERTURNED, filed
from tests.api.case_requests import case_request
from tests.api.consents import OBJECTION
from tests.api.decisions import DENY, decide, held
from tests.api.makers import MINIMAL, Api, contract, running_api
from tests.api.rescreening import opened
from tests.api.samples import sample_body
from tests.api.signing import new_signing_key
from tests.api.test_work import TARGETS, application
from tests.api.webhooks import with_ids
from tests.formats.fhir_claims import fhir_claim

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATHS = [one.path for one in keyed_routes(application().routes)]
BODIES_BY_PATH = {
    "/claims": MINIMAL,
    "/v1/claims": MINIMAL,
    "/v1/fhir/Claim": fhir_claim(),
    "/v1/claims/{claim_id}/dispositions": {"disposition": "cleared"},
}
WEBHOOK_BODIES = {"test": {"event": "claim.voided"}, "replay": {"failed_since": "2026-01-01T00:00:00Z"}}
_DAYS = (date(2020, 1, 1) + timedelta(days=3 * number) for number in count())
"""Days of service far enough apart for claims not to be near-duplicates."""
IN_FLIGHT = "/docs/problems#in-flight"
_REFUSES_REPLIES = """
CREATE FUNCTION refuse_reply() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER refuse_reply BEFORE INSERT ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION refuse_reply();
"""
_ACCEPTS_REPLIES = "DROP TRIGGER refuse_reply ON idempotency_keys; DROP FUNCTION refuse_reply()"


RECORDED_ONCE = {
    *("/v1/members/{member_id}/consents", "/v1/members/{member_id}/consents/{consent_id}/withdraw"),
    "/v1/cases/{case_id}/samples/{sample_id}/estimate",
    *("/v1/cases", "/v1/cases/{case_id}/claims", "/v1/cases/{case_id}/tasks/{case_task_id}/complete"),
    *(f"/v1/leads/{{lead_id}}/{act}" for act in ("release", "snooze", "wake")),
}
"""Routes that answer with what is there already, no matter who sends it again."""
REGISTRIES = ("/v1/members", "/v1/providers", "/v1/procedures")
_NUMBERS = count()


@dataclass(frozen=True)
class Keyed:
    """A valid request to a route, which changes something."""

    path: str
    body: bytes

    async def send(self, api: Api, key: str, *, role: str = "admin", path: str = "", body: bytes = b""):
        return await api.post(path or self.path, body or self.body, role=role, **{"Idempotency-Key": key})


async def request_to(api: Api, path: str) -> Keyed:
    """A request to a route, on a claim of its own that is in review, or denied where the route is about appeals.

    A route about uploads has an upload of its own.
    """
    if "{job_id}" in path:
        begun = await api.post("/v1/bulk/claims", {"format": "csv", "size": 1})
        return Keyed(path.replace("{job_id}", begun.json()["job_id"]), b'{"reason": "the wrong month"}')
    if path == "/v1/signing-keys":
        return Keyed(path, json.dumps(new_signing_key(api)).encode())
    if "{api_key_id}" in path or "{signing_key_id}" in path:
        return Keyed(await with_ids(api, path), b"{}")
    claim_id = await held(api, service_from=next(_DAYS).isoformat())
    if "appeal" in path:
        await decide(api, claim_id, DENY)
    if "{appeal_id}" in path:
        path = path.replace("{appeal_id}", await filed(api, claim_id))
        return Keyed(path, json.dumps(OVERTURNED).encode())
    if "{finding_id}" in path:
        return Keyed(path.replace("{finding_id}", opened(api, claim_id)), b'{"reason": "no_action"}')
    if "{endpoint_id}" in path:
        body = WEBHOOK_BODIES[path.rpartition("/")[2]]
        return Keyed(await with_ids(api, path), json.dumps(body).encode())
    if path == "/v1/notification-subscriptions":
        new = {"event": "work.failed", "recipient": f"ann-{next(_NUMBERS)}@insurer.example"}
        return Keyed(path, json.dumps(new).encode())
    if "{mail_id}" in path:
        return Keyed(await with_ids(api, path), b"{}")
    if "{file_id}" in path:
        return Keyed(await with_ids(api, path), b'{"reason": "of another provider"}')
    if "/samples" in path:
        real = await with_ids(api, path)
        return Keyed(real, json.dumps(sample_body(api, real)).encode())
    if path.endswith("/evidence"):
        pack = {"organization": "Plan", "person": "A. Miller", "contact": "siu@insurer.example"}
        return Keyed(await with_ids(api, path), json.dumps(pack).encode())
    if path.startswith(("/v1/cases", "/v1/leads")):
        path, body = await case_request(api, path, claim_id)
        return Keyed(path, json.dumps(body).encode())
    if "{hold_id}" in path:
        return Keyed(await with_ids(api, path), b'{"reason": "the case was closed"}')
    if "{user_id}" in path:
        return Keyed(await with_ids(api, path), b'{"reason": "lost phone"}')
    if path.startswith("/v1/policies"):
        return await policy_request(api, path)
    if path.startswith("/v1/version"):
        return version_request(api, path)
    if "{consent_id}" in path:
        return Keyed(await with_ids(api, path), b"{}")
    if path.endswith("/consents"):
        member = await registry_request(api, "/v1/members/{member_id}/end")
        return Keyed(member.path.replace("/end", "/consents"), json.dumps(OBJECTION).encode())
    if path.startswith(REGISTRIES):
        return await registry_request(api, path)
    if path.startswith("/v1/authorizations"):
        return await authorization_request(api, path)
    if path in BODIES_BY_PATH:
        return Keyed(path.replace("{claim_id}", claim_id), json.dumps(BODIES_BY_PATH[path]).encode())
    operation = next(one for one in contract().operations if (one.method, one.path) == ("POST", path))
    schema = operation.described["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    example = contract().document["components"]["schemas"][schema]["examples"][0]
    return Keyed(path.replace("{claim_id}", claim_id), json.dumps(example).encode())


async def policy_request(api: Api, path: str) -> Keyed:
    """A request that stores a version of the policy, or activates or rolls back a new one of somebody else."""
    draft = {"document": {"title": f"Policy {next(_NUMBERS)}", "valid_from": "2026-01-01"}}
    if path == "/v1/policies":
        return Keyed(path, json.dumps(draft).encode())
    version = (await api.post("/v1/policies", draft, role="lead_investigator")).json()["version"]
    activation = f"/v1/policies/{version}/activate", {"reason": "a test", "force": True}
    if path.endswith("/activate"):
        return Keyed(activation[0], json.dumps(activation[1]).encode())
    assert (await api.post(*activation)).status_code == 201
    return Keyed(path, json.dumps({"reason": "a test"}).encode())


async def registry_request(api: Api, path: str) -> Keyed:
    """A request that creates a member, provider or procedure, or changes a new one."""
    collection = next(one for one in REGISTRIES if path.startswith(one))
    name = {"/v1/members": "member_id", "/v1/providers": "provider_id"}.get(collection, "procedure_code")
    entry = {name: f"N{next(_NUMBERS)}", "first_day": "2026-01-01", "last_day": "2028-12-31"}
    plan = {"plan_id": "PL1"} if collection == "/v1/members" else {}
    if path == collection:
        return Keyed(path, json.dumps(entry | plan).encode())
    assert (await api.post(collection, entry | plan)).status_code == 201
    ended = {"last_day": "2027-12-31", "reason": "a test"}
    body = ended if path.endswith("/end") else {"first_day": "2030-01-01"} | plan
    return Keyed(path.replace(f"{{{name}}}", entry[name]), json.dumps(body).encode())


async def authorization_request(api: Api, path: str) -> Keyed:
    """A request that creates a prior authorization, or ends a new one."""
    number = f"N{next(_NUMBERS)}"
    body = {"member_id": "M123", "procedures": ["P001"], "first_day": "2026-01-01", "state": "approved"}
    body["authorization_number"] = number
    if path == "/v1/authorizations":
        return Keyed(path, json.dumps(body).encode())
    assert (await api.post("/v1/authorizations", body)).status_code == 201
    ended = {"last_day": "2027-12-31", "reason": "a test"}
    return Keyed(path.replace("{authorization_number}", number), json.dumps(ended).encode())


def other_body(path: str) -> bytes:
    """A body that is another one for the route."""
    if path == "/v1/fhir/Claim":
        return json.dumps(fhir_claim()).encode().replace(b'"M123"', b'"M124"')
    return b""


def stored(api: Api) -> dict[str, int]:
    """Number of rows of every table.

    The audit log has one for a request that is refused or repeated, too, and data keys are made when first needed.
    """
    apart = ("audit_log", "audit_seals", "data_keys", "request_nonces")
    names = [name for name in Base.metadata.tables if name not in apart]
    counts = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names)
    return dict(api.rows(counts))


def headers_of(response: httpx.Response) -> dict[str, str]:
    differing = ("x-request-id", "idempotency-replayed", "ratelimit")
    return {name: value for name, value in response.headers.items() if name not in differing}


def invalid_fields(response: httpx.Response) -> list[str]:
    assert response.status_code == 422, response.text
    if response.headers["content-type"] == "application/fhir+json":
        return ["Idempotency-Key"] if "invalid_idempotency_key" in response.text else []
    return [error["field"] for error in response.json()["errors"]]


def version_request(api: Api, path: str) -> Keyed:
    """An upgrade from a version that is no longer served, or a rollback to one that is not served yet."""
    pin = f"'2099-01-01', '{CURRENT}', now()" if path.endswith(":rollback") else "'2020-01-01', NULL, NULL"
    columns = "(api_version, previous_version, upgraded_at, pinned_at)"
    api.execute(f"UPDATE api_keys SET {columns} = ({pin}, now()) WHERE name = 'admin'")
    return Keyed(path, b"{}" if path.endswith(":rollback") else json.dumps({"version": CURRENT}).encode())


def of_each_route(test):
    return pytest.mark.parametrize("path", PATHS)(test)


async def test_every_post_route_takes_a_key_or_has_a_reason_not_to():
    posts = {one.path for one in TARGETS if one.method == "POST" and not one.path.startswith("/console/")}
    assert posts == {*PATHS, *TAKES_NO_KEY}
    assert not set(PATHS) & set(TAKES_NO_KEY)
    assert set(PATHS) >= STORED_WITH_CLAIM
    assert all(TAKES_NO_KEY.values())


@of_each_route
async def test_a_repeated_request_gets_the_same_response_and_changes_nothing(shared_api: Api, path: str):
    request, key = await request_to(shared_api, path), f"repeat{path}"
    before = stored(shared_api)
    first = await request.send(shared_api, key)
    assert first.is_success, f"give {path} a body in BODIES_BY_PATH: {first.text}"
    after = stored(shared_api)
    assert after != before
    assert after["idempotency_keys"] == before["idempotency_keys"] + 1
    for _ in range(2):
        again = await request.send(shared_api, key)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert headers_of(again) == headers_of(first)
        assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert stored(shared_api) == after


@of_each_route
async def test_a_key_is_for_one_path_and_body(shared_api: Api, path: str):
    request, key = await request_to(shared_api, path), f"other{path}"
    first = await request.send(shared_api, key)
    after = stored(shared_api)
    body = other_body(path) or request.body + b" "
    assert invalid_fields(await request.send(shared_api, key, body=body)) == ["Idempotency-Key"]
    elsewhere = "/v1/claims" if path not in STORED_WITH_CLAIM else f"/v1/claims/{first.json().get('claim_id')}/void"
    other = json.dumps(MINIMAL if path not in STORED_WITH_CLAIM else {}).encode()
    response = await request.send(shared_api, key, path=elsewhere, body=other)
    assert invalid_fields(response) == ["Idempotency-Key"]
    assert stored(shared_api) == after


@of_each_route
async def test_a_key_belongs_to_the_client_that_sends_it(shared_api: Api, path: str):
    request, key = await request_to(shared_api, path), f"client{path}"
    first = await request.send(shared_api, key)
    for role in ("claims_system", "lead_investigator"):
        response = await request.send(shared_api, key, role=role)
        assert "idempotency-replayed" not in response.headers
        assert path in RECORDED_ONCE or response.content != first.content


@of_each_route
async def test_concurrent_requests_under_one_key_are_carried_out_once(shared_api: Api, path: str):
    request, key = await request_to(shared_api, path), f"concurrent{path}"
    keys = shared_api.count("idempotency_keys")
    replies = await asyncio.gather(*(request.send(shared_api, key) for _ in range(6)))
    done = [one for one in replies if one.is_success]
    refused = [one for one in replies if not one.is_success]
    assert ["idempotency-replayed" in one.headers for one in done].count(False) == 1
    assert {one.content for one in done} == {done[0].content}  # one that arrives after the first has ended is replayed
    assert {(one.status_code, one.json()["type"], one.headers["retry-after"]) for one in refused} <= {
        (409, IN_FLIGHT, "1")
    }
    assert shared_api.count("idempotency_keys") == keys + 1
    assert (await request.send(shared_api, key)).content == done[0].content


@of_each_route
async def test_a_change_is_not_stored_without_its_reply(shared_api: Api, path: str):
    request, key = await request_to(shared_api, path), f"whole{path}"
    before = stored(shared_api)
    shared_api.execute(_REFUSES_REPLIES)
    try:
        response = await request.send(shared_api, key)
        assert response.status_code == 503
        assert stored(shared_api) == before
    finally:
        shared_api.execute(_ACCEPTS_REPLIES)
    assert "idempotency-replayed" not in (again := await request.send(shared_api, key)).headers
    assert again.is_success


@of_each_route
async def test_a_refused_request_leaves_its_key_free(shared_api: Api, path: str):
    request, key = await request_to(shared_api, path), f"free{path}"
    before = stored(shared_api)
    refused = await request.send(shared_api, key, body=b'{"unknown": 1}')
    assert refused.status_code == 422
    if "{" in path:
        unknown = await request.send(
            shared_api, key, path=re.sub(r"\{\w+\}", "clm_none", path.replace("{version}", "999"))
        )
        assert unknown.status_code == 404
    assert stored(shared_api) == before
    assert (await request.send(shared_api, key)).is_success


@of_each_route
async def test_an_invalid_key_is_refused_on_every_route(shared_api: Api, path: str):
    request = await request_to(shared_api, path)
    for key in ("", "a b", "x" * 256):
        assert invalid_fields(await request.send(shared_api, key)) == ["Idempotency-Key"]
    stranger = {"Authorization": "Bearer gnj_unknown", "Idempotency-Key": "k"}
    assert (await shared_api.client.post(request.path, content=request.body, headers=stranger)).status_code == 401


@of_each_route
async def test_a_request_without_a_key_stores_no_reply(shared_api: Api, path: str):
    request = await request_to(shared_api, path)
    keys = [row[0] for row in shared_api.rows("SELECT key FROM idempotency_keys ORDER BY key")]
    assert (await shared_api.post(request.path, request.body)).is_success
    now = [row[0] for row in shared_api.rows("SELECT key FROM idempotency_keys ORDER BY key")]
    assert [key for key in now if not key.startswith("fhir ")] == [key for key in keys if not key.startswith("fhir ")]


async def test_a_second_void_is_answered_as_the_first_only_under_its_key(api: Api):
    path = f"/v1/claims/{await held(api)}/void"
    first = await api.post(path, {"reason": "billed in error"}, **{"Idempotency-Key": "v1"})
    assert (first.status_code, first.json()["status"]) == (200, "voided")
    again = await api.post(path, {"reason": "billed in error"}, **{"Idempotency-Key": "v1"})
    assert (again.status_code, again.content) == (200, first.content)
    other = await api.post(path, {"reason": "billed in error"}, **{"Idempotency-Key": "v2"})
    assert (other.status_code, other.json()["type"]) == (409, "/docs/problems#conflict")
    assert api.rows("SELECT count(*) FROM audit_log WHERE act = 'claim.void'") == [(1,)]
    assert api.count("idempotency_keys") == 1


async def test_a_key_in_use_by_another_process_is_in_flight(api: Api):
    path = f"/v1/claims/{await held(api)}/void"
    (caller,) = api.rows("SELECT api_key_id FROM api_keys WHERE role = 'admin'")[0]
    with psycopg.connect(api.url) as other:
        lock = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 1))"
        assert other.execute(lock, [f"{caller} v1"]).fetchone() == (True,)
        response = await api.post(path, {}, **{"Idempotency-Key": "v1"})
        assert (response.status_code, response.json()["type"]) == (409, IN_FLIGHT)
        assert (await api.post(path, {}, **{"Idempotency-Key": "v2"})).status_code == 200


async def test_processes_carry_a_request_out_once_together(seeded_url: str):
    async with running_api(seeded_url) as one, running_api(seeded_url) as other:
        other.keys = one.keys
        for round_ in range(5):
            path, key = f"/v1/claims/{await held(one)}/void", f"round {round_}".replace(" ", "-")
            tries = [api.post(path, {}, **{"Idempotency-Key": key}) for api in (one, other) * 3]
            replies = await asyncio.gather(*tries)
            bodies = {reply.content for reply in replies if reply.status_code == 200}
            assert len(bodies) == 1
            assert {reply.json()["type"] for reply in replies if reply.status_code != 200} <= {IN_FLIGHT}
        assert one.rows("SELECT count(*) FROM audit_log WHERE act = 'claim.void'") == [(5,)]
