"""The queue: tabs, filters, locks and bulk acts as pages, and ten cases by keys alone."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from urllib.parse import urljoin

import psycopg
import pytest

from api.app import create_app
from core import clock
from tests.api.console.setting import Browser
from tests.api.leads import held, refreshed
from tests.api.makers import Api, running_api
from tests.api.servers import on_a_port

SITE = "http://claims"


class Desk:
    """Browsers at the console of one API."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def browser(self, role: str = "investigator") -> Browser:
        browser = Browser(transport=self.api.client._transport, base_url=SITE, headers={"Origin": SITE})
        answer = await browser.post("/console/sign-in", data={"api_key": self.api.keys[role]})
        assert answer.status_code == 303
        return browser


@pytest.fixture
async def desk(seeded_url: str) -> AsyncIterator[Desk]:
    async with running_api(seeded_url, signed_requests="accepted") as api:
        yield Desk(api)


def links(page: str) -> list[str]:
    return re.findall(r'href="(/console/[^"#]*)', page.replace("&amp;", "&"))


def lead_ids(page: str) -> list[str]:
    return re.findall(r'name="lead_id" value="(led_\w+)"', page)


async def test_every_claim_in_review_is_at_most_two_pages_from_the_queue(desk: Desk):
    ids = {await held(desk.api, claim_amount=100 + number) for number in range(4)}
    ids |= {await held(desk.api, provider_id="H457", member_id="M124")}
    await refreshed(desk.api)
    browser = await desk.browser()
    reached, pages = set[str](), {"/console/queue"}
    for _ in range(2):
        texts = [(await browser.get(path)).text for path in sorted(pages)]
        pages = {link for text in texts for link in links(text) if link.startswith("/console/queue/leads/")}
        reached |= {link.rpartition("/")[2] for text in texts for link in links(text) if "/console/claims/" in link}
    assert ids <= reached


async def test_a_line_states_the_money_the_claims_and_why(desk: Desk):
    for number in range(2):
        await held(desk.api, claim_amount=100 + number)
    await refreshed(desk.api)
    page = (await (await desk.browser()).get("/console/queue")).text
    assert "Provider H456" in page
    assert "2 claims of one provider flagged or listed by score" in page
    for text in ("180.90", "90.45 to 361.80", "201.00", "90.0 %", "days left"):
        assert text in page, text


async def test_the_form_offers_the_first_day_that_a_snooze_takes_also_after_midnight_at_the_insurer(seeded_url: str):
    midnight = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    async with running_api(seeded_url, signed_requests="accepted", time_zone="Africa/Nairobi") as api:
        await held(api)
        await refreshed(api)
        with clock.held(midnight):
            browser = await Desk(api).browser()
            page = (await browser.get("/console/queue")).text
            (lead_id,) = lead_ids(page)
            (first,) = re.findall(r'name="until" type="date" min="([0-9-]+)"', page)
            assert first == "2026-03-04", "it is 3 March there"
            form = {"act": f"snooze {lead_id}", "reason": "no_capacity", "until": first}
            assert (await browser.post("/console/queue/leads", data=form)).status_code == 303


async def test_a_second_investigator_is_refused_by_name_and_keeps_what_was_entered(desk: Desk):
    await held(desk.api)
    await refreshed(desk.api)
    first, second = await desk.browser(), await desk.browser("lead_investigator")
    (lead_id,) = lead_ids((await first.get("/console/queue")).text)
    taken = await first.post("/console/queue/leads", data={"act": f"take {lead_id}"})
    assert (taken.status_code, taken.headers["location"]) == (303, "/console/queue?tab=unassigned")
    refused = await second.post("/console/queue/leads", data={"act": "take", "lead_id": lead_id})
    assert refused.status_code == 409
    assert f"lead {lead_id} is assigned to Key of investigator" in refused.text or "is assigned to" in refused.text
    assert lead_id in lead_ids((await first.get("/console/queue?tab=mine")).text)
    assert lead_ids((await second.get("/console/queue?tab=mine")).text) == []


async def test_the_next_best_case_is_taken_and_opened(desk: Desk):
    small = await held(desk.api, claim_amount=100)
    large = await held(desk.api, claim_amount=900, provider_id="H457", member_id="M124")
    await refreshed(desk.api)
    browser = await desk.browser()
    for expected in (large, small):
        answer = await browser.post("/console/queue/next")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/console/claims/{expected}")
    none = await browser.post("/console/queue/next")
    assert none.status_code == 404
    assert "No lead is unassigned" in none.text


async def test_selected_leads_are_put_aside_together_and_a_refused_form_keeps_its_content(desk: Desk):
    await held(desk.api, claim_amount=100)
    await held(desk.api, claim_amount=900, provider_id="H457", member_id="M124")
    await refreshed(desk.api)
    browser = await desk.browser()
    chosen = lead_ids((await browser.get("/console/queue")).text)
    form = {"lead_id": chosen, "reason": "awaiting_provider", "until": "2020-01-01", "act": "snooze"}
    refused = await browser.post("/console/queue/leads", data=form)
    assert refused.status_code == 422
    assert "until must be a day from" in refused.text
    assert 'value="2020-01-01"' in refused.text
    assert '<option value="awaiting_provider" selected>' in refused.text
    assert refused.text.count(" checked>") == len(chosen) == 2
    day = (clock.now().date().replace(day=1)).isoformat()
    assert (await browser.post("/console/queue/leads", data={"act": "take"})).status_code == 422, day
    accepted = form | {"until": (await later(browser))}
    assert (await browser.post("/console/queue/leads?tab=mine", data=accepted)).status_code == 303
    snoozed = (await browser.get("/console/queue?tab=snoozed")).text
    assert sorted(lead_ids(snoozed)) == sorted(chosen)
    assert "Waits for the provider until" in snoozed
    await browser.post("/console/queue/leads", data={"act": "wake", "lead_id": chosen})
    assert sorted(lead_ids((await browser.get("/console/queue")).text)) == sorted(chosen)


