"""People sign in to the console: with password and second factor, under their own name, and out again."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from api.app import create_app
from api.console.access import SESSION
from api.users import PasswordHasher, Users, UserState
from core import clock
from tests.api.console.setting import Browser, store_claim
from tests.api.makers import Api, running_api
from tests.api.servers import on_a_port
from tests.api.signing_in import OPERATOR, PASSWORD, Person, investigator, person, with_second_factor

SITE = "https://claims"
COOKIE = "__Host-ginja_console"


@dataclass
class Desk:
    """The whole application, and a browser that shows its console."""

    api: Api
    browser: Browser

    async def sign_in(self, one: Person, **fields: str) -> httpx.Response:
        form = {"login": one.login, "password": one.password, "next": "/console"}
        if one.secret is not None and "code" not in fields:
            form["code"] = one.code()
        return await self.browser.post("/console/sign-in", data=form | fields)

    async def is_in(self) -> bool:
        return (await self.browser.get("/console/")).status_code == 200


def browser_of(api: Api) -> Browser:
    transport = httpx.ASGITransport(api.app, raise_app_exceptions=False)
    return Browser(transport=transport, base_url=SITE, headers={"Origin": SITE})


@pytest.fixture
async def desk(api: Api) -> AsyncIterator[Desk]:
    async with browser_of(api) as browser:
        yield Desk(api, browser)


async def test_a_user_signs_in_and_acts_under_its_own_name(desk: Desk) -> None:
    one = await investigator(desk.api)
    store_claim(desk.api.url, "clm_1")
    answer = await desk.sign_in(one, next="/console/claims/clm_1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/claims/clm_1")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))
    page = (await desk.browser.get("/console/claims/clm_1")).text
    assert "Name of investigator" in page
    assert 'name="disposition"' in page
    rows = desk.api.rows("SELECT api_key_id, role FROM audit_log WHERE act IN ('user.sign_in', 'console.claim')")
    assert rows == [(one.user_id, "investigator")] * 2


async def test_a_role_that_needs_a_second_factor_does_not_enter_without(desk: Desk) -> None:
    one = await person(desk.api, "investigator")
    refused = await desk.sign_in(one)
    assert (refused.status_code, "/console/second-factor" in refused.text) == (401, True)
    await with_second_factor(one)
    for code in ("", "000000", "no code"):
        refused = await desk.sign_in(one, code=code)
        assert refused.status_code == 401
        assert "set-cookie" not in refused.headers
        assert PASSWORD not in refused.text
    assert not await desk.is_in()
    assert (await desk.sign_in(one, code=one.recovery_codes[0])).status_code == 303
    assert await desk.is_in()


async def test_a_session_without_second_factor_is_refused_where_its_user_needs_one(desk: Desk) -> None:
    one = await investigator(desk.api)
    await desk.sign_in(one)
    assert await desk.is_in()
    desk.api.execute("UPDATE token_families SET methods = '{pwd}'")
    assert not await desk.is_in()


async def test_a_second_factor_is_set_up_in_the_browser(desk: Desk) -> None:
    one = await person(desk.api, "insurer")
    proof = {"login": one.login, "password": PASSWORD}
    at = clock.now()
    shown = (await desk.browser.post("/console/second-factor", data=proof)).text
    found = re.search(r'class="secret">([A-Z2-7]{32})<', shown)
    assert found is not None
    one.secret = found[1]
    wrong = await desk.browser.post("/console/second-factor/confirm", data=proof | {"code": "000000"})
    assert (wrong.status_code, "check the clock of the device" in wrong.text) == (422, True)
    confirmed = await desk.browser.post("/console/second-factor/confirm", data=proof | {"code": one.code(at)})
    assert len(re.findall(r"<li><code>(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}</code></li>", confirmed.text)) == 10
    with clock.held(at + timedelta(seconds=30)):
        assert (await desk.sign_in(one)).status_code == 303
        assert await desk.is_in()


async def test_a_password_of_somebody_else_is_changed_in_the_browser(desk: Desk) -> None:
    sent = {"login": "ann@insurer.example", "display_name": "Ann", "role": "insurer"}
    made = (await desk.api.post("/v1/users", sent)).json()
    one = Person(desk.api, made["user_id"], made["login"], made["password"])
    assert "/console/password" in (await desk.sign_in(one)).text
    form = {"login": one.login, "password": one.password}
    weak = await desk.browser.post("/console/password", data=form | {"new_password": "short"})
    assert (weak.status_code, "new password must have 8 to 256" in weak.text) == (422, True)
    done = await desk.browser.post("/console/password", data=form | {"new_password": PASSWORD})
    assert (done.status_code, "Password changed" in done.text) == (200, True)
    one.password = PASSWORD
    assert "/console/second-factor" in (await desk.sign_in(one)).text


@pytest.mark.parametrize("path", ["sign-in", "password", "second-factor", "second-factor/confirm"])
async def test_guessing_at_every_form_is_slowed_by_the_throttle_of_the_api(desk: Desk, path: str) -> None:
    one = await person(desk.api, "investigator")
    wrong = {"login": one.login, "password": "wrong", "code": "123456", "new_password": PASSWORD}
    with clock.held(clock.now()):
        statuses = [(await desk.browser.post(f"/console/{path}", data=wrong)).status_code for _ in range(6)]
        assert statuses == [401] * 6
        refused = await desk.browser.post(f"/console/{path}", data=wrong)
        assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
        assert (await one.send("token")).status_code == 429, "the counter is the same"


@pytest.mark.parametrize(("role", "start"), [("operator", "/console/health"), ("data_scientist", "/console/model")])
async def test_a_user_who_sees_no_claims_starts_on_the_page_of_its_work(desk: Desk, role: str, start: str) -> None:
    assert (await desk.sign_in(await person(desk.api, role))).status_code == 303
    home = await desk.browser.get("/console/")
    assert (home.status_code, home.headers["location"]) == (303, start)


async def test_a_key_opens_the_console_only_while_there_is_no_user(desk: Desk) -> None:
    key = {"api_key": desk.api.keys["admin"]}
    assert (await desk.browser.post("/console/sign-in", data=key)).status_code == 303
    assert await desk.is_in()
    await person(desk.api, "operator")
    assert not await desk.is_in(), "the sessions of keys end with the first user"
    refused = await desk.browser.post("/console/sign-in", data=key)
    assert (refused.status_code, "people sign in to the console as users" in refused.text) == (403, True)
    assert "api_key" not in (await desk.browser.get("/console/sign-in")).text


async def test_the_page_asks_for_a_user_once_there_is_one(desk: Desk) -> None:
    page = (await desk.browser.get("/console/sign-in")).text
    assert ('name="api_key"' in page, 'name="login"' in page) == (True, False)
    await person(desk.api, "operator")
    page = (await desk.browser.get("/console/sign-in")).text
    assert ('name="api_key"' in page, 'name="login"' in page) == (False, True)


async def test_a_sign_in_gets_a_new_session_and_ends_the_one_before(desk: Desk) -> None:
    one = await investigator(desk.api)
    planted = {"Cookie": f"{COOKIE}=chosen-by-somebody-else"}
    form = {"login": one.login, "password": PASSWORD, "code": one.code()}
    answer = await desk.browser.post("/console/sign-in", data=form, headers=planted)
    first = answer.headers["set-cookie"].partition(";")[0].partition("=")[2]
    assert (answer.status_code, first != "chosen-by-somebody-else") == (303, True)
    assert (await desk.sign_in(one, code=one.recovery_codes[0])).status_code == 303
    second = desk.browser.cookies[COOKIE]
    assert second != first
    for token, status in (("chosen-by-somebody-else", 303), (first, 303), (second, 200)):
        async with browser_of(desk.api) as other:
            answer = await other.get("/console/", headers={"Cookie": f"{COOKIE}={token}"})
            assert answer.status_code == status


async def test_the_browser_forgets_the_site_at_the_sign_out(desk: Desk) -> None:
    await desk.sign_in(await investigator(desk.api))
    token = desk.browser.cookies[COOKIE]
    answer = await desk.browser.post("/console/sign-out")
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    assert "Max-Age=0" in answer.headers["set-cookie"]
    stolen = {"Cookie": f"{COOKIE}={token}"}
    assert (await desk.browser.get("/console/", headers=stolen)).status_code == 303
    assert desk.api.rows("SELECT end_reason FROM token_families") == [("sign-out",)]


async def test_a_disabled_user_is_out_with_the_next_page(desk: Desk) -> None:
    one = await investigator(desk.api)
    await desk.sign_in(one)
    users = Users(desk.api.database, desk.api.dependencies.field_keys, PasswordHasher())
    await users.set_state(OPERATOR, one.user_id, UserState.DISABLED)
    assert not await desk.is_in()
    await users.set_state(OPERATOR, one.user_id, UserState.ACTIVE)
    assert not await desk.is_in(), "the session has ended for good"


async def test_a_session_of_a_user_ends_when_it_expires(desk: Desk) -> None:
    await desk.sign_in(await investigator(desk.api))
    with clock.held(clock.now() + SESSION - timedelta(seconds=1)):
        assert await desk.is_in()
    with clock.held(clock.now() + SESSION + timedelta(seconds=1)):
        assert not await desk.is_in()


async def test_a_user_sees_and_ends_its_sessions(desk: Desk) -> None:
    one, other = await investigator(desk.api), await person(desk.api, "operator")
    await other.sign_in()
    await desk.sign_in(one)
    tokens = await one.sign_in(recovery_code=one.recovery_codes[0])
    page = (await desk.browser.get("/console/sessions")).text
    ids = re.findall(r'name="session_id" value="(ses_\w+)"', page)
    assert (len(ids), page.count("this browser")) == (2, 1)
    foreign = desk.api.rows("SELECT family_id FROM token_families WHERE user_id = %s", other.user_id)[0][0]
    assert (await desk.browser.post("/console/sessions", data={"session_id": foreign})).status_code == 404
    api_session = desk.api.rows("SELECT family_id FROM token_families WHERE user_id = %s AND kind = 'api'", one.user_id)
    ended = await desk.browser.post("/console/sessions", data={"session_id": api_session[0][0]})
    assert (ended.status_code, await desk.is_in()) == (303, True)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await desk.api.client.get("/v1/me", headers=headers)).status_code == 401
    assert (await desk.browser.post("/console/sessions", data={"session_id": "all"})).status_code == 303
    assert not await desk.is_in()
    assert desk.api.rows(
        "SELECT count(*) FROM audit_log WHERE outcome = 'success' AND act = 'user.session_end' AND api_key_id = %s",
        one.user_id,
    ) == [(2,)]


async def test_a_session_is_ended_after_a_recent_sign_in_only(desk: Desk) -> None:
    await desk.sign_in(await investigator(desk.api))
    with clock.held(clock.now() + timedelta(minutes=11)):
        refused = await desk.browser.post("/console/sessions", data={"session_id": "all"})
        assert (refused.status_code, "sign-in of the last ten minutes" in refused.text) == (401, True)
        assert await desk.is_in()


async def test_the_forms_take_nothing_from_another_site(desk: Desk) -> None:
    one = await investigator(desk.api)
    for path in ("sign-in", "password", "second-factor", "second-factor/confirm"):
        form = {"login": one.login, "password": one.password}
        refused = await desk.browser.post(f"/console/{path}", data=form, headers={"Origin": "https://evil.test"})
        assert refused.status_code == 403
    await desk.sign_in(one)
    for token in ("another", "é", ""):
        refused = await desk.browser.post("/console/sessions", data={"session_id": "all", "form_token": token})
        assert refused.status_code == 403, token
    assert await desk.is_in()


async def test_what_is_typed_is_shown_without_effect_and_passwords_not_at_all(desk: Desk) -> None:
    one = await person(desk.api, "investigator")
    hostile = '"><script>1</script>@x'
    for path in ("sign-in", "password", "second-factor", "second-factor/confirm"):
        page = (await desk.browser.post(f"/console/{path}", data={"login": hostile, "password": "my secret"})).text
        assert "&#34;&gt;&lt;script&gt;" in page
        assert "<script>1" not in page
        assert "my secret" not in page
    assert one.password not in page


async def test_a_person_signs_in_sees_the_sessions_and_signs_out_in_a_real_browser(
    chromium: str, seeded_url: str, tmp_path: Path
) -> None:
    async with running_api(seeded_url) as api:
        one = await investigator(api)
        with on_a_port(create_app(api.dependencies.settings, api.url)) as address:
            seen = await asyncio.to_thread(browse, chromium, address, one, tmp_path)
    assert seen == ["Sign in · Ginja", "Open a claim · Ginja", "Sessions · Ginja", "Sign in · Ginja"]


def browse(chromium: str, address: str, one: Person, folder: Path) -> list[str]:
    """The titles of the pages that a person comes to."""
    titles = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"{address}/console/")
        titles.append(page.title())
        page.screenshot(path=folder / "sign-in.png")
        page.fill("#login", one.login)
        page.fill("#password", PASSWORD)
        page.fill("#code", one.code())
        page.click("button.primary")
        page.wait_for_selector("nav")
        titles.append(page.title())
        page.click(".who a")
        page.wait_for_selector("table")
        titles.append(page.title())
        page.screenshot(path=folder / "sessions.png")
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == 390, "something widens the page"
        page.screenshot(path=folder / "sessions-narrow.png", full_page=True)
        page.click("header .who form button")
        page.wait_for_selector("#login")
        titles.append(page.title())
        page.goto(f"{address}/console/second-factor")
        page.screenshot(path=folder / "second-factor.png")
        browser.close()
    return titles
