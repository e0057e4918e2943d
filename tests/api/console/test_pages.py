"""The console over the real database: authentication, content, and escaping of strings from outside."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from api.console.access import SESSION
from api.console.access.throttle import MOST_FAILURES, WINDOW
from api.console.assets import asset
from api.database import Database
from api.identity import Caller, Scope, create_key
from api.keys import Keys
from core import clock
from tests.api.console.setting import HOSTILE, Browser, app_over, keys_of, store_claim, without_tokens
from tests.api.servers import on_a_port

SITE = "https://ginja.test"


@dataclass
class Setting:
    """A console with an investigator's key and a claim."""

    client: httpx.AsyncClient
    database: Database
    url: str
    key_id: str
    key: str

    async def sign_in(self, key: str | None = None, following: str = "/console") -> httpx.Response:
        return await self.client.post("/console/sign-in", data={"api_key": key or self.key, "next": following})


@pytest.fixture
async def console(database_url: str) -> AsyncIterator[Setting]:
    database = Database(database_url)
    key_id, key = await create_key(database, name="Ines", role="investigator")
    store_claim(database_url, "clm_1")
    transport = httpx.ASGITransport(app_over(database, database_url))
    async with Browser(transport=transport, base_url=SITE, headers={"Origin": SITE}) as client:
        yield Setting(client, database, database_url, key_id, key)
    await database.close()


async def test_a_page_without_a_session_redirects_to_sign_in_and_back(console: Setting) -> None:
    answer = await console.client.get("/console/claims/clm_1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/console/sign-in?next=/console/claims/clm_1"
    signed_in = await console.sign_in(following="/console/claims/clm_1")
    assert signed_in.headers["location"] == "/console/claims/clm_1"
    assert (await console.client.get("/console/claims/clm_1")).status_code == 200


async def test_the_explanation_shows_the_score_the_reasons_and_what_changed(console: Setting) -> None:
    await console.sign_in()
    page = (await console.client.get("/console/claims/clm_1")).text
    assert "83.0 %" in page
    assert "Amount 4.2× the average of P001" in page
    assert "would be below at 61.00" in page
    assert "procedures P001" in page
    assert "decided by: rule → model" in page


async def test_attributes_are_a_table_of_texts_and_a_claim_without_them_has_none(console: Setting) -> None:
    await console.sign_in()
    assert "Attributes of this claim" not in (await console.client.get("/console/claims/clm_1")).text
    with psycopg.connect(console.url) as connection:
        values = '{"make": "<script>1</script>", "police_report": false, "age": 7.0}'
        connection.execute("UPDATE claims SET attributes = %s", [values])
    page = (await console.client.get("/console/claims/clm_1")).text
    table = page.partition("Attributes of this claim")[2].partition("</table>")[0]
    for name, value in (("age", "7"), ("make", "&lt;script&gt;1&lt;/script&gt;"), ("police_report", "no")):
        assert f"<td><code>{name}</code></td><td>{value}</td>" in table


async def test_the_waterfall_is_a_picture_in_the_page_with_every_bar(console: Setting) -> None:
    await console.sign_in()
    page = (await console.client.get("/console/claims/clm_1")).text
    picture = page.partition('<svg class="waterfall"')[2].partition("</svg>")[0]
    assert re.findall(r'<text class="label"[^>]*>([^<]+)<', picture) == [
        "Typical claim",
        "Price against peers",
        "This claim",
    ]


async def test_a_page_has_one_script_of_this_site_and_nothing_inline(console: Setting) -> None:
    await console.sign_in()
    page = await console.client.get("/console/claims/clm_1")
    assert re.findall(r"<script[^>]*>", page.text) == [f'<script src="{asset("console.js")}" defer>']
    assert re.findall(r" (?:style|on[a-z]+)=", page.text) == []
    assert "script-src 'self';" in page.headers["content-security-policy"]


async def test_evidence_and_prior_knowledge_have_separate_sections(console: Setting) -> None:
    await console.sign_in()
    page = (await console.client.get("/console/claims/clm_1")).text
    evidence, _, rest = page.partition('id="evidence"')[2].partition('id="priors"')
    priors = rest.partition("</section>")[0]
    assert "Amount 4.2× the average of P001" in evidence
    assert "An old reason" in evidence
    assert "recorded as fraud" not in evidence
    assert "9 claims were recorded as fraud" in priors
    assert "is not evidence about this one" in priors
    assert "Raises the odds" in priors
    assert "Risk indicators" not in priors


async def test_strings_from_outside_are_escaped(console: Setting) -> None:
    store_claim(console.url, "clm_2", reason_text=HOSTILE)
    await console.sign_in()
    page = (await console.client.get("/console/claims/clm_2")).text
    assert "<script>document" not in page
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


async def test_a_finding_is_recorded_under_the_name_of_the_key_and_shown(console: Setting) -> None:
    await console.sign_in()
    with psycopg.connect(console.url) as connection:
        connection.execute("UPDATE claims SET status = 'approved', approved_cents = 500000")
    form = {"disposition": "confirmed", "kind": "upcoding", "amount_recovered": "120.50", "note": "<b>two visits</b>"}
    answer = await console.client.post("/console/claims/clm_1/finding", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/claims/clm_1#finding")
    page = (await console.client.get("/console/claims/clm_1")).text
    shown = page.partition('id="finding"')[2].partition("</table>")[0]
    expected = ("Substantiated fraud", "upcoding", "120.50", "Ines", "&lt;b&gt;two visits&lt;/b&gt;")
    assert all(words in shown for words in expected)
    with psycopg.connect(console.url) as connection:
        assert connection.execute("SELECT is_fraud, kind FROM labels").fetchall() == [(True, "upcoding")]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "disposition: is required"),
        ({"disposition": "guilty"}, "disposition: "),
        (
            {"disposition": "cleared", "amount_recovered": "1"},
            "amount recovered: must be 0 or more, and above 0 only with",
        ),
        ({"disposition": "confirmed", "amount_recovered": "1.001"}, "amount recovered: "),
        ({"disposition": "confirmed", "kind": "Up coding"}, "kind: "),
        ({"disposition": "cleared", "note": "a\0b"}, "note: "),
        ({"disposition": "cleared", "note": "x" * 501}, "note: "),
        ({"disposition": "cleared", "who": "ann"}, "who: "),
    ],
)
async def test_an_invalid_form_is_shown_again_with_its_errors_and_entries(
    console: Setting, form: dict[str, str], words: str
) -> None:
    await console.sign_in()
    answer = await console.client.post("/console/claims/clm_1/finding", data={"kind": "upcoding", **form})
    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{form.get("kind", "upcoding")}"' in answer.text
    with psycopg.connect(console.url) as connection:
        assert connection.execute("SELECT * FROM dispositions").fetchall() == []


