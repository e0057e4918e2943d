"""The console finds members by name: recorded, refused where many fit, and never with the name in an address."""

from tests.api.console.test_member_consents import opened
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import Api
from tests.api.test_member_search import BORN, NAME, add

PAGE = "/console/members"


async def test_a_name_finds_the_member_and_the_search_is_recorded_under_who_searched(api: Api):
    await add(api)
    async with browser_of(api) as browser:
        await opened(api, browser)
        assert "Find a member" in (await browser.get(PAGE)).text
        page = await browser.post(PAGE, data={"name": "omalley ZORAIDA quixley"})
    assert page.status_code == 200
    assert f'href="{PAGE}/M900"' in page.text
    assert BORN in page.text
    rows = api.rows("SELECT act, name, subject_id FROM audit_log WHERE act LIKE 'member.%%' ORDER BY audit_id")
    assert rows[-2:] == [("member.search", "desk of insurer", None), ("member.found", "desk of insurer", "M900")]
    assert "Quixley" not in str(api.rows("SELECT details FROM audit_log"))


async def test_what_states_too_little_or_is_no_date_is_marked_beside_its_field(api: Api):
    async with browser_of(api) as browser:
        await opened(api, browser)
        short = await browser.post(PAGE, data={"name": "Zoraida"})
        wrong = await browser.post(PAGE, data={"name": NAME, "birth_date": "yesterday"})
        none = await browser.post(PAGE, data={"name": "Somebody Unknown"})
    assert (short.status_code, 'id="name-error"' in short.text, "whole name" in short.text) == (422, True, True)
    assert (wrong.status_code, 'id="birth_date-error"' in wrong.text, NAME in wrong.text) == (422, True, True)
    assert (none.status_code, "No member fits" in none.text) == (200, True)


async def test_who_may_not_see_whose_claims_there_are_finds_nobody(api: Api):
    await add(api)
    async with browser_of(api) as browser:
        await opened(api, browser, role="investigator")
        assert (await browser.get(PAGE)).status_code == 403
        refused = await browser.post(PAGE, data={"name": NAME})
        assert f'href="{PAGE}"' not in (await browser.get("/console")).text
    assert (refused.status_code, "M900" in refused.text) == (403, False)
    assert api.rows("SELECT 1 FROM audit_log WHERE act = 'member.found'") == []
