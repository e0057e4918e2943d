"""Administrators register receivers, change them, and see and replay what was sent to them."""

from datetime import date, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from api.field_keys import WEBHOOK_SECRET, FieldKeys, StoredSecrets
from api.housekeeping import every_day
from api.identity import ROLES, Scope
from api.migrate import plain_url
from api.retention import declared_days
from api.webhooks.delivery import SWEPT
from api.webhooks.service import MAX_ENDPOINTS, MAX_REPLAYED, MAX_SECRETS
from core import clock
from tests.api.decisions import approved, fields
from tests.api.makers import Api
from tests.api.webhooks import LOCAL, deliver, details, endpoint_of, receiving, registered, sender, tried

URL = "https://127.0.0.1:9/hook"


async def patch(api: Api, endpoint: dict[str, Any], body: Any, **headers: str) -> httpx.Response:
    path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}"
    return await api.client.patch(path, json=body, headers=api.as_("admin") | headers)


async def test_an_endpoint_is_registered_with_a_secret_that_is_shown_once_and_stored_encrypted(api: Api):
    sent = {"url": URL, "events": ["claim.in_review", "claim.decided"], "description": "claims system"}
    response = await api.post("/v1/webhook-endpoints", sent)
    made = response.json()
    assert response.headers["location"] == f"/v1/webhook-endpoints/{made['endpoint_id']}"
    assert made["secret"].startswith("whsec_")
    assert made["events"] == ["claim.decided", "claim.in_review"]
    assert (made["status"], made["disabled_reason"], made["api_version"]) == ("active", None, "2026-11-27")
    assert await endpoint_of(api, made) == {name: value for name, value in made.items() if name != "secret"}
    listed = (await api.get("/v1/webhook-endpoints")).json()["endpoints"]
    assert listed == [await endpoint_of(api, made)]
    ((stored,),) = api.rows("SELECT ciphertext FROM webhook_secrets")
    assert made["secret"].encode() not in bytes(stored)
    secrets = StoredSecrets(LOCAL, FieldKeys(LOCAL, api.url))
    assert await secrets.opened(WEBHOOK_SECRET, bytes(stored), made["endpoint_id"]) == made["secret"]
    assert api.count("idempotency_keys") == 0