async def test_a_key_that_only_reads_scores_cannot_record_findings(console: Setting) -> None:
    _, key = await create_key(console.database, name="A system", role="claims_system")
    await console.sign_in(key)
    assert 'name="disposition"' not in (await console.client.get("/console/claims/clm_1")).text
    answer = await console.client.post("/console/claims/clm_1/finding", data={"disposition": "cleared"})
    assert answer.status_code == 403


async def test_a_finding_sent_after_the_session_ended_redirects_to_sign_in_and_back_to_the_claim(
    console: Setting,
) -> None:
    answer = await console.client.post("/console/claims/clm_1/finding", data={"disposition": "cleared"})
    assert answer.headers["location"] == "/console/sign-in?next=/console/claims/clm_1"


async def test_the_list_of_the_week_is_shown_with_its_findings(console: Setting) -> None:
    await console.sign_in()
    assert "There is no list yet" in (await console.client.get("/console/reviews")).text
    with psycopg.connect(console.url) as connection:
        connection.execute(
            "INSERT INTO selections VALUES ('clm_1', '2026-03-02', 'audit', 0.025, 0.83, '7', now());"
            "INSERT INTO dispositions VALUES ('clm_1', now(), 'cleared', NULL, 0, 'ann', NULL)"
        )
    page = (await console.client.get("/console/reviews")).text
    assert "week of 2026-03-02" in page
    assert "random sample, p = 0.0250" in page
    assert "1 of 1 done" in page
    assert "Unsubstantiated" in page
    same = await console.client.get("/console/reviews?week=2026-03-05")
    assert without_tokens(page) == without_tokens(same.text)
    assert "There is no list for that week" in (await console.client.get("/console/reviews?week=2026-03-09")).text


