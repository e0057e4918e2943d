"""Leads follow the claims that need a person: none is lost, one person has a lead, and Mondays carry over."""

import asyncio
from datetime import UTC, timedelta

import pytest

from api.errors import Conflict, Forbidden, Invalid, NotFound
from api.identity import ROLES, Caller, Scope
from api.leads import LeadFilter, LeadRecord, LeadTab, LeadTools, LeadWork
from claims.leads import LeadSubjectKind, SnoozeReason
from core import clock
from tests.api.cases import ANN, BEN, LEA
from tests.api.leads import expected_of, held, leads_over, refreshed
from tests.api.makers import MINIMAL, Api, answering

ANY = LeadFilter()


async def leads_in(api: Api, tab: LeadTab, caller: Caller = ANN, sought: LeadFilter = ANY) -> list[LeadRecord]:
    page = await leads_over(api).page(caller, tab, sought, after=None, limit=100)
    return list(page.leads)


def open_claims(api: Api) -> set[str]:
    return {row[0] for row in api.rows("SELECT claim_id FROM lead_claims WHERE done_at IS NULL")}


async def decide(api: Api, claim_id: str) -> None:
    version = (await api.get(f"/v1/claims/{claim_id}/decisions")).json()["version"]
    body = {"action": "release", "reason": "review_found_no_issue", "expected_version": version}
    answer = await api.post(f"/v1/claims/{claim_id}/decisions", body)
    assert answer.status_code in (200, 201), answer.text


async def test_every_claim_in_review_is_in_one_lead_and_claims_of_a_provider_add_up(api: Api):
    ids = {await held(api, claim_amount=100 + number) for number in range(3)}
    alone = await held(api, provider_id="H457", member_id="M124", claim_amount=50)
    await refreshed(api)
    assert open_claims(api) == ids | {alone}
    provider, single = await leads_in(api, LeadTab.UNASSIGNED)
    assert (provider.subject_kind, provider.subject_id, provider.claims) == ("provider", "H456", 3)
    assert (single.subject_kind, single.subject_id, single.claims) == ("claim", alone, 1)
    assert provider.unpaid_cents == 100_00 + 101_00 + 102_00
    assert (provider.paid_cents, provider.expected_cents) == (0, 90_00 + 90_90 + 91_80)
    assert provider.rank == 1
    assert single.rank == 2
    _, claims = await leads_over(api).lead(ANN, provider.lead_id)
    assert {one.claim_id for one in claims} == ids


async def test_a_lead_ends_when_its_claims_are_decided_and_a_refresh_changes_nothing_else(api: Api):
    first, second = await held(api), await held(api, provider_id="H457", member_id="M124")
    await refreshed(api)
    before = api.rows("SELECT * FROM leads ORDER BY lead_id")
    await refreshed(api)
    assert api.rows("SELECT * FROM leads ORDER BY lead_id") == before
    await decide(api, first)
    await refreshed(api)
    assert open_claims(api) == {second}
    assert [one.subject_id for one in await leads_in(api, LeadTab.CLOSED)] == [first]


async def test_leads_are_in_step_while_the_weekly_list_cannot_be_made_and_ranked_once_it_is(api: Api):
    await held(api)
    failures = [OSError("no list")]

    def make_list() -> None:
        if failures:
            raise failures.pop()

    work = LeadWork(api.dependencies.database, LeadTools(expected_of, make_list), UTC, capacity=5)
    with pytest.raises(OSError, match="no list"):
        await work.step()
    (lead,) = await leads_in(api, LeadTab.UNASSIGNED)
    assert (lead.claims, lead.rank) == (1, None)
    await work.step()
    (lead,) = await leads_in(api, LeadTab.UNASSIGNED)
    assert (lead.rank, lead.listed) == (1, True)


async def test_a_second_claim_of_a_provider_turns_a_single_claim_into_a_lead_of_the_provider(api: Api):
    first = await held(api)
    await refreshed(api)
    second = await held(api, claim_amount=120)
    await refreshed(api)
    (lead,) = await leads_in(api, LeadTab.UNASSIGNED)
    assert (lead.subject_kind, lead.claims) == ("provider", 2)
    assert open_claims(api) == {first, second}


async def test_a_single_claim_that_a_person_took_stays_theirs(api: Api):
    first = await held(api)
    await refreshed(api)
    (lead,) = await leads_in(api, LeadTab.UNASSIGNED)
    await leads_over(api).take(ANN, [lead.lead_id])
    await held(api, claim_amount=120)
    await held(api, claim_amount=130)
    await refreshed(api)
    (mine,) = await leads_in(api, LeadTab.MINE)
    assert (mine.lead_id, mine.subject_id) == (lead.lead_id, first)
    (others,) = await leads_in(api, LeadTab.UNASSIGNED)
    assert (others.subject_id, others.claims) == ("H456", 2)


