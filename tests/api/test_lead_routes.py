"""Leads over the API: two takers get two leads, pages have each once, and a lead becomes a case."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from tests.api.case_requests import fresh_lead
from tests.api.leads import held, refreshed
from tests.api.makers import Api
from tests.api.test_case_routes import LEAD, WORKER, done, every_page, read, refused

PLACES = [(500_00, None), (500_00, "2026-03-01"), (500_00, "2026-03-01"), (70_00, "2026-03-09"), (70_00, None)]
"""Expected recovery and due date of leads, some of which have the same."""


def ranked(api: Api) -> list[str]:
    """Ids of leads, the best first; in between are those without score and due date."""
    ids = [fresh_lead(api, *place) for place in [*PLACES, (None, "2026-03-02"), (None, "2026-03-03"), (None, None)]]
    return [ids[place] for place in (1, 2, 0, 3, 4, 5, 6, 7)]


async def test_a_lead_is_listed_and_read_with_its_claims_and_why(api: Api):
    ids = {await held(api, claim_amount=100 + number) for number in range(3)}
    await refreshed(api)
    (listed,) = (await read(api, "/v1/leads"))["leads"]
    whole = await read(api, f"/v1/leads/{listed['lead_id']}")
    assert whole["lead"] == listed
    assert {one["claim_id"] for one in whole["claims"]} == ids
    assert (listed["subject_kind"], listed["subject_id"], listed["claim_count"]) == ("provider", "H456", 3)
    assert listed["unpaid_amount"] == 303.0
    assert listed["expected_recovery"] == 272.7
    assert listed["why"]


async def test_pages_have_every_lead_once_in_order_while_others_are_taken_and_added(api: Api):
    there = ranked(api)
    taken = iter(there)

    async def take_and_add() -> None:
        await done(api, f"/v1/leads/{next(taken)}/take", {}, role=LEAD)
        fresh_lead(api)

    found = [one["lead_id"] for one in await every_page(api, "/v1/leads", "leads", meanwhile=take_and_add)]
    assert [one for one in found if one in there] == there
    assert len(set(found)) == len(found)


async def test_leads_without_a_score_follow_in_one_order(api: Api):
    there = {fresh_lead(api) for _ in range(5)}
    found = [one["lead_id"] for one in await every_page(api, "/v1/leads", "leads")]
    assert set(found) == there
    assert len(found) == len(there)


async def test_closed_leads_are_pages_of_their_own(api: Api):
    there = {fresh_lead(api) for _ in range(3)}
    api.execute("UPDATE leads SET status = 'closed', closed_at = now()")
    found = [one["lead_id"] for one in await every_page(api, "/v1/leads?tab=closed", "leads")]
    assert (set(found), len(found)) == (there, 3)
    cursor = (await read(api, "/v1/leads?tab=closed&limit=1"))["next_cursor"]
    for wrong in (cursor, "x", "WzFd"):
        answer = await api.get(f"/v1/leads?cursor={wrong}", role=WORKER)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


async def test_leads_are_chosen_by_tab_subject_owner_and_amount(api: Api):
    best, other = fresh_lead(api, 500_00, "2026-03-01"), fresh_lead(api, 70_00)
    taken = await done(api, f"/v1/leads/{best}/take", {})
    subject = (await read(api, f"/v1/leads/{other}"))["lead"]["subject_id"]
    for query, expected in (
        ("?tab=mine", {best}),
        ("", {other}),
        (f"?tab=mine&owner={taken['assigned_to']}", {best}),
        ("?tab=mine&owner=key_none", set()),
        ("?subject_kind=provider", {other}),
        (f"?subject_id={subject}", {other}),
        ("?subject_kind=member", set()),
        ("?least_recovery=100000", set()),
        ("?least_recovery=1", {other}),
        ("?tab=mine&owner=me&due_by=2999-01-01", {best}),
        ("?indicator=none", set()),
    ):
        assert {one["lead_id"] for one in (await read(api, f"/v1/leads{query}"))["leads"]} == expected, query
    assert (await read(api, "/v1/leads?tab=mine", role=LEAD))["leads"] == []
    assert (await api.get("/v1/leads?due_by=soon", role=WORKER)).json()["errors"][0]["field"] == "due_by"


async def test_two_who_take_the_next_lead_at_once_get_two(api: Api):
    there = fresh_lead(api), fresh_lead(api)
    taken = await asyncio.gather(*(done(api, "/v1/leads:take-next", {}, role=role) for role in (WORKER, LEAD)))
    assert {one["lead_id"] for one in taken} == set(there)
    assert taken[0]["assigned_to"] != taken[1]["assigned_to"]
    problem = await refused(api, "/v1/leads:take-next", {}, 404)
    assert "GET /v1/leads" in problem["detail"]


async def test_of_two_who_take_one_lead_at_once_one_gets_it_and_the_other_learns_who(api: Api):
    lead_id = fresh_lead(api)
    answers = await asyncio.gather(*(api.post(f"/v1/leads/{lead_id}/take", {}, role=role) for role in (WORKER, LEAD)))
    got, lost = sorted(answers, key=lambda one: one.status_code)
    assert (got.status_code, lost.status_code) == (200, 409)
    assert lost.json()["assigned_to"] == got.json()["assigned_to"]


async def test_a_lead_is_released_by_who_has_it_or_a_lead_investigator(api: Api):
    lead_id = fresh_lead(api)
    await done(api, f"/v1/leads/{lead_id}/take", {}, role=LEAD)
    problem = await refused(api, f"/v1/leads/{lead_id}/release", {}, 409)
    assert problem["assigned_name"] == "lead_investigator"
    assert (await done(api, f"/v1/leads/{lead_id}/release", {}, role=LEAD))["assigned_to"] is None
    await done(api, f"/v1/leads/{lead_id}/take", {})
    assert (await done(api, f"/v1/leads/{lead_id}/release", {}, role=LEAD))["assigned_to"] is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"until": "2020-01-01"}, "until"), ({"until": "2999-01-01"}, "until"), ({"reason": "x"}, "reason")],
)
async def test_a_lead_is_put_aside_until_a_day_and_woken(api: Api, changes: dict[str, Any], field: str):
    lead_id = fresh_lead(api)
    sent = {"until": (clock.now().date() + timedelta(days=9)).isoformat(), "reason": "awaiting_records"}
    wrong = await refused(api, f"/v1/leads/{lead_id}/snooze", sent | changes, 422)
    assert wrong["errors"][0]["field"] == field
    aside = await done(api, f"/v1/leads/{lead_id}/snooze", sent)
    assert (aside["status"], aside["snoozed_until"], aside["snooze_reason"]) == ("snoozed", *sent.values())
    assert (await read(api, "/v1/leads"))["leads"] == []
    assert [one["lead_id"] for one in (await read(api, "/v1/leads?tab=snoozed"))["leads"]] == [lead_id]
    assert (await done(api, f"/v1/leads/{lead_id}/wake", {}))["status"] == "open"


async def test_a_lead_becomes_a_case_that_has_its_claims_and_who_opened_it_has_the_lead(api: Api):
    ids = {await held(api, claim_amount=100 + number) for number in range(2)}
    await refreshed(api)
    ((lead_id,),) = api.rows("SELECT lead_id FROM leads")
    answer = await api.post(f"/v1/leads/{lead_id}/case", {}, role=WORKER)
    made = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (200, f"/v1/cases/{made['case_id']}")
    assert (made["subject_id"], made["detection"]) == ("H456", "score")
    listed = (await read(api, f"/v1/cases/{made['case_id']}/claims"))["claims"]
    assert {one["claim_id"] for one in listed} == ids
    assert (await read(api, f"/v1/leads/{lead_id}"))["lead"]["assigned_to"] == made["opened_by"]
    assert (await done(api, f"/v1/leads/{lead_id}/case", {}))["case_id"] == made["case_id"]
    await refused(api, f"/v1/leads/{lead_id}/case", {}, 409, role=LEAD)


async def test_a_lead_that_is_closed_or_unknown_is_not_worked_on(api: Api):
    lead_id = fresh_lead(api)
    api.execute("UPDATE leads SET status = 'closed', closed_at = now()")
    for act in ("take", "release", "wake", "case"):
        assert "is closed" in (await refused(api, f"/v1/leads/{lead_id}/{act}", {}, 409))["detail"]
        await refused(api, f"/v1/leads/led_none/{act}", {}, 404)
