"""People at the workbench: locks, evidence, providers, forms of other sites, and sessions that end."""

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, expect

from api.console.access import SESSION
from core import clock
from tests.api.cases import opened
from tests.api.console.test_evidence_pages import FORM
from tests.api.leads import held, refreshed
from tests.api.makers import Api
from tests.browser.workbench import Workbench, serving, sign_in

SCORES = re.compile(r"probability|score|risk|flagged|threshold|model|fraud|indicator|contribution", re.IGNORECASE)


async def one_of_each(api: Api) -> tuple[str, str]:
    """A claim in review with its lead, and a case about its provider."""
    claim_id = await held(api)
    await refreshed(api)
    return claim_id, (await opened(api, [claim_id])).case_id


@pytest.fixture
def made(seeded_url: str) -> Iterator[tuple[Workbench, str, str]]:
    """A platform, and the ids of a claim and a case."""
    with serving(seeded_url, one_of_each) as (bench, (claim_id, case_id)):
        yield bench, claim_id, case_id


def test_a_second_investigator_is_refused_the_lead_and_learns_who_has_it(
    browser: Browser, made: tuple[Workbench, str, str]
) -> None:
    bench, _, _ = made
    first, second = sign_in(browser, bench), sign_in(browser, bench, "lead_investigator")
    for person in (first, second):
        person.page.goto("/console/queue")
        person.press("j")
    with first.page.expect_navigation():
        first.press("a")
    with second.page.expect_navigation():
        second.press("a")
    expect(second.page.locator("[role=alert]")).to_contain_text("is assigned to investigator")
    second.page.goto("/console/queue?tab=mine")
    assert second.page.locator("[name=lead_id]").count() == 0
    first.page.goto("/console/queue?tab=mine")
    assert first.page.locator("[name=lead_id]").count() == 1


def test_an_evidence_pack_is_written_and_verified_on_its_page(
    browser: Browser, made: tuple[Workbench, str, str]
) -> None:
    bench, _, case_id = made
    person = sign_in(browser, bench)
    page = person.page
    page.goto(f"/console/cases/{case_id}")
    with page.expect_navigation():
        person.press("e")
    for name, value in FORM.items():
        field = page.locator(f"main [name={name}]")
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    with page.expect_navigation():
        person.press("Control+Enter")
    expect(page.locator("main")).to_contain_text("✓ equal")
    assert person.complaints == []


def test_the_key_of_a_provider_sees_no_score(browser: Browser, made: tuple[Workbench, str, str]) -> None:
    bench, claim_id, case_id = made
    page = sign_in(browser, bench, "provider", to="/console/own").page
    for path in ("/console/own", f"/console/own/claims/{claim_id}"):
        page.goto(path)
        assert claim_id in page.locator("main").inner_text()
        assert SCORES.findall(page.locator("body").inner_text()) == []
    for path in (f"/console/claims/{claim_id}", "/console/queue", "/console/in-review", f"/console/cases/{case_id}"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status in (403, 404), path
        assert claim_id not in page.locator("main").inner_text()
    headers = {"Authorization": f"Bearer {bench.keys['provider']}"}
    with httpx.Client(base_url=bench.address, headers=headers) as client:
        own = client.get(f"/v1/claims/{claim_id}")
        listed = client.get("/v1/claims")
        assert (own.status_code, listed.status_code) == (200, 200)
        assert SCORES.findall(own.text) == []
        assert SCORES.findall(listed.text) == []
        for path in (f"/v1/claims/{claim_id}/dispositions", "/v1/reviews", f"/v1/cases/{case_id}/evidence"):
            assert client.get(path).status_code == 403, path


@pytest.mark.parametrize("change", ["no token", "another session's token"])
def test_a_form_without_the_token_of_its_session_is_refused(
    browser: Browser, made: tuple[Workbench, str, str], change: str
) -> None:
    bench, _, _ = made
    page = sign_in(browser, bench).page
    page.goto("/console/queue")
    token = "" if change == "no token" else "0" * 64
    page.evaluate(
        "token => document.querySelectorAll('[name=form_token]').forEach(one => { one.value = token })", token
    )
    with page.expect_response("**/console/queue/next") as answer:
        page.keyboard.press("n")
    assert answer.value.status == 403
    assert taken(bench) == 0


def test_a_form_of_another_site_is_refused(browser: Browser, made: tuple[Workbench, str, str]) -> None:
    bench, _, _ = made
    page = sign_in(browser, bench).page
    page.goto("/console/queue")
    token = page.locator("[name=form_token]").first.get_attribute("value")
    form = f'<form method="post" action="{bench.address}/console/queue/next"><input name="form_token" value="{token}">'
    page.route("http://evil.example/", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://evil.example/")
    with page.expect_response("**/console/queue/next") as answer:
        page.evaluate("document.forms[0].submit()")
    assert answer.value.status == 403
    assert taken(bench) == 0


def test_a_note_outlives_the_session(browser: Browser, made: tuple[Workbench, str, str]) -> None:
    bench, _, case_id = made
    person = sign_in(browser, bench)
    page = person.page
    page.goto(f"/console/cases/{case_id}")
    person.press("w")
    person.note("Called the practice; they send records on Friday.")
    with clock.held(clock.now() + SESSION + timedelta(seconds=1)):
        with page.expect_navigation(url=re.compile("/console/sign-in")):
            person.press("Control+Enter")
        page.fill("#api_key", bench.keys["investigator"])
        with page.expect_navigation():
            person.press("Control+Enter")
        page.goto(f"/console/cases/{case_id}")
        expect(page.locator("#note-text")).to_have_value("Called the practice; they send records on Friday.")
        expect(page.locator("[role=status]")).to_contain_text("It is not sent yet")


def taken(bench: Workbench) -> int:
    """Leads that are assigned."""
    with psycopg.connect(bench.url) as connection:
        row = connection.execute("SELECT count(*) FROM leads WHERE assigned_to IS NOT NULL").fetchone()
    assert row is not None
    return int(row[0])
