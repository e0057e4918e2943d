"""Forms of the console that approve or move much money need a second factor that was proved in the last ten minutes."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from api.console.routes import console_app
from api.errors import Unauthorized
from api.users import SignInAttempt
from core import clock
from tests.api.console.setting import Browser, store_claim
from tests.api.console.test_user_sign_in import Desk, browser_of
from tests.api.makers import Api
from tests.api.signing_in import Person, investigator, person, with_second_factor

FINDING = "/console/claims/clm_1/finding"
LATER = timedelta(minutes=11)
CONFIRMED_FORMS = {
    *(f"/claims/{{claim_id}}/{form}" for form in ("finding", "decision", "appeal")),
    *("/tasks/{task_id}", "/dead-letters/{position:int}"),
    *(f"/cases/{{case_id}}/samples/{{sample_id}}/{form}" for form in ("demand", "entries")),
    "/cases/{case_id}",
}
UNCONFIRMED_FORMS = {
    "/members/{member_id}/consents": "records what a signed document says, as the route of the API does",
    "/members/{member_id}/consents/{consent_id}/withdraw": "ends a use of data, as easily as by the member",
    "/own/claims/{claim_id}/appeal": "asks for a decision, as the route of the API does; the outcome is confirmed",
    "/queue/next": "says who works on a lead; no claim changes",
    "/queue/leads": "says who works on leads and when; no claim changes",
    "/queue/leads/{lead_id}/case": "opens a case; no claim changes",
    "/queue/views": "filters of one person",
    "/members": "looks members up; the search is audited",
    **dict.fromkeys(("/providers/{provider_id}/case", "/members/{member_id}/case"), "opens a case; no claim changes"),
    "/providers/{provider_id}/ring": "as a case of a provider",
    "/members/{member_id}/identity": "shows who a member is, for a purpose that is audited; nothing changes",
    "/cases": "opens a case; no claim changes",
    "/cases/{case_id}/evidence": "writes a file about a case; no claim changes",
    "/cases/{case_id}/files": "adds a record to a case; no claim changes",
    "/cases/{case_id}/files/{file_id}/withdraw": "marks a record, which stays; no claim changes",
    "/cases/{case_id}/samples": "draws claims to review; no claim changes",
    **dict.fromkeys(
        (f"/cases/{{case_id}}/samples/{{sample_id}}/{form}" for form in ("reviews", "estimate")),
        "work on a sample; no claim changes",
    ),
    "/claims/{claim_id}/rescreening": "closes a line of a work list; the claim is unchanged",
    **dict.fromkeys(
        ("/sign-in", "/sign-out", "/oidc", "/password", "/second-factor", "/second-factor/confirm"), "who signs in"
    ),
    "/sessions": "ends the user's own sign-ins",
}


@pytest.fixture
async def desk(api: Api) -> AsyncIterator[Desk]:
    """A claim whose amount is above `GINJA_CONFIRMATION_ABOVE_CENTS`, and a browser."""
    store_claim(api.url, "clm_1")
    api.execute("UPDATE claims SET amount_cents = 90000000")
    async with browser_of(api) as browser:
        yield Desk(api, browser)


async def signed_in(desk: Desk) -> tuple[Person, datetime]:
    """An investigator who has just signed in, and when."""
    one = await investigator(desk.api)
    assert (await desk.sign_in(one)).status_code == 303
    return one, clock.now()


async def cleared(browser: Browser, **more: str) -> tuple[int, str]:
    """Status and page of a finding that is sent, with a note."""
    answer = await browser.post(FINDING, data={"disposition": "cleared", "note": "seen the chart"} | more)
    return answer.status_code, answer.text


def findings(desk: Desk) -> int:
    return desk.api.count("dispositions")


async def test_a_second_factor_of_the_last_ten_minutes_is_enough(desk: Desk) -> None:
    await signed_in(desk)
    assert 'name="code"' not in (await desk.browser.get("/console/claims/clm_1")).text
    assert (await cleared(desk.browser))[0] == 303
    rows = desk.api.rows("SELECT details ->> 'confirmed_by' FROM audit_log WHERE act = 'disposition.record'")
    assert rows == [("second factor",)]


async def test_an_older_one_is_proved_again_in_the_form_which_keeps_its_content(desk: Desk) -> None:
    one, at = await signed_in(desk)
    with clock.held(at + LATER):
        assert 'name="code"' in (await desk.browser.get("/console/claims/clm_1")).text
        status, page = await cleared(desk.browser)
        assert (status, findings(desk)) == (401, 0)
        assert "enter the code that your authenticator app shows now" in page
        assert 'value="seen the chart"' in page
        status, page = await cleared(desk.browser, code="000000")
        assert (status, findings(desk)) == (422, 0)
        assert "code: is wrong or was used before" in page
        assert 'value="seen the chart"' in page
        assert (await cleared(desk.browser, code=one.code()))[0] == 303
        assert (await cleared(desk.browser, disposition="confirmed"))[0] == 303
        assert 'name="code"' not in (await desk.browser.get("/console/claims/clm_1")).text
    assert findings(desk) == 2
    acts = desk.api.rows("SELECT act FROM audit_log WHERE starts_with(act, 'user.s') ORDER BY audit_id")
    assert acts == [("user.sign_in",), ("user.sign_in_refused",), ("user.step_up",)]


async def test_a_code_proves_once(desk: Desk) -> None:
    one, at = await signed_in(desk)
    with clock.held(at + LATER):
        code = one.code()
        assert (await cleared(desk.browser, code=code))[0] == 303
    with clock.held(at + LATER + timedelta(seconds=5)):
        assert (await cleared(desk.browser, code=code, disposition="confirmed"))[0] == 422
    assert findings(desk) == 1


async def test_a_recovery_code_proves_too(desk: Desk) -> None:
    one, at = await signed_in(desk)
    with clock.held(at + LATER):
        assert (await cleared(desk.browser, code=one.recovery_codes[0]))[0] == 303


async def test_wrong_codes_are_slowed_down(desk: Desk) -> None:
    one, at = await signed_in(desk)
    with clock.held(at + LATER):
        statuses = [(await cleared(desk.browser, code="000000"))[0] for _ in range(7)]
        assert (statuses[:5], statuses[-1]) == ([422] * 5, 429)
        assert (await cleared(desk.browser, code=one.code()))[0] == 429
    assert findings(desk) == 0


async def test_a_claim_up_to_the_amount_needs_none(desk: Desk) -> None:
    limit = desk.api.dependencies.settings.confirmation_above_cents
    _, at = await signed_in(desk)
    with clock.held(at + LATER):
        desk.api.execute(f"UPDATE claims SET amount_cents = {limit + 1}")
        assert (await cleared(desk.browser))[0] == 401
        desk.api.execute(f"UPDATE claims SET amount_cents = {limit}")
        assert (await cleared(desk.browser))[0] == 303


async def test_a_key_cannot_approve_before_there_is_a_user(desk: Desk) -> None:
    answer = await desk.browser.post("/console/sign-in", data={"api_key": desk.api.keys["investigator"]})
    assert answer.status_code == 303
    status, page = await cleared(desk.browser)
    assert (status, findings(desk)) == (401, 0)
    assert "ginja users create" in page


async def test_the_outcome_of_an_appeal_needs_one_whatever_the_amount(desk: Desk) -> None:
    desk.api.execute("UPDATE claims SET amount_cents = 100")
    one = await with_second_factor(await person(desk.api, "lead_investigator"))
    assert (await desk.sign_in(one)).status_code == 303
    with clock.held(clock.now() + LATER):
        form = {"appeal_id": "app_1", "outcome": "upheld"}
        answer = await desk.browser.post("/console/claims/clm_1/appeal", data=form)
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/console/tasks/tsk_1", "/console/dead-letters/7"])
async def test_discarding_failed_work_needs_one_and_replaying_it_does_not(desk: Desk, path: str) -> None:
    desk.api.execute(
        "INSERT INTO tasks (task_id, kind, queue, state, payload, attempts, max_attempts, created_at, due_at, ended_at,"
        " error) VALUES ('tsk_1', 'decide_claim', 'claims', 'failed', '{}', 10, 10, now(), now(), now(), 'odd')"
    )
    desk.api.execute(
        "INSERT INTO dead_letters (position, consumer, topic, entity_key, payload, created_at, attempts, error,"
        " failed_at) VALUES (7, 'rescoring', 'claim.rescore', 'clm_1', '{}', now(), 8, 'odd', now())"
    )
    one = await with_second_factor(await person(desk.api, "admin"))
    assert (await desk.sign_in(one)).status_code == 303
    form = {"action": "discard", "reason": "sent again", "confirmed": "yes"}
    with clock.held(clock.now() + LATER):
        refused = await desk.browser.post(path, data=form)
        assert refused.status_code == 401
        assert "enter the code that your authenticator app shows now" in refused.text
        assert 'value="sent again"' in refused.text
        assert 'name="code"' in refused.text
        assert (await desk.browser.post(path, data=form | {"code": "000000"})).status_code == 422
        assert desk.api.rows("SELECT act FROM audit_log WHERE starts_with(act, 'task.')") == []
        assert desk.api.rows("SELECT resolution FROM dead_letters") == [(None,)]
        assert (await desk.browser.post(path, data={"action": "replay"})).status_code == 303
    desk.api.execute("UPDATE tasks SET state = 'failed', ended_at = now()")
    desk.api.execute("UPDATE dead_letters SET resolution = NULL, resolved_at = NULL, resolved_by = NULL")
    with clock.held(clock.now() + LATER):
        assert (await desk.browser.post(path, data=form | {"code": one.code()})).status_code == 303


def test_each_form_of_the_console_is_confirmed_or_declared_with_a_reason_why_not() -> None:
    forms = {one.path for one in console_app().routes if "POST" in (getattr(one, "methods", None) or ())}
    assert forms == CONFIRMED_FORMS | UNCONFIRMED_FORMS.keys()


async def test_a_code_of_a_user_without_an_app_is_not_checked(api: Api) -> None:
    """Such a user signs in by an identity provider, and again where a second factor is needed."""
    one = await person(api, "investigator")
    with pytest.raises(Unauthorized):
        async with api.dependencies.sign_ins.proving_again(one.user_id, "10.0.0.1", "123456"):
            pass
    assert SignInAttempt.of("a", "b", "c", "").recovery_code is None
