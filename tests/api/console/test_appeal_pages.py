"""Appeals on the console's pages: listed by due date, shown with their documents, decided by an approver."""

from collections.abc import AsyncIterator

import pytest

from tests.api.appeals import APPEAL, denied, filed, rejected
from tests.api.console.setting import Browser
from tests.api.console.test_decision_pages import SITE, Desk
from tests.api.makers import running_api


@pytest.fixture
async def desk(seeded_url: str) -> AsyncIterator[Desk]:
    async with running_api(seeded_url, signed_requests="accepted") as api:
        transport = api.client._transport
        async with Browser(transport=transport, base_url=SITE, headers={"Origin": SITE}) as browser:
            yield Desk(api, browser)


def of(page: str) -> str:
    return page.partition('id="appeal"')[2].partition("</section>")[0]


async def test_an_appeal_is_listed_shown_and_decided_by_an_approver(desk: Desk) -> None:
    claim_id = await denied(desk.api)
    await desk.sign_in("investigator")
    assert "No appeal is open" in (await desk.browser.get("/console/appeals")).text
    assert 'id="appeal"' not in await desk.page(claim_id)
    appeal_id = await filed(desk.api, claim_id)
    listed = (await desk.browser.get("/console/appeals")).text
    for words in (claim_id, "60 days left", APPEAL["reason"], "denied because of model_flagged"):
        assert words in listed
    shown = of(await desk.page(claim_id))
    assert "operation report (application/pdf, SHA-256 " + "ab" * 32 in shown
    assert ("An approver decides appeals" in shown, "<form" in shown) == (True, False)

    await desk.sign_in("lead_investigator")
    assert "<form" in of(await desk.page(claim_id))
    path, form = f"/console/claims/{claim_id}/appeal", {"appeal_id": appeal_id, "outcome": "partly_overturned"}
    wrong = await desk.browser.post(path, data=form)
    assert (wrong.status_code, "amount: is required" in of(wrong.text)) == (422, True)
    done = await desk.browser.post(path, data=form | {"amount": "12.50", "note": "<b>half</b>"})
    assert (done.status_code, done.headers["location"]) == (303, f"/console/claims/{claim_id}#appeal")
    shown = of(await desk.page(claim_id))
    assert "partly overturned by lead_investigator · lead_investigator" in shown
    assert ("12.50 is paid" in shown, "<form" in shown) == (True, False)
    again = await desk.browser.post(path, data=form | {"outcome": "upheld"})
    assert (again.status_code, "was decided by" in of(again.text)) == (409, True)
    assert "No appeal is open" in (await desk.browser.get("/console/appeals")).text


async def test_an_appeal_is_decided_on_the_page_of_its_own_claim_only(desk: Desk) -> None:
    claim_id, other = await denied(desk.api), await denied(desk.api, service_from="2026-02-01")
    appeal_id = await filed(desk.api, claim_id)
    await filed(desk.api, other)
    await desk.sign_in("lead_investigator")
    form = {"appeal_id": appeal_id, "outcome": "overturned"}
    assert (await desk.browser.post(f"/console/claims/{other}/appeal", data=form)).status_code == 404
    assert desk.api.count("appeal_decisions") == 0


async def test_an_investigator_cannot_decide_by_a_form_of_their_own(desk: Desk) -> None:
    claim_id = await denied(desk.api)
    form = {"appeal_id": await filed(desk.api, claim_id), "outcome": "overturned"}
    await desk.sign_in("investigator")
    assert (await desk.browser.post(f"/console/claims/{claim_id}/appeal", data=form)).status_code == 403
    desk.browser.cookies.clear()
    assert (await desk.browser.post(f"/console/claims/{claim_id}/appeal", data=form)).status_code == 303
    assert desk.api.count("appeal_decisions") == 0


async def test_suspended_edits_are_shown(desk: Desk) -> None:
    appeal_id = await filed(desk.api, await rejected(desk.api))
    desk.api.execute(
        "INSERT INTO edit_suspensions (edit, suspended_at, decided, overturned, limit_percent, appeal_id)"
        f" VALUES ('duplicate', now(), 20, 9, 40, '{appeal_id}')"
    )
    await desk.sign_in("investigator")
    page = (await desk.browser.get("/console/appeals")).text
    assert "9 of 20 appeals were overturned; at most 40 % may be" in page
