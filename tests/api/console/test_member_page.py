"""The page of a member: masked until somebody states a purpose, which is recorded before anything is shown."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.api.console.setting import HOSTILE, Browser, form_token
from tests.api.console.test_provider_page import cells, opened, part, read_csv
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import Api
from tests.api.subjects import FIRST, store_claims

PAGE = "/console/members/M123"


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[Browser]:
    async with browser_of(api) as browser:
        await opened(api, browser)
        yield browser


def is_masked(page: str) -> bool:
    """Whether nothing of Jane Roe, born in 1980, is in a page."""
    return not any(word in page for word in ("Jane", "Roe", "1980", "1980-01-01"))


async def test_who_a_member_is_is_in_no_page_before_it_is_revealed(api: Api, browser: Browser) -> None:
    store_claims(api.url, 3)
    page = await browser.get(PAGE)
    assert is_masked(page.text)
    assert "<dd>masked</dd>" in page.text
    assert is_masked((await browser.get(f"{PAGE}/claims.csv")).text)


@pytest.mark.parametrize("purpose", ["FRAUD", "HLEGAL"])
async def test_a_reveal_is_recorded_with_its_purpose_and_lasts_one_response(
    api: Api, browser: Browser, purpose: str
) -> None:
    answer = await browser.post(f"{PAGE}/identity", data={"reveal_for": purpose})
    assert answer.status_code == 200
    assert "Jane Roe" in answer.text
    assert "1980-01-01" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    rows = api.rows(
        "SELECT name, purpose, subject_kind, subject_id, outcome FROM audit_log WHERE act = 'member.reveal'"
    )
    assert rows == [("desk of investigator", purpose, "member", "M123", "success")]
    assert is_masked((await browser.get(PAGE)).text)


@pytest.mark.parametrize("purpose", ["", "HRESCH", "HMARKT", "TREAT", "fraud", HOSTILE])
async def test_a_purpose_that_is_not_offered_reveals_nothing_and_says_what_is(
    api: Api, browser: Browser, purpose: str
) -> None:
    answer = await browser.post(f"{PAGE}/identity", data={"reveal_for": purpose})
    assert answer.status_code == 422
    assert is_masked(answer.text)
    assert "must be one of FRAUD, HLEGAL, HPAYMT, HOPERAT" in answer.text
    assert api.rows("SELECT FROM audit_log WHERE act = 'member.reveal' AND outcome = 'success'") == []


async def test_nothing_is_revealed_where_it_cannot_be_recorded(api: Api, browser: Browser) -> None:
    api.execute("ALTER TABLE audit_log ADD CONSTRAINT no_reveals CHECK (act <> 'member.reveal') NOT VALID")
    answer = await browser.post(f"{PAGE}/identity", data={"reveal_for": "FRAUD"})
    assert answer.status_code >= 500
    assert is_masked(answer.text)


async def test_a_form_of_another_session_reveals_nothing(api: Api, browser: Browser) -> None:
    form = {"reveal_for": "FRAUD", "form_token": form_token("of another session")}
    answer = await browser.post(f"{PAGE}/identity", data=form)
    assert (answer.status_code, is_masked(answer.text)) == (403, True)


async def test_an_unknown_member_is_not_found_and_one_with_claims_alone_has_no_name(api: Api, browser: Browser) -> None:
    assert (await browser.get("/console/members/M999")).status_code == 404
    assert (await browser.post("/console/members/M999/identity", data={"reveal_for": "FRAUD"})).status_code == 404
    store_claims(api.url, 1, member_id="M999")
    assert "not enrolled" in (await browser.get("/console/members/M999")).text


async def test_months_and_providers_of_a_member_are_those_of_its_claims(api: Api, browser: Browser) -> None:
    store_claims(api.url, 2)
    store_claims(api.url, 3, provider_id="H457", first=FIRST + timedelta(days=31))
    store_claims(api.url, 9, provider_id="H457", member_id="M124")
    store_claims(api.url, 4, prefix="void", status="voided", voided_at=FIRST)
    page = (await browser.get(PAGE)).text
    claims, billed = part(page, "over-time").split("</figure>")[:2]
    for chart, values in ((claims, ["2", "3"]), (billed, ["200.00", "300.00"])):
        rows = {row[0]: row[1] for row in cells(chart) if row}
        assert [rows["2026-01"], rows["2026-02"]] == values
    assert [row[:4] for row in cells(part(page, "providers")) if row] == [
        ["H457", "–", "3", "300.00"],
        ["H456", "–", "2", "200.00"],
    ]
    assert len(re.findall(r'href="/console/claims/', part(page, "claims"))) == 9


async def test_neither_age_nor_sex_is_on_the_page(api: Api, browser: Browser) -> None:
    store_claims(api.url, 2, age_years=46, sex="F")
    revealed = (await browser.post(f"{PAGE}/identity", data={"reveal_for": "FRAUD"})).text
    words = re.sub(r"<[^>]+>", " ", revealed).lower().split()
    assert not {"age", "sex", "female", "male", "46"} & set(words)


async def test_a_case_is_opened_once_and_is_on_the_page(api: Api, browser: Browser) -> None:
    for place, noun in ((PAGE, "member"), ("/console/providers/H456", "provider")):
        first = await browser.post(f"{place}/case", data={})
        again = await browser.post(f"{place}/case", data={})
        assert first.status_code == 303
        assert first.headers["location"] == again.headers["location"]
        cases = part((await browser.get(place)).text, "cases")
        assert first.headers["location"] in cases
        assert f"Open a case about this {noun}" not in cases
    assert api.rows("SELECT subject_kind, subject_id, status FROM cases ORDER BY 1") == [
        ("member", "M123", "open"),
        ("provider", "H456", "open"),
    ]
    unknown = await browser.post("/console/providers/H000/case", data={})
    assert (unknown.status_code, api.count("cases")) == (404, 2)


async def test_claims_of_a_member_are_exported(api: Api, browser: Browser) -> None:
    ids = store_claims(api.url, 3)
    store_claims(api.url, 2, member_id="M124")
    assert [row["claim_id"] for row in read_csv(await browser.get(f"{PAGE}/claims.csv"))] == ids[::-1]


@pytest.mark.parametrize(
    ("role", "sees_claims", "sees_consents"),
    [
        ("investigator", True, False),
        ("lead_investigator", True, False),
        ("admin", True, True),
        ("insurer", False, True),
    ],
)
async def test_each_role_sees_its_part_of_the_page(api: Api, role: str, sees_claims: bool, sees_consents: bool) -> None:
    async with browser_of(api) as browser:
        await opened(api, browser, role)
        page = await browser.get(PAGE)
        assert page.status_code == 200
        assert ('id="claims"' in page.text) == sees_claims
        assert ('id="consents"' in page.text) == sees_consents
        reveal = await browser.post(f"{PAGE}/identity", data={"reveal_for": "FRAUD"})
        assert (reveal.status_code == 200, "Jane Roe" in reveal.text) == (sees_claims, sees_claims)
        assert ((await browser.get(f"{PAGE}/claims.csv")).status_code == 200) == sees_claims
        assert ((await browser.post(f"{PAGE}/case", data={})).status_code == 303) == sees_claims


async def test_hostile_text_about_a_member_stays_text(api: Api, browser: Browser) -> None:
    store_claims(api.url, 2, provider_id=HOSTILE, specialty=HOSTILE, procedure_code=HOSTILE)
    page = (await browser.get(PAGE)).text
    assert "<script>" not in page
    assert "<img" not in page
