"""People sign in by an identity provider: from this browser, there, and back to this browser."""

import asyncio
import html
import re
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest
from joserfc.jwk import ECKey, RSAKey
from playwright.sync_api import sync_playwright

from api.app import create_app
from api.errors import Conflict
from api.identity import ROLES
from api.oidc import IdentityLinks
from core import clock
from core.field_encryption import key_id_of
from tests.api.console.setting import Browser
from tests.api.identity_provider import CLIENT_ID, CLIENT_SECRET, Provider, provider_on_a_port
from tests.api.makers import Api, running_api
from tests.api.servers import on_a_port
from tests.api.signing_in import OPERATOR, Person, person
from tests.api.waiting import is_waiting, until

SITE = "https://claims"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with provider_on_a_port() as one:
        yield one


@dataclass
class Desk:
    """The whole application, a provider, and a browser."""

    api: Api
    provider: Provider
    browser: Browser

    async def leave(self, following: str = "/console", browser: Browser | None = None, **form: str) -> str:
        """Begin a sign-in; the provider's address that the browser is sent to."""
        begun = await (browser or self.browser).post("/console/oidc", data={"next": following} | form)
        assert begun.status_code == 200, begun.text
        return refreshed(begun)

    async def come_back(self, address: str, browser: Browser | None = None) -> httpx.Response:
        """Sign in at the provider, and follow its answer to the console."""
        async with httpx.AsyncClient() as elsewhere:
            sent_back = await elsewhere.get(address)
        assert sent_back.status_code == 302, sent_back.text
        parts = urlsplit(sent_back.headers["location"])
        assert f"{parts.scheme}://{parts.netloc}" == SITE
        return await (browser or self.browser).get(f"{parts.path}?{parts.query}")

    async def sign_in(self, following: str = "/console") -> httpx.Response:
        return await self.come_back(await self.leave(following))

    async def is_in(self) -> bool:
        return (await self.browser.get("/console/")).status_code == 200

    async def linked(self, role: str = "investigator") -> Person:
        one = await person(self.api, role)
        links = IdentityLinks(self.api.database)
        await links.link(OPERATOR, one.user_id, self.provider.url, self.provider.subject)
        return one


def refreshed(page: httpx.Response) -> str:
    """Where a page goes on by itself."""
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.text)
    assert found is not None, page.text
    return html.unescape(found[1])


def browser_of(api: Api) -> Browser:
    transport = httpx.ASGITransport(api.app, raise_app_exceptions=False)
    return Browser(transport=transport, base_url=SITE, headers={"Origin": SITE})


@asynccontextmanager
async def desk_at(url: str, provider: Provider, **changes: str) -> AsyncIterator[Desk]:
    settings = {"oidc_issuer": provider.url, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
    async with running_api(url, **settings | {"console_url": SITE} | changes) as api, browser_of(api) as browser:
        yield Desk(api, provider, browser)


@pytest.fixture
async def desk(seeded_url: str, provider: Provider) -> AsyncIterator[Desk]:
    async with desk_at(seeded_url, provider) as one:
        yield one


async def test_what_the_browser_keeps_is_sealed_by_a_data_key(desk: Desk):
    await desk.linked()
    address = await desk.leave()
    (kept,) = (one for one in desk.browser.cookies.jar if one.name.endswith("ginja_oidc"))
    assert kept.value is not None
    key_id = key_id_of(urlsafe_b64decode(kept.value))
    assert desk.api.rows("SELECT purpose FROM data_keys WHERE key_id = %s", key_id) == [("secrets",)]
    await desk.come_back(address)
    assert await desk.is_in()


async def test_a_person_signs_in_as_the_user_it_is_linked_with(desk: Desk) -> None:
    one = await desk.linked()
    assert "Sign in by the identity provider" in (await desk.browser.get("/console/sign-in")).text
    back = await desk.sign_in("/console/in-review")
    assert (back.status_code, refreshed(back)) == (200, "/console/in-review")
    cookies = [one for one in back.headers.get_list("set-cookie") if one.startswith("__Host-ginja_console=")]
    assert len(cookies) == 1
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(cookies[0].split("; "))
    assert "Name of investigator" in (await desk.browser.get("/console/in-review")).text
    assert desk.api.rows("SELECT api_key_id FROM audit_log WHERE act = 'user.sign_in'") == [(one.user_id,)]
    assert desk.api.rows("SELECT methods, kind FROM token_families") == [(["fed", "mfa"], "console")]


async def test_the_request_has_pkce_state_nonce_and_the_longest_age(desk: Desk) -> None:
    await desk.linked()
    await desk.sign_in()
    await desk.sign_in()
    first, second = desk.provider.asked
    assert (first["realm"], first["code_challenge_method"], first["max_age"]) == ("staff", "S256", "43200")
    assert first["redirect_uri"] == f"{SITE}/console/oidc/callback"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name], name


