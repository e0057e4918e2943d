"""The console shows what a member said about purposes of use, and records and withdraws it."""

import re
from collections.abc import AsyncIterator

import pytest

from api.identity import create_key
from tests.api.consents import DOCUMENT, OBJECTION, RESEARCH, said, withdrawn
from tests.api.console.setting import Browser, form_token
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import Api

PAGE = "/console/members/M123"
FORM = {"purpose": "HRESCH", "scope": "claims", **DOCUMENT}


async def opened(api: Api, browser: Browser, role: str = "insurer") -> None:
    """Sign in with a new key of a role."""
    _, key = await create_key(api.dependencies.database, name=f"desk of {role}", role=role)
    assert (await browser.post("/console/sign-in", data={"api_key": key, "next": "/console"})).status_code == 303


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[Browser]:
    async with browser_of(api) as browser:
        await opened(api, browser)
        yield browser


def part(page: str, section: str) -> str:
    return page.partition(f'id="{section}"')[2].partition("</section>")[0]


def today_of(page: str) -> dict[str, bool]:
    """By purpose, whether the page says that data may be used."""
    rows = re.findall(r"<code>([A-Z]+)</code>.*?(may be used|not used)", part(page, "consents"), re.DOTALL)
    return {code: text == "may be used" for code, text in rows}


async def test_each_purpose_has_its_state_of_today(api: Api, browser: Browser):
    nothing = {"PATRQT": False, "FAMRQT": False, "HRESCH": False, "HMARKT": False, "MODELTRAIN": True}
    assert today_of((await browser.get(PAGE)).text) == nothing
    given, objection = await said(api, RESEARCH), await said(api, OBJECTION)
    await said(api, RESEARCH, purpose="HMARKT", first_day="2020-01-01", last_day="2020-12-31")
    assert today_of((await browser.get(PAGE)).text) == nothing | {"HRESCH": True, "MODELTRAIN": False}
    await withdrawn(api, given)
    await withdrawn(api, objection)
    assert today_of((await browser.get(PAGE)).text) == nothing


async def test_a_form_records_a_consent_under_the_name_of_who_sends_it(api: Api, browser: Browser):
    answer = await browser.post(f"{PAGE}/consents", data=FORM | {"last_day": "2099-12-31", "first_day": ""})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#consents")
    history = part((await browser.get(PAGE)).text, "history")
    assert "records/2026/0417" in history
    assert DOCUMENT["document_sha256"] in history
    assert "to 2099-12-31" in history
    rows = api.rows("SELECT name, subject_id, details ->> 'purpose' FROM audit_log WHERE act = 'consent.record'")
    assert rows == [("desk of insurer", "M123", "HRESCH")]


async def test_a_form_records_an_objection_without_a_document_and_withdraws_it(api: Api, browser: Browser):
    answer = await browser.post(f"{PAGE}/consents", data={"purpose": "MODELTRAIN", "scope": "claims"})
    assert answer.status_code == 303, answer.text
    page = (await browser.get(PAGE)).text
    assert not today_of(page)["MODELTRAIN"]
    (place,) = re.findall(r'action="([^"]+/withdraw)"', page)
    assert (await browser.post(place, data={})).headers["location"] == f"{PAGE}#consents"
    page = (await browser.get(PAGE)).text
    assert today_of(page)["MODELTRAIN"]
    assert "withdrawn" in part(page, "history")
    assert "/withdraw" not in page
    assert api.count("consent_withdrawals") == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"document_sha256": "12"}, "document_sha256"),
        ({"document_place": "letter of <b>Jane Roe</b>"}, "document_place"),
        ({"last_day": "2020-01-01", "first_day": "2021-01-01"}, "last_day"),
        ({"first_day": "yesterday"}, "first_day"),
        ({"purpose": "TREAT"}, "purpose"),
    ],
)
async def test_a_refused_form_says_so_beside_its_field_and_keeps_what_was_entered(
    api: Api, browser: Browser, changes: dict[str, str], field: str
):
    answer = await browser.post(f"{PAGE}/consents", data=FORM | changes)
    assert (answer.status_code, api.count("consents")) == (422, 0)
    assert f'id="{field}-error"' in answer.text
    assert 'role="alert"' in answer.text
    assert "<b>Jane" not in answer.text
    if "document_place" not in changes:
        assert 'value="records/2026/0417"' in answer.text


async def test_what_cannot_be_recorded_is_explained(api: Api, browser: Browser):
    made = await said(api, RESEARCH)
    overlapping = await browser.post(f"{PAGE}/consents", data=FORM | {"last_day": "2099-12-31"})
    assert (overlapping.status_code, made["consent_id"] in overlapping.text) == (409, True)
    unknown = await browser.post("/console/members/M999/consents", data=FORM)
    assert (unknown.status_code, "member not found" in unknown.text) == (404, True)
    other = await browser.post(f"/console/members/M124/consents/{made['consent_id']}/withdraw", data={})
    assert (other.status_code, api.count("consent_withdrawals")) == (404, 0)


async def test_a_form_without_the_token_of_its_session_is_refused(api: Api, browser: Browser):
    made = await said(api, RESEARCH)
    for place in (f"{PAGE}/consents", f"{PAGE}/consents/{made['consent_id']}/withdraw"):
        answer = await browser.post(place, data=FORM | {"form_token": form_token("of another session")})
        assert answer.status_code == 403
    assert (api.count("consents"), api.count("consent_withdrawals")) == (1, 0)


async def test_who_may_not_read_consents_sees_the_page_without_them_and_no_link_to_it(api: Api):
    made = await said(api, RESEARCH)
    async with browser_of(api) as browser:
        await opened(api, browser, "investigator")
        page = await browser.get(PAGE)
        assert (page.status_code, 'id="consents"' in page.text, "HRESCH" in page.text) == (200, False, False)
        assert 'name="member_id"' not in (await browser.get("/console/")).text
        assert (await browser.post(f"{PAGE}/consents", data=FORM)).status_code == 403
        place = f"{PAGE}/consents/{made['consent_id']}/withdraw"
        assert (await browser.post(place, data={})).status_code == 403
    assert (api.count("consents"), api.count("consent_withdrawals")) == (1, 0)


async def test_a_look_is_in_the_audit_log_and_the_start_page_leads_to_it(api: Api, browser: Browser):
    start = await browser.get("/console/?member_id=M123")
    assert (start.status_code, start.headers["location"]) == (303, PAGE)
    assert 'name="member_id"' in (await browser.get("/console/")).text
    await browser.get(PAGE)
    rows = api.rows("SELECT name, subject_kind, subject_id FROM audit_log WHERE act = 'console.member'")
    assert rows == [("desk of insurer", "member", "M123")]