async def test_the_list_of_the_week_shows_expected_recovery_and_what_is_promised(console: Setting) -> None:
    await console.sign_in()
    with psycopg.connect(console.url) as connection:
        connection.execute(
            "INSERT INTO selections VALUES"
            " ('clm_1', '2026-03-02', 'score', 1, 0.83, '7', now(), 123456, 100000, 150000)"
        )
    page = (await console.client.get("/console/reviews")).text
    assert "highest expected recovery" in page
    assert "1234.56 (1000.00 to 1500.00)" in page
    assert "it requires findings on 9 earlier lists of at least its length, and there are 0" in page


@pytest.mark.parametrize("week", ["soon", "0001-01-01", "9999-12-31", ""])
async def test_an_invalid_week_shows_the_latest_list(console: Setting, week: str) -> None:
    await console.sign_in()
    assert (await console.client.get(f"/console/reviews?week={week}")).status_code == 200


async def test_an_impossible_id_is_not_found(console: Setting) -> None:
    await console.sign_in()
    assert (await console.client.get("/console/claims/%00")).status_code == 404


async def test_an_unknown_claim_has_its_own_page(console: Setting) -> None:
    await console.sign_in()
    answer = await console.client.get("/console/claims/clm_none")
    assert answer.status_code == 404
    assert "There is no claim with this id" in answer.text


async def test_a_key_without_the_scope_for_scores_opens_no_session(console: Setting) -> None:
    _, key = await create_key(console.database, name="Ann", role="investigator", scopes=[Scope.READ])
    answer = await console.sign_in(key)
    assert answer.status_code == 403
    assert "may not see scores" in answer.text
    assert "set-cookie" not in answer.headers


async def test_a_key_without_the_scope_for_claims_opens_no_session(console: Setting) -> None:
    _, key = await create_key(console.database, name="Ann", role="investigator", scopes=[Scope.SCORES])
    answer = await console.sign_in(key)
    assert (answer.status_code, "without scope claims:read" in answer.text) == (403, True)


async def test_a_session_has_no_scope_that_its_key_was_created_without(console: Setting) -> None:
    scopes = [Scope.SCORES, Scope.READ]
    key_id, key = await create_key(console.database, name="Ann", role="investigator", scopes=scopes)
    assert (await console.sign_in(key)).status_code == 303
    assert (await console.client.get("/console/claims/clm_1")).status_code == 200
    for path, form in (
        ("finding", {"disposition": "cleared"}),
        ("decision", {"action": "release", "reason": "consistent_records", "expected_version": "0"}),
    ):
        refused = await console.client.post(f"/console/claims/clm_1/{path}", data=form)
        assert refused.status_code == 403, path
    with psycopg.connect(console.url) as connection:
        connection.execute("UPDATE api_keys SET scopes = NULL WHERE api_key_id = %s", [key_id])
    recorded = await console.client.post("/console/claims/clm_1/finding", data={"disposition": "cleared"})
    assert recorded.status_code == 303, "with the scope it is recorded"


async def test_an_invalid_key_opens_no_session(console: Setting) -> None:
    answer = await console.sign_in("gnj_wrong")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_failed_sign_ins_of_an_address_are_throttled_for_a_minute(console: Setting) -> None:
    now = clock.now()
    with clock.held(now):
        for _ in range(MOST_FAILURES):
            assert (await console.sign_in("gnj_wrong")).status_code == 401
        refused = await console.sign_in()
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
        assert "too many failed sign-ins" in refused.text
        elsewhere = httpx.ASGITransport(console.client._transport.app, client=("10.0.0.9", 1))  # type: ignore[attr-defined]
        async with Browser(transport=elsewhere, base_url=SITE, headers={"Origin": SITE}) as other:
            assert (await other.post("/console/sign-in", data={"api_key": console.key})).status_code == 303
    with clock.held(now + WINDOW):
        assert (await console.sign_in()).status_code == 303


