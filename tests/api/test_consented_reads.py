"""A read for a purpose that needs something of members shows those that said it, and is refused for others."""

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api import request_context
from api.audit import ROUTES
from api.consents import HONOURED, required_check
from api.errors import ConsentMissing
from api.purposes import PURPOSES_OF_USE, Need
from api.request_context import RequestContext, carrying_out
from core import clock
from tests.api.consents import OBJECTION, RESEARCH, days_from, read_for, said, stored_claim, withdrawn
from tests.api.makers import MINIMAL, Api

LEFT_OUT = "Ginja-Members-Left-Out"
NEEDY = [code for code, one in PURPOSES_OF_USE.items() if one.need is Need.CONSENT]
FREE = [code for code, one in PURPOSES_OF_USE.items() if one.need is Need.NOTHING]


async def claims_of_two_members(api: Api) -> tuple[str, str]:
    first = (await api.submit()).json()["claim_id"]
    return first, (await api.submit(MINIMAL | {"member_id": "M124"})).json()["claim_id"]


@pytest.mark.parametrize("purpose", NEEDY)
async def test_a_claim_is_refused_without_consent_and_the_refusal_names_purpose_and_remedy(api: Api, purpose: str):
    claim_id = (await api.submit()).json()["claim_id"]
    for path in (f"/v1/claims/{claim_id}", f"/v1/claims/{claim_id}/explanation", "/v1/members/M123"):
        refused = await read_for(api, purpose, path)
        problem = refused.json()
        assert (refused.status_code, problem["type"]) == (403, "/docs/problems#consent-missing")
        assert (problem["purpose"], "/consents" in problem["detail"]) == (purpose, True)
    await said(api, RESEARCH, purpose=purpose)
    for path in (f"/v1/claims/{claim_id}", f"/v1/claims/{claim_id}/explanation", "/v1/members/M123"):
        assert (await read_for(api, purpose, path)).status_code == 200
    rows = api.rows("SELECT act, outcome, purpose FROM audit_log WHERE purpose = %s ORDER BY audit_id", purpose)
    assert rows == [
        (act, outcome, purpose)
        for outcome in ("denied", "success")
        for act in ("claim.read", "claim.explain", "member.read")
    ]


@pytest.mark.parametrize("purpose", FREE)
async def test_a_purpose_that_needs_nothing_is_answered(api: Api, purpose: str):
    claim_id = (await api.submit()).json()["claim_id"]
    for path in (f"/v1/claims/{claim_id}", "/v1/claims", "/v1/members/M123", "/v1/reviews"):
        answer = await read_for(api, purpose, path)
        assert (answer.status_code, LEFT_OUT in answer.headers) == (200, False)