async def test_what_was_not_reviewed_carries_over_to_the_next_monday_with_a_new_rank(api: Api):
    await held(api, claim_amount=100)
    await held(api, claim_amount=900, provider_id="H457", member_id="M124")
    await refreshed(api, capacity=1)
    (best, other) = await leads_in(api, LeadTab.UNASSIGNED)
    assert [(one.rank, one.listed) for one in (best, other)] == [(1, True), (2, False)]
    await decide(api, best.subject_id)
    with clock.held(clock.now() + timedelta(days=7)):
        await refreshed(api, capacity=1)
    (carried,) = await leads_in(api, LeadTab.UNASSIGNED)
    assert (carried.lead_id, carried.rank, carried.listed) == (other.lead_id, 1, True)
    assert carried.week == (best.week or pytest.fail("not ranked")) + timedelta(days=7)


async def test_a_second_investigator_is_refused_and_given_the_name_of_the_first(api: Api):
    await held(api)
    await refreshed(api)
    (lead,) = await leads_in(api, LeadTab.UNASSIGNED)
    await leads_over(api).take(ANN, [lead.lead_id])
    await leads_over(api).take(ANN, [lead.lead_id])
    with pytest.raises(Conflict, match="assigned to Ann"):
        await leads_over(api).take(BEN, [lead.lead_id])
    with pytest.raises(Conflict, match="assigned to Ann"):
        await leads_over(api).release(BEN, [lead.lead_id])
    await leads_over(api).release(LEA, [lead.lead_id])
    await leads_over(api).take(BEN, [lead.lead_id])
    assert [one.assigned_name for one in await leads_in(api, LeadTab.MINE, BEN)] == ["Ben"]


async def test_people_who_ask_for_the_next_lead_at_the_same_time_get_different_ones_best_first(api: Api):
    await held(api, claim_amount=100)
    await held(api, claim_amount=900, provider_id="H457", member_id="M124")
    await refreshed(api)
    ranked = [one.lead_id for one in await leads_in(api, LeadTab.UNASSIGNED)]
    assert len(ranked) == 2
    taken = await asyncio.gather(*(leads_over(api).take_next(one) for one in (ANN, BEN, LEA)))
    assert sorted(one.lead_id for one in taken if one) == sorted(ranked)
    assert taken.count(None) == 1
    for one, caller in zip(taken, (ANN, BEN, LEA), strict=True):
        assert one is None or one.assigned_to == caller.actor_id


async def test_a_lead_that_is_put_aside_comes_back_on_its_day(api: Api):
    await held(api)
    await refreshed(api)
    (lead,) = await leads_in(api, LeadTab.UNASSIGNED)
    until = clock.now().date() + timedelta(days=3)
    await leads_over(api).snooze(ANN, [lead.lead_id], until=until, reason=SnoozeReason.AWAITING_RECORDS)
    assert await leads_in(api, LeadTab.UNASSIGNED) == []
    (aside,) = await leads_in(api, LeadTab.SNOOZED)
    assert (aside.snoozed_until, aside.snooze_reason) == (until, "awaiting_records")
    await refreshed(api)
    assert len(await leads_in(api, LeadTab.SNOOZED)) == 1
    with clock.held(clock.now() + timedelta(days=3)):
        await refreshed(api)
    assert [one.lead_id for one in await leads_in(api, LeadTab.UNASSIGNED)] == [lead.lead_id]


@pytest.mark.parametrize("days", [0, -1, 91])
async def test_a_lead_is_put_aside_for_at_most_ninety_days_and_with_a_reason(api: Api, days: int):
    await held(api)
    await refreshed(api)
    (lead,) = await leads_in(api, LeadTab.UNASSIGNED)
    today = clock.now().date()
    with pytest.raises(Invalid):
        await leads_over(api).snooze(
            ANN, [lead.lead_id], until=today + timedelta(days=days), reason=SnoozeReason.NO_CAPACITY
        )
    with pytest.raises(Invalid):
        await leads_over(api).snooze(ANN, [lead.lead_id], until=today + timedelta(days=1), reason=None)


