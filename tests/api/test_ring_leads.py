"""Leads of rings: computed from stored rings, kept while a ring gains a provider, and opened as a case of the ring."""

from datetime import datetime, timedelta

import pytest

from api.investigations import monday_of
from api.leads import LeadTab, refresh_rings, ring_of_providers
from claims.leads import SnoozeReason
from core import clock
from tests.api.cases import ANN, acts
from tests.api.leads import held, leads_over, refreshed
from tests.api.makers import Api
from tests.api.subjects import store_claims
from tests.api.test_leads import leads_in, open_claims

WEEK = timedelta(days=7)


def share(api: Api, one: str, other: str, members: range, *, days: int = 3) -> None:
    """Claims of members at two providers, some days apart, received a month ago."""
    first = clock.now() - timedelta(days=30)
    for number in members:
        for provider_id, at in ((one, first), (other, first + timedelta(days=days))):
            store_claims(api.url, 1, prefix=f"{one}{other}", provider_id=provider_id, member_id=f"S{number}", first=at)


async def computed(api: Api, monday: datetime | None = None) -> dict[str, str]:
    """The rings of a week, by provider."""
    database = api.dependencies.database
    await refresh_rings(database, monday_of((monday or clock.now()).date()))
    async with database.reading() as connection:
        return await ring_of_providers(connection)


async def third_provider(api: Api) -> None:
    """H458, which may bill."""
    entry = {"provider_id": "H458", "first_day": "2020-01-01", "last_day": "2999-12-31"}
    assert (await api.post("/v1/providers", entry)).status_code == 201


@pytest.fixture
async def ring_id(api: Api) -> str:
    """A ring of H456 and H457, each of which has a claim in review."""
    share(api, "H456", "H457", range(5))
    rings = await computed(api)
    assert rings["H456"] == rings["H457"]
    return rings["H456"]


async def test_claims_of_two_providers_of_a_ring_are_one_lead_of_the_ring(api: Api, ring_id: str):
    first, second = await held(api), await held(api, provider_id="H457", member_id="M124")
    await refreshed(api)
    (lead,) = await leads_in(api, LeadTab.UNASSIGNED)
    assert (lead.subject_kind, lead.subject_id, lead.claims) == ("ring", ring_id, 2)
    assert open_claims(api) == {first, second}
    before = api.rows("SELECT * FROM leads")
    await refreshed(api)
    assert api.rows("SELECT * FROM leads") == before


async def test_members_shared_too_far_apart_too_few_or_on_voided_claims_make_no_ring(api: Api):
    share(api, "H456", "H457", range(2))
    share(api, "H456", "H458", range(10, 20), days=15)
    share(api, "H457", "H458", range(20, 30))
    api.execute("UPDATE claims SET status = 'voided', voided_at = received_at WHERE member_id LIKE 'S2_'")
    assert await computed(api) == {}


async def test_a_ring_that_gains_a_provider_keeps_its_lead_with_owner_and_snooze(api: Api, ring_id: str):
    await held(api)
    await held(api, provider_id="H457", member_id="M124")
    await refreshed(api)
    (lead,) = await leads_in(api, LeadTab.UNASSIGNED)
    leads = leads_over(api)
    await leads.take(ANN, [lead.lead_id])
    until = leads.today() + timedelta(days=30)
    await leads.snooze(ANN, [lead.lead_id], until=until, reason=SnoozeReason.AWAITING_RECORDS)
    await third_provider(api)
    share(api, "H457", "H458", range(20, 26))
    rings = await computed(api, clock.now() + WEEK)
    assert rings == dict.fromkeys(("H456", "H457", "H458"), ring_id)
    third = await held(api, provider_id="H458", member_id="M124", claim_amount=700)
    await refreshed(api)
    (kept,) = await leads_in(api, LeadTab.SNOOZED)
    assert (kept.lead_id, kept.assigned_to, kept.snoozed_until, kept.claims) == (lead.lead_id, "key_ann", until, 3)
    assert third in open_claims(api)


async def test_rings_of_a_week_are_computed_once(api: Api, ring_id: str):
    share(api, "H457", "H458", range(20, 26))
    assert "H458" not in await computed(api)
    assert "H458" in await computed(api, clock.now() + WEEK)


async def test_a_case_of_a_ring_has_its_providers_and_those_that_join_later(api: Api, ring_id: str):
    await held(api)
    await held(api, provider_id="H457", member_id="M124")
    await refreshed(api)
    (lead,) = await leads_in(api, LeadTab.UNASSIGNED)
    case_id = await leads_over(api).open_case(ANN, lead.lead_id)
    ((kind, subject_id, providers),) = api.rows("SELECT subject_kind, subject_id, provider_ids FROM cases")
    assert (kind, subject_id, providers) == ("ring", ring_id, ["H456", "H457"])
    await third_provider(api)
    share(api, "H457", "H458", range(20, 26))
    await computed(api, clock.now() + WEEK)
    await held(api, provider_id="H458", member_id="M124", claim_amount=700)
    await refreshed(api)
    assert await leads_over(api).open_case(ANN, lead.lead_id) == case_id
    ((providers,),) = api.rows("SELECT provider_ids FROM cases")
    assert providers == ["H456", "H457", "H458"]
    assert "case.add_providers" in await acts(api, case_id)


async def test_a_ring_that_fell_apart_gives_its_claims_to_its_providers(api: Api, ring_id: str):
    first, second = await held(api), await held(api, provider_id="H457", member_id="M124")
    await refreshed(api)
    api.execute("UPDATE claims SET status = 'voided', voided_at = received_at WHERE member_id LIKE 'S%'")
    assert await computed(api, clock.now() + WEEK) == {}
    await refreshed(api)
    assert {one.subject_id for one in await leads_in(api, LeadTab.UNASSIGNED)} == {first, second}
