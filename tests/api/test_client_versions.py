"""A client is pinned to the version of its first call, upgrades, and rolls back within 72 hours."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.client_versions import ROLLBACK_WINDOW, set_version
from api.errors import Invalid, NotFound
from api.identity import ROLES, Caller, create_key, replace_key, service
from api.versions import CURRENT, HEADER, ApiVersion, VersionHistory
from core import clock
from tests.api.makers import MINIMAL, Api, running_api
from tests.api.test_version_changes import HISTORY, MIDDLE, MIDDLE_CLAIM, NEWEST

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
OPERATOR = Caller("command line", "operator", None, "ann")


@pytest.fixture
async def versioned(seeded_url: str) -> AsyncIterator[Api]:
    """An API with three versions, and keys that called before the two newer ones."""
    async with running_api(seeded_url) as before:
        for role in ROLES:
            assert (await before.get("/v1/version", role=role)).json()["version"] == CURRENT
    async with running_api(seeded_url, versions=HISTORY) as running:
        running.client.event_hooks["response"] = []
        running.keys |= {f"old {role}": key for role, key in before.keys.items()}
        yield running


async def version(api: Api, role: str = "old admin") -> dict[str, Any]:
    response = await api.get("/v1/version", role=role)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    assert response.headers[HEADER] == body["version"]
    return body


async def upgraded(api: Api, to: str, role: str = "old admin", **headers: str) -> httpx.Response:
    return await api.post("/v1/version", {"version": to}, role=role, **headers)


async def rolled_back(api: Api, role: str = "old admin", **headers: str) -> httpx.Response:
    return await api.post("/v1/version:rollback", b"", role=role, **headers)


@pytest.mark.parametrize("role", ROLES)
async def test_a_key_is_pinned_at_its_first_call_whatever_its_role(api: Api, role: str):
    assert api.rows("SELECT count(*) FROM api_keys WHERE api_version IS NOT NULL") == [(0,)]
    body = await version(api, role)
    assert (body["version"], body["current"], body["supported"]) == (CURRENT, CURRENT, [CURRENT])
    assert (body["previous"], body["rollback_until"]) == (None, None)
    assert body["pinned_at"] is not None
    assert api.rows("SELECT role, api_version FROM api_keys WHERE api_version IS NOT NULL") == [(role, CURRENT)]


async def test_the_pin_is_written_once_and_read_with_the_key(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "CACHE_S", 0.0)
    await version(api, "admin")
    first = api.rows("SELECT pinned_at, xmin::text FROM api_keys WHERE role = 'admin'")
    for _ in range(3):
        await api.submit()
    assert api.rows("SELECT pinned_at, xmin::text FROM api_keys WHERE role = 'admin'") == first


async def test_two_first_calls_at_once_pin_once(api: Api):
    _, secret = await create_key(api.database, name="x", role="admin")
    both = [service.Authenticator(api.database), service.Authenticator(api.database, "2027-01-01")]
    pinned = {one.api_version for one in await asyncio.gather(*(one.authenticate(secret) for one in both))}
    ((stored,),) = api.rows("SELECT api_version FROM api_keys WHERE name = 'x'")
    assert pinned == {stored}
    assert (await service.Authenticator(api.database).authenticate(secret)).api_version == stored


async def test_a_key_works_where_its_pin_cannot_be_written(api: Api):
    api.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE read_only_sql_transaction; END $$;"
        " CREATE TRIGGER refuse BEFORE UPDATE ON api_keys FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    body = await version(api, "admin")
    assert (body["version"], body["pinned_at"]) == (CURRENT, None)
    api.execute("DROP TRIGGER refuse ON api_keys")
    fresh = service.Authenticator(api.database)
    assert (await fresh.authenticate(api.keys["admin"])).api_version == CURRENT


async def test_a_replaced_key_keeps_the_version(api: Api):
    await replace_key(api.database, name="desk", role="admin")
    api.execute("UPDATE api_keys SET api_version = '2026-01-01', pinned_at = now() WHERE name = 'desk'")
    _, secret = await replace_key(api.database, name="desk", role="admin")
    assert (await service.Authenticator(api.database).authenticate(secret)).api_version == "2026-01-01"
    _, other = await replace_key(api.database, name="desk", role="operator")
    assert (await service.Authenticator(api.database).authenticate(other)).api_version == CURRENT


async def test_a_pinned_client_gets_its_version_and_a_new_one_the_newest(versioned: Api):
    assert (await version(versioned))["version"] == CURRENT
    old = await versioned.submit(MIDDLE_CLAIM, role="old claims_system")
    assert (old.status_code, "cents" in old.json(), old.headers[HEADER]) == (201, True, CURRENT)
    new = await versioned.submit(MINIMAL, role="claims_system")
    assert (new.status_code, "claim_amount" in new.json(), new.headers[HEADER]) == (201, True, NEWEST)


async def test_the_header_of_a_request_overrides_the_pin(versioned: Api):
    response = await versioned.submit(MINIMAL, role="old admin", **{HEADER: NEWEST})
    assert (response.status_code, response.headers[HEADER]) == (201, NEWEST)
    assert (await version(versioned))["version"] == CURRENT
    refused = await versioned.submit(MINIMAL, role="old admin", **{HEADER: "2026-01-01"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, HEADER)


@pytest.mark.parametrize("key", ["gnj_unknown", ""])
async def test_a_request_without_a_valid_key_is_refused_as_before(versioned: Api, key: str):
    response = await versioned.client.get("/v1/claims", headers={"X-API-Key": key})
    assert (response.status_code, response.headers[HEADER]) == (401, NEWEST)


async def test_an_upgrade_is_undone_until_72_hours_after_it(versioned: Api):
    with clock.held(NOW):
        done = await upgraded(versioned, MIDDLE)
    assert (done.status_code, done.json()["version"], done.json()["previous"]) == (200, MIDDLE, CURRENT)
    assert done.json()["rollback_until"] == "2026-11-30T12:00:00.000000Z"
    assert (await versioned.submit(MIDDLE_CLAIM, role="old admin")).headers[HEADER] == MIDDLE
    with clock.held(NOW + ROLLBACK_WINDOW):
        assert (await version(versioned))["rollback_until"] is None
        late = await rolled_back(versioned)
        assert (late.status_code, late.json()["type"]) == (409, "/docs/problems#conflict")
        assert "72 hours" in late.json()["detail"]
    with clock.held(NOW + ROLLBACK_WINDOW - timedelta(microseconds=1)):
        back = await rolled_back(versioned)
    assert (back.status_code, back.json()["version"], back.json()["previous"]) == (200, CURRENT, None)
    assert (await version(versioned))["version"] == CURRENT
    assert (await rolled_back(versioned)).status_code == 409, "there is nothing more to undo"


async def test_only_the_last_upgrade_is_undone(versioned: Api):
    assert [(await upgraded(versioned, one)).status_code for one in (MIDDLE, NEWEST)] == [200, 200]
    assert (await rolled_back(versioned)).json()["version"] == MIDDLE
    assert (await rolled_back(versioned)).status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"version": "2030-01-01"}, 422, NEWEST),
        ({"version": ""}, 422, "version"),
        ({"version": None}, 422, "version"),
        ({}, 422, "version"),
        ({"version": MIDDLE, "force": True}, 422, "force"),
        ({"version": CURRENT}, 409, CURRENT),
        ({"version": MIDDLE}, 409, NEWEST),
    ],
)
async def test_an_upgrade_names_a_newer_supported_version(versioned: Api, body: Any, status: int, text: str):
    if status == 409 and body["version"] == MIDDLE:
        await upgraded(versioned, NEWEST)
    before = await version(versioned)
    refused = await versioned.post("/v1/version", body, role="old admin")
    assert (refused.status_code, text in refused.text) == (status, True), refused.text
    assert await version(versioned) == before


async def test_a_change_has_an_audit_row_and_is_made_once_under_its_key(versioned: Api):
    key = {"Idempotency-Key": "up-1"}
    first = await upgraded(versioned, MIDDLE, **key)
    again = await upgraded(versioned, MIDDLE, **key)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert (await upgraded(versioned, NEWEST, **key)).status_code == 422
    await rolled_back(versioned)
    found = versioned.rows("SELECT act, name, details->>'before', details->>'after' FROM audit_log ORDER BY audit_id")
    assert [one for one in found if one[0].startswith("api_version")] == [
        ("api_version.upgrade", "admin", CURRENT, MIDDLE),
        ("api_version.rollback", "admin", MIDDLE, CURRENT),
    ]


async def test_of_two_equal_upgrades_at_once_one_is_made(versioned: Api):
    answers = await asyncio.gather(*(upgraded(versioned, NEWEST) for _ in range(4)))
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]
    assert (await version(versioned))["previous"] == CURRENT


async def test_the_operator_pins_any_key_to_any_version(versioned: Api):
    ((key_id,),) = versioned.rows("SELECT api_key_id FROM api_keys WHERE role = 'provider' AND api_version IS NOT NULL")
    up = await set_version(versioned.database, OPERATOR, key_id, NEWEST, HISTORY)
    assert (up.version, up.previous) == (NEWEST, CURRENT)
    down = await set_version(versioned.database, OPERATOR, key_id, MIDDLE, HISTORY)
    assert (down.version, down.previous) == (MIDDLE, None)
    with pytest.raises(Invalid, match="invalid"):
        await set_version(versioned.database, OPERATOR, key_id, "2026-01-01", HISTORY)
    with pytest.raises(NotFound, match="key_none"):
        await set_version(versioned.database, OPERATOR, "key_none", NEWEST, HISTORY)
    acts = versioned.rows("SELECT act, name, details->>'subject' FROM audit_log WHERE act = 'api_version.set'")
    assert acts == [("api_version.set", "ann", f"api_keys/{key_id}")] * 2


async def test_a_version_that_is_gone_cannot_be_rolled_back_to(versioned: Api):
    await upgraded(versioned, NEWEST)
    later = VersionHistory([ApiVersion(NEWEST)])
    async with running_api(versioned.url, versions=later) as running:
        running.client.event_hooks["response"] = []
        running.keys |= versioned.keys
        body = await version(running)
        assert (body["version"], body["previous"], body["rollback_until"]) == (NEWEST, None, None)
        assert (await rolled_back(running)).status_code == 409
        retired = await version(running, "old provider")
        assert retired["version"] == NEWEST, "a client of a version that is gone gets the oldest there is"


async def test_a_database_that_fails_is_a_problem_and_not_another_version(versioned: Api):
    versioned.dependencies.authenticator.forget(
        versioned.rows("SELECT api_key_id FROM api_keys WHERE role = 'admin' AND api_version IS NOT NULL")[0][0]
    )
    versioned.execute("ALTER TABLE api_keys RENAME TO api_keys_away")
    response = await versioned.get("/v1/claims", role="old admin")
    assert response.status_code in (500, 503)
    versioned.execute("ALTER TABLE api_keys_away RENAME TO api_keys")
    assert (await versioned.get("/v1/claims", role="old admin")).headers[HEADER] == CURRENT
