"""Findings of re-screening on the console's pages: listed, shown on the claim's page, closed by a named person."""

from collections.abc import AsyncIterator

import pytest

from tests.api.console.setting import Browser
from tests.api.console.test_decision_pages import SITE, Desk
from tests.api.decisions import held
from tests.api.makers import running_api
from tests.api.rescreening import opened


@pytest.fixture
async def desk(seeded_url: str) -> AsyncIterator[Desk]:
    async with running_api(seeded_url) as api:
        transport = api.client._transport
        async with Browser(transport=transport, base_url=SITE, headers={"Origin": SITE}) as browser:
            yield Desk(api, browser)


def of(page: str) -> str:
    return page.partition('id="rescreening"')[2].partition("</section>")[0]


async def test_a_finding_is_listed_shown_to_the_reviewer_and_closed(desk: Desk) -> None:
    claim_id = await held(desk.api)
    await desk.sign_in("investigator")
    assert "No finding is open" in (await desk.browser.get("/console/rescreening")).text
    assert 'id="rescreening"' not in await desk.page(claim_id)
    finding_id = opened(desk.api, claim_id)
    listed = (await desk.browser.get("/console/rescreening")).text
    shown = of(await desk.page(claim_id))
    for words in ("Paid before the exclusion was known.", "leie 2026-11", "5000.00 → 0.00"):
        assert words in listed
        assert words in shown
    assert claim_id in listed
    path, form = f"/console/claims/{claim_id}/rescreening", {"finding_id": finding_id, "reason": "no_action"}
    wrong = await desk.browser.post(path, data=form | {"reason": "withdrawn"})
    assert (wrong.status_code, "reason: " in of(wrong.text)) == (422, True)
    done = await desk.browser.post(path, data=form | {"note": "<b>stands</b>"})
    assert (done.status_code, done.headers["location"]) == (303, f"/console/claims/{claim_id}#rescreening")
    shown = of(await desk.page(claim_id))
    assert "no action by investigator on " in shown
    assert ("&lt;b&gt;stands" in shown, "<form" in shown) == (True, False)
    again = await desk.browser.post(path, data=form)
    assert (again.status_code, "already closed" in of(again.text)) == (409, True)
    assert "No finding is open" in (await desk.browser.get("/console/rescreening")).text


async def test_a_finding_is_closed_on_the_page_of_its_own_claim_only(desk: Desk) -> None:
    claim_id, other = await held(desk.api), await held(desk.api, service_from="2026-02-01")
    finding_id = opened(desk.api, claim_id)
    await desk.sign_in("investigator")
    form = {"finding_id": finding_id, "reason": "no_action"}
    assert (await desk.browser.post(f"/console/claims/{other}/rescreening", data=form)).status_code == 404
    assert desk.api.rows("SELECT closed_at FROM rescreening_findings") == [(None,)]
