"""Users list the sessions they have, and end one or all of them."""

from datetime import timedelta
from typing import Any

import httpx

from core import clock
from tests.api.makers import Api
from tests.api.signing_in import get_me, investigator, person, refresh


async def list_(api: Api, token: str) -> list[dict[str, Any]]:
    response = await api.client.get("/v1/auth/sessions", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200, response.text
    sessions: list[dict[str, Any]] = response.json()["sessions"]
    return sessions


async def end(api: Api, token: str, session_id: str = "") -> httpx.Response:
    path = f"/v1/auth/sessions/{session_id}".rstrip("/")
    return await api.client.delete(path, headers={"Authorization": f"Bearer {token}"})


async def test_a_user_sees_where_it_is_signed_in_and_nobody_elses_sessions(api: Api) -> None:
    one = await person(api)
    await (await person(api, "provider", provider_id="H456")).sign_in()
    first = await one.sign_in()
    second = await one.sign_in()
    shown = await list_(api, second["access_token"])
    assert [one["is_current"] for one in shown] == [True, False]
    assert {one["kind"] for one in shown} == {"api"}
    assert all(one["address"] == "127.0.0.1" and "httpx" in one["agent"] for one in shown)
    await refresh(api, first["refresh_token"])
    by_id = {one["session_id"]: one for one in await list_(api, second["access_token"])}
    refreshed = by_id[shown[1]["session_id"]]
    assert refreshed["used_at"] > refreshed["created_at"]


async def test_sessions_that_have_ended_are_not_listed(api: Api) -> None:
    one = await person(api)
    out, idle = await one.sign_in(), await one.sign_in()
    await api.client.post("/v1/auth/sign-out", json={"refresh_token": out["refresh_token"]})
    with clock.held(clock.now() + timedelta(minutes=61)):
        now = await one.sign_in()
        assert [one["is_current"] for one in await list_(api, now["access_token"])] == [True]
        assert (await refresh(api, idle["refresh_token"])).status_code == 401


async def test_ending_a_session_ends_its_tokens_and_no_others(api: Api) -> None:
    one = await person(api)
    stolen, own = await one.sign_in(), await one.sign_in()
    session_id = (await list_(api, own["access_token"]))[1]["session_id"]
    assert (await end(api, own["access_token"], session_id)).status_code == 204
    assert (await get_me(api, stolen["access_token"])).status_code == 401
    assert (await refresh(api, stolen["refresh_token"])).status_code == 401
    assert (await get_me(api, own["access_token"])).status_code == 200
    assert (await end(api, own["access_token"], session_id)).status_code == 204, "it stays as it is"
    recorded = api.rows("SELECT api_key_id, details ->> 'session_id' FROM audit_log WHERE act = 'user.session_end'")
    assert recorded == [(one.user_id, session_id)]


async def test_a_user_ends_all_sessions_with_the_one_it_is_in(api: Api) -> None:
    one, other = await person(api), await person(api, "provider", provider_id="H456")
    sessions, foreign = [await one.sign_in() for _ in range(2)], await other.sign_in()
    assert (await end(api, sessions[0]["access_token"])).status_code == 204
    for session in sessions:
        assert (await get_me(api, session["access_token"])).status_code == 401
        assert (await refresh(api, session["refresh_token"])).status_code == 401
    assert (await get_me(api, foreign["access_token"])).status_code == 200


async def test_a_session_of_somebody_else_is_answered_as_one_that_does_not_exist(api: Api) -> None:
    one, other = await person(api), await person(api, "provider", provider_id="H456")
    foreign = await other.sign_in()
    (session,) = await list_(api, foreign["access_token"])
    token = (await one.sign_in())["access_token"]
    answers = [await end(api, token, session_id) for session_id in (session["session_id"], "ses_none")]
    assert [(one.status_code, one.json()["detail"]) for one in answers] == [
        (404, "there is no session of yours with this id; GET /v1/auth/sessions lists them")
    ] * 2
    assert (await get_me(api, foreign["access_token"])).status_code == 200


async def test_ending_sessions_needs_a_sign_in_of_the_last_ten_minutes(api: Api) -> None:
    one = await investigator(api)
    tokens = await one.sign_in()
    with clock.held(clock.now() + timedelta(minutes=11)):
        token = (await refresh(api, tokens["refresh_token"])).json()["access_token"]
        (session,) = await list_(api, token)
        for session_id in (session["session_id"], ""):
            refused = await end(api, token, session_id)
            assert (refused.status_code, refused.json()["type"]) == (401, "/docs/problems#step-up-required")
        again = (await one.sign_in())["access_token"]
        assert (await end(api, again)).status_code == 204


async def test_an_api_key_has_no_sessions(api: Api) -> None:
    assert (await api.get("/v1/auth/sessions")).json() == {"sessions": []}
    assert (await api.client.delete("/v1/auth/sessions", headers=api.as_("admin"))).status_code == 204
    refused = await api.client.delete("/v1/auth/sessions/ses_none", headers=api.as_("admin"))
    assert refused.status_code == 404
