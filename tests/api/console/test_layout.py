"""What every page of the console shares: navigation, search, keys, static files, compression."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.assets import STATIC, asset
from api.console.reading import form_token, is_form_token
from api.database import Database
from api.identity import Scope, create_key
from tests.api.console.setting import Browser, app_over, store_claim, without_tokens
from tests.api.servers import on_a_port

SITE = "https://ginja.test"
FILES = sorted(path.name for path in STATIC.iterdir())


class Desk:
    """Browsers at one console."""

    def __init__(self, database: Database, url: str) -> None:
        self.database = database
        self.url = url
        self.transport = httpx.ASGITransport(app_over(database, url))

    async def signed_in(self, role: str, scopes: Sequence[Scope] | None = None) -> Browser:
        _, key = await create_key(self.database, name=role, role=role, scopes=scopes)
        browser = Browser(transport=self.transport, base_url=SITE, headers={"Origin": SITE})
        assert (await browser.post("/console/sign-in", data={"api_key": key})).status_code == 303
        return browser


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    database = Database(database_url)
    store_claim(database_url, "clm_1", reason_text="H7")
    yield Desk(database, database_url)
    await database.close()


def links(page: str) -> list[str]:
    return re.findall(r'href="([^"]+)"', page.partition("<nav")[2].partition("</nav>")[0])


async def test_the_navigation_has_the_pages_of_the_role_and_no_others(desk: Desk) -> None:
    for role in ("investigator", "admin"):
        browser = await desk.signed_in(role)
        shown = links((await browser.get("/console/in-review")).text)
        assert {"/console/in-review", "/console/appeals", "/console/rescreening", "/console/reviews"} <= set(shown)
        assert ("/console/dead-letters" in shown) == ("/console/audit" in shown) == (role == "admin")
        for path in shown:
            assert (await browser.get(path)).status_code == 200, path


async def test_the_page_that_is_open_is_marked_in_the_navigation(desk: Desk) -> None:
    browser = await desk.signed_in("admin")
    for path in links((await browser.get("/console/in-review")).text):
        page = (await browser.get(path)).text
        navigation = page.partition("<nav")[2].partition("</nav>")[0]
        assert re.findall(r'href="([^"]+)"[^>]* aria-current="page"', navigation) == [path]


async def test_a_page_without_a_session_has_no_navigation(desk: Desk) -> None:
    async with Browser(transport=desk.transport, base_url=SITE) as browser:
        page = (await browser.get("/console/sign-in")).text
    assert "<nav" not in page
    assert "/console/search" not in page


@pytest.mark.parametrize(
    ("sought", "place"),
    [("clm_1", "/console/claims/clm_1"), (" clm_1 ", "/console/claims/clm_1"), ("H7", "/console/providers/H7")],
)
async def test_an_id_leads_to_the_page_of_what_it_names(desk: Desk, sought: str, place: str) -> None:
    browser = await desk.signed_in("investigator")
    answer = await browser.get("/console/search", params={"q": sought})
    assert (answer.status_code, answer.headers["location"]) == (303, place)


async def test_a_member_is_found_by_who_may_see_its_page_and_by_nobody_else(desk: Desk) -> None:
    allowed = await desk.signed_in("investigator")
    other = await desk.signed_in("investigator", [Scope.READ, Scope.SCORES])
    assert (await allowed.get("/console/search?q=M1")).headers["location"] == "/console/members/M1"
    refused, unknown = await other.get("/console/search?q=M1"), await other.get("/console/search?q=M2")
    assert refused.status_code == unknown.status_code == 404
    texts = [without_tokens(one.text) for one in (refused, unknown)]
    assert texts[0] == texts[1].replace("M2", "M1"), "the page says whether a member exists"


async def test_a_case_is_found_by_who_may_see_cases_and_by_nobody_else(desk: Desk) -> None:
    allowed = await desk.signed_in("investigator")
    opened = await allowed.post("/console/cases", data={"kind": "provider", "subject": "H7", "detection": "score"})
    path = opened.headers["location"]
    sought = f"/console/search?q={path.rpartition('/')[2]}"
    assert (await allowed.get(sought)).headers["location"] == path
    other = await desk.signed_in("investigator", [Scope.READ, Scope.SCORES])
    assert (await other.get(sought)).status_code == 404


async def test_an_id_that_names_several_things_shows_each(desk: Desk) -> None:
    with psycopg.connect(desk.url) as connection:
        connection.execute("INSERT INTO providers (provider_id) VALUES ('clm_1')")
    page = await (await desk.signed_in("investigator")).get("/console/search?q=clm_1")
    assert page.status_code == 200
    for path in ("/console/claims/clm_1", "/console/providers/clm_1"):
        assert f'<a href="{path}">' in page.text


@pytest.mark.parametrize("sought", ["", "   ", "%00", "x" * 5000, "<script>1</script>", "../..", "' OR 1=1 --"])
async def test_a_search_for_anything_else_finds_nothing_and_stays_text(desk: Desk, sought: str) -> None:
    answer = await (await desk.signed_in("investigator")).get("/console/search", params={"q": sought})
    assert answer.status_code in (200, 404)
    assert "<script>1" not in answer.text


@pytest.mark.parametrize("name", FILES)
async def test_a_file_is_stored_for_a_year_under_the_address_of_its_content_only(desk: Desk, name: str) -> None:
    async with Browser(transport=desk.transport, base_url=SITE) as browser:
        stored = await browser.get(asset(name))
        assert stored.headers["cache-control"] == "public, max-age=31536000, immutable"
        for other in (f"/console/static/{name}", f"/console/static/{name}?v=0123456789abcdef"):
            answer = await browser.get(other)
            assert (answer.status_code, answer.content) == (200, stored.content)
            assert "cache-control" not in answer.headers


def test_the_address_of_a_file_changes_with_its_content() -> None:
    assert len({asset(name).partition("?v=")[2] for name in FILES}) == len(FILES)


async def test_pages_and_files_are_compressed(desk: Desk) -> None:
    browser = await desk.signed_in("investigator")
    for path in ("/console/claims/clm_1", asset("console.css"), asset("console.js")):
        plain = await browser.get(path, headers={"Accept-Encoding": "identity"})
        small = await browser.get(path, headers={"Accept-Encoding": "gzip"})
        assert ("content-encoding" in plain.headers, small.headers["content-encoding"]) == (False, "gzip"), path
        assert "accept-encoding" in small.headers["vary"].lower()


async def test_a_page_that_another_site_asked_for_and_pages_of_the_sign_in_are_not_compressed(desk: Desk) -> None:
    browser = await desk.signed_in("investigator")
    for sent_from in ("cross-site", "same-site"):
        headers = {"Accept-Encoding": "gzip", "Sec-Fetch-Site": sent_from}
        assert "content-encoding" not in (await browser.get("/console/claims/clm_1", headers=headers)).headers
    for path in ("/console/sign-in", "/console/second-factor", "/console/password"):
        assert "content-encoding" not in (await browser.get(path, headers={"Accept-Encoding": "gzip"})).headers


async def test_the_token_of_forms_differs_in_every_page(desk: Desk) -> None:
    browser = await desk.signed_in("investigator")
    pages = [(await browser.get("/console/in-review")).text for _ in range(2)]
    tokens = [set(re.findall(r'name="form_token" value="([0-9a-f]+)"', page)) for page in pages]
    assert len(tokens[0]) == len(tokens[1]) == 1
    assert tokens[0] != tokens[1]


@given(session=st.text(min_size=1), other=st.text(min_size=1), text=st.text())
def test_a_token_fits_its_session_only(session: str, other: str, text: str) -> None:
    token = form_token(session)
    assert is_form_token(session, token)
    assert is_form_token(other, token) == (other == session)
    assert not is_form_token(session, text)
    changed = ("0" if token[-1] != "0" else "1").join([token[:-1], ""])
    assert not is_form_token(session, changed)


def test_the_script_is_valid_small_and_evaluates_nothing(tmp_path: Path) -> None:
    script = STATIC / "console.js"
    text = script.read_text()
    assert len(text.splitlines()) <= 200
    assert [
        word for word in ("eval(", "Function(", "innerHTML", "setTimeout", "fetch(", ".style") if word in text
    ] == []
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node here: install it to have the syntax of the script checked without a browser")
    subprocess.run([node, "--check", script], check=True)


@pytest.fixture
def served(database_url: str) -> Iterator[tuple[str, str]]:
    """The address of a console on a real port, and an investigator's key."""

    async def make_key() -> str:
        database = Database(database_url)
        _, key = await create_key(database, name="Ines", role="investigator")
        await database.close()
        return key

    for number in range(3):
        store_claim(database_url, f"clm_{number}", reason_text="H7")
    key = asyncio.run(make_key())
    with on_a_port(app_over(Database(database_url), database_url), lifespan="off") as address:
        yield address, key


