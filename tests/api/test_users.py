"""Users over HTTP: what administrators do, and that each change ends the sessions it should."""

from datetime import timedelta

import pytest

from api.housekeeping import every_day
from core import clock
from tests.api.makers import Api
from tests.api.signing_in import PASSWORD, get_me, person, refresh, send
from tests.api.tasks import carry_out

NEW = {"login": "ann@insurer.example", "display_name": "Ann", "role": "investigator"}
CHANGES = "act IN ('user.create', 'user.change')"


async def update(api: Api, user_id: str, body: dict, **headers: str):
    sent = {"Content-Type": "application/json", **api.as_("admin"), **headers}
    return await api.client.put(f"/v1/users/{user_id}", json=body, headers=sent)


async def test_a_user_is_created_read_listed_and_changed_by_its_tag(api: Api):
    made = await api.post("/v1/users", NEW)
    user = {name: value for name, value in made.json().items() if name != "password"}
    assert made.headers["location"] == f"/v1/users/{user['user_id']}"
    read = await api.get(f"/v1/users/{user['user_id']}")
    assert read.json() == user
    assert (await api.get("/v1/users")).json() == {"users": [user], "next_cursor": None}
    changed = {"display_name": "Ann O.", "role": "lead_investigator", "state": "active"}
    assert (await update(api, user["user_id"], changed)).status_code == 422
    assert (await update(api, user["user_id"], changed, **{"If-Match": '"x"'})).status_code == 412
    done = await update(api, user["user_id"], changed, **{"If-Match": read.headers["etag"]})
    assert (done.status_code, done.json()["role"]) == (200, "lead_investigator")
    assert (await update(api, user["user_id"], changed, **{"If-Match": read.headers["etag"]})).status_code == 412
    assert done.headers["etag"] == (await api.get(f"/v1/users/{user['user_id']}")).headers["etag"]
    assert api.rows(f"SELECT act, details->>'user_id' FROM audit_log WHERE {CHANGES} ORDER BY audit_id") == [
        ("user.create", user["user_id"]),
        ("user.change", user["user_id"]),
    ]
    assert "insurer.example" not in str(api.rows("SELECT details::text FROM audit_log"))


async def test_pages_have_each_user_once(api: Api):
    for number in range(5):
        await api.post("/v1/users", NEW | {"login": f"a{number}@insurer.example"})
    logins, cursor = [], ""
    while cursor is not None:
        after = f"&cursor={cursor}" if cursor else ""
        page = (await api.get(f"/v1/users?limit=2&fields=login{after}")).json()
        logins += [one["login"] for one in page["users"]]
        cursor = page["next_cursor"]
    assert logins == [f"a{number}@insurer.example" for number in range(5)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"login": "ann"}, "login"),
        ({"login": "ann\n@insurer.example"}, "login"),
        ({"display_name": "   "}, "display_name"),
        ({"display_name": "x" * 101}, "display_name"),
        ({"role": "claims_system"}, "role"),
        ({"role": "provider"}, "provider_id"),
        ({"provider_id": "H456"}, "provider_id"),
        ({"member_id": "M123"}, "member_id"),
        ({"password_hash": "x"}, "password_hash"),
        ({"state": "active"}, "state"),
        ({"must_change_password": False}, "must_change_password"),
    ],
)
async def test_an_invalid_user_is_refused_by_the_name_of_its_field(api: Api, change: dict, field: str):
    refused = await api.post("/v1/users", NEW | change)
    assert refused.status_code == 422
    assert field in {error["field"] for error in refused.json()["errors"]}
    assert api.count("users") == 0


async def test_a_login_is_registered_once_whatever_its_case(api: Api):
    assert (await api.post("/v1/users", NEW)).status_code == 201
    assert (await api.post("/v1/users", NEW | {"login": "ANN@insurer.EXAMPLE"})).status_code == 409


@pytest.mark.parametrize("role", ["provider", "claims_system", "investigator", "lead_investigator", "operator"])
async def test_only_administrators_manage_users(api: Api, role: str):
    user_id = (await api.post("/v1/users", NEW)).json()["user_id"]
    assert (await api.get("/v1/users", role=role)).status_code == 403
    assert (await api.post("/v1/users", NEW, role=role)).status_code == 403
    for act in ("reset-password", "reset-second-factor"):
        assert (await api.post(f"/v1/users/{user_id}/{act}", {"reason": "x"}, role=role)).status_code == 403


@pytest.mark.parametrize(
    ("change", "goes_on"),
    [
        ({"display_name": "Another name"}, True),
        ({"role": "investigator"}, False),
        ({"role": "provider", "provider_id": "H456"}, False),
        ({"state": "disabled"}, False),
    ],
    ids=str,
)
async def test_another_role_or_state_ends_the_sessions_at_once(api: Api, change: dict, goes_on: bool):
    one = await person(api)
    tokens = await one.sign_in()
    assert (await get_me(api, tokens["access_token"])).status_code == 200
    stated = {"display_name": "Name of operator", "role": "operator", "state": "active"}
    assert (await update(api, one.user_id, stated | change, **{"If-Match": "*"})).status_code == 200
    expected = 200 if goes_on else 401
    assert (await get_me(api, tokens["access_token"])).status_code == expected
    assert (await refresh(api, tokens["refresh_token"])).status_code == expected


async def test_a_reset_password_ends_the_sessions_and_is_changed_first(api: Api):
    one = await person(api)
    tokens = await one.sign_in()
    reset = (await api.post(f"/v1/users/{one.user_id}/reset-password", {"reason": "forgotten"})).json()
    assert (await get_me(api, tokens["access_token"])).status_code == 401
    assert (await one.send("token")).status_code == 401
    one.password = reset["password"]
    assert (await one.send("token")).json()["next"] == "change-password"
    assert (await api.post("/v1/users/usr_none/reset-password", {"reason": "forgotten"})).status_code == 404
    assert reset["password"] not in str(api.rows("SELECT u::text FROM users AS u"))


async def test_what_has_expired_is_removed_each_day(api: Api):
    one = await person(api)
    await one.sign_in()
    await send(api, "token", login="nobody@insurer.example", password=PASSWORD)
    today = clock.now().date()
    every_day(api.url, today)
    assert (api.count("refresh_tokens"), api.count("sign_in_places")) == (1, 1)
    assert api.count("sign_in_counters") > 0
    every_day(api.url, today + timedelta(days=100))
    for table in ("refresh_tokens", "token_families", "sign_in_counters", "sign_in_places"):
        assert api.count(table) == 0, table
    assert api.count("users") == 1


async def test_claims_that_a_user_sent_are_decided_after_the_user_was_disabled(api: Api):
    """As those of a key that was revoked: their senders have a 202."""
    one = await person(api, "provider", provider_id="H456")
    headers = {"Authorization": f"Bearer {(await one.sign_in())['access_token']}", "Prefer": "respond-async"}
    body = {"member_id": "M123", "provider_id": "H456", "diagnosis_code": "D001", "procedure_code": "P001"}
    accepted = await api.client.post("/v1/claims", json=body | {"claim_amount": 10}, headers=headers)
    assert accepted.status_code == 202
    api.execute("UPDATE users SET state = 'disabled', disabled_at = now()")
    assert await carry_out(api, accepted.json()["task_id"])
    assert api.rows("SELECT count(*) FROM claims WHERE source = 'api'") == [(1,)]
