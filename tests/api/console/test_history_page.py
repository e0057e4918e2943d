"""A claim that was loaded as history is found by its id and has a page, which says that it was decided elsewhere."""

import re

import psycopg
import pytest

from tests.api.console.setting import HOSTILE
from tests.api.console.test_user_sign_in import browser_of
from tests.api.decisions import held
from tests.api.makers import Api
from tests.api.subjects import store_claims

PAGE = "/console/claims/h_H456_M123_0000"


async def page_of(api: Api, path: str, role: str = "investigator") -> tuple[int, str]:
    """Status and page of what a search finds, or of an address."""
    async with browser_of(api) as browser:
        await browser.post("/console/sign-in", data={"api_key": api.keys[role]})
        answer = await browser.get(path, follow_redirects=True)
        return answer.status_code, answer.text


def loaded(api: Api, *, provider_id: str = "H456", **columns: object) -> str:
    """A claim of another system with one line."""
    (claim_id,) = store_claims(api.url, count=1, prefix="h", provider_id=provider_id, **columns)
    with psycopg.connect(api.url) as connection:
        connection.execute("UPDATE claims SET service_to = service_to + 3")
        line = (
            "INSERT INTO claim_lines (claim_id, line, procedure_code, units, amount_cents) VALUES (%s, 1, %s, 3, 9950)"
        )
        connection.execute(line, [claim_id, "P002"])
    return claim_id


@pytest.mark.parametrize("source", ["history", "acme"])
async def test_it_is_found_by_its_id_and_says_that_it_was_decided_elsewhere(api: Api, source: str):
    claim_id = loaded(api, source=source, status="partially_approved")
    status, page = await page_of(api, f"/console/search?q={claim_id}")
    assert status == 200
    assert "<h1>Decided elsewhere</h1>" in page
    assert ("<code>acme</code>" in page) == (source == "acme")
    for shown in ("partially approved", "100.00", "5.00", " to 20", "P001", "P002", "99.50"):
        assert shown in page, shown
    assert 'href="/console/providers/H456"' in page
    assert 'href="/console/members/M123"' in page
    assert re.findall(r'<form[^>]* action="(/console/claims[^"]*)"', page) == [], "it is read only"


async def test_the_read_is_recorded(api: Api):
    loaded(api)
    assert (await page_of(api, PAGE, "insurer"))[0] == 200
    rows = api.rows("SELECT role, subject_id FROM audit_log WHERE act = 'console.claim'")
    assert rows == [("insurer", PAGE.rpartition("/")[2])]


async def test_texts_of_the_other_system_stay_text(api: Api):
    loaded(api, source=HOSTILE, provider_id="<b>", diagnosis_code=HOSTILE)
    status, page = await page_of(api, "/console/claims/h_%3Cb%3E_M123_0000")
    assert (status, "Decided elsewhere" in page) == (200, True)
    assert HOSTILE not in page
    assert "<b>" not in page


async def test_a_claim_that_was_decided_here_has_its_own_page_and_an_unknown_one_none(api: Api):
    status, page = await page_of(api, f"/console/claims/{await held(api)}")
    assert (status, "Decided elsewhere" in page) == (200, False)
    assert (await page_of(api, "/console/claims/clm_none"))[0] == 404