async def test_no_token_of_the_provider_is_stored_or_reaches_the_browser(desk: Desk, log_lines: object) -> None:
    await desk.linked()
    back = await desk.sign_in()
    assert "at-secret" not in back.text + str(back.headers)
    assert "eyJ" not in back.text + str(back.headers)
    assert "eyJ" not in str(desk.api.rows("SELECT s::text, f::text FROM console_sessions s, token_families f"))


async def test_an_answer_belongs_to_the_browser_that_began(desk: Desk) -> None:
    await desk.linked()
    address = await desk.leave()
    async with browser_of(desk.api) as other:
        assert (await desk.come_back(address, other)).status_code == 403, "without a sign-in of its own"
        await desk.leave(browser=other)
        refused = await desk.come_back(address, other)
        assert (refused.status_code, "not begun in this browser" in refused.text) == (403, True)
        assert (await other.get("/console/")).status_code == 303
    assert desk.api.count("token_families") == 0
    assert (await desk.come_back(address)).status_code == 200


async def test_the_cookie_of_a_sign_in_is_bound_to_the_host_and_ends(desk: Desk) -> None:
    await desk.linked()
    begun = await desk.browser.post("/console/oidc", data={"next": "/console"})
    stated = set(begun.headers["set-cookie"].split("; "))
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=600"} <= stated
    assert begun.headers["set-cookie"].startswith("__Host-ginja_oidc=")
    address = refreshed(begun)
    with clock.held(clock.now() + timedelta(minutes=11)):
        assert (await desk.come_back(address)).status_code == 403


async def test_an_answer_is_used_once(desk: Desk) -> None:
    await desk.linked()
    address = await desk.leave()
    async with httpx.AsyncClient() as elsewhere:
        location = urlsplit((await elsewhere.get(address)).headers["location"])
    callback, cookie = f"{location.path}?{location.query}", desk.browser.cookies["__Host-ginja_oidc"]
    assert (await desk.browser.get(callback)).status_code == 200
    assert "__Host-ginja_oidc" not in desk.browser.cookies
    again = await desk.browser.get(callback, headers={"Cookie": f"__Host-ginja_oidc={cookie}"})
    assert again.status_code == 401, "the provider takes a code once"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"iss": "https://evil.test"}, 401),
        ({"iss": None}, 401),
        ({"state": "another"}, 403),
        ({"state": None}, 403),
        ({"code": None}, 401),
        ({"code": None, "error": "access_denied", "error_description": "<b>no</b>"}, 401),
        ({"code": "made-up"}, 401),
    ],
)
async def test_another_answer_signs_nobody_in(desk: Desk, answer: dict[str, str | None], status: int) -> None:
    await desk.linked()
    desk.provider.answer = answer
    refused = await desk.sign_in()
    assert (refused.status_code, await desk.is_in()) == (status, False)
    assert "<b>no" not in refused.text


@pytest.mark.parametrize(
    "claims", [{"nonce": "another"}, {"aud": "another"}, {"iss": "https://evil.test"}, {"exp": 1}, {"auth_time": 1}]
)
async def test_a_token_that_was_not_issued_for_this_sign_in_signs_nobody_in(
    desk: Desk, claims: dict[str, str | int]
) -> None:
    await desk.linked()
    desk.provider.claims = dict(claims)
    assert (await desk.sign_in()).status_code == 401
    assert not await desk.is_in()


async def test_a_person_that_no_user_is_linked_with_is_shown_its_subject(desk: Desk) -> None:
    await desk.linked()
    desk.provider.subject = "some<b>body"
    refused = await desk.sign_in()
    assert (refused.status_code, "some&lt;b&gt;body" in refused.text) == (401, True)
    assert desk.api.rows("SELECT api_key_id FROM audit_log WHERE act = 'user.sign_in_refused'") == [("unknown",)]