def test_the_console_is_used_by_keys_alone(chromium: str, served: tuple[str, str]) -> None:
    from playwright.sync_api import sync_playwright

    address, key = served
    complaints: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}/console/sign-in")
        page.fill("#api_key", key)
        page.keyboard.press("Control+Enter")
        page.wait_for_url("**/console/")

        page.keyboard.type("gi")
        page.wait_for_url("**/console/in-review")
        rows = page.locator("[data-list] tbody tr")
        claims = [text.strip() for text in rows.locator("a.id").all_inner_texts()]
        assert sorted(claims) == ["clm_0", "clm_1", "clm_2"]
        focused = "document.activeElement.textContent.trim()"
        for keys, row in (("j", 0), ("j", 1), ("jjjj", 2), ("k", 1)):
            page.keyboard.type(keys)
            assert page.evaluate(focused) == claims[row]
            assert rows.nth(row).evaluate("row => row.classList.contains('current')")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/console/claims/{claims[1]}*")

        page.keyboard.press("?")
        assert page.locator("#keys").is_visible()
        assert "g i" in page.locator("#keys").inner_text()
        page.keyboard.press("Escape")
        assert not page.locator("#keys").is_visible()

        page.keyboard.press("/")
        page.keyboard.type("gijk?clm_2")
        assert page.locator("[data-search]").input_value() == "gijk?clm_2", "keys act while somebody types"
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.keyboard.type("clm_2")
        page.keyboard.press("Enter")
        page.wait_for_url("**/console/claims/clm_2")
        browser.close()
    assert complaints == []


@pytest.mark.parametrize("has_script", [True, False])
def test_the_menu_folds_at_the_width_of_a_phone_and_opens_without_a_script(
    chromium: str, served: tuple[str, str], *, has_script: bool
) -> None:
    from playwright.sync_api import sync_playwright

    address, key = served
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, java_script_enabled=has_script)
        page.goto(f"{address}/console/in-review")
        page.fill("#api_key", key)
        page.click("button.primary")
        menu, link = page.locator(".menu > summary"), page.locator("nav a", has_text="Appeals")
        assert (menu.is_visible(), link.is_visible()) == (False, True)
        page.set_viewport_size({"width": 390, "height": 800})
        assert (menu.is_visible(), link.is_visible()) == (True, False)
        menu.click()
        assert link.is_visible()
        page.click("button:has-text('Keys')")
        assert page.locator("#keys").is_visible()
        if has_script:
            assert page.evaluate("document.documentElement.scrollWidth") == 390
        browser.close()
