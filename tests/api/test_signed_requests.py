"""Requests that approve or administer: signed with an API key, confirmed by a second factor as a user."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from api.app import create_app
from api.housekeeping import every_day
from api.migrate import plain_url
from api.request_signing import RequestSigner, required_components
from api.signed_requests import CONFIRMED
from core import clock
from core.settings import Settings
from core.signing import new_key
from tests.api.appeals import OVERTURNED, filed, rejected
from tests.api.decisions import APPROVE, DENY, LARGE, RELEASE, held, version_of
from tests.api.makers import ENCRYPTION_KEY, MINIMAL, Api, running_api
from tests.api.signing import SIGNER, new_signing_key, register, signed
from tests.api.signing_in import investigator, person, with_second_factor
from tests.api.waiting import is_waiting, until

NEW_KEY = json.dumps({"name": "intake", "role": "claims_system"}).encode()
REPLAYS = 1_000


@asynccontextmanager
async def bare(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """A client that signs nothing by itself."""
    transport = httpx.ASGITransport(api.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://claims") as client:
        yield client


def request(
    client: httpx.AsyncClient,
    secret: str,
    path: str = "/v1/keys",
    body: bytes = NEW_KEY,
    signer: RequestSigner | None = SIGNER,
    **headers: str,
) -> httpx.Request:
    """A POST request with the headers of its signature; it can be sent again and again."""
    sent = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json", **headers}
    made = client.build_request("POST", path, content=body, headers=sent)
    if signer is not None:
        made.headers.update(signed(made, signer))
    return made


def kind(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(response.json().get("type", "")).rpartition("#")[2]


async def test_a_request_that_is_not_signed_is_refused_and_learns_what_to_sign(api: Api):
    before = api.count("api_keys")
    async with bare(api) as client:
        refused = await client.send(request(client, api.keys["admin"], signer=None))
    assert kind(refused) == (401, "signature-required")
    assert "ginja keys sign-request" in refused.json()["detail"]
    asked = refused.headers["accept-signature"]
    listed = required_components(
        dict.fromkeys(("content-type", "idempotency-key", "if-match", "x-api-version", "x-purpose-of-use"), "")
    )
    names = " ".join(f'"{one}"' for one in listed)
    assert asked == f'sig1=({names});created;alg="ed25519";tag="ginja"'
    assert api.count("api_keys") == before
    ((outcome,),) = api.rows("SELECT outcome FROM audit_log WHERE act = 'api_key.create'")
    assert outcome == "denied"


async def test_a_signed_request_is_carried_out_and_the_audit_log_names_the_key(api: Api):
    async with bare(api) as client:
        register(api.url, api.keys["admin"])
        made = await client.send(request(client, api.keys["admin"]))
    assert made.status_code == 201
    ((by,),) = api.rows("SELECT details ->> 'confirmed_by' FROM audit_log WHERE act = 'api_key.create'")
    assert by == f"signature {SIGNER.public.key_id}"


@pytest.mark.parametrize("route", sorted(CONFIRMED))
async def test_each_route_of_the_table_refuses_an_unsigned_request_whatever_its_body(api: Api, route: str):
    method, _, path = route.partition(" ")
    async with bare(api) as client:
        path = re.sub(r"\{\w+\}", "1", path)
        headers = {"Authorization": f"Bearer {api.keys['admin']}", "If-Match": '"1"'}
        for body in (b"{}", b"", b"not json"):
            refused = await client.request(method, path, content=body, headers=headers)
            assert kind(refused) == (401, "signature-required")


async def test_a_thousand_replays_are_refused_by_every_process(api: Api):
    register(api.url, api.keys["admin"])
    other = create_app(Settings(scorer_url="http://127.0.0.1:1", encryption_keys=ENCRYPTION_KEY), api.url)
    async with other.router.lifespan_context(other), bare(api) as client:
        transport = httpx.ASGITransport(other, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://claims") as second:
            sent = request(client, api.keys["admin"])
            assert (await client.send(sent)).status_code == 201
            keys = api.count("api_keys")
            for start in range(0, REPLAYS, 20):
                group = [(client, second)[number % 2].send(sent) for number in range(start, start + 20)]
                assert {kind(one) for one in await asyncio.gather(*group)} == {(401, "signature-invalid")}
    assert api.count("api_keys") == keys


async def test_of_copies_that_arrive_at_the_same_time_one_is_carried_out(api: Api):
    register(api.url, api.keys["admin"])
    other = create_app(Settings(scorer_url="http://127.0.0.1:1", encryption_keys=ENCRYPTION_KEY), api.url)
    async with other.router.lifespan_context(other), bare(api) as client:
        transport = httpx.ASGITransport(other, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://claims") as second:
            for _ in range(5):
                sent, keys = request(client, api.keys["admin"]), api.count("api_keys")
                answers = await asyncio.gather(*((client, second)[number % 2].send(sent) for number in range(10)))
                assert sorted(one.status_code for one in answers) == [201] + [401] * 9
                assert api.count("api_keys") == keys + 1


async def test_a_copy_with_its_idempotency_key_is_not_even_answered_by_the_stored_response(api: Api):
    register(api.url, api.keys["admin"])
    body = json.dumps(new_signing_key(api)).encode()
    async with bare(api) as client:

        def again() -> httpx.Request:
            return request(client, api.keys["admin"], "/v1/signing-keys", body, **{"Idempotency-Key": "once"})

        first = again()
        made = await client.send(first)
        assert made.status_code == 201
        assert kind(await client.send(first)) == (401, "signature-invalid")
        repeated = await client.send(again())  # the same client, which signs its retry
        assert (repeated.status_code, repeated.headers["idempotency-replayed"]) == (201, "true")
        assert repeated.json() == made.json()


async def test_a_changed_request_is_refused_and_its_nonce_stays_unused(api: Api):
    register(api.url, api.keys["admin"])
    async with bare(api) as client:
        good = request(client, api.keys["admin"], **{"X-Purpose-Of-Use": "HSYSADMIN"})
        for place in range(0, len(NEW_KEY), 7):
            changed = NEW_KEY[:place] + bytes([NEW_KEY[place] ^ 1]) + NEW_KEY[place + 1 :]
            copy = client.build_request("POST", "/v1/keys", content=changed, headers=dict(good.headers))
            assert kind(await client.send(copy)) == (401, "signature-invalid")
        for name, value in (("X-Purpose-Of-Use", "FRAUD"), ("Content-Type", "application/x+json"), ("Host", "evil")):
            headers = dict(good.headers) | {name.lower(): value}
            copy = client.build_request("POST", "/v1/keys", content=NEW_KEY, headers=headers)
            assert kind(await client.send(copy)) == (401, "signature-invalid"), name
        for path in ("/v1/keys?a=1", "/v1/users"):
            copy = client.build_request("POST", path, content=NEW_KEY, headers=dict(good.headers))
            assert (await client.send(copy)).status_code in (401, 422)
        assert (await client.send(good)).status_code == 201


async def test_a_signature_made_with_the_key_of_another_api_key_is_refused(api: Api):
    other = RequestSigner(new_key())
    register(api.url, api.keys["lead_investigator"], other)
    async with bare(api) as client:
        refused = await client.send(request(client, api.keys["admin"], signer=other))
        unknown = await client.send(request(client, api.keys["admin"], signer=RequestSigner(new_key())))
    assert kind(refused) == kind(unknown) == (401, "signature-invalid")
    assert refused.json()["detail"] == unknown.json()["detail"]


async def test_a_signing_key_that_is_revoked_or_expired_signs_nothing(api: Api):
    signer = RequestSigner(new_key())
    body = new_signing_key(api, "admin") | {"public_key": signer.public_pem, "expires_in_days": 1}
    made = await api.post("/v1/signing-keys", body)
    assert (made.status_code, made.json()["key_id"], made.json()["state"]) == (201, signer.public.key_id, "valid")
    place = made.headers["location"]
    async with bare(api) as client:

        async def accepted() -> bool:
            return (await client.send(request(client, api.keys["admin"], signer=signer))).status_code == 201

        assert await accepted()
        with clock.held(clock.now() + timedelta(days=1)):
            assert not await accepted()
            assert (await api.get(place)).json()["state"] == "expired"
        revoked = await api.post(f"{place}/revoke", {})
        assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
        assert not await accepted()
    assert (await api.post(f"{place}/revoke", {})).status_code == 409
    again = await api.post("/v1/signing-keys", body)
    assert (again.status_code, "was revoked" in again.json()["detail"]) == (409, True)


async def test_a_public_key_is_revoked_of_every_actor_that_has_it(api: Api):
    signer = RequestSigner(new_key())
    made = await api.post("/v1/signing-keys", new_signing_key(api, "admin") | {"public_key": signer.public_pem})
    async with bare(api) as client:
        rotated = await api.post(f"/v1/keys/{made.json()['actor_id']}/rotate", {})
        secret = rotated.json()["secret"]
        assert (await client.send(request(client, secret, signer=signer))).status_code == 201, "rotation keeps it"
        listed = (await api.get(f"/v1/signing-keys?actor_id={rotated.json()['api_key_id']}")).json()["keys"]
        assert signer.public.key_id in {one["key_id"] for one in listed}
        await api.post(f"/v1/signing-keys/{made.json()['signing_key_id']}/revoke", {})
        assert kind(await client.send(request(client, secret, signer=signer))) == (401, "signature-invalid")


@pytest.mark.parametrize(
    ("changes", "status", "about"),
    [
        ({"public_key": "-----BEGIN PUBLIC KEY-----"}, 422, "public_key"),
        ({"actor_id": "key_unknown"}, 422, "actor_id"),
        ({"actor_id": "usr_unknown"}, 422, "actor_id"),
        ({"expires_in_days": 0}, 422, "expires_in_days"),
        ({"private_key": "x"}, 422, "private_key"),
    ],
)
async def test_a_key_that_cannot_be_registered_is_refused_by_field(api: Api, changes: Any, status: int, about: str):
    refused = await api.post("/v1/signing-keys", new_signing_key(api) | changes)
    assert refused.status_code == status
    assert about in refused.text


async def test_a_public_key_that_is_registered_twice_at_once_is_a_conflict(api: Api):
    body = new_signing_key(api)
    made = (await api.post("/v1/signing-keys", body)).json()["signing_key_id"]
    api.execute(f"CREATE TABLE kept AS SELECT * FROM request_signing_keys WHERE signing_key_id = '{made}'")
    api.execute(f"DELETE FROM request_signing_keys WHERE signing_key_id = '{made}'")
    with psycopg.connect(plain_url(api.url)) as connection:
        connection.execute("INSERT INTO request_signing_keys SELECT * FROM kept")
        adding = asyncio.ensure_future(api.post("/v1/signing-keys", body))
        await until(lambda: is_waiting(api))
    refused = await adding
    assert (refused.status_code, "is registered" in refused.json()["detail"]) == (409, True)


async def test_nobody_registers_a_key_for_an_actor_that_may_do_more(api: Api):
    made = await api.post("/v1/keys", {"name": "limited", "role": "admin", "scopes": ["keys:manage"]})
    api.keys["limited"] = made.json()["secret"]
    refused = await api.post("/v1/signing-keys", new_signing_key(api, "investigator"), role="limited")
    assert (refused.status_code, "does not have" in refused.json()["detail"]) == (403, True)
    assert (await api.post("/v1/signing-keys", new_signing_key(api, "limited"), role="limited")).status_code == 201


async def test_approvals_and_large_claims_are_signed_and_other_decisions_are_not(api: Api):
    small, large = await held(api), await held(api, LARGE)
    async with bare(api) as client:

        async def send(claim_id: str, body: Any, role: str, signer: RequestSigner | None) -> tuple[int, str]:
            register(api.url, api.keys[role])
            content = json.dumps(body | {"expected_version": await version_of(api, claim_id)}).encode()
            path = f"/v1/claims/{claim_id}/decisions"
            return kind(await client.send(request(client, api.keys[role], path, content, signer)))

        assert await send(small, RELEASE, "investigator", None) == (201, "")
        assert await send(large, RELEASE, "investigator", None) == (401, "signature-required")
        assert await send(large, RELEASE, "investigator", SIGNER) == (201, "")
        assert await send(large, APPROVE, "lead_investigator", None) == (401, "signature-required")
        assert await send(large, APPROVE, "lead_investigator", SIGNER) == (201, "")
        reopened = {"action": "reopen", "reason": "new_evidence"}
        assert await send(small, reopened, "lead_investigator", None) == (401, "signature-required")
        assert await send(small, reopened, "lead_investigator", SIGNER) == (201, "")


async def test_a_disposition_of_a_large_claim_is_signed(api: Api):
    small, large = await held(api), await held(api, LARGE)
    register(api.url, api.keys["investigator"])
    async with bare(api) as client:

        async def send(claim_id: str, signer: RequestSigner | None) -> tuple[int, str]:
            path = f"/v1/claims/{claim_id}/dispositions"
            made = request(client, api.keys["investigator"], path, b'{"disposition": "cleared"}', signer)
            return kind(await client.send(made))

        assert await send(small, None) == (201, "")
        assert await send(large, None) == (401, "signature-required")
        assert await send(large, SIGNER) == (201, "")
        assert await send("clm_01m86p3ap6yntdyk7shqjq4hs9", None) == (404, "not-found")


async def test_a_stripped_signature_is_refused_where_the_signed_request_was_carried_out(api: Api):
    large = await held(api, LARGE)
    register(api.url, api.keys["investigator"])
    content = json.dumps(DENY | {"expected_version": 1}).encode()
    async with bare(api) as client:
        good = request(client, api.keys["investigator"], f"/v1/claims/{large}/decisions", content)
        assert (await client.send(good)).status_code == 201
        stripped = {name: value for name, value in good.headers.items() if not name.startswith("signature")}
        copy = client.build_request("POST", good.url.path, content=content, headers=stripped)
        assert kind(await client.send(copy)) == (401, "signature-required")


async def test_a_user_confirms_by_a_second_factor_of_the_last_ten_minutes(api: Api):
    user = await investigator(api)
    large, another = await held(api, LARGE), await held(api, LARGE | {"claim_amount": "5000.02"})
    token = (await user.sign_in())["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    body = RELEASE | {"expected_version": 1}
    made = await api.client.post(f"/v1/claims/{large}/decisions", json=body, headers=headers)
    assert made.status_code == 201, made.text
    ((by,),) = api.rows("SELECT details ->> 'confirmed_by' FROM audit_log WHERE act = 'claim.release'")
    assert by == "second factor"
    api.execute("UPDATE token_families SET created_at = created_at - interval '11 minutes'")
    api.execute("UPDATE users SET signed_out_at = signed_out_at - interval '1 hour'")
    api.dependencies.access_tokens.forget(user.user_id)
    late = await api.client.post(f"/v1/claims/{another}/decisions", json=body, headers=headers)
    assert kind(late) == (401, "step-up-required")
    assert 'error="insufficient_user_authentication"' in late.headers["www-authenticate"]


@pytest.mark.parametrize("path", ["/v1/keys", "/v1/signing-keys", "/v1/users", "/v1/policies:rollback"])
async def test_a_user_administers_with_a_recent_second_factor_only(api: Api, path: str):
    admin = await with_second_factor(await person(api, "admin"))
    headers = {"Authorization": f"Bearer {(await admin.sign_in())['access_token']}"}
    recent = await api.client.post(path, json={}, headers=headers)
    assert recent.status_code == 422, recent.text
    api.execute("UPDATE token_families SET created_at = created_at - interval '11 minutes'")
    api.execute("UPDATE users SET signed_out_at = signed_out_at - interval '1 hour'")
    api.dependencies.access_tokens.forget(admin.user_id)
    assert kind(await api.client.post(path, json={}, headers=headers)) == (401, "step-up-required")


async def test_a_user_may_sign_instead(api: Api):
    admin = await with_second_factor(await person(api, "admin"))
    token = (await admin.sign_in())["access_token"]
    signer = RequestSigner(new_key())
    body = {"actor_id": admin.user_id, "name": "laptop", "public_key": signer.public_pem}
    assert (await api.post("/v1/signing-keys", body)).status_code == 201
    api.execute("UPDATE token_families SET created_at = created_at - interval '11 minutes'")
    api.execute("UPDATE users SET signed_out_at = signed_out_at - interval '1 hour'")
    api.dependencies.access_tokens.forget(admin.user_id)
    async with bare(api) as client:
        assert (await client.send(request(client, token, signer=signer))).status_code == 201


async def test_the_outcome_of_an_appeal_is_signed(api: Api):
    appeal_id = await filed(api, await rejected(api))
    async with bare(api) as client:
        path = f"/v1/appeals/{appeal_id}/decision"
        body = json.dumps(OVERTURNED).encode()
        refused = await client.send(request(client, api.keys["lead_investigator"], path, body, None))
    assert kind(refused) == (401, "signature-required")


async def test_a_platform_can_accept_unsigned_requests_and_still_refuses_wrong_signatures(seeded_url: str):
    async with running_api(seeded_url, signed_requests="accepted") as api, bare(api) as client:
        register(api.url, api.keys["admin"])
        assert (await client.send(request(client, api.keys["admin"], signer=None))).status_code == 201
        sent = request(client, api.keys["admin"])
        assert (await client.send(sent)).status_code == 201
        assert kind(await client.send(sent)) == (401, "signature-invalid")


async def test_old_nonces_are_deleted_once_no_signature_can_have_them(api: Api):
    register(api.url, api.keys["admin"])
    async with bare(api) as client:
        assert (await client.send(request(client, api.keys["admin"]))).status_code == 201
    today = datetime.now(UTC).date()
    every_day(plain_url(api.url), today + timedelta(days=1))
    assert api.count("request_nonces") == 1
    every_day(plain_url(api.url), today + timedelta(days=3))
    assert api.count("request_nonces") == 0


async def test_a_signed_body_above_the_limit_is_refused_before_it_is_hashed(api: Api):
    register(api.url, api.keys["admin"])
    async with bare(api) as client:
        large = request(client, api.keys["admin"], body=b" " * 300_000)
        assert kind(await client.send(large)) == (413, "too-large")


async def test_a_signature_of_a_request_that_needs_none_is_not_read(api: Api):
    async with bare(api) as client:
        sent = request(client, api.keys["admin"], "/v1/claims", json.dumps(MINIMAL).encode(), RequestSigner(new_key()))
        assert (await client.send(sent)).status_code == 201


async def test_without_the_scope_the_signature_is_not_looked_at(api: Api):
    async with bare(api) as client:
        assert kind(await client.send(request(client, api.keys["investigator"], signer=None))) == (403, "forbidden")
