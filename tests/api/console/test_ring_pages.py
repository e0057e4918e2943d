"""Rings: which providers are tied by shared members, the way to confirmed ones, and cases about a ring."""

import itertools
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.investigations import monday_of
from api.leads import refresh_rings
from claims.rings import MIN_SHARED, MOST_PROVIDERS, SharedMembers, ring_around, tied
from core import clock
from tests.api.console.setting import HOSTILE, Browser
from tests.api.console.test_provider_page import opened, part
from tests.api.console.test_user_sign_in import browser_of
from tests.api.leads import held, refreshed
from tests.api.makers import Api
from tests.api.subjects import FIRST, store_claims, store_label

PAGE = "/console/providers/H456"


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[Browser]:
    async with browser_of(api) as browser:
        await opened(api, browser)
        yield browser


def others_of_the_region(api: Api) -> None:
    """Claims of the region's providers, among which sharing a few members is more than chance."""
    store_claims(api.url, 200, prefix="rest", provider_id="H666", member_id="R1", every=timedelta(hours=1))


def share(api: Api, one: str, other: str, members: range, *, days: int = 3) -> None:
    """Claims of members at two providers, some days apart."""
    for number in members:
        store_claims(api.url, 1, prefix=f"{one}{other}", provider_id=one, member_id=f"S{number}")
        later = FIRST + timedelta(days=days)
        store_claims(api.url, 1, prefix=f"{one}{other}", provider_id=other, member_id=f"S{number}", first=later)


def edges(section: str) -> set[str]:
    return set(re.findall(r"<title>(\w+ and \w+: \d+) shared members</title>", section))


async def test_providers_that_share_three_members_within_14_days_are_tied(api: Api, browser: Browser) -> None:
    others_of_the_region(api)
    share(api, "H456", "H457", range(3))
    share(api, "H456", "H458", range(10, 12))
    share(api, "H456", "H459", range(20, 30), days=15)
    ring = part((await browser.get(PAGE)).text, "ring")
    assert edges(ring) == {"H456 and H457: 3"}


async def test_a_member_counts_once_and_voided_claims_do_not(api: Api, browser: Browser) -> None:
    share(api, "H456", "H457", range(2))
    store_claims(api.url, 9, prefix="again", provider_id="H457", member_id="S0", every=timedelta(hours=1))
    store_claims(api.url, 1, prefix="void", provider_id="H456", member_id="S9")
    store_claims(api.url, 1, prefix="void", provider_id="H457", member_id="S9", status="voided", voided_at=FIRST)
    assert "No provider is tied" in part((await browser.get(PAGE)).text, "ring")


async def test_the_path_to_a_confirmed_provider_is_written_and_drawn(api: Api, browser: Browser) -> None:
    share(api, "H456", "H457", range(8))
    for number in range(6):
        store_claims(
            api.url, 1, prefix="third", provider_id="H458", member_id=f"S{number}", first=FIRST + timedelta(days=16)
        )
    store_claims(api.url, 1, prefix="later", member_id="S79", first=FIRST + timedelta(days=10))
    (fraud,) = store_claims(api.url, 1, prefix="fraud", provider_id="H458", member_id="S77")
    cleared = store_claims(api.url, 1, prefix="cleared", provider_id="H457", member_id="S78")
    store_label(api.url, fraud, True)
    store_label(api.url, cleared[0], True)
    store_label(api.url, cleared[0], False, FIRST + timedelta(days=1))
    ring = part((await browser.get(PAGE)).text, "ring")
    assert edges(ring) == {"H456 and H457: 8", "H457 and H458: 6"}
    assert "H456 → H457 → H458" in ring
    assert ring.count('class="edge path"') == 2


pairs = st.lists(
    st.builds(SharedMembers, st.sampled_from("ABCD"), st.sampled_from("EFGH"), st.integers(1, 60)),
    max_size=12,
    unique_by=lambda pair: (pair.one, pair.other),
)
volumes = st.fixed_dictionaries({one: st.integers(1, 500) for one in "ABCDEFGH"})


@given(pairs, volumes, st.integers(0, 5_000))
def test_a_tie_has_three_members_and_more_than_its_share_of_claims_explains(
    found: list[SharedMembers], claims: dict[str, int], of_region: int
) -> None:
    mine = [pair for pair in found if pair.one == "A"]
    ties = tied("A", found, claims, of_region)
    assert all(tie.members >= MIN_SHARED for tie in ties)
    for pair in mine:
        rest = sum(other.members for other in mine) - pair.members
        expected = rest * claims[pair.other] / max(of_region, sum(claims[other.other] for other in mine))
        is_tied = pair.members >= MIN_SHARED and pair.members >= expected + 4 * expected**0.5
        assert (pair in ties) == is_tied


def test_members_spread_by_volume_tie_nobody_and_one_that_stands_out_is_tied() -> None:
    alike = [SharedMembers("A", f"B{number}", 10) for number in range(20)]
    claims = dict.fromkeys(["A", *(pair.other for pair in alike)], 100)
    assert tied("A", alike, claims, 2_000) == []
    assert tied("A", [*alike[1:], SharedMembers("A", "B0", 60)], claims, 2_000) == [SharedMembers("A", "B0", 60)]