async def test_the_same_subject_of_another_issuer_is_somebody_else(desk: Desk) -> None:
    one = await person(desk.api, "investigator")
    await IdentityLinks(desk.api.database).link(OPERATOR, one.user_id, "https://other.example", desk.provider.subject)
    assert (await desk.sign_in()).status_code == 401


async def test_a_role_that_needs_a_second_factor_needs_it_of_the_provider(desk: Desk) -> None:
    await desk.linked()
    desk.provider.amr = ["pwd"]
    refused = await desk.sign_in()
    assert (refused.status_code, "second factor" in refused.text) == (401, True)
    assert not await desk.is_in()
    desk.provider.amr = ["pwd", "mfa"]
    await desk.sign_in()
    assert await desk.is_in()


async def test_a_user_who_is_disabled_or_unlinked_is_out(desk: Desk) -> None:
    one = await desk.linked()
    await desk.sign_in()
    links = IdentityLinks(desk.api.database)
    await links.unlink(OPERATOR, one.user_id, desk.provider.url)
    assert not await desk.is_in()
    assert (await desk.sign_in()).status_code == 401
    await links.link(OPERATOR, one.user_id, desk.provider.url, desk.provider.subject)
    desk.api.execute("UPDATE users SET state = 'disabled', disabled_at = now()")
    assert (await desk.sign_in()).status_code == 401


async def test_a_session_begins_with_a_form_of_this_site_only(desk: Desk) -> None:
    assert (await desk.browser.get("/console/oidc")).status_code == 405
    refused = await desk.browser.post("/console/oidc", data={}, headers={"Origin": "https://evil.test"})
    assert refused.status_code == 403


async def test_a_sign_in_never_leads_to_another_site(desk: Desk) -> None:
    await desk.linked()
    assert refreshed(await desk.sign_in("https://evil.test")) == "/console"


async def test_keys_of_the_provider_are_fetched_again_for_an_id_that_is_new(desk: Desk) -> None:
    await desk.linked()
    for _ in range(2):
        await desk.sign_in()
        assert await desk.is_in()
    assert desk.provider.key_requests == 1
    desk.provider.key = RSAKey.generate_key(2048, {"kid": "two"})
    with clock.held(clock.now() + timedelta(minutes=2)):
        assert (await desk.sign_in()).status_code == 200
    assert desk.provider.key_requests == 2


async def test_a_key_that_the_provider_does_not_publish_signs_nobody_in(desk: Desk) -> None:
    await desk.linked()
    desk.provider.published = [ECKey.generate_key("P-256", {"kid": "one"})]
    assert (await desk.sign_in()).status_code == 401


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": "http://10.0.0.1/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
        {"authorization_endpoint": "https://["},
    ],
)
async def test_metadata_that_do_not_fit_the_issuer_are_refused(desk: Desk, metadata: dict[str, str | None]) -> None:
    desk.provider.metadata = dict(metadata)
    refused = await desk.browser.post("/console/oidc", data={"next": "/console"})
    assert (refused.status_code, "metadata" in refused.text) == (503, True)


@pytest.mark.parametrize("address", ["https://a\u0001b/token", "https://provider:x/token", f"https://{'a' * 64}.test/"])
async def test_an_address_of_the_metadata_that_nothing_can_be_sent_to_is_unavailable(desk: Desk, address: str) -> None:
    await desk.linked()
    desk.provider.metadata = {"token_endpoint": address}
    refused = await desk.sign_in()
    assert (refused.status_code, "the identity provider" in refused.text) == (503, True)
    assert not await desk.is_in()


async def test_the_code_of_an_answer_is_not_recorded_where_the_role_has_no_console(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ROLES, "operator", frozenset())  # every role of people opens some page
    await desk.linked("operator")
    assert (await desk.sign_in()).status_code == 403
    rows = desk.api.rows("SELECT outcome, details FROM audit_log WHERE outcome = 'denied'")
    assert rows == [("denied", {})]


