"""Providers and members see their own claims, what is missing and why, and appeal; and nothing else."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from api.app import create_app
from api.console.access import SESSION
from api.identity import Scope, create_key
from core import clock
from tests.api.appeals import APPEAL, PARTLY, answer, denied, rejected
from tests.api.console.setting import HOSTILE, Browser
from tests.api.console.test_user_sign_in import browser_of
from tests.api.decisions import DENY, REDUCED, RELEASE, approved, decide, held, pend
from tests.api.makers import LINES, Api, running_api
from tests.api.own import BOUND, HOME, at_home, author_in, exact, read, send_appeal, without_particulars
from tests.api.servers import on_a_port
from tests.api.signing_in import person, with_second_factor
from tests.api.subjects import store_claims

DOCUMENT = {"name_1": "operation report", "kind_1": "application/pdf", "sha256_1": "ab" * 32}
BOUND_TO = {"provider": {"provider_id": "H456"}, "member": {"member_id": "M123"}}
OF_STAFF = ("Score", "fraud", "flagged", "model", "risk", "Name of", "investigator", "/console/cases", "/console/queue")
"""What stands on pages of staff, and on none of these."""


@pytest.fixture
async def signed_in(api: Api) -> AsyncIterator[Callable[[str], Awaitable[Browser]]]:
    """Signs a role in, in a browser of its own."""
    async with AsyncExitStack() as stack:

        async def sign_in(role: str) -> Browser:
            return await stack.enter_async_context(at_home(api, role))

        yield sign_in


def rows_of(page: str) -> list[str]:
    """Ids of the claims of the list, in its order."""
    return re.findall(r'href="/console/own/claims/([^"]+)"', page.partition('id="claims"')[2])


@pytest.mark.parametrize("role", BOUND)
async def test_the_whole_way_from_the_list_to_the_outcome_of_an_appeal(api: Api, signed_in, role: str):
    claim_id = await held(api)
    assert (await decide(api, claim_id, pend())).status_code == 201
    browser = await signed_in(role)
    home = (await browser.get(HOME)).text
    due = str(clock.now().date() + timedelta(days=14))
    assert f"/console/own/claims/{claim_id}" in home.partition('id="waiting"')[2].partition("</section>")[0]
    assert f"documents due {due}" in home
    page = (await read(browser, claim_id)).text
    missing = page.partition('id="missing"')[2].partition("</section>")[0]
    assert "operation report" in missing
    assert f"{due} (14 days left)" in missing
    assert "File the appeal" not in page
    early = await send_appeal(browser, claim_id)
    assert early.status_code == 409
    assert "the claim is in review; wait for its decision" in early.text
    assert (await decide(api, claim_id, DENY)).json()["outcome"] == "denied"
    page = (await read(browser, claim_id)).text
    assert "<h1>Denied</h1>" in page
    assert "A person decided the claim." in page
    assert "Reason: Charges that are not covered (claim adjustment reason code 96)." in page
    assert f"can be appealed until {clock.now().date() + timedelta(days=180)}" in page
    assert 'id="missing"' not in page
    filed = await send_appeal(browser, claim_id, **DOCUMENT)
    assert (filed.status_code, filed.headers["location"]) == (303, f"{HOME}/claims/{claim_id}#appeals")
    page = (await read(browser, claim_id)).text
    assert f"Appeal 1 of the {role}" in page
    assert "Reason stated: Two separate services." in page
    assert "operation report (application/pdf)" in page
    assert "Open: it is decided by" in page
    assert "No appeal can be filed now: an appeal of this claim is open" in page
    ((appeal_id, appellant),) = api.rows("SELECT appeal_id, appellant FROM appeals")
    assert appellant == role
    assert (await answer(api, appeal_id, PARTLY)).status_code == 201
    page = (await read(browser, claim_id)).text
    assert "The decision was changed in part" in page
    assert "1200.00 is paid" in page
    assert "<h1>Approved in part</h1>" in page
    for hidden in OF_STAFF:
        assert hidden not in page, hidden


async def test_the_form_files_the_appeal_that_the_api_would(api: Api, signed_in):
    by_page, by_api = await denied(api), await denied(api, service_from="2026-03-01")
    documents = {"name_2": "operation report", "kind_2": "application/pdf", "sha256_2": "ab" * 32}
    sent = {"reason": "The records show\r\ntwo separate services."} | documents
    assert (await send_appeal(await signed_in("provider"), by_page, **sent)).status_code == 303
    assert (await api.post(f"/v1/claims/{by_api}/appeals", APPEAL, role="provider")).status_code == 201
    of_page, of_api = [
        (await api.get(f"/v1/claims/{one}/appeals", role="provider")).json()["appeals"][0] for one in (by_page, by_api)
    ]
    own = ("appeal_id", "claim_id", "filed_at")
    assert {name: value for name, value in of_page.items() if name not in own} == {
        name: value for name, value in of_api.items() if name not in own
    }
    acts = api.rows("SELECT claim_id, name FROM audit_log WHERE act = 'claim.appeal' ORDER BY audit_id")
    assert acts == [(by_page, "provider"), (by_api, "provider")]


async def test_a_refused_form_keeps_its_content_and_marks_the_field(api: Api, signed_in):
    claim_id = await denied(api)
    browser = await signed_in("member")
    form = {"reason": "It was needed.", "name_3": "letter of the doctor", "kind_3": "pdf", "sha256_3": "AB"}
    refused = await send_appeal(browser, claim_id, **form)
    assert refused.status_code == 422
    for text in form.values():
        assert text in refused.text
    marked = set(re.findall(r'id="([a-z0-9_]+)-error"', refused.text))
    assert marked == {"kind_3", "sha256_3"}
    empty = await send_appeal(browser, claim_id, reason="  ")
    assert (empty.status_code, 'id="reason-error"' in empty.text) == (422, True)
    assert api.count("appeals") == 0


async def test_what_was_written_survives_the_session_for_its_author_alone(api: Api, signed_in):
    claim_id = await denied(api)
    browser, other = await signed_in("provider"), await signed_in("member")
    author = author_in((await read(browser, claim_id)).text)
    text = "We billed two separate services."
    with clock.held(clock.now() + SESSION + timedelta(minutes=1)):
        browser.cookies.clear()
        answered = await send_appeal(browser, claim_id, reason=text, author=author)
        assert answered.headers["location"] == f"/console/sign-in?next={HOME}/claims/{claim_id}"
        assert api.count("appeals") == 0
        other.cookies.clear()
        for one, role in ((other, "member"), (browser, "provider")):
            await one.post("/console/sign-in", data={"api_key": api.keys[role], "next": HOME})
        page = (await read(other, claim_id)).text
        assert (text in page, "Your session had ended" in page) == (False, False)
        page = (await read(browser, claim_id)).text
        assert (text in page, "It is not sent yet" in page) == (True, True)
        assert (await send_appeal(browser, claim_id, reason=text)).status_code == 303
        assert "Your session had ended" not in (await read(browser, claim_id)).text
    assert api.count("case_drafts") == 0


async def test_the_list_has_own_claims_by_status_and_day_a_page_at_a_time(api: Api, signed_in, monkeypatch):
    monkeypatch.setattr("api.console.own.service.PAGE_SIZE", 2)
    own = [(await approved(api, service_from=f"2026-03-0{day}"))["claim_id"] for day in range(1, 5)]
    foreign = (await approved(api, provider_id="H457", member_id="M124"))["claim_id"]
    denied_id = await denied(api, service_from="2026-04-01")
    for days, claim_id in enumerate([denied_id, *own[::-1]]):
        api.execute(f"UPDATE claims SET received_at = received_at - interval '{days} days' WHERE claim_id='{claim_id}'")
    for role in BOUND:
        browser = await signed_in(role)
        seen, address = [], HOME
        while address:
            page = (await browser.get(address)).text
            seen.append(rows_of(page))
            following = re.search(r'href="(/console/own\?after=[^"]+)"', page)
            address = following[1] if following else ""
        assert seen == [[denied_id, own[3]], [own[2], own[1]], [own[0]]]
        assert rows_of((await browser.get(f"{HOME}?status=denied")).text) == [denied_id]
        today = clock.now().date()
        days = f"first_day={today - timedelta(days=2)}&last_day={today - timedelta(days=1)}"
        assert rows_of((await browser.get(f"{HOME}?{days}")).text) == [own[3], own[2]]
        assert rows_of((await browser.get(f"{HOME}?first_day={today}&status=unknown")).text) == [denied_id]
        assert foreign not in (await browser.get(f"{HOME}?status=approved")).text


async def test_lines_and_payment_are_itemized_with_their_codes_explained(api: Api, signed_in):
    api.execute(
        "INSERT INTO plan_cost_sharing (plan_id, first_day, deductible_cents) VALUES ('PL2', '2026-01-01', 100000)"
    )
    claim = await approved(api, LINES | {"diagnosis_codes": ["D001"]}, service_from="2026-03-01")
    page = (await read(await signed_in("member"), claim["claim_id"])).text
    lines = page.partition('id="lines"')[2].partition("</section>")[0]
    assert "<td>P002</td>" in lines
    assert "1200.50" in lines
    payment = page.partition('id="payment"')[2].partition("</section>")[0]
    assert "<code>PR-1</code>" in payment
    assert "<code>PR</code>: the member pays it to the provider." in payment
    assert "<code>CO</code>:" not in payment


@pytest.mark.parametrize("role", BOUND)
async def test_a_claim_of_others_is_answered_as_one_that_does_not_exist(
    api: Api, signed_in, sent_statements: list[str], role: str
):
    foreign = await denied(api, provider_id="H457", member_id="M124")
    unknown = foreign[:-4] + "zzzz"
    browser = await signed_in(role)
    for send in (read, send_appeal):
        answers = []
        for claim_id in (unknown, unknown, foreign):  # the first prepares the statements
            before = len(sent_statements)
            got = await send(browser, claim_id)
            assert got.status_code == 404
            answers.append((exact(got.text).replace(claim_id, ""), sent_statements[before:]))
        assert answers[1] == answers[2]
    assert api.count("appeals") == 0


@pytest.mark.parametrize("role", BOUND)
async def test_a_flagged_and_an_unflagged_claim_differ_in_ids_amounts_and_days_alone(api: Api, signed_in, role: str):
    browser = await signed_in(role)
    days = iter(f"2026-{month:02}-{day}" for month in range(1, 11) for day in ("01", "15"))

    async def pair() -> tuple[str, str]:
        """A claim that the model flags, and one that a rule of amounts sends to review though it does not."""
        flagged = await held(api, service_from=next(days))
        other = (await approved(api, service_from=next(days), claim_amount=20_000))["claim_id"]
        states = api.rows(
            "SELECT status, flagged FROM claims JOIN assessments USING (claim_id) WHERE claim_id = ANY(%s) "
            "ORDER BY flagged",
            [flagged, other],
        )
        assert states == [("in_review", False), ("in_review", True)]
        return flagged, other

    async def pages(*ids: str) -> list[str]:
        return [without_particulars((await read(browser, one)).text) for one in ids]

    first, second = await pages(*await pair())
    assert first == second
    for decision in (pend(), RELEASE, REDUCED, DENY):
        ids = await pair()
        for claim_id in ids:
            made = await decide(api, claim_id, decision)
            if made.json()["effect"] == "proposed":
                agreed = {"action": "approve", "reason": "proposal_agreed"}
                made = await decide(api, claim_id, agreed, role="lead_investigator")
            assert made.status_code == 201, made.text
        first, second = await pages(*ids)
        assert first == second
    automatic = (await approved(api, service_from=next(days)))["claim_id"]
    released = await held(api, service_from=next(days))
    assert (await decide(api, released, RELEASE)).json()["outcome"] == "approved"
    first, second = await pages(automatic, released)
    assert first == second


async def test_hostile_texts_stay_text(api: Api, signed_in):
    claim_id = await held(api)
    assert (await decide(api, claim_id, pend(documents=[HOSTILE]))).status_code == 201
    browser = await signed_in("provider")
    page = (await read(browser, claim_id)).text
    assert HOSTILE not in page
    assert "&lt;/script&gt;&lt;script&gt;" in page
    assert (await decide(api, claim_id, DENY)).status_code == 201
    refused = await send_appeal(browser, claim_id, reason=HOSTILE, name_1=HOSTILE, kind_1=HOSTILE, sha256_1=HOSTILE)
    assert (refused.status_code, HOSTILE in refused.text) == (422, False)
    assert (await send_appeal(browser, claim_id, reason=HOSTILE)).status_code == 303
    assert HOSTILE not in (await read(browser, claim_id)).text


async def test_each_read_is_recorded_with_its_purpose(api: Api, signed_in):
    claim_id = await rejected(api)
    for role in BOUND:
        browser = await signed_in(role)
        assert (await browser.get(f"{HOME}?status=rejected")).status_code == 200
        assert (await read(browser, claim_id)).status_code == 200
    read_rows = api.rows(
        "SELECT role, act, subject_id, purpose, details FROM audit_log WHERE act IN ('claim.list', 'claim.read') "
        "ORDER BY audit_id"
    )
    assert [one[:3] for one in read_rows] == [
        (role, act, subject) for role in BOUND for act, subject in (("claim.list", None), ("claim.read", claim_id))
    ]
    assert all(one[3] for one in read_rows)
    assert read_rows[0][4] == {"filter": {"status": "rejected"}, "items": 1}


@pytest.mark.parametrize("role", BOUND)
async def test_a_user_signs_in_with_a_password_and_a_second_factor_where_it_has_one(api: Api, role: str):
    claim_id = await rejected(api)
    one = await person(api, role, **BOUND_TO[role])
    async with browser_of(api) as browser:
        form = {"login": one.login, "password": one.password, "next": "/console"}
        assert (await browser.post("/console/sign-in", data=form)).status_code == 303
        assert (await browser.get("/console/")).headers["location"] == HOME
        page = (await browser.get(HOME)).text
        assert claim_id in page
        assert re.findall(r'href="([^"]+)"', page.partition("<nav")[2].partition("</nav>")[0]) == [HOME]
        assert "/console/search" not in page
        assert (await browser.get("/console/sessions")).status_code == 200
        await with_second_factor(one)
        browser.cookies.clear()
        assert (await browser.post("/console/sign-in", data=form)).status_code == 401
        assert (await browser.post("/console/sign-in", data=form | {"code": one.code()})).status_code == 303


async def test_a_form_of_another_session_is_refused(api: Api, signed_in):
    claim_id = await denied(api)
    browser = await signed_in("provider")
    sent = await send_appeal(browser, claim_id, form_token="00" * 64)
    assert (sent.status_code, api.count("appeals")) == (403, 0)


async def test_a_chosen_file_fills_in_its_row_and_is_not_sent(chromium: str, seeded_url: str, tmp_path: Path):
    content, file = b"%PDF-1.7 operation report", tmp_path / "operation report.pdf"
    file.write_bytes(content)
    async with running_api(seeded_url) as api:
        claim_id = await denied(api)
        with on_a_port(create_app(api.dependencies.settings, api.url)) as address:
            await asyncio.to_thread(appeal_with, chromium, address, api.keys["member"], claim_id, file)
        (appeal,) = (await api.get(f"/v1/claims/{claim_id}/appeals")).json()["appeals"]
    sha256 = hashlib.sha256(content).hexdigest()
    assert appeal["documents"] == [{"name": file.name, "media_type": "application/pdf", "sha256": sha256}]


def appeal_with(chromium: str, address: str, key: str, claim_id: str, file: Path) -> None:
    """File an appeal with a document in a real browser, at the width of a phone."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto(f"{address}/console/sign-in?next={HOME}/claims/{claim_id}")
        page.fill("input[name=api_key]", key)
        page.click("button.primary")
        page.fill("#reason", "Two separate services.")
        page.set_input_files("#file_1", file)
        page.wait_for_function("document.getElementById('sha256_1').value !== ''")
        assert page.evaluate("document.documentElement.scrollWidth") == 390, "something widens the page"
        with page.expect_request(lambda one: one.method == "POST") as sent:
            page.click("#appeal button.primary")
        assert "%PDF" not in (sent.value.post_data or "")
        page.wait_for_selector("text=Open: it is decided by")
        browser.close()


async def test_a_key_without_its_scope_opens_no_session_or_no_form(api: Api):
    claim_id = await denied(api)
    for scopes, status in (({Scope.APPEAL}, 403), ({Scope.READ}, 303)):
        bound = {"role": "member", "member_id": "M123", "scopes": scopes}
        _, key = await create_key(api.dependencies.database, name="reads" if status == 303 else "appeals", **bound)
        async with browser_of(api) as browser:
            opened = await browser.post("/console/sign-in", data={"api_key": key, "next": HOME})
            assert opened.status_code == status
            assert ("without scope claims:read" in opened.text) == (status == 403)
            if status == 303:
                page = (await read(browser, claim_id)).text
                assert ("can be appealed until" in page, "File the appeal" in page) == (True, False)
                assert (await send_appeal(browser, claim_id)).status_code == 403
    assert api.count("appeals") == 0


async def test_a_claim_of_history_is_shown_without_a_decision_of_this_platform(api: Api, signed_in):
    (claim_id,) = store_claims(api.url, count=1)
    for role in BOUND:
        page = (await read(await signed_in(role), claim_id)).text
        assert ("<h1>Approved</h1>" in page, "Claim received" in page, "Decision:" in page) == (True, True, False)
