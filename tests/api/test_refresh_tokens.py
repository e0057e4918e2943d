"""Refresh tokens: each is used once, a copy ends the session, and a lost response may be asked for again."""

import asyncio
from datetime import timedelta

import pytest

from api.tokens.records import FAMILY_LIFE, IDLE_LIFE, RETRY_WINDOW
from core import clock
from tests.api.makers import Api
from tests.api.signing_in import get_me, person, refresh, send

LIVE = (
    "SELECT count(*) FROM refresh_tokens JOIN token_families USING (family_id) WHERE used_at IS NULL"
    " AND ended_at IS NULL"
)


async def test_a_refresh_token_is_replaced_by_its_successor(api: Api):
    tokens = await (await person(api)).sign_in()
    for _ in range(3):
        answer = await refresh(api, tokens["refresh_token"])
        assert answer.status_code == 200
        assert answer.json()["refresh_token"] != tokens["refresh_token"]
        tokens = answer.json()
        assert (await get_me(api, tokens["access_token"])).status_code == 200
    assert tokens["refresh_token"] not in str(api.rows("SELECT t::text FROM refresh_tokens AS t"))


async def test_fifty_requests_at_the_same_time_leave_one_live_successor(api: Api):
    tokens = await (await person(api)).sign_in()
    answers = await asyncio.gather(*(refresh(api, tokens["refresh_token"]) for _ in range(50)))
    assert {answer.status_code for answer in answers} <= {200, 429, 503}
    successors = {answer.json()["refresh_token"] for answer in answers if answer.status_code == 200}
    assert len(successors) == 1
    assert api.rows(LIVE) == [(1,)]
    assert (await refresh(api, successors.pop())).status_code == 200


async def test_a_lost_response_is_repeated_within_ten_seconds_and_not_later(api: Api):
    tokens, at = await (await person(api)).sign_in(), clock.now()
    with clock.held(at):
        successor = (await refresh(api, tokens["refresh_token"])).json()["refresh_token"]
    with clock.held(at + RETRY_WINDOW):
        assert (await refresh(api, tokens["refresh_token"])).json()["refresh_token"] == successor
    with clock.held(at + RETRY_WINDOW + timedelta(microseconds=1)):
        assert (await refresh(api, tokens["refresh_token"])).status_code == 401
        assert (await refresh(api, successor)).status_code == 401, "the session has ended"
        assert (await get_me(api, tokens["access_token"])).status_code == 401
    assert ("user.session_end", "reuse") in api.rows("SELECT act, details->>'reason' FROM audit_log")


async def test_a_token_whose_successor_was_used_is_a_copy_at_once(api: Api):
    tokens = await (await person(api)).sign_in()
    with clock.held(clock.now()):
        second = (await refresh(api, tokens["refresh_token"])).json()
        third = (await refresh(api, second["refresh_token"])).json()
        assert (await refresh(api, tokens["refresh_token"])).status_code == 401
        assert (await refresh(api, third["refresh_token"])).status_code == 401
    other = await (await person(api, login="other@insurer.example")).sign_in()
    assert (await refresh(api, other["refresh_token"])).status_code == 200, "other sessions go on"


@pytest.mark.parametrize(("later", "status"), [(IDLE_LIFE - timedelta(microseconds=1), 200), (IDLE_LIFE, 401)])
async def test_a_token_that_is_not_used_for_an_hour_has_expired(api: Api, later: timedelta, status: int):
    one, at = await person(api), clock.now()
    with clock.held(at):
        tokens = await one.sign_in()
    with clock.held(at + later):
        assert (await refresh(api, tokens["refresh_token"])).status_code == status


async def test_a_session_ends_after_twelve_hours_however_often_it_is_refreshed(api: Api):
    one, at = await person(api), clock.now()
    with clock.held(at):
        token = (await one.sign_in())["refresh_token"]
    for passed in range(30, 12 * 60, 30):
        with clock.held(at + timedelta(minutes=passed)):
            answer = (await refresh(api, token)).json()
            token = answer["refresh_token"]
    assert answer["refresh_expires_at"].startswith((at + FAMILY_LIFE).strftime("%Y-%m-%dT%H:%M:%S"))
    with clock.held(at + FAMILY_LIFE - timedelta(microseconds=1)):
        token = (await refresh(api, token)).json()["refresh_token"]
    with clock.held(at + FAMILY_LIFE):
        assert (await refresh(api, token)).status_code == 401


async def test_signing_out_ends_the_session_and_unknown_tokens_get_the_same_answer(api: Api):
    one = await person(api)
    tokens, other = await one.sign_in(), await one.sign_in()
    for token in (tokens["refresh_token"], tokens["refresh_token"], "gjr_unknown", "\ud7ff"):
        assert (await send(api, "sign-out", refresh_token=token)).status_code == 204
    assert (await get_me(api, tokens["access_token"])).status_code == 401
    assert (await refresh(api, tokens["refresh_token"])).status_code == 401
    assert (await get_me(api, other["access_token"])).status_code == 200
    assert api.rows("SELECT end_reason FROM token_families ORDER BY ended_at") == [("sign-out",), (None,)]


async def test_a_disabled_user_gets_no_further_tokens(api: Api):
    one = await person(api)
    tokens = await one.sign_in()
    api.execute(f"UPDATE users SET state = 'disabled', disabled_at = now() WHERE user_id = '{one.user_id}'")
    assert (await refresh(api, tokens["refresh_token"])).status_code == 401