async def test_acts_on_endpoints_are_audited_without_urls_or_secrets(api: Api):
    endpoint = await registered(api, URL)
    path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}"
    await patch(api, endpoint, {"events": ["claim.voided"]})
    await api.post(f"{path}/rotate-secret", {})
    await api.post(f"{path}/replay", {"failed_since": "2026-03-02T10:15:00Z"})
    assert (await api.client.delete(path, headers=api.as_("admin"))).status_code == 204
    rows = api.rows("SELECT act, name, claim_id, details FROM audit_log WHERE act LIKE 'webhook%%' ORDER BY audit_id")
    assert [act for act, *_ in rows] == [
        *("webhook_endpoint.register", "webhook_endpoint.change", "webhook_endpoint.rotate_secret"),
        *("webhook_endpoint.replay", "webhook_endpoint.delete"),
    ]
    for _, name, claim_id, found in rows:
        assert (name, claim_id, found["endpoint_id"]) == ("admin", None, endpoint["endpoint_id"])
        assert "127.0.0.1" not in str(found)
        assert "whsec_" not in str(found)


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_only_administrators_manage_webhooks(api: Api, role):
    may = Scope.WEBHOOKS in ROLES[role]
    assert may == (role == "admin")
    assert (await api.get("/v1/webhook-endpoints", role=role)).status_code == (200 if may else 403)
    sent = {"url": URL, "events": ["claim.decided"]}
    assert (await api.post("/v1/webhook-endpoints", sent, role=role)).status_code == (201 if may else 403)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://8.8.8.8/"}, "url"),
        ({"url": "https://8.8.8.8:22/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "url"),
        ({"url": "https://user:pw@8.8.8.8/"}, "url"),
        ({"url": "https://no-such-host.invalid/"}, "url"),
        ({"url": "https://8.8.8.8/" + "a" * 2_048}, "url"),
        ({"events": []}, "events"),
        ({"events": ["claim.decided", "claim.decided"]}, "events"),
        ({"events": ["claim.received"]}, "events[0]"),
        ({"events": ["endpoint.test"]}, "events[0]"),
        ({"api_version": "2020-01-01"}, "api_version"),
        ({"description": "x" * 501}, "description"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
async def test_an_endpoint_that_is_not_valid_is_refused_by_the_name_of_its_field(api: Api, change, field):
    response = await api.post("/v1/webhook-endpoints", {"url": URL, "events": ["claim.decided"]} | change)
    assert fields(response) == [field]
    endpoint = await registered(api, URL)
    if "secret" not in change:
        assert fields(await patch(api, endpoint, change)) == [field]
    assert api.count("webhook_endpoints") == 1


async def test_a_url_is_registered_once_and_there_is_a_limit_to_endpoints(api: Api):
    first = await registered(api, URL)
    again = await api.post("/v1/webhook-endpoints", {"url": URL, "events": ["claim.decided"]})
    assert again.status_code == 409
    assert first["endpoint_id"] in again.json()["detail"]
    for number in range(MAX_ENDPOINTS - 1):
        other = await registered(api, f"{URL}/{number}")
    refused = await api.post("/v1/webhook-endpoints", {"url": f"{URL}/more", "events": ["claim.decided"]})
    assert (refused.status_code, str(MAX_ENDPOINTS) in refused.json()["detail"]) == (409, True)
    assert (await patch(api, other, {"url": URL})).status_code == 409
    assert (await patch(api, first, {"url": URL})).status_code == 200


async def test_a_change_is_made_only_to_the_endpoint_that_was_read(api: Api):
    endpoint = await registered(api, URL)
    path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}"
    tag = (await api.get(path)).headers["etag"]
    changed = await patch(api, endpoint, {"events": ["claim.voided"], "description": "new"}, **{"If-Match": tag})
    assert (changed.status_code, changed.json()["events"]) == (200, ["claim.voided"])
    assert changed.json() == await endpoint_of(api, endpoint)
    stale = await patch(api, endpoint, {"events": ["claim.pended"]}, **{"If-Match": tag})
    assert (stale.status_code, stale.json()["type"]) == (412, "/docs/problems#precondition-failed")
    deleted = await api.client.delete(path, headers=api.as_("admin") | {"If-Match": tag})
    assert deleted.status_code == 412
    assert (await endpoint_of(api, endpoint))["events"] == ["claim.voided"]
    assert fields(await patch(api, endpoint, {"events": None})) == ["events"]
    assert (await patch(api, endpoint, {"description": None})).json()["description"] is None


async def test_an_endpoint_is_disabled_and_enabled_by_a_person(api: Api):
    endpoint = await registered(api, URL)
    delivery_id = await tried(api, endpoint)
    disabled = (await patch(api, endpoint, {"status": "disabled"})).json()
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "admin")
    assert disabled["disabled_at"] is not None
    assert await deliver(api) == 0
    shown = await details(api, delivery_id)
    assert (shown["status"], shown["error"], shown["attempts"]) == ("failed", "endpoint_disabled", 0)
    path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}"
    assert (await api.post(f"{path}/replay", {"delivery_id": delivery_id})).status_code == 409
    enabled = (await patch(api, endpoint, {"status": "active"})).json()
    assert (enabled["status"], enabled["disabled_reason"], enabled["disabled_at"]) == ("active", None, None)


async def test_deleting_an_endpoint_deletes_what_was_sent_to_it(api: Api):
    endpoint = await registered(api, URL)
    await tried(api, endpoint)
    await deliver(api)
    path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}"
    assert (await api.client.delete(path, headers=api.as_("admin"))).status_code == 204
    assert api.count("webhook_secrets") == 0
    assert (await api.get(path)).status_code == 404
    assert (await api.client.delete(path, headers=api.as_("admin"))).status_code == 404
    assert (await api.get("/v1/webhook-endpoints")).json() == {"endpoints": []}
    await registered(api, URL)  # the URL is free again
    await approved(api)
    await deliver(api)
    tables = ("endpoints", "secrets", "deliveries", "attempts")
    assert [api.count(f"webhook_{table}") for table in tables] == [1, 1, 1, 1]


async def test_secrets_overlap_up_to_a_limit(api: Api):
    endpoint = await registered(api, URL)
    path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}/rotate-secret"
    for number in range(2, MAX_SECRETS + 1):
        assert len((await api.post(path, {"overlap_hours": 1})).json()["secrets"]) == number
    refused = await api.post(path, {})
    assert (refused.status_code, "overlap_hours 0" in refused.json()["detail"]) == (409, True)
    assert len((await api.post(path, {"overlap_hours": 0})).json()["secrets"]) == 1
    assert fields(await api.post(path, {"overlap_hours": 25})) == ["overlap_hours"]


