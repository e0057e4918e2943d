"""Emergency access: another role for a named person and a limited time; audited, reported, ended by itself."""

import asyncio
import json
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Conflict, Invalid
from api.users import EMERGENCY_ROLES, USER_ROLES, EmergencyAccess, User
from cli.main import main
from core import clock
from tests.api.makers import ENCRYPTION_KEY, Api
from tests.api.signing_in import OPERATOR, Person, get_me, person, refresh, with_second_factor

HOUR = timedelta(hours=1)


async def run(api: Api, *words: str) -> Result:
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    return await asyncio.to_thread(CliRunner().invoke, main, ["users", *words], env=env)


async def given_to(api: Api, one: Person, role: str = "insurer", life: timedelta = HOUR) -> None:
    await EmergencyAccess(api.database).begin(OPERATOR, one.user_id, role, life, "appeal due today")


async def role_of(api: Api, token: str) -> str:
    me = await get_me(api, token)
    return str(me.json()["role"]) if me.status_code == 200 else str(me.status_code)


async def test_a_person_has_another_role_until_it_ends_by_itself(api: Api) -> None:
    one = await with_second_factor(await person(api, "operator"))
    await given_to(api, one, life=timedelta(minutes=5))
    token = (await one.sign_in())["access_token"]
    assert await role_of(api, token) == "insurer"
    assert (await api.client.get("/v1/reviews", headers={"Authorization": f"Bearer {token}"})).status_code == 200
    api.dependencies.access_tokens.forget(one.user_id)
    with clock.held(clock.now() + timedelta(minutes=5)):
        assert await role_of(api, token) == "operator"
        assert (await api.client.get("/v1/reviews", headers={"Authorization": f"Bearer {token}"})).status_code == 403


async def test_the_role_needs_its_second_factor_and_sessions_begin_again(api: Api) -> None:
    one = await person(api, "operator")
    before = (await one.sign_in())["access_token"]
    await given_to(api, one)
    api.dependencies.access_tokens.forget(one.user_id)
    assert await role_of(api, before) == "401"
    assert (await one.send("token")).json()["next"] == "enrol-second-factor"


async def test_the_own_role_needs_its_second_factor_during_emergency_access_too(api: Api) -> None:
    one = await person(api, "investigator")
    await given_to(api, one, "operator", timedelta(minutes=1))
    assert (await one.send("token")).json()["next"] == "enrol-second-factor"
    assert api.count("token_families") == 0


async def test_a_sign_in_without_second_factor_is_refused_once_its_user_needs_one(api: Api) -> None:
    one = await person(api, "operator")
    tokens = await one.sign_in()
    api.execute("UPDATE users SET role = 'investigator'")
    api.dependencies.access_tokens.forget(one.user_id)
    assert await role_of(api, tokens["access_token"]) == "401"
    assert (await refresh(api, tokens["refresh_token"])).status_code == 401
    assert await api.dependencies.sessions.of_user(one.user_id) == []
    api.execute("UPDATE users SET role = 'operator'")
    assert (await refresh(api, tokens["refresh_token"])).status_code == 200


async def test_it_replaces_what_the_own_role_is_bound_to(api: Api) -> None:
    one = await with_second_factor(await person(api, "provider", provider_id="H456"))
    await given_to(api, one)
    me = (await get_me(api, (await one.sign_in())["access_token"])).json()
    assert (me["role"], me["provider_id"]) == ("insurer", None)


async def test_it_is_given_listed_ended_and_reported_by_commands(api: Api) -> None:
    one = await with_second_factor(await person(api, "operator"))
    words = ("--role", "insurer", "--minutes", "60", "--reason", "appeal due today", "--by", "ben")
    done = await run(api, "emergency-access", one.login, *words, "--json")
    assert (done.exit_code, json.loads(done.stdout)["role"]) == (0, "insurer"), done.output
    listed = json.loads((await run(api, "list", "--json")).stdout)["users"]
    assert (listed[0]["role"], listed[0]["emergency_role"]) == ("operator", "insurer")
    token = (await one.sign_in())["access_token"]
    await api.client.get("/v1/reviews", headers={"Authorization": f"Bearer {token}"})
    assert (await run(api, "end-emergency-access", one.login, "--by", "ben")).exit_code == 0
    api.dependencies.access_tokens.forget(one.user_id)
    assert await role_of(api, token) == "401"
    (use,) = json.loads((await run(api, "emergency-report", "--json")).stdout)["emergency_accesses"]
    assert (use["user_id"], use["role"], use["reason"]) == (one.user_id, "insurer", "appeal due today")
    assert (use["granted_by"], use["acts"]) == ("ben", 2), "the sign-in and the read"
    assert use["until"] > use["began_at"]
    acts = api.rows(
        "SELECT act, name FROM audit_log WHERE act IN ('user.emergency_access', 'user.end_emergency_access')"
    )
    assert acts == [("user.emergency_access", "ben"), ("user.end_emergency_access", "ben")]
    assert (await run(api, "end-emergency-access", one.login)).exit_code == 2, "it has ended"


async def test_a_user_who_is_disabled_gets_none(api: Api) -> None:
    one = await person(api, "operator")
    api.execute("UPDATE users SET state = 'disabled', disabled_at = now()")
    with pytest.raises(Conflict):
        await given_to(api, one)


@pytest.mark.parametrize(
    ("role", "life", "reason"),
    [
        ("provider", HOUR, "r"),
        ("claims_system", HOUR, "r"),
        ("insurer", timedelta(0), "r"),
        ("insurer", timedelta(hours=24, seconds=1), "r"),
        ("insurer", HOUR, " "),
        ("insurer", HOUR, "a\nb"),
        ("insurer", HOUR, "x" * 501),
    ],
)
async def test_role_time_and_reason_are_limited(api: Api, role: str, life: timedelta, reason: str) -> None:
    one = await person(api, "operator")
    with pytest.raises(Invalid):
        await EmergencyAccess(api.database).begin(OPERATOR, one.user_id, role, life, reason)
    assert api.rows("SELECT emergency_role FROM users") == [(None,)]


@given(st.sampled_from(EMERGENCY_ROLES), st.timedeltas(timedelta(seconds=-5), timedelta(seconds=5)))
def test_a_user_acts_in_the_other_role_exactly_before_its_end(role: str, left: timedelta) -> None:
    at = clock.now()
    user = User(
        *("usr_1", "a@b.example", "A", "provider", "H456", None, "active", False, None, at, at, at, None),
        emergency_role=role,
        emergency_until=at + left,
        emergency_reason="r",
    )
    with clock.held(at):
        caller = user.caller
    expected = (role, None) if left > timedelta(0) else ("provider", "H456")
    assert (caller.role, caller.provider_id) == expected


@given(st.sampled_from(USER_ROLES), st.sampled_from(EMERGENCY_ROLES), st.sampled_from(["pwd", "fed", "otp", "mfa"]))
def test_a_sign_in_counts_if_it_has_the_second_factor_of_both_roles(own: str, role: str, method: str) -> None:
    at = clock.now()
    user = User(
        *("usr_1", "a@b.example", "A", own, None, None, "active", False, None, at, at, at, None),
        emergency_role=role,
        emergency_until=at + HOUR,
        emergency_reason="r",
    )
    needs_one = not {own, role}.isdisjoint({"admin", "insurer", "investigator", "lead_investigator"})
    assert user.needs_second_factor == needs_one
    assert user.is_signed_in_by([method]) == (not needs_one or method in ("otp", "mfa"))