def test_a_closed_ring_is_tied_although_each_shares_with_nobody_else() -> None:
    ring = [SharedMembers("A", "B", 10), SharedMembers("A", "C", 10), SharedMembers("B", "C", 10)]
    assert tied("A", ring, dict.fromkeys("ABC", 50), 5_000) == ring


@given(pairs)
def test_every_step_of_a_path_is_a_tie_and_no_path_is_longer_than_it_must_be(found: list[SharedMembers]) -> None:
    near = {frozenset((pair.one, pair.other)) for pair in found}
    paths = ring_around("A", found)
    assert len(paths) <= MOST_PROVIDERS
    assert paths["A"] == ["A"]
    for end, path in paths.items():
        assert (path[0], path[-1]) == ("A", end)
        assert all(frozenset(step) in near for step in itertools.pairwise(path))
        for pair in found:
            if end in (pair.one, pair.other):
                other = pair.other if pair.one == end else pair.one
                assert abs(len(paths[other]) - len(path)) <= 1


async def test_a_case_about_a_ring_has_its_page_and_is_in_the_list(api: Api, browser: Browser) -> None:
    share(api, "H456", "H457", range(5))
    answer = await browser.post(f"{PAGE}/ring", data={})
    assert answer.status_code == 303
    case_id = answer.headers["location"].rpartition("/")[2]
    ((ring_id, provider_ids),) = api.rows("SELECT subject_id, provider_ids FROM cases")
    assert provider_ids == ["H456", "H457"]
    assert (await browser.post("/console/providers/H457/ring", data={})).headers["location"].endswith(case_id)
    listed = (await browser.get("/console/rings")).text
    assert f"/console/rings/{ring_id}" in listed
    page = (await browser.get(f"/console/rings/{ring_id}")).text
    assert edges(page) == {"H456 and H457: 5"}
    assert case_id in page
    rows = api.rows("SELECT act, subject_id FROM audit_log WHERE starts_with(act, 'console.ring') ORDER BY audit_id")
    assert rows == [("console.rings", None), ("console.ring", ring_id)]


async def test_without_a_tie_there_is_no_ring_to_open_a_case_about(api: Api, browser: Browser) -> None:
    store_claims(api.url, 3)
    answer = await browser.post(f"{PAGE}/ring", data={})
    assert (answer.status_code, api.count("cases")) == (409, 0)
    assert (await browser.get("/console/rings/ring_none")).status_code == 404
    assert "No case is about a ring." in (await browser.get("/console/rings")).text


@pytest.mark.parametrize(
    ("role", "status"), [("investigator", 200), ("lead_investigator", 200), ("admin", 200), ("insurer", 403)]
)
async def test_only_who_investigates_sees_rings(api: Api, role: str, status: int) -> None:
    share(api, "H456", "H457", range(5))
    async with browser_of(api) as browser:
        await opened(api, browser, role)
        assert (await browser.get("/console/rings")).status_code == status
        answer = await browser.post(f"{PAGE}/ring", data={})
        assert (answer.status_code == 303) == (status == 200)


async def test_hostile_ids_in_a_ring_stay_text(api: Api, browser: Browser) -> None:
    share(api, "H456", HOSTILE, range(5))
    page = (await browser.get(PAGE)).text
    assert "<script>" not in page
    assert "<img" not in page


async def test_the_queue_shows_the_lead_of_a_ring_which_a_key_opens_without_a_case(api: Api, browser: Browser) -> None:
    others_of_the_region(api)
    share(api, "H456", "H457", range(5))
    with clock.held(FIRST + timedelta(days=30)):
        await refresh_rings(api.dependencies.database, monday_of(clock.now().date()))
    ((ring_id,),) = api.rows("SELECT ring_id FROM rings")
    await held(api)
    await held(api, provider_id="H457", member_id="M124")
    await refreshed(api)
    ((lead_id,),) = api.rows("SELECT lead_id FROM leads")
    for path in ("/console/queue?kind=ring", f"/console/queue/leads/{lead_id}"):
        shown = (await browser.get(path)).text
        assert f"Ring {ring_id}" in shown
        assert re.search(f'href="/console/rings/{ring_id}" data-key="g r"', shown)
    assert "Ring" not in part_of_table((await browser.get("/console/queue?kind=provider")).text)
    ring = await browser.get(f"/console/rings/{ring_id}")
    assert ring.status_code == 200
    assert "Ring of 2 providers" in ring.text
    opened_case = await browser.post(f"/console/queue/leads/{lead_id}/case", data={})
    assert opened_case.headers["location"].startswith("/console/cases/cas_")
    again = await browser.post(f"{PAGE}/ring", data={})
    assert again.headers["location"] == opened_case.headers["location"]


def part_of_table(text: str) -> str:
    return text.partition("<tbody>")[2].partition("</tbody>")[0]