async def test_deliveries_are_listed_by_page_and_status(api: Api):
    async with receiving() as receiver:
        endpoint = await registered(api, receiver.url)
        sent = [await tried(api, endpoint) for _ in range(5)]
        await deliver(api)
        receiver.status = 500
        sent += [await tried(api, endpoint) for _ in range(2)]
        await deliver(api)
        path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}/deliveries"
        found, cursor = [], ""
        while cursor is not None:
            page = (await api.get(f"{path}?limit=3{cursor and '&cursor=' + cursor}")).json()
            assert len(page["deliveries"]) <= 3
            found += [one["delivery_id"] for one in page["deliveries"]]
            cursor = page["next_cursor"]
        assert found == sorted(sent, reverse=True)
        for status, number in (("pending", 2), ("delivered", 5), ("failed", 0)):
            assert len((await api.get(f"{path}?status={status}")).json()["deliveries"]) == number
        for wrong in ("status=gone", "limit=0", "limit=101", "cursor=x"):
            assert fields(await api.get(f"{path}?{wrong}")) == [wrong.partition("=")[0]]
        assert len((await api.get(f"{path}?limit=100")).json()["deliveries"]) == 7
        assert (await api.get(path.replace("hook_", "hook_x"))).status_code == 404


async def test_a_replay_names_one_delivery_of_the_endpoint_or_an_instant(api: Api):
    endpoint, other = await registered(api, URL), await registered(api, f"{URL}/other")
    delivery_id = await tried(api, endpoint)
    path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}/replay"
    assert (await api.post(path, {"delivery_id": delivery_id})).status_code == 409  # it is pending
    for wrong in ({}, {"delivery_id": delivery_id, "failed_since": "2026-03-02T10:15:00Z"}):
        assert fields(await api.post(path, wrong)) == ["delivery_id"]
    assert fields(await api.post(path, {"failed_since": "2999-01-01T00:00:00Z"})) == ["failed_since"]
    of_other = path.replace(endpoint["endpoint_id"], other["endpoint_id"])
    assert (await api.post(of_other, {"delivery_id": delivery_id})).status_code == 404
    api.execute("UPDATE webhook_deliveries SET status = 'failed', due_at = NULL")
    future = (clock.now() + timedelta(minutes=1)).isoformat()
    assert (await api.post(path, {"failed_since": future})).json() == {"replayed": 0, "more": False}
    assert (await api.post(path, {"failed_since": endpoint["created_at"]})).json() == {"replayed": 1, "more": False}


async def test_a_replay_and_a_clean_up_take_batches(api: Api):
    endpoint = await registered(api, URL)
    api.execute(
        f"""INSERT INTO webhook_deliveries (delivery_id, endpoint_id, event_id, event_type, body, created_at, status)
        SELECT 'dlv_' || n, '{endpoint["endpoint_id"]}', n, 'claim.decided', '{{}}', now(), 'failed'
        FROM generate_series(1, {MAX_REPLAYED + 1}) n"""
    )
    path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}/replay"
    every = {"failed_since": endpoint["created_at"]}
    assert (await api.post(path, every)).json() == {"replayed": MAX_REPLAYED, "more": True}
    assert (await api.post(path, every)).json() == {"replayed": 1, "more": False}
    await patch(api, endpoint, {"status": "disabled"})
    assert await sender(api).sweep() == SWEPT
    assert api.rows("SELECT count(*) FROM webhook_deliveries WHERE status = 'failed'") == [(SWEPT,)]


async def test_deliveries_and_expired_secrets_are_removed_after_their_time(api: Api):
    endpoint = await registered(api, URL)
    old, new = await tried(api, endpoint), await tried(api, endpoint)
    await deliver(api)
    await api.post(f"/v1/webhook-endpoints/{endpoint['endpoint_id']}/rotate-secret", {})
    day = date(2026, 6, 30)
    for delivery_id, age in (
        (old, declared_days("webhook_deliveries") + 1),
        (new, declared_days("webhook_deliveries") - 1),
    ):
        with psycopg.connect(api.url) as connection:
            connection.execute(
                "UPDATE webhook_deliveries SET created_at = %s WHERE delivery_id = %s",
                [day - timedelta(days=age), delivery_id],
            )
    api.execute("UPDATE webhook_secrets SET expires_at = '2026-06-29' WHERE expires_at IS NOT NULL")
    every_day(plain_url(api.url), day)
    assert api.rows("SELECT delivery_id FROM webhook_deliveries") == [(new,)]
    assert api.rows("SELECT delivery_id FROM webhook_attempts") == [(new,)]
    assert api.count("webhook_secrets") == 1
