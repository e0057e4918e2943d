"""Signing in: one answer to whatever is wrong, a second factor that is used once, and what ends sessions."""

from datetime import timedelta

import pytest

from api.users.records import SECOND_FACTOR_ROLES, USER_ROLES
from core import clock
from tests.api.makers import Api
from tests.api.signing_in import PASSWORD, Person, get_me, investigator, person, refresh, send, with_second_factor


async def test_a_user_signs_in_and_acts_under_its_own_id(api: Api):
    one = await person(api, "provider", provider_id="H456")
    tokens = await one.sign_in()
    assert tokens["token_type"] == "Bearer"
    me = (await get_me(api, tokens["access_token"])).json()
    assert (me["actor_id"], me["kind"], me["role"], me["provider_id"]) == (one.user_id, "user", "provider", "H456")
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    claim_id = (await api.submit()).json()["claim_id"]
    assert (await api.client.get(f"/v1/claims/{claim_id}", headers=headers)).status_code == 200
    assert (await api.client.get("/v1/users", headers=headers)).status_code == 403


async def test_a_user_has_no_pinned_version_and_reads_which_header_names_one(api: Api):
    headers = {"Authorization": f"Bearer {(await (await person(api)).sign_in())['access_token']}"}
    refused = await api.client.get("/v1/version", headers=headers)
    assert (refused.status_code, "X-API-Version" in refused.json()["detail"]) == (404, True)


async def test_an_api_key_sees_itself_too(api: Api):
    me = (await api.get("/v1/me", role="investigator")).json()
    assert (me["kind"], me["name"], "scores:read" in me["scopes"]) == ("api_key", "investigator", True)


async def test_every_failure_of_who_does_not_know_the_password_gets_one_answer(api: Api, sent_statements: list[str]):
    one, off = await person(api), await person(api, "provider", provider_id="H456")
    await api.client.get("/v1/me")
    api.execute(f"UPDATE users SET state = 'disabled', disabled_at = now() WHERE user_id = '{off.user_id}'")
    answers, statements = set(), []
    for login, password in (
        *((one.login, "wrong"), ("nobody@insurer.example", "wrong"), (off.login, PASSWORD)),
        *(("no address", PASSWORD), (one.login, PASSWORD + " ")),
    ):
        sent_statements.clear()
        refused = await send(api, "token", login=login, password=password)
        answers.add((refused.status_code, refused.text))
        statements.append([one.split()[0] for one in sent_statements])
    assert len(answers) == 1
    assert answers.pop()[0] == 401
    assert all(one == statements[0] for one in statements), "the same work, too"
    assert (await send(api, "token", login=one.login.upper(), password=PASSWORD)).status_code == 200


async def test_refused_sign_ins_are_audited_without_the_login(api: Api, log_lines):
    one = await person(api)
    for login in (one.login, "nobody@insurer.example"):
        await send(api, "token", login=login, password="wrong")
    rows = api.rows(
        "SELECT actor_id, details::text FROM (SELECT api_key_id AS actor_id, * FROM audit_log) AS a"
        " WHERE act = 'user.sign_in_refused' ORDER BY audit_id"
    )
    assert [actor for actor, _ in rows] == [one.user_id, "unknown"]
    await one.sign_in()
    assert not any("insurer.example" in details for _, details in rows)
    assert "insurer.example" not in log_lines.getvalue()
    assert "Name of" not in log_lines.getvalue()
    assert PASSWORD not in log_lines.getvalue()


async def test_a_role_that_needs_a_second_factor_sets_it_up_before_it_signs_in(api: Api):
    one = await person(api, "investigator")
    assert {"admin", "insurer", "investigator", "lead_investigator"} == SECOND_FACTOR_ROLES < set(USER_ROLES)
    assert (await one.send("token")).json()["next"] == "enrol-second-factor"
    assert (await one.send("totp/confirm", code="123456")).status_code == 409
    await with_second_factor(one)
    assert len(set(one.recovery_codes)) == 10
    assert (await one.send("token")).json()["next"] == "second-factor"
    assert (await one.send("token", code="000000")).status_code == 401
    me = await get_me(api, (await one.sign_in())["access_token"])
    assert me.json()["role"] == "investigator"
    assert one.secret is not None
    assert one.secret not in str(api.rows("SELECT u::text FROM users AS u"))
    assert one.recovery_codes[0] not in str(api.rows("SELECT c::text FROM recovery_codes AS c"))


