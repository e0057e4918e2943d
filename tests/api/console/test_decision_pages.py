"""Deciding claims on the console's pages: forms without scripts, errors beside their fields, the history, the list."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from api.app import create_app
from api.identity import create_key
from claims.review import MAX_DOCUMENTS
from core import clock
from core.settings import Settings
from tests.api.console.setting import Browser, without_tokens
from tests.api.makers import MINIMAL, Api, answering, running_api
from tests.api.servers import on_a_port

LARGE = MINIMAL | {"claim_amount": "5000.01"}


SITE = "https://ginja.test"


@dataclass
class Desk:
    """A running API with a user signed in to its console."""

    api: Api
    browser: httpx.AsyncClient

    async def sign_in(self, role: str) -> None:
        self.browser.cookies.clear()
        await self.browser.post("/console/sign-in", data={"api_key": self.api.keys[role], "next": "/console"})

    async def held(self, body=MINIMAL, **changes) -> str:
        self.api.scorer.behaviour = answering(0.9)
        return str((await self.api.submit(body | changes)).json()["claim_id"])

    async def page(self, claim_id: str) -> str:
        return (await self.browser.get(f"/console/claims/{claim_id}")).text

    async def send(self, claim_id: str, **form: str) -> httpx.Response:
        version = (await self.api.get(f"/v1/claims/{claim_id}/decisions")).json()["version"]
        form = {"expected_version": str(version), **form}
        return await self.browser.post(f"/console/claims/{claim_id}/decision", data=form)


@pytest.fixture
async def desk(seeded_url: str) -> AsyncIterator[Desk]:
    async with running_api(seeded_url, signed_requests="accepted") as api:
        transport = api.client._transport
        async with Browser(transport=transport, base_url=SITE, headers={"Origin": SITE}) as browser:
            yield Desk(api, browser)


def section(page: str) -> str:
    return page.partition('id="decision"')[2].partition("</section>")[0]


def offered(page: str) -> list[str]:
    return re.findall(r'name="action" value="(\w+)"', page)


RELEASE = {"action": "release", "reason": "review_found_no_issue", "disposition": "", "note": "checked <b>invoice</b>"}


async def test_the_page_offers_the_possible_actions_and_shows_past_ones(desk: Desk) -> None:
    claim_id = await desk.held()
    await desk.sign_in("investigator")
    page = await desk.page(claim_id)
    assert offered(page) == ["release", "pay_reduced", "deny", "pend"]
    assert "Release pays 5000.00" in section(page)
    answer = await desk.send(claim_id, **RELEASE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/claims/{claim_id}#decision")
    shown = section(await desk.page(claim_id))
    for words in ("released", "investigator · investigator", "5000.00", "nothing found against payment"):
        assert words in shown
    assert "checked &lt;b&gt;invoice&lt;/b&gt;" in shown
    assert offered(shown) == []
    assert "decided by a person" in await desk.page(claim_id)
    assert desk.api.rows("SELECT status, approved_cents FROM claims") == [("approved", 5000_00)]
    assert desk.api.count("labels") == 0


async def test_each_action_has_its_fields_and_takes_effect(desk: Desk) -> None:
    await desk.sign_in("investigator")
    due = (clock.now().date() + timedelta(days=14)).isoformat()
    forms = [
        ({"action": "pay_reduced", "reason": "fee_schedule", "amount": "1200.50"}, "partially_approved", 1200_50),
        ({"action": "deny", "reason": "fraud", "disposition": "confirmed", "kind": "upcoding"}, "denied", 0),
        (
            {
                "action": "pend",
                "reason": "medical_records_needed",
                "documents": "report\r\n\r\n invoice ",
                "due_on": due,
            },
            "in_review",
            0,
        ),
    ]
    for day, (form, status, paid) in enumerate(forms, start=1):
        claim_id = await desk.held(service_from=f"2026-02-0{day}")
        assert (await desk.send(claim_id, **form)).status_code == 303
        query = "SELECT status, approved_cents FROM claims WHERE claim_id = %s"
        assert desk.api.rows(query, claim_id) == [(status, paid)]
    assert desk.api.rows("SELECT is_fraud, kind FROM labels") == [(True, "upcoding")]
    assert f"Waits for documents until {due}: report, invoice." in section(await desk.page(claim_id))


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"action": "release"}, "reason", "is required"),
        ({"action": "release", "reason": "fee_schedule"}, "reason", "must be one of the reasons for release"),
        ({"action": "pay_reduced", "reason": "fee_schedule"}, "amount", "must be above 0.00 and below 5000.00"),
        ({"action": "pay_reduced", "reason": "fee_schedule", "amount": "5000"}, "amount", "must be above 0.00"),
        ({"action": "pay_reduced", "reason": "fee_schedule", "amount": "1.001"}, "amount", "two decimal places"),
        ({"action": "deny", "reason": "fraud"}, "disposition", "to deny as fraud"),
        ({"action": "deny", "reason": "not_covered", "kind": "upcoding"}, "kind", "only for confirmed fraud"),
        (
            {"action": "pend", "reason": "medical_records_needed", "due_on": "2999-01-01"},
            "documents",
            "must list 1 to 10",
        ),
        (
            {"action": "pend", "reason": "medical_records_needed", "documents": "x\n" * (MAX_DOCUMENTS + 1)},
            "documents",
            "at most 10",
        ),
        ({"action": "pend", "reason": "medical_records_needed", "documents": "x", "due_on": "soon"}, "due_on", "YYYY"),
    ],
)
async def test_an_error_is_shown_beside_its_field_in_the_open_form(
    desk: Desk, form: dict[str, str], field: str, words: str
) -> None:
    claim_id = await desk.held()
    await desk.sign_in("investigator")
    answer = await desk.send(claim_id, note="my note", **form)
    assert answer.status_code == 422
    shown = section(answer.text)
    beside = re.search(rf'id="{form["action"]}-{field}-error">([^<]*)<', shown)
    assert beside is not None
    assert words in beside[1]
    assert shown.count("field-error") == 1
    assert shown.count('<details class="act" open') == 1
    assert 'value="my note"' in shown
    assert desk.api.count("decisions") == 0


async def test_a_late_decision_is_refused_and_shows_the_current_one(desk: Desk) -> None:
    claim_id = await desk.held()
    await desk.sign_in("investigator")
    await desk.send(claim_id, **RELEASE)
    late = await desk.send(claim_id, action="deny", reason="not_covered", expected_version="1")
    assert late.status_code == 409
    assert "the claim has version 2, not 1" in late.text
    assert "release (settled, pays 5000.00) by investigator" in late.text
    assert offered(section(late.text)) == []


async def test_a_proposal_is_approved_on_the_page_by_another_person(desk: Desk) -> None:
    claim_id = await desk.held(LARGE)
    await desk.sign_in("lead_investigator")
    page = section(await desk.page(claim_id))
    assert "Propose to release" in page
    assert "Above 5000.00 a decision is a proposal" in page
    await desk.send(claim_id, **RELEASE)
    own = section(await desk.page(claim_id))
    assert offered(own) == []
    assert "A proposal of lead_investigator to pay 5000.01 waits for approval." in own
    refused = await desk.send(claim_id, action="approve", reason="proposal_agreed")
    assert refused.status_code == 403
    await desk.sign_in("admin")
    assert offered(section(await desk.page(claim_id))) == ["approve", "refuse"]
    assert (await desk.send(claim_id, action="approve", reason="proposal_agreed")).status_code == 303
    shown = section(await desk.page(claim_id))
    assert "approved the proposal" in shown
    assert "proposed to release" in shown
    assert offered(shown) == ["reopen"]


async def test_a_key_that_only_reads_scores_cannot_decide(desk: Desk) -> None:
    claim_id = await desk.held()
    await desk.sign_in("claims_system")
    shown = section(await desk.page(claim_id))
    assert offered(shown) == []
    assert "Claims are decided with an investigator" in shown
    assert (await desk.send(claim_id, **RELEASE)).status_code == 403
    assert desk.api.count("decisions") == 0


async def test_a_decision_sent_by_another_site_is_refused(desk: Desk) -> None:
    claim_id = await desk.held()
    await desk.sign_in("investigator")
    form = {"expected_version": "1", **RELEASE}
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = await desk.browser.post(f"/console/claims/{claim_id}/decision", data=form, headers=headers)
    assert answer.status_code == 403
    assert desk.api.count("decisions") == 0


async def test_without_a_session_a_decision_leads_to_the_sign_in_and_back_to_the_claim(desk: Desk) -> None:
    claim_id = await desk.held()
    answer = await desk.send(claim_id, **RELEASE)
    assert answer.headers["location"] == f"/console/sign-in?next=/console/claims/{claim_id}"
    assert (await desk.browser.get("/console/in-review")).status_code == 303


async def test_the_list_shows_claims_in_review_oldest_first_with_age_amount_and_why(desk: Desk) -> None:
    await desk.sign_in("investigator")
    assert "No claim is in review" in (await desk.browser.get("/console/in-review")).text
    now = clock.now()
    ids = []
    for day, age in enumerate((timedelta(days=3), timedelta(hours=5), timedelta(0)), start=1):
        with clock.held(now - age):
            ids.append(await desk.held(service_from=f"2026-02-0{day}", claim_amount=100 * day))
    paid = await desk.held(service_from="2026-02-09")
    await desk.send(paid, **RELEASE)
    await desk.send(
        ids[1],
        action="pend",
        reason="medical_records_needed",
        documents="report",
        due_on=str(now.date() + timedelta(3)),
    )
    with clock.held(now):
        page = (await desk.browser.get("/console/in-review")).text
    assert re.findall(r"claims/(clm_\w+)\"", page) == ids
    for words in (
        "3 claims",
        "3 days",
        "5 hours",
        "under a minute",
        "300.00",
        "likely fraud",
        "waits for documents",
    ):
        assert words in page
    with clock.held(now + timedelta(days=4)):
        await desk.sign_in("investigator")
        assert "documents overdue since" in (await desk.browser.get("/console/in-review")).text


async def test_the_pages_show_the_prompt_pay_clock_of_a_claim_in_review(desk: Desk) -> None:
    desk.api.execute("UPDATE plans SET line_of_business = 'commercial', state_code = 'NY' WHERE plan_id = 'PL2'")
    await desk.sign_in("investigator")
    now = clock.now()
    claim_id = await desk.held()
    due = (now + timedelta(days=30)).date()
    for path in ("/console/in-review", f"/console/claims/{claim_id}"):
        assert f"due {due}, 30 days left" in (await desk.browser.get(path)).text
    with clock.held(now + timedelta(days=31)):
        await desk.sign_in("investigator")
        for path in ("/console/in-review", f"/console/claims/{claim_id}"):
            assert (
                f'<span class="badge warn">due {due}, 1 day overdue, interest 0.00'
                in (await desk.browser.get(path)).text
            )
    with clock.held(now + timedelta(days=40)):
        await desk.sign_in("investigator")
        assert "10 days overdue, interest 16.44" in (await desk.browser.get(f"/console/claims/{claim_id}")).text
    await desk.sign_in("investigator")
    await desk.send(claim_id, **RELEASE)
    assert "Prompt pay" not in await desk.page(claim_id)


async def test_the_list_is_paged_and_an_invalid_cursor_starts_at_its_beginning(desk: Desk) -> None:
    await desk.sign_in("investigator")
    ids = [
        await desk.held(service_from=f"2026-{month:02}-{day:02}", claim_amount=day)
        for month in (1, 2)
        for day in range(1, 14)
    ]
    first = (await desk.browser.get("/console/in-review")).text
    following = re.search(r"/console/in-review\?after=([\w%-]+)", first)
    assert following is not None
    second = (await desk.browser.get(f"/console/in-review?after={following[1]}")).text
    listed = [re.findall(r"claims/(clm_\w+)\"", page) for page in (first, second)]
    assert listed == [ids[:25], ids[25:]]
    assert without_tokens((await desk.browser.get("/console/in-review?after=nowhere")).text) == without_tokens(first)


@pytest.fixture
def served(seeded_url: str) -> Iterator[str]:
    """The whole API on a real port, without a scorer: the rule sends expensive claims to review."""
    with on_a_port(
        create_app(Settings(scorer_port=1, scorer_deadline_ms=50, signed_requests="accepted"), seeded_url)
    ) as address:
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_two_people_decide_a_claim_in_a_browser_without_scripts(
    chromium: str, served: str, seeded_url: str, tmp_path: Path, scheme: str
) -> None:
    import asyncio

    from playwright.sync_api import sync_playwright

    from api.database import Database

    async def make_keys() -> dict[str, str]:
        database = Database(seeded_url)
        keys = {}
        for name, role in (("Ines", "investigator"), ("Ben", "lead_investigator"), ("System", "claims_system")):
            keys[name] = (await create_key(database, name=name, role=role))[1]
        await database.close()
        return keys

    keys = asyncio.run(make_keys())
    sent = httpx.post(
        f"{served}/v1/claims",
        json=MINIMAL | {"claim_amount": "7200.00"},
        headers={"Authorization": f"Bearer {keys['System']}"},
    )
    claim_id = sent.json()["claim_id"]
    complaints: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])

        def signed_in(name: str):
            context = browser.new_context(
                color_scheme=scheme,  # type: ignore[arg-type]
                java_script_enabled=False,
            )
            page = context.new_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.goto(f"{served}/console/in-review")
            page.fill("#api_key", keys[name])
            page.click("button.primary")
            page.click(f"a:text('{claim_id}')")
            return page

        ines = signed_in("Ines")
        ines.screenshot(path=tmp_path / f"{scheme}-open.png", full_page=True)
        ines.click("summary:has-text('Pay reduced')")
        ines.fill("#pay_reduced-amount", "7200")
        ines.select_option("#pay_reduced-reason", "fee_schedule")
        ines.click("button:text('Propose to pay reduced')")
        assert "must be above 0.00 and below 7200.00" in ines.inner_text("#pay_reduced-amount-error")
        ines.screenshot(path=tmp_path / f"{scheme}-error.png", full_page=True)
        ines.fill("#pay_reduced-amount", "3400")
        ines.click("button:text('Propose to pay reduced')")
        assert "proposed to pay reduced" in ines.inner_text("#decision")
        ben = signed_in("Ben")
        ben.click("summary:has-text('Approve the proposal')")
        ben.select_option("#approve-reason", "proposal_agreed")
        ben.screenshot(path=tmp_path / f"{scheme}-proposal.png", full_page=True)
        ben.click("button:text('Approve the proposal')")
        assert "approved the proposal" in ben.inner_text("#decision")
        for width in (1200, 390):
            ben.set_viewport_size({"width": width, "height": 800})
            ben.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
        browser.close()
    with psycopg.connect(seeded_url) as connection:
        row = connection.execute("SELECT status, approved_cents, reserved_cents FROM claims").fetchone()
    assert row == ("partially_approved", 3400_00, 0)
    assert all("status of 422" in complaint for complaint in complaints)


def test_the_pages_fit_a_phone_with_every_form_open(
    chromium: str, served: str, seeded_url: str, tmp_path: Path
) -> None:
    import asyncio

    from playwright.sync_api import sync_playwright

    from api.database import Database

    async def make_key() -> str:
        database = Database(seeded_url)
        key = (await create_key(database, name="Ada", role="admin"))[1]
        await database.close()
        return key

    key = asyncio.run(make_key())
    httpx.post(
        f"{served}/v1/claims",
        json=MINIMAL | {"claim_amount": "7200.00"},
        headers={"Authorization": f"Bearer {key}"},
    )
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto(f"{served}/console/in-review")
        page.fill("#api_key", key)
        page.click("button.primary")
        page.screenshot(path=tmp_path / "list-390.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.click("td a.id")
        for summary in page.query_selector_all("details.act > summary"):
            summary.click()
        page.screenshot(path=tmp_path / "claim-390.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        browser.close()