async def test_a_member_that_reads_its_own_claims_needs_no_consent_to_its_own_request(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    assert (await api.get(f"/v1/claims/{claim_id}", role="member")).status_code == 200
    assert (await read_for(api, "PATRQT", f"/v1/claims/{claim_id}", role="member")).status_code == 200
    assert (await read_for(api, "HMARKT", f"/v1/claims/{claim_id}", role="member")).status_code == 403
    assert (await read_for(api, "PATRQT", f"/v1/claims/{claim_id}")).status_code == 403


async def test_consent_to_claims_alone_shows_no_identity(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    await said(api, RESEARCH, scope="claims")
    assert (await read_for(api, "HRESCH", f"/v1/claims/{claim_id}")).status_code == 200
    assert (await read_for(api, "HRESCH", "/v1/members/M123")).status_code == 403
    at = clock.now().isoformat().replace("+00:00", "Z")
    assert (await read_for(api, "HRESCH", f"/v1/members/M123?known_at={at}")).status_code == 403
    listed = await read_for(api, "HRESCH", "/v1/members")
    assert (listed.json()["members"], listed.headers[LEFT_OUT]) == ([], "3")


async def test_lists_leave_members_out_and_say_how_many(api: Api):
    shown, _ = await claims_of_two_members(api)
    await api.submit(MINIMAL | {"member_id": "M124", "claim_amount": 10})
    await said(api, RESEARCH)
    listed = await read_for(api, "HRESCH", "/v1/claims")
    assert [one["claim_id"] for one in listed.json()["claims"]] == [shown]
    assert listed.headers[LEFT_OUT] == "1"
    members = await read_for(api, "HRESCH", "/v1/members")
    assert ([one["member_id"] for one in members.json()["members"]], members.headers[LEFT_OUT]) == (["M123"], "2")
    details = api.rows("SELECT details FROM audit_log WHERE act = 'claim.list'")
    assert details == [({"items": 1, "left_out": 1},)]


async def test_a_list_goes_on_where_a_whole_page_is_left_out(api: Api):
    shown, _ = await claims_of_two_members(api)
    await said(api, RESEARCH)
    first = (await read_for(api, "HRESCH", "/v1/claims?limit=1")).json()
    assert (first["claims"], first["next_cursor"] is not None) == ([], True)
    second = (await read_for(api, "HRESCH", f"/v1/claims?limit=1&cursor={first['next_cursor']}")).json()
    assert ([one["claim_id"] for one in second["claims"]], second["next_cursor"]) == ([shown], None)


async def test_an_export_leaves_members_out_and_says_how_many_of_all_its_days(api: Api):
    for member_id in ("M123", "M124", "M125"):
        stored_claim(api, member_id)
    await said(api, RESEARCH, "M124")
    place = "/v1/exports/claims?last_day=2026-01-06"
    exported = await read_for(api, "HRESCH", place)
    lines = [json.loads(line)["member_id"] for line in exported.text.splitlines()]
    assert (lines, exported.headers[LEFT_OUT]) == (["M124"], "2")
    assert (await read_for(api, "HRESCH", f"{place}&first_day=2026-01-06")).headers[LEFT_OUT] == "0"
    assert (await read_for(api, "HRESCH", f"{place}&member_id=M123")).headers[LEFT_OUT] == "1"
    assert len((await api.get(place)).text.splitlines()) == 3


async def test_an_export_continues_after_a_claim_whose_member_has_withdrawn_its_consent(api: Api):
    for member_id in ("M123", "M124", "M125"):
        stored_claim(api, member_id)
    await said(api, RESEARCH, "M125")
    await withdrawn(api, await said(api, RESEARCH, "M124"))
    exported = await read_for(api, "HRESCH", "/v1/exports/claims?last_day=2026-01-06&after=clm_of_M124")
    assert [json.loads(line)["member_id"] for line in exported.text.splitlines()] == ["M125"]
    unknown = await read_for(api, "HRESCH", "/v1/exports/claims?last_day=2026-01-06&after=clm_of_M999")
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "after")


async def test_an_export_of_too_many_claims_to_count_who_is_left_out_is_answered_without_the_number(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    async def too_long(connection: AsyncConnection, **_given: object) -> int:
        await connection.execute(text("SET LOCAL statement_timeout = 1"))
        return int(await connection.scalar(text("SELECT count(*) FROM generate_series(1, 1000000000)")) or 0)

    monkeypatch.setattr("api.intake.purposed._members_left_out", too_long)
    for member_id in ("M123", "M124"):
        stored_claim(api, member_id)
    await said(api, RESEARCH, "M124")
    exported = await read_for(api, "HRESCH", "/v1/exports/claims?last_day=2026-01-06")
    assert (exported.status_code, LEFT_OUT in exported.headers) == (200, False)
    assert [json.loads(line)["member_id"] for line in exported.text.splitlines()] == ["M124"]


async def test_members_that_object_are_left_out_of_data_for_training(api: Api):
    first, second = await claims_of_two_members(api)
    objection = await said(api, OBJECTION)
    refused = await read_for(api, "MODELTRAIN", f"/v1/claims/{first}", role="data_scientist")
    assert (refused.status_code, "objected" in refused.json()["detail"]) == (403, True)
    listed = await read_for(api, "MODELTRAIN", "/v1/claims", role="data_scientist")
    assert ([one["claim_id"] for one in listed.json()["claims"]], listed.headers[LEFT_OUT]) == ([second], "1")
    assert (await api.get(f"/v1/claims/{first}", role="data_scientist")).status_code == 200
    await withdrawn(api, objection)
    assert (await read_for(api, "MODELTRAIN", f"/v1/claims/{first}", role="data_scientist")).status_code == 200


async def test_a_claim_that_the_caller_may_not_see_is_not_found_whatever_its_purpose(api: Api):
    other = (await api.submit(MINIMAL | {"provider_id": "H457"})).json()["claim_id"]
    assert (await read_for(api, "HRESCH", f"/v1/claims/{other}", role="provider")).status_code == 404
    assert (await read_for(api, "HRESCH", "/v1/claims/clm_none")).status_code == 404
    assert (await read_for(api, "HRESCH", "/v1/members/M999")).status_code == 404


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Africa/Nairobi"])
async def test_a_consent_is_honoured_from_its_first_to_its_last_day_in_the_zone_of_the_insurer(
    api: Api, zone: str, monkeypatch: pytest.MonkeyPatch
):
    own = api.dependencies.settings
    monkeypatch.setattr(api.dependencies.consents, "_zone", own.model_copy(update={"time_zone": zone}).zone)
    local = api.dependencies.consents._zone
    claim_id, (first, last) = stored_claim(api, "M123"), (date(2027, 3, 10), date(2027, 3, 12))
    await said(api, RESEARCH, first_day=first.isoformat(), last_day=last.isoformat())
    begin = datetime.combine(first, time(), local).astimezone(UTC)
    end = datetime.combine(last + timedelta(days=1), time(), local).astimezone(UTC)
    moment = timedelta(microseconds=1)
    for at, status in ((begin - moment, 403), (begin, 200), (end - moment, 200), (end, 403)):
        with clock.held(at):
            assert (await read_for(api, "HRESCH", f"/v1/claims/{claim_id}")).status_code == status, at


async def test_a_withdrawal_is_effective_at_the_next_request(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    consent = await said(api, RESEARCH)
    read = f"/v1/claims/{claim_id}"
    assert (await read_for(api, "HRESCH", read)).status_code == 200
    await withdrawn(api, consent)
    assert (await read_for(api, "HRESCH", read)).status_code == 403
    await said(api, RESEARCH)
    assert (await read_for(api, "HRESCH", read)).status_code == 200


async def test_a_route_that_looks_no_consents_up_refuses_such_a_purpose_before_it_does_anything(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    await said(api, RESEARCH)
    for path in ("/v1/reviews", f"/v1/claims/{claim_id}/decisions", "/v1/remittances?provider_id=H456"):
        refused = await read_for(api, "HRESCH", path)
        assert (refused.status_code, refused.json()["type"]) == (403, "/docs/problems#consent-missing"), path
        assert "GET /v1/claims/{claim_id}" in refused.json()["detail"]
    before = api.count("claims")
    assert (await api.submit(**{"X-Purpose-Of-Use": "HMARKT"})).status_code == 403
    assert (await api.post(f"/v1/claims/{claim_id}/void", {}, **{"X-Purpose-Of-Use": "HMARKT"})).status_code == 403
    assert api.count("claims") == before
    assert (await api.client.get("/console/", headers={"X-Purpose-Of-Use": "HMARKT"})).status_code == 403
    unknown = await api.client.get("/v1/reviews", headers={"X-Purpose-Of-Use": "HRESCH"})
    assert unknown.status_code == 401


async def test_a_read_that_forgets_the_check_is_not_shown(api: Api, monkeypatch: pytest.MonkeyPatch):
    claim_id = (await api.submit()).json()["claim_id"]
    await said(api, RESEARCH)
    monkeypatch.setattr("api.intake.purposed.required_check", lambda _role: None)
    answer = await read_for(api, "HRESCH", f"/v1/claims/{claim_id}")
    assert (answer.status_code, claim_id in answer.text) == (403, False)


def test_a_check_without_the_day_of_the_request_refuses():
    context = RequestContext("req_1", None, None, "HRESCH")
    with carrying_out(context), pytest.raises(ConsentMissing, match="without the day"):
        required_check("admin")
    assert request_context.current() is None
    assert required_check("admin") is None


def test_every_route_that_looks_consents_up_is_one_with_personal_data():
    assert set(ROUTES) >= HONOURED


DAYS = days_from(date(2027, 1, 1), 12)
Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["said", "withdrawn", "next day"]), st.integers(0, 11), st.integers(0, 11)), max_size=14
)
members = iter(range(10_000))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("purpose", ["HRESCH", "MODELTRAIN"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
async def test_a_read_is_answered_exactly_if_what_was_said_covers_its_day(
    shared_api: Api, purpose: str, steps: list[Step]
):
    """The oracle keeps the set of days that each consent covers, without periods or states."""
    member_id = f"P{next(members)}-{purpose}"
    shared_api.execute(f"INSERT INTO members (member_id, name, plan_id) VALUES ('{member_id}', 'P', 'PL1')")
    claim_id, today = stored_claim(shared_api, member_id), 0
    covered: dict[str, set[int]] = {}
    kind: dict[str, Any] = RESEARCH if purpose == "HRESCH" else OBJECTION
    for act, one, other in steps:
        with clock.held(datetime.combine(DAYS[today], time(12), UTC)):
            if act == "next day":
                today = min(today + 1, len(DAYS) - 1)
            elif act == "withdrawn" and covered:
                consent_id = sorted(covered)[one % len(covered)]
                await withdrawn(shared_api, {"member_id": member_id, "consent_id": consent_id})
                covered[consent_id] = set()
            elif act == "said":
                first, last = sorted((one, other))
                period = set(range(first, last + 1))
                days = {"first_day": DAYS[first].isoformat(), "last_day": DAYS[last].isoformat()}
                answer = await shared_api.post(f"/v1/members/{member_id}/consents", kind | days)
                if answer.status_code == 201:
                    covered[answer.json()["consent_id"]] = period
                else:
                    assert answer.status_code == 409
                    assert any(period & held for held in covered.values())
        with clock.held(datetime.combine(DAYS[today], time(12), UTC)):
            covers = any(today in held for held in covered.values())
            expected = covers if purpose == "HRESCH" else not covers
            answer = await read_for(shared_api, purpose, f"/v1/claims/{claim_id}")
            assert (answer.status_code == 200) == expected, (DAYS[today], covered)
            listed = await read_for(shared_api, purpose, f"/v1/claims?member_id={member_id}")
            assert (len(listed.json()["claims"]) == 1, listed.headers[LEFT_OUT]) == (expected, str(int(not expected)))