async def test_a_code_is_accepted_once_and_near_its_time_only(api: Api):
    at = clock.now()
    with clock.held(at):
        one = await investigator(api)
        assert (await one.send("token", code=one.code())).status_code == 200
        assert (await one.send("token", code=one.code())).status_code == 401
        assert (await one.send("token", code=one.code(at - timedelta(seconds=30)))).status_code == 401
    with clock.held(at + timedelta(seconds=300)):
        for seconds in (240, 360):
            assert (await one.send("token", code=one.code(at + timedelta(seconds=seconds)))).status_code == 401
        assert (await one.send("token", code=one.code(at + timedelta(seconds=270)))).status_code == 200
        assert (await one.send("token", code=one.code(at + timedelta(seconds=330)))).status_code == 200


async def test_a_recovery_code_works_once_however_it_is_typed(api: Api):
    one = await investigator(api)
    typed = f" {one.recovery_codes[0].lower().replace('-', ' ')}"
    assert (await one.send("token", recovery_code=typed)).status_code == 200
    assert (await one.send("token", recovery_code=one.recovery_codes[0])).status_code == 401
    assert (await one.send("token", recovery_code=one.recovery_codes[1])).status_code == 200
    other = await investigator(api, "other@insurer.example")
    assert (await one.send("token", recovery_code=other.recovery_codes[0])).status_code == 401


async def test_who_has_a_second_factor_proves_it_before_another_is_set_up(api: Api):
    one = await investigator(api)
    session = await one.sign_in()
    assert (await one.send("totp")).json()["next"] == "second-factor"
    before, codes = one.secret, one.recovery_codes
    made = await one.send("totp", recovery_code=codes[0])
    assert (await one.send("totp/confirm", code=one.code())).status_code == 422, "a code of the secret before"
    one.secret = made.json()["secret"]
    assert one.secret != before
    assert (await one.send("totp/confirm", code=one.code())).status_code == 200
    assert (await one.send("token", recovery_code=codes[1])).status_code == 401
    assert (await refresh(api, session["refresh_token"])).status_code == 401


async def test_a_user_changes_its_password_and_every_session_ends(api: Api):
    one = await person(api)
    session = await one.sign_in()
    for new, message in ((PASSWORD, "another password"), ("too short", "15 to 256"), ("operator " * 2, "login")):
        refused = await one.send("password", new_password=new)
        assert refused.status_code == 422
        assert message in refused.json()["errors"][0]["message"]
    assert (await one.send("password", new_password="and goes out twice, too")).status_code == 204
    assert (await one.send("token")).status_code == 401
    assert (await refresh(api, session["refresh_token"])).status_code == 401
    one.password = "and goes out twice, too"
    assert await one.sign_in()


async def test_a_password_of_somebody_else_is_changed_before_the_first_sign_in(api: Api):
    sent = {"login": "Ann@Insurer.example", "display_name": "Ann", "role": "operator"}
    made = (await api.post("/v1/users", sent)).json()
    one = Person(api, made["user_id"], made["login"], made["password"])
    assert one.login == "ann@insurer.example"
    assert (await one.send("token")).json()["next"] == "change-password"
    assert (await one.send("password", new_password=PASSWORD)).status_code == 204
    one.password = PASSWORD
    assert await one.sign_in()


@pytest.mark.parametrize("path", ["token", "totp", "password"])
async def test_an_invalid_body_names_its_fields_and_repeats_no_secret(api: Api, path: str):
    refused = await send(api, path, login="", password="p" * 1_025, code="12345", unknown=1)
    assert refused.status_code == 422
    assert {"login", "password", "code", "unknown"} <= {error["field"] for error in refused.json()["errors"]}
    assert "ppp" not in refused.text
