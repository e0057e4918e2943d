"""Ten cases from the queue to their disposition without a pointer."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from tests.api.leads import held, refreshed
from tests.api.makers import Api
from tests.browser.workbench import Person, Workbench, serving, sign_in

MOST_KEYS = 60
NOTE = "Billed twice; the records say once. j k n 1 ?"
"""Characters that are keys elsewhere are text in a note."""


async def ten_leads(api: Api) -> None:
    """Seven leads of single claims, and three of providers with two claims each."""
    ids = [await held(api, claim_amount=1_000 - 10 * number) for number in range(13)]
    with psycopg.connect(api.url) as connection:
        for number, claim_id in enumerate(ids):
            connection.execute(
                "UPDATE claims SET provider_id = %s, member_id = %s WHERE claim_id = %s",
                [f"H{min(number, 19 - number)}" if number > 6 else f"H{number}", f"M{number}", claim_id],
            )
    await refreshed(api)


@pytest.fixture
def bench(seeded_url: str) -> Iterator[Workbench]:
    with serving(seeded_url, ten_leads) as (running, _):
        yield running


def take_next(person: Person) -> str:
    """Take the next best case; the path of the page that it leads to."""
    with person.page.expect_navigation(url=re.compile(r"/console/(claims|queue/leads)/")):
        person.press("n")
    return person.page.evaluate("location.pathname")


def take_next_of(person: Person, kind: str) -> str:
    """Take cases until the page is that of a claim, or of a lead."""
    while kind not in (path := take_next(person)):
        pass
    return path


def test_ten_cases_go_from_the_queue_to_a_disposition_by_keys_alone(browser: Browser, bench: Workbench) -> None:
    person = sign_in(browser, bench)
    page = person.page
    person.press("g", "q")
    page.wait_for_url("**/console/queue")
    paths = []
    for case in range(10):
        paths.append(take_next(person))
        if "/queue/leads/" in paths[-1]:
            with page.expect_navigation(url="**/console/cases/*"):
                person.press("o")
        person.press(str(case % 6 + 1))
        while page.evaluate("document.activeElement.tagName") == "INPUT" and not page.locator("#note:focus").count():
            person.press("Tab")  # from the kind of a fraud
        person.note(NOTE)
        with page.expect_navigation(url=re.compile("#(finding|history)$")):
            person.press("Control+Enter")
        assert not page.locator("[role=alert]").count(), page.locator("[role=alert]").inner_text()
    assert len(set(paths)) == 10
    assert sum("/queue/leads/" in path for path in paths) == 3
    assert person.pressed <= MOST_KEYS
    with person.page.expect_response("**/console/queue/next") as none_left:
        person.press("n")
    assert none_left.value.status == 404
    assert [one for one in person.complaints if "status of 404" not in one] == []
    with psycopg.connect(bench.url) as connection:
        claims = connection.execute("SELECT count(*) FROM dispositions").fetchone()
        cases = connection.execute("SELECT count(*) FROM cases WHERE status = 'closed'").fetchone()
    assert (claims, cases) == ((7,), (3,))


def test_a_key_that_chooses_a_disposition_leads_to_the_field_that_comes_next(
    browser: Browser, bench: Workbench
) -> None:
    person = sign_in(browser, bench)
    take_next_of(person, "/claims/")
    page = person.page
    for key, field in (("1", "kind"), ("2", "note")):
        person.press(key)
        expect(page.locator(f"#finding #{field}")).to_be_focused()
        assert page.locator("#finding input[type=radio]").nth(int(key) - 1).is_checked()
        person.press("Escape")


def test_a_lead_is_snoozed_by_keys_from_its_page(browser: Browser, bench: Workbench) -> None:
    person = sign_in(browser, bench)
    path = take_next_of(person, "/queue/leads/")
    person.press("s")
    expect(person.page.locator("#reason")).to_be_focused()
    with person.page.expect_navigation(url="**/console/queue*"):
        person.press("Control+Enter")
    person.page.goto("/console/queue?tab=snoozed")
    assert person.page.locator(f"a[href='{path}']").count() == 1
    assert person.complaints == []