async def test_a_sign_in_ends_the_session_that_the_browser_had(desk: Desk) -> None:
    """The way back is from another site, so the browser does not send the session's cookie with it."""
    await desk.linked()
    await desk.sign_in()
    session = desk.browser.cookies["__Host-ginja_console"]
    address = await desk.leave()
    async with browser_of(desk.api) as without_session:
        without_session.cookies.set("__Host-ginja_oidc", desk.browser.cookies["__Host-ginja_oidc"])
        assert (await desk.come_back(address, without_session)).status_code == 200
        assert (await without_session.get("/console/")).status_code == 200
    assert desk.browser.cookies["__Host-ginja_console"] == session
    assert not await desk.is_in()
    assert desk.api.rows("SELECT ended_at IS NULL FROM token_families ORDER BY created_at") == [(False,), (True,)]


async def test_two_users_are_not_linked_with_one_subject_at_the_same_time(desk: Desk) -> None:
    one, other = await person(desk.api, "operator"), await person(desk.api, "data_scientist")
    links, names = IdentityLinks(desk.api.database), (desk.provider.url, desk.provider.subject)
    with psycopg.connect(desk.api.url) as connection:
        connection.execute("INSERT INTO user_identities VALUES (%s, %s, %s, now())", [*names, other.user_id])
        linking = asyncio.ensure_future(links.link(OPERATOR, one.user_id, *names))
        await until(lambda: is_waiting(desk.api))
    with pytest.raises(Conflict, match="another user"):
        await linking
    assert desk.api.rows("SELECT user_id FROM user_identities") == [(other.user_id,)]


async def test_a_provider_that_cannot_be_reached_leaves_the_other_ways(seeded_url: str, provider: Provider) -> None:
    async with desk_at(seeded_url, provider, oidc_issuer="http://127.0.0.1:9") as desk:
        await person(desk.api, "investigator")
        refused = await desk.browser.post("/console/oidc", data={"next": "/console"})
        assert (refused.status_code, "cannot be reached" in refused.text) == (503, True)
        assert 'name="login"' in (await desk.browser.get("/console/sign-in")).text


async def test_without_the_setting_there_is_no_such_way(api: Api) -> None:
    async with browser_of(api) as browser:
        assert "identity provider" not in (await browser.get("/console/sign-in")).text
        assert (await browser.post("/console/oidc", data={})).status_code == 404


async def test_signing_in_again_for_what_needs_it_asks_the_provider_again(desk: Desk) -> None:
    await desk.linked()
    desk.provider.claims = {"auth_time": int((clock.now() - timedelta(hours=1)).timestamp())}
    await desk.sign_in()
    refused = await desk.browser.post("/console/sessions", data={"session_id": "all"})
    assert refused.status_code == 401, "the person proved to be it an hour ago"
    address = await desk.leave("/console/sessions", fresh="yes")
    assert parse_qs(urlsplit(address).query)["max_age"] == ["0"]
    stale = await desk.come_back(address)
    assert (stale.status_code, "too long ago" in stale.text) == (401, True)
    desk.provider.claims = {}
    assert (await desk.come_back(await desk.leave("/console/sessions", fresh="yes"))).status_code == 200
    assert (await desk.browser.post("/console/sessions", data={"session_id": "all"})).status_code == 303
    assert not await desk.is_in()


async def test_a_real_browser_signs_in_by_the_provider(
    chromium: str, seeded_url: str, provider: Provider, tmp_path: Path
) -> None:
    """The provider is another site to the browser, so that cookies are sent as they would be."""
    async with desk_at(seeded_url, provider, console_url="http://claims") as desk:
        await desk.linked()
        with on_a_port(create_app(desk.api.dependencies.settings, desk.api.url)) as address:
            seen = await asyncio.to_thread(browse, chromium, urlsplit(address).netloc, tmp_path)
    assert seen == ["Sign in · Ginja", "Open a claim · Ginja"]


def browse(chromium: str, address: str, folder: Path) -> list[str]:
    """The titles of the pages that a person comes to."""
    titles = []
    arguments = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP claims {address}"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page()
        page.goto("http://claims/console/")
        titles.append(page.title())
        page.screenshot(path=folder / "sign-in-oidc.png")
        page.click("button:text('identity provider')")
        page.wait_for_selector("nav")
        titles.append(page.title())
        browser.close()
    return titles