async def test_a_case_opened_from_a_lead_has_its_claims_and_later_leads_of_the_subject_join_it(api: Api):
    ids = {await held(api, claim_amount=100 + number) for number in range(2)}
    await refreshed(api)
    (lead,) = await leads_in(api, LeadTab.UNASSIGNED)
    case_id = await leads_over(api).open_case(ANN, lead.lead_id)
    assert {row[0] for row in api.rows("SELECT claim_id FROM case_claims")} == ids
    (mine,) = await leads_in(api, LeadTab.MINE)
    assert mine.lead_id == lead.lead_id
    for claim_id in ids:
        await decide(api, claim_id)
    await refreshed(api)
    later = await held(api, claim_amount=300)
    await refreshed(api)
    (joined,) = await leads_in(api, LeadTab.UNASSIGNED)
    assert (joined.subject_kind, joined.subject_id) == ("provider", "H456")
    assert await leads_over(api).open_case(ANN, joined.lead_id) == case_id
    assert later in {row[0] for row in api.rows("SELECT claim_id FROM case_claims")}


async def test_claims_of_the_random_audit_and_of_edits_have_their_own_tabs(api: Api):
    audited = await held(api)
    api.scorer.behaviour = answering(0.01)
    answer = await api.submit({**MINIMAL, "provider_id": "H457", "member_id": "M124", "claim_amount": 9_000})
    assert answer.json()["status"] == "in_review", "an edit pends it"
    other = answer.json()["claim_id"]
    api.execute(
        f"INSERT INTO selections VALUES ('{audited}', '2026-03-02', 'audit', 0.1, 0.2, '7', now(), 1000, 500, 2000)"
    )
    await refreshed(api)
    assert [one.subject_id for one in await leads_in(api, LeadTab.AUDIT)] == [audited]
    assert [one.subject_id for one in await leads_in(api, LeadTab.EDITS)] == [other]


async def test_filters_leave_what_they_say(api: Api):
    await held(api, claim_amount=100)
    await held(api, claim_amount=900, provider_id="H457", member_id="M124")
    await refreshed(api)
    (large, small) = await leads_in(api, LeadTab.UNASSIGNED)
    sought = LeadFilter(least_cents=large.expected_cents)
    assert [one.lead_id for one in await leads_in(api, LeadTab.UNASSIGNED, sought=sought)] == [large.lead_id]
    assert len(await leads_in(api, LeadTab.UNASSIGNED, sought=LeadFilter(subject_kind=LeadSubjectKind.CLAIM))) == 2
    assert await leads_in(api, LeadTab.UNASSIGNED, sought=LeadFilter(indicator="none_such")) == []
    assert small.due_on is not None
    assert len(await leads_in(api, LeadTab.UNASSIGNED, sought=LeadFilter(due_by=small.due_on))) == 2


async def test_a_saved_view_is_its_owners_alone_and_replaced_under_its_name(api: Api):
    leads = leads_over(api)
    await leads.save_view(ANN, " Large  claims ", "tab=mine")
    await leads.save_view(ANN, "Large claims", "tab=edits")
    page = await leads.page(ANN, LeadTab.MINE, ANY, after=None, limit=1)
    assert [(one.name, one.query) for one in page.views] == [("Large claims", "tab=edits")]
    assert (await leads.page(BEN, LeadTab.MINE, ANY, after=None, limit=1)).views == []
    await leads.remove_view(BEN, page.views[0].view_id)
    assert len((await leads.page(ANN, LeadTab.MINE, ANY, after=None, limit=1)).views) == 1
    await leads.remove_view(ANN, page.views[0].view_id)
    assert (await leads.page(ANN, LeadTab.MINE, ANY, after=None, limit=1)).views == []


@pytest.mark.parametrize("role", [one for one, scopes in ROLES.items() if Scope.CASES_READ not in scopes])
async def test_only_who_works_cases_sees_or_changes_leads(api: Api, role: str):
    other, leads = Caller("key_x", role, None, "X"), leads_over(api)
    for refused in (
        leads.page(other, LeadTab.MINE, ANY, after=None, limit=1),
        leads.take_next(other),
        leads.take(other, ["led_1"]),
        leads.save_view(other, "x", ""),
    ):
        with pytest.raises(Forbidden):
            await refused


async def test_every_act_is_in_the_audit_log_and_an_unknown_lead_is_refused(api: Api):
    await held(api)
    await refreshed(api)
    leads = leads_over(api)
    taken = await leads.take_next(ANN)
    assert taken is not None
    until = clock.now().date() + timedelta(days=3)
    await leads.snooze(ANN, [taken.lead_id], until=until, reason=SnoozeReason.NO_CAPACITY)
    await leads.wake(ANN, [taken.lead_id])
    await leads.release(ANN, [taken.lead_id])
    acts = [row[0] for row in api.rows("SELECT act FROM audit_log WHERE act LIKE 'lead.%%' ORDER BY audit_id")]
    assert acts == ["lead.assign", "lead.snooze", "lead.wake", "lead.release"]
    with pytest.raises(NotFound):
        await leads.take(ANN, [taken.lead_id, "led_none"])
    assert await leads_in(api, LeadTab.MINE) == []
