"""The page of a case's evidence packs: writing, listing, reading and verifying."""

import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from api.identity import create_key
from tests.api.cases import acts, claim, opened
from tests.api.console.setting import HOSTILE, Browser
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import Api

FORM = {
    "organization": "Example Health Plan",
    "unit": "SIU",
    "person": "A. Miller",
    "contact": "siu@insurer.example",
    "category": "fraud",
    "statement": "Services billed twice.",
    "provisions": "18 U.S.C. 1347\r\n\r\n42 CFR 455.23",
    "how": "",
    "why": "",
}


class EvidenceDesk:
    """A browser at the evidence packs of a case."""

    def __init__(self, api: Api, browser: Browser, case_id: str) -> None:
        self.api = api
        self.browser = browser
        self.case_id = case_id
        self.page = f"/console/cases/{case_id}/evidence"

    async def sign_in(self, role: str) -> None:
        _, key = await create_key(self.api.dependencies.database, name=f"desk of {role}", role=role)
        answer = await self.browser.post("/console/sign-in", data={"api_key": key, "next": "/console"})
        assert answer.status_code == 303

    async def write(self, **changes: str) -> httpx.Response:
        return await self.browser.post(self.page, data=FORM | changes)


@pytest.fixture
async def desk(api: Api) -> AsyncIterator[EvidenceDesk]:
    """Signed in as an investigator, at a case with a claim."""
    case = await opened(api, [await claim(api, member_id="M124")])
    async with browser_of(api) as browser:
        made = EvidenceDesk(api, browser, case.case_id)
        await made.sign_in("investigator")
        yield made


async def test_a_pack_is_written_listed_verified_and_read(desk: EvidenceDesk) -> None:
    answer = await desk.write()
    assert answer.status_code == 303, answer.text
    shown = await desk.browser.get(answer.headers["location"])
    assert "✓ equal" in shown.text
    (pack_id,) = set(re.findall(r"evidence/(evp_\w+)\.pdf", shown.text))
    file = await desk.browser.get(f"{desk.page}/{pack_id}.json")
    assert json.loads(file.content)["pack"]["allegation"]["provisions"] == ["18 U.S.C. 1347", "42 CFR 455.23"]
    pdf = await desk.browser.get(f"{desk.page}/{pack_id}.pdf")
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert (await acts(desk.api, desk.case_id))[-1] == "case.write_evidence"
    recorded = desk.api.rows("SELECT count(*) FROM audit_log WHERE act = 'case.read_evidence'")
    assert recorded == [(2,)]


async def test_a_form_that_names_a_member_is_shown_again_with_its_content(desk: EvidenceDesk) -> None:
    answer = await desk.write(how="Billed twice for M124.")
    assert answer.status_code == 422
    assert "names a member" in answer.text
    assert "Billed twice for M124." in answer.text
    assert desk.api.rows("SELECT * FROM evidence_packs") == []


async def test_hostile_texts_stay_text(desk: EvidenceDesk) -> None:
    answer = await desk.write(contact="", statement=HOSTILE)
    assert answer.status_code == 422
    assert HOSTILE not in answer.text


async def test_people_who_may_not_see_cases_are_refused(desk: EvidenceDesk) -> None:
    await desk.write()
    listed = await desk.browser.get(desk.page)
    assert "Write a pack" in listed.text
    await desk.sign_in("insurer")
    assert (await desk.browser.get(desk.page)).status_code == 403
    assert (await desk.write()).status_code == 403


async def test_a_case_that_does_not_exist_has_its_own_page(desk: EvidenceDesk) -> None:
    assert (await desk.browser.get("/console/cases/cas_unknown/evidence")).status_code == 404
    assert (await desk.browser.get(f"{desk.page}/evp_unknown.json")).status_code == 404