async def test_a_session_ends_when_it_expires(console: Setting) -> None:
    await console.sign_in()
    with clock.held(clock.now() + SESSION - timedelta(seconds=1)):
        assert (await console.client.get("/console/claims/clm_1")).status_code == 200
    with clock.held(clock.now() + SESSION + timedelta(seconds=1)):
        assert (await console.client.get("/console/claims/clm_1")).status_code == 303


async def test_a_session_ends_when_its_key_is_revoked(console: Setting) -> None:
    await console.sign_in()
    await Keys(console.database, keys_of(console.url)).revoke(Caller("cli", "operator", None, "ann"), console.key_id)
    assert (await console.client.get("/console/claims/clm_1")).status_code == 303


async def test_the_cookie_is_invalid_after_sign_out(console: Setting) -> None:
    await console.sign_in()
    token = console.client.cookies["__Host-ginja_console"]
    await console.client.post("/console/sign-out")
    answer = await console.client.get("/console/claims/clm_1", headers={"Cookie": f"ginja_console={token}"})
    assert answer.status_code == 303


async def test_the_cookie_is_hidden_from_scripts_and_other_sites(console: Setting) -> None:
    cookie = (await console.sign_in()).headers["set-cookie"]
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))


@pytest.mark.parametrize("elsewhere", ["https://evil.test", "//evil.test", "/console//evil.test", "/console\\evil"])
async def test_sign_in_never_redirects_to_another_site(console: Setting, elsewhere: str) -> None:
    assert (await console.sign_in(following=elsewhere)).headers["location"] == "/console"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": SITE}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": SITE}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.test"}, 403),
        ({"Sec-Fetch-Site": "none", "Origin": "https://evil.test"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "javascript://ginja.test"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Origin": SITE}, 303),
        ({"Origin": "https://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_a_form_is_refused_unless_this_site_sent_it(
    console: Setting, headers: dict[str, str], status: int
) -> None:
    del console.client.headers["Origin"]
    answer = await console.client.post("/console/sign-in", data={"api_key": console.key}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(("size", "status"), [(16_384, 401), (16_385, 413)])
async def test_the_size_of_a_form_is_limited(console: Setting, size: int, status: int) -> None:
    body = "api_key=" + "x" * (size - len("api_key="))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await console.client.post("/console/sign-in", content=body, headers=headers)
    assert answer.status_code == status


async def test_every_page_forbids_scripts_and_frames_from_elsewhere(console: Setting) -> None:
    for path in ("/console/sign-in", "/console/static/console.css", "/console/claims/clm_1"):
        policy = (await console.client.get(path)).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy


@pytest.fixture
def served_console(database_url: str) -> Iterator[str]:
    """The console on a real port."""
    with on_a_port(app_over(Database(database_url), database_url), lifespan="off") as address:
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_draws_the_waterfall_and_hostile_text_does_nothing(
    chromium: str, served_console: str, database_url: str, tmp_path: Path, scheme: str
) -> None:
    import asyncio

    from playwright.sync_api import sync_playwright

    async def make_key() -> str:
        database = Database(database_url)
        _, key = await create_key(database, name="Ines", role="investigator")
        await database.close()
        return key

    key = asyncio.run(make_key())
    store_claim(database_url, "clm_2", reason_text=HOSTILE + "x" * 80)
    complaints: list[str] = []
    requested: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requested.append(request.url))
        page.goto(f"{served_console}/console/claims/clm_2")
        page.fill("#api_key", key)
        page.click("button.primary")
        page.wait_for_selector("svg.waterfall")
        assert page.title() == "Claim clm_2 · Ginja"
        assert page.locator("svg.waterfall text.label", has_text="Price against peers").count() == 1
        assert page.locator("img[src=x]").count() == 0
        page.screenshot(path=tmp_path / f"{scheme}.png", full_page=True)
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == 390, "a word or a chart widens the page"
        browser.close()
    assert complaints == []
    assert all(url.startswith((served_console, "data:")) for url in requested)