async def later(browser: Browser) -> str:
    """The day that the form suggests."""
    found = re.search(r'name="until"[^>]* value="([\d-]+)"', (await browser.get("/console/queue")).text)
    assert found is not None
    return found[1]


async def test_a_case_is_opened_from_a_lead(desk: Desk):
    claim_id = await held(desk.api)
    await refreshed(desk.api)
    browser = await desk.browser()
    (lead_id,) = lead_ids((await browser.get("/console/queue")).text)
    answer = await browser.post(f"/console/queue/leads/{lead_id}/case")
    ((case_id,),) = desk.api.rows("SELECT case_id FROM case_claims WHERE claim_id = %s", claim_id)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/cases/{case_id}")


async def test_filters_and_saved_views_lead_to_the_same_list(desk: Desk):
    await held(desk.api, claim_amount=100)
    await held(desk.api, claim_amount=900, provider_id="H457", member_id="M124")
    await refreshed(desk.api)
    browser = await desk.browser()
    filtered = "/console/queue?tab=unassigned&least=500"
    assert len(lead_ids((await browser.get(filtered)).text)) == 1
    saved = await browser.post("/console/queue/views?tab=unassigned&least=500", data={"name": "Large <b>"})
    assert saved.headers["location"] == filtered
    page = (await browser.get("/console/queue")).text
    assert "Large &lt;b&gt;" in page
    assert filtered in links(page)
    (view_id,) = re.findall(r'name="remove" value="(viw_\w+)"', page)
    await browser.post("/console/queue/views", data={"remove": view_id})
    assert "Large" not in (await browser.get("/console/queue")).text


@pytest.mark.parametrize(
    "query",
    [
        "tab=none",
        "kind=x",
        "least=-1",
        "least=1e9",
        "due=soon",
        "indicator=%27%25",
        "after=x",
        "after=WzFd",
        "tab=closed&after=WzFd",
    ],
)
async def test_an_invalid_filter_is_left_out(desk: Desk, query: str):
    await held(desk.api)
    await refreshed(desk.api)
    answer = await (await desk.browser()).get(f"/console/queue?{query}")
    assert answer.status_code == 200


async def test_a_role_without_cases_sees_no_lead(desk: Desk):
    await held(desk.api)
    await refreshed(desk.api)
    browser = await desk.browser("insurer")
    assert "/console/queue" not in links((await browser.get("/console/in-review")).text)
    assert (await browser.get("/console/queue")).status_code == 403
    assert (await browser.post("/console/queue/next")).status_code == 403


@pytest.fixture
def ten_claims(seeded_url: str) -> Iterator[tuple[str, str, list[str]]]:
    """A console on a real port, an investigator's key, and claims of ten leads, the best first."""

    async def prepare() -> tuple[Api, list[str]]:
        async with running_api(seeded_url, signed_requests="accepted") as api:
            ids = [await held(api, claim_amount=1_000 - 10 * number) for number in range(10)]
            with psycopg.connect(api.url) as connection:  # ten subjects
                for number, claim_id in enumerate(ids):
                    connection.execute(
                        "UPDATE claims SET provider_id = %s, member_id = %s WHERE claim_id = %s",
                        [f"H{number}", f"M{number}", claim_id],
                    )
            await refreshed(api)
            return api, ids

    api, ids = asyncio.run(prepare())
    with on_a_port(create_app(api.dependencies.settings, api.url)) as address:
        yield address, api.keys["investigator"], ids


def test_leads_are_taken_put_aside_and_opened_by_keys_alone(
    chromium: str, ten_claims: tuple[str, str, list[str]]
) -> None:
    from playwright.sync_api import expect, sync_playwright

    address, key, ids = ten_claims
    complaints: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(urljoin(address, "/console/sign-in?next=/console/queue"))
        page.fill("#api_key", key)
        page.keyboard.press("Control+Enter")
        page.wait_for_url(urljoin(address, "/console/queue"))
        assert page.locator("tbody tr").count() == 10

        page.keyboard.press("n")
        page.wait_for_url(f"**/console/claims/{ids[0]}*")
        page.keyboard.type("gq")
        page.wait_for_url(urljoin(address, "/console/queue"))
        page.keyboard.press("j")
        page.keyboard.press("a")
        page.wait_for_url("**/console/queue?tab=unassigned")
        assert page.locator("tbody tr").count() == 8

        page.keyboard.type("jxjx")
        page.keyboard.press("s")
        page.keyboard.press("Control+Enter")
        expect(page.locator("tbody tr")).to_have_count(6)
        page.keyboard.press("2")
        page.wait_for_url("**/console/queue?tab=mine")
        assert page.locator("tbody tr").count() == 2
        page.keyboard.type("j")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/console/claims/{ids[0]}*")
        page.goto(urljoin(address, "/console/queue"))
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        browser.close()
    assert complaints == []
