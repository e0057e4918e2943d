"""Administration of API keys over HTTP: create, list, read, rotate, revoke."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.identity import ROLES, Authenticator, Caller, Scope, caller_of_key, create_key, holder_of_key
from core import clock
from tests.api.makers import MINIMAL, Api

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


async def created(api: Api, **changes: Any) -> dict[str, Any]:
    response = await api.post("/v1/keys", {"name": "intake", "role": "claims_system"} | changes)
    assert response.status_code == 201, response.text
    assert response.headers["location"] == f"/v1/keys/{response.json()['api_key_id']}"
    body: dict[str, Any] = response.json()
    return body


async def test_a_created_key_works_and_its_secret_is_shown_once(api: Api) -> None:
    made = await created(api)
    api.keys["new"] = made["secret"]
    assert (await api.post("/v1/claims", MINIMAL, role="new")).status_code == 201
    shown = (await api.get(f"/v1/keys/{made['api_key_id']}")).json()
    assert shown == {name: value for name, value in made.items() if name != "secret"} | {
        "api_version": shown["api_version"]
    }
    assert made["secret"] not in (await api.get("/v1/keys")).text
    assert made["secret"] not in str(api.rows("SELECT k::text FROM api_keys AS k"))
    assert made["secret"] not in str(api.rows("SELECT a::text FROM audit_log AS a"))


async def test_a_key_expires_after_a_year_unless_it_is_said_otherwise(api: Api) -> None:
    with clock.held(NOW):
        assert (await created(api))["expires_at"] == "2027-03-02T09:30:00.000000Z"
        assert (await created(api, expires_in_days=3_650))["expires_at"] == "2036-02-28T09:30:00.000000Z"
    for days in (0, 3_651):
        refused = await api.post("/v1/keys", {"name": "x", "role": "admin", "expires_in_days": days})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "expires_in_days")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"role": "king"}, "role"),
        ({"role": "provider"}, "provider_id"),
        ({"provider_id": "H456"}, "provider_id"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["claims:decide"]}, "scopes"),
        ({"scopes": ["claims:everything"]}, "scopes[0]"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "n" * 201}, "name"),
        ({"secret": "gja_live_mine"}, "secret"),
    ],
)
async def test_a_key_that_does_not_fit_its_role_is_refused_by_field(api: Api, changes: Any, field: str) -> None:
    before = api.count("api_keys")
    refused = await api.post("/v1/keys", {"name": "intake", "role": "claims_system"} | changes)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    assert api.count("api_keys") == before


async def test_a_name_may_have_two_hundred_characters(api: Api) -> None:
    assert (await created(api, name="n" * 200))["name"] == "n" * 200


async def test_a_key_with_fewer_scopes_than_its_role_has_no_other(api: Api) -> None:
    made = await created(api, scopes=["claims:submit", "claims:read"])
    assert made["scopes"] == ["claims:read", "claims:submit"]
    api.keys["new"] = made["secret"]
    submitted = await api.post("/v1/claims", MINIMAL, role="new")
    assert submitted.status_code == 201
    assert {"score", "fraud_flag", "model_version"}.isdisjoint(submitted.json()), "it has no scope scores:read"
    refused = await api.post(f"/v1/claims/{submitted.json()['claim_id']}/void", {"reason": "x"}, role="new")
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "the key was created without scope claims:void; use another key",
    )
    caller = await Authenticator(api.database).authenticate(made["secret"])
    assert caller.scopes == {Scope.SUBMIT, Scope.READ}
    async with api.database.reading() as connection:
        for found in (
            await caller_of_key(connection, made["api_key_id"], clock.now()),
            await holder_of_key(connection, made["api_key_id"]),
        ):
            assert found == caller, "work that follows from a request has no scope more"


@pytest.mark.parametrize("stored", [["claims:decide"], ["no:scope"], []])
async def test_stored_scopes_never_exceed_the_role(api: Api, stored: list[str]) -> None:
    made = await created(api)
    api.rows("UPDATE api_keys SET scopes = %s WHERE api_key_id = %s RETURNING 1", stored, made["api_key_id"])
    assert (await Authenticator(api.database).authenticate(made["secret"])).scopes == frozenset()


async def test_nobody_gets_a_key_that_may_do_more_than_their_own(api: Api) -> None:
    limited = await created(api, role="admin", scopes=["keys:manage", "claims:read"])
    api.keys["limited"] = limited["secret"]
    body = {"name": "x", "role": "investigator"}
    assert (await api.post("/v1/keys", body, role="limited")).status_code == 403
    assert (await api.post("/v1/keys", body | {"scopes": ["claims:read"]}, role="limited")).status_code == 201
    whole = await created(api, role="admin")
    refused = await api.post(f"/v1/keys/{whole['api_key_id']}/rotate", {}, role="limited")
    assert (refused.status_code, "does not have" in refused.json()["detail"]) == (403, True)
    rotated = await api.post(f"/v1/keys/{limited['api_key_id']}/rotate", {}, role="limited")
    assert (rotated.status_code, rotated.json()["scopes"]) == (201, ["claims:read", "keys:manage"])
    assert (await api.post(f"/v1/keys/{whole['api_key_id']}/revoke", {}, role="limited")).status_code == 200


async def test_keys_are_listed_newest_first_in_pages_without_gaps(api: Api) -> None:
    with clock.held(NOW):  # all of one instant
        ids = {(await created(api))["api_key_id"] for _ in range(5)}
    listed, cursor = [], ""
    while True:
        page = (await api.get(f"/v1/keys?limit=3&fields=api_key_id,state{cursor}")).json()
        listed += [one["api_key_id"] for one in page["keys"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(listed) == len(set(listed)) == len(ROLES) + 5
    assert listed[-5:] == sorted(ids, reverse=True), "older than the keys of the roles"


async def test_a_rotated_key_works_until_the_overlap_ends(api: Api) -> None:
    with clock.held(NOW):
        old = await created(api, scopes=["claims:read", "version:manage"])
        api.keys["old"] = old["secret"]
        assert (await api.get("/v1/version", role="old")).status_code == 200
        rotated = await api.post(f"/v1/keys/{old['api_key_id']}/rotate", {"overlap_hours": 24, "expires_in_days": 30})
    new = rotated.json()
    assert rotated.status_code == 201
    assert new["secret"] != old["secret"]
    for name in ("name", "role", "provider_id", "scopes"):
        assert new[name] == old[name]
    assert new["expires_at"] == "2026-04-01T09:30:00.000000Z"
    ended = (await api.get(f"/v1/keys/{old['api_key_id']}")).json()
    assert (ended["expires_at"], ended["replaced_by"]) == ("2026-03-03T09:30:00.000000Z", new["api_key_id"])
    assert new["api_version"] == ended["api_version"] is not None
    for at, status in ((NOW + timedelta(hours=24) - MOMENT, 200), (NOW + timedelta(hours=24), 401)):
        with clock.held(at):
            fresh = Authenticator(api.database)
            headers = {"X-API-Key": old["secret"]}
            api.dependencies.authenticator.forget(old["api_key_id"])
            assert (await api.client.get("/v1/claims", headers=headers)).status_code == status
            assert (await fresh.authenticate(new["secret"])).actor_id == new["api_key_id"]


async def test_an_overlap_does_not_prolong_a_key_and_may_be_none(api: Api) -> None:
    with clock.held(NOW):
        soon, _ = await create_key(api.database, name="x", role="monitoring", expires_at=NOW + timedelta(hours=1))
        assert (await api.post(f"/v1/keys/{soon}/rotate", {"overlap_hours": 168})).status_code == 201
        assert (await api.get(f"/v1/keys/{soon}")).json()["expires_at"] == "2026-03-02T10:30:00.000000Z"
        at_once = await created(api)
        assert (await api.post(f"/v1/keys/{at_once['api_key_id']}/rotate", {"overlap_hours": 0})).status_code == 201
        assert (await api.get("/v1/claims", role="admin")).status_code == 200
        refused = await api.client.get("/v1/claims", headers={"X-API-Key": at_once["secret"]})
        assert refused.status_code == 401
    assert (await api.post(f"/v1/keys/{soon}/rotate", {"overlap_hours": 169})).status_code == 422


async def test_a_key_is_rotated_once_by_any_number_of_requests_at_a_time(api: Api) -> None:
    old = await created(api)
    path = f"/v1/keys/{old['api_key_id']}/rotate"
    replies = await asyncio.gather(*(api.post(path, {}) for _ in range(5)))
    assert sorted(one.status_code for one in replies) == [201, 409, 409, 409, 409]
    (new,) = (one.json()["api_key_id"] for one in replies if one.status_code == 201)
    assert all(new in one.json()["detail"] for one in replies if one.status_code == 409)


async def test_a_key_that_ended_is_not_rotated_and_not_revoked_again(api: Api) -> None:
    revoked = await created(api)
    path = f"/v1/keys/{revoked['api_key_id']}"
    assert (await api.post(f"{path}/revoke", {})).json()["state"] == "revoked"
    assert (await api.client.get("/v1/claims", headers={"X-API-Key": revoked["secret"]})).status_code == 401
    assert (await api.post(f"{path}/revoke", {})).status_code == 409
    assert (await api.post(f"{path}/rotate", {})).status_code == 409
    expired, _ = await create_key(api.database, name="x", role="admin", expires_at=clock.now())
    assert (await api.post(f"/v1/keys/{expired}/rotate", {})).status_code == 409
    for verb in ("", "/revoke", "/rotate"):
        send = api.get if not verb else lambda path: api.post(path, {})
        assert (await send(f"/v1/keys/key_none{verb}")).status_code == 404


async def test_each_change_is_in_the_audit_log(api: Api) -> None:
    made = await created(api, scopes=["claims:submit"])
    new = (await api.post(f"/v1/keys/{made['api_key_id']}/rotate", {})).json()
    await api.post(f"/v1/keys/{new['api_key_id']}/revoke", {})
    rows = api.rows("SELECT act, name, details ->> 'subject', details -> 'scopes' FROM audit_log ORDER BY audit_id")
    old_key, new_key = f"api_keys/{made['api_key_id']}", f"api_keys/{new['api_key_id']}"
    assert rows == [
        ("api_key.create", "admin", old_key, ["claims:submit"]),
        ("api_key.rotate", "admin", new_key, ["claims:submit"]),
        ("api_key.revoke", "admin", new_key, ["claims:submit"]),
    ]


async def test_states_follow_the_instant_of_expiry(api: Api) -> None:
    with clock.held(NOW):
        key_id, _ = await create_key(api.database, name="x", role="admin", expires_at=NOW + timedelta(days=40))
    ends = NOW + timedelta(days=40)
    for at, state in (
        (ends - timedelta(days=30) - MOMENT, "valid"),
        (ends - timedelta(days=30), "expiring"),
        (ends - MOMENT, "expiring"),
        (ends, "expired"),
    ):
        with clock.held(at):
            key = await api.dependencies.keys.get(key_id)
            assert key.state_at(at) == state


def test_a_caller_of_the_command_line_is_no_administrator_of_keys() -> None:
    assert not Caller("command line", "operator", None, "ann").may(Scope.KEYS)
    assert [role for role, scopes in ROLES.items() if Scope.KEYS in scopes] == ["admin"]
