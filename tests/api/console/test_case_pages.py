"""Pages of cases: a case is opened, worked on and closed by forms that keep what was entered."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.console.access import SESSION
from api.identity import create_key
from core import clock
from tests.api.console.setting import HOSTILE, Browser
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import MINIMAL, Api, running_api

LIST = "/console/cases"


async def sign_in(api: Api, browser: Browser, role: str = "investigator", name: str | None = None) -> str:
    """Sign in with a new key; returns the key, to sign in with again."""
    _, key = await create_key(api.dependencies.database, name=name or f"desk of {role}", role=role)
    await sign_in_again(browser, key)
    return key


async def sign_in_again(browser: Browser, key: str, following: str = LIST) -> httpx.Response:
    browser.cookies.clear()
    answer = await browser.post("/console/sign-in", data={"api_key": key, "next": following})
    assert answer.status_code == 303, answer.text
    return answer


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[Browser]:
    async with browser_of(api) as browser:
        yield browser


async def opened(browser: Browser, **form: str) -> str:
    """The address of a case that a form opened."""
    sent = {"kind": "provider", "subject": "H456", "detection": "score"} | form
    answer = await browser.post(LIST, data=sent)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def author_in(page: str) -> str:
    found = re.search(r'name="author" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


async def send(browser: Browser, address: str, act: str, **form: Any) -> httpx.Response:
    return await browser.post(address, data={"act": act, **form})


async def test_a_case_is_worked_on_from_opening_to_closing(api: Api, browser: Browser):
    await sign_in(api, browser)
    claim_id = (await api.submit(MINIMAL)).json()["claim_id"]
    address = await opened(browser, claim_ids=claim_id)
    assert await opened(browser, claim_ids=claim_id) == address, "a subject has one open case"
    for act, form in (
        ("assign", {"to": "me"}),
        ("note", {"kind": "education", "text": f"Sent the manual.\r\n{HOSTILE}", "on": "2026-03-02"}),
        ("task", {"title": "Records of March", "due_on": "2026-03-20", "text": "Please send them."}),
    ):
        done = await send(browser, address, act, **form)
        assert done.status_code == 303, done.text
    page = (await browser.get(address)).text
    for shown in (claim_id, "5000.00", "desk of investigator", "Sent the manual.", "Records of March", "2026-03-20"):
        assert shown in page
    assert HOSTILE not in page
    for part in ("evidence", "summary", "samples"):
        assert f'href="{address}/{part}"' in page
        shown = await browser.get(f"{address}/{part}")
        assert shown.status_code == 200 or "has no evidence pack yet" in shown.text
    (task_id,) = re.findall(r'name="task_id" value="([^"]+)"', page)
    assert (await send(browser, address, "finish", task_id=task_id)).status_code == 303
    closing = {"disposition": "billing_error", "loss": "120.50", "loss_method": "claim_review", "text": "Modifier."}
    done = await send(browser, address, "close", **closing, finding="billing_error", claim_ids=claim_id)
    assert done.status_code == 303, done.text
    page = (await browser.get(address)).text
    assert "Records received" in page
    assert "120.50" in page
    assert 'id="note"' not in page, "a closed case takes no notes"
    assert api.rows("SELECT claim_id, disposition FROM dispositions") == [(claim_id, "billing_error")]
    listed = (await browser.get(f"{LIST}?status=closed")).text
    assert address.rpartition("/")[2] in listed
    assert address.rpartition("/")[2] not in (await browser.get(f"{LIST}?status=open")).text


@pytest.mark.parametrize(
    ("act", "form", "said"),
    [
        ("note", {"kind": "note", "text": " ", "on": "2026-03-02"}, "must be 1 to"),
        ("note", {"kind": "contact", "text": "Called the office.", "on": "2026-13-02"}, "YYYY-MM-DD"),
        ("task", {"title": "Ask", "due_on": "soon", "text": "Hello, office"}, "YYYY-MM-DD"),
        ("add_claims", {"claim_ids": "clm_unknown"}, "is not of provider H456"),
        (
            "close",
            {"disposition": "abuse", "loss": "0", "loss_method": "estimate", "text": "Seen often."},
            "must say how",
        ),
        ("close", {"disposition": "", "loss": "1", "loss_method": "estimate", "text": "Why."}, "one of the choices"),
        ("assign", {"to": "usr_unknown"}, "active user or key"),
    ],
)
async def test_a_refused_form_keeps_its_content_and_marks_the_field(
    api: Api, browser: Browser, act: str, form: dict[str, str], said: str
):
    await sign_in(api, browser)
    address = await opened(browser)
    refused = await send(browser, address, act, **form)
    assert refused.status_code == 422, refused.text
    assert f'<a href="#{act}">Go to the form</a>' in refused.text
    assert said in refused.text
    assert 'aria-invalid="true"' in refused.text or act == "close"
    for entered in form.values():
        assert entered.strip() in refused.text


async def test_a_note_survives_an_expired_session_for_its_author_alone(api: Api, browser: Browser):
    ann = await sign_in(api, browser, name="ann")
    address = await opened(browser)
    author = author_in((await browser.get(address)).text)
    note = "Called the office at noon."
    with clock.held(clock.now() + SESSION + timedelta(minutes=1)):
        browser.cookies.clear()
        answer = await browser.post(address, data={"act": "note", "kind": "contact", "text": note, "author": author})
        assert answer.headers["location"] == f"/console/sign-in?next={address}"
        assert api.rows("SELECT count(*) FROM case_events WHERE act = 'case.contact'") == [(0,)]
        ((sealed,),) = api.rows("SELECT fields_sealed FROM case_drafts")
        assert note.encode() not in bytes(sealed)
        await sign_in(api, browser, name="ben")
        assert note not in (await browser.get(address)).text
        await sign_in_again(browser, ann, address)
        page = (await browser.get(address)).text
        assert note in page
        assert "Your session had ended" in page
        assert (await send(browser, address, "note", kind="contact", text=note)).status_code == 303
        page = (await browser.get(address)).text
        assert "Your session had ended" not in page
        assert page.count(note) == 1, "in the history, and no longer in the form"


async def test_a_form_that_no_page_made_is_not_kept_and_a_kept_one_is_shown_for_an_hour(api: Api, browser: Browser):
    key = await sign_in(api, browser)
    address = await opened(browser)
    other = await opened(browser, subject="H457")
    author, of_other = author_in((await browser.get(address)).text), author_in((await browser.get(other)).text)
    browser.cookies.clear()
    for unknown in ("", "zz", "00" * 40, author[:-2] + ("00" if author[-2:] != "00" else "01"), of_other):
        answer = await browser.post(address, data={"act": "note", "text": "x", "author": unknown})
        assert answer.status_code == 303
    assert api.rows("SELECT * FROM case_drafts") == []
    await browser.post(address, data={"act": "note", "text": "Kept.", "author": author})
    with clock.held(clock.now() + timedelta(minutes=61)):
        await sign_in_again(browser, key)
        assert "Kept." not in (await browser.get(address)).text


async def test_a_second_investigator_is_refused_the_case_and_learns_who_has_it(api: Api, browser: Browser):
    await sign_in(api, browser, name="ann")
    address = await opened(browser)
    await send(browser, address, "assign", to="me")
    await sign_in(api, browser, name="ben")
    refused = await send(browser, address, "assign", to="me")
    assert refused.status_code == 409
    assert "is assigned to ann" in refused.text
    page = (await browser.get(address)).text
    assert "ann has this case" in page
    assert 'value="close"' not in page


@pytest.fixture
async def unsigned(seeded_url: str) -> AsyncIterator[tuple[Api, Browser]]:
    """An API that accepts keys without signatures, and a browser at its console."""
    async with running_api(seeded_url, signed_requests="accepted") as api, browser_of(api) as browser:
        yield api, browser


async def test_a_large_loss_needs_a_second_factor(api: Api, browser: Browser):
    await sign_in(api, browser)
    address = await opened(browser)
    closing = {"disposition": "abuse", "loss": "6000", "loss_method": "estimate", "text": "Upcoded visits."}
    refused = await send(browser, address, "close", **closing)
    assert (refused.status_code, "Upcoded visits." in refused.text) == (401, True)
    assert "second factor" in refused.text


async def test_a_large_loss_is_approved_by_another_lead(unsigned: tuple[Api, Browser]):
    api, browser = unsigned
    await sign_in(api, browser, "lead_investigator", "lea")
    address = await opened(browser)
    closing = {"disposition": "abuse", "loss": "6000", "loss_method": "estimate", "text": "Upcoded visits."}
    assert (await send(browser, address, "close", **closing)).status_code == 303
    page = (await browser.get(address)).text
    assert "closing proposed" in page
    assert 'value="approve"' not in page, "nobody approves their own"
    await sign_in(api, browser, "lead_investigator", "kim")
    version = re.search(r'name="version" value="(\d+)"', (await browser.get(address)).text)
    assert version is not None
    refused = await send(browser, address, "refuse", version=version[1], text="Draw a sample.")
    assert refused.status_code == 303, refused.text
    assert "Closing refused" in (await browser.get(address)).text


@pytest.mark.parametrize("role", ["insurer", "claims_system"])
async def test_other_staff_sees_no_case(api: Api, browser: Browser, role: str):
    await sign_in(api, browser)
    address = await opened(browser)
    await sign_in(api, browser, role)
    for place in (LIST, address):
        assert (await browser.get(place)).status_code == 403
    assert (await send(browser, address, "note", kind="note", text="x")).status_code == 403
