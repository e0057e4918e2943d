"""The summary of a case: sentences of its latest evidence pack, with links to the facts that each cites."""

import html
import re
from collections.abc import AsyncIterator

import pytest

from api.identity import create_key
from claims.evidence import facts_of, from_json, read_pack_file
from claims.narrative import VerifiedSentence, narrative_facts, verify
from tests.api.cases import claim, opened
from tests.api.console.setting import Browser
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import Api
from tests.api.test_evidence_packs import read, written


async def desk(api: Api, browser: Browser, role: str) -> Browser:
    _, key = await create_key(api.dependencies.database, name=f"desk of {role}", role=role)
    assert (await browser.post("/console/sign-in", data={"api_key": key, "next": "/console"})).status_code == 303
    return browser


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[Browser]:
    async with browser_of(api) as browser:
        yield await desk(api, browser, "investigator")


async def test_each_sentence_links_to_the_facts_that_entail_it(api: Api, browser: Browser) -> None:
    case = await opened(api, [await claim(api), await claim(api)])
    pack_id = (await written(api, case.case_id)).json()["pack_id"]
    page = (await browser.get(f"/console/cases/{case.case_id}/summary")).text
    facts = narrative_facts(facts_of(from_json(dict(read_pack_file(await read(api, case.case_id, pack_id)).pack))))
    shown = page.partition('id="summary"')[2].partition("</section>")[0]
    sentences = [one for one in re.findall(r"<p>(.*?)</p>", shown, re.DOTALL) if "<sup>" in one]
    assert len(sentences) > 5
    for sentence in sentences:
        cited = re.sub(r'<sup><a href="#fact-([^"]+)"[^>]*>\d+</a></sup>', r" [\1]", sentence)
        assert isinstance(verify(html.unescape(cited), facts), VerifiedSentence), cited
    for target in set(re.findall(r'href="#fact-([^"]+)"', shown)):
        assert page.count(f'<tr id="fact-{target}">') == 1
    assert "The case covers 2 claims" in shown


async def test_a_case_without_a_pack_says_what_to_do(api: Api, browser: Browser) -> None:
    case = await opened(api, [await claim(api)])
    answer = await browser.get(f"/console/cases/{case.case_id}/summary")
    assert answer.status_code == 404
    assert "no evidence pack yet" in answer.text


async def test_without_an_endpoint_no_draft_is_offered_and_none_is_made(api: Api, browser: Browser) -> None:
    case = await opened(api, [await claim(api)])
    await written(api, case.case_id)
    page = (await browser.get(f"/console/cases/{case.case_id}/summary?draft=1")).text
    assert "Draft with" not in page
    assert "drafted" not in page


async def test_a_role_without_cases_sees_no_summary(api: Api) -> None:
    case = await opened(api, [await claim(api)])
    await written(api, case.case_id)
    async with browser_of(api) as browser:
        await desk(api, browser, "insurer")
        assert (await browser.get(f"/console/cases/{case.case_id}/summary")).status_code == 403
