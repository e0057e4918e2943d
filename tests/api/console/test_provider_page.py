"""The page of a provider: what it bills over time beside its peers, what became of it, and its claims as a file."""

import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.subjects.months import span_of
from api.console.subjects.shares import CountedShare
from api.identity import create_key
from tests.api.console.setting import HOSTILE, Browser
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import Api
from tests.api.subjects import FIRST, store_assessment, store_claims, store_label

PAGE = "/console/providers/H456"


async def opened(api: Api, browser: Browser, role: str = "investigator") -> None:
    """Sign in with a new key of a role."""
    _, key = await create_key(api.dependencies.database, name=f"desk of {role}", role=role)
    assert (await browser.post("/console/sign-in", data={"api_key": key, "next": "/console"})).status_code == 303


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[Browser]:
    async with browser_of(api) as browser:
        await opened(api, browser)
        yield browser


def part(page: str, section: str) -> str:
    return page.partition(f'id="{section}"')[2].partition("</section>")[0]


def cells(html: str) -> list[list[str]]:
    """The rows of the tables of a part of a page."""
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [[re.sub(r"<[^>]+>", "", one).strip() for one in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in rows]


async def test_months_of_a_provider_stand_beside_the_median_of_its_peers(api: Api, browser: Browser) -> None:
    store_claims(api.url, 3, amount_cents=20_000)
    store_claims(api.url, 1, provider_id="H457", amount_cents=5_000)
    store_claims(api.url, 5, provider_id="H457", prefix="feb", first=FIRST + timedelta(days=31), amount_cents=1_000)
    store_claims(api.url, 2, provider_id="H666", amount_cents=5_000)
    store_claims(api.url, 4, prefix="void", status="voided", voided_at=FIRST)
    page = (await browser.get(PAGE)).text
    over_time = part(page, "over-time")
    assert "Peers: 2 providers, cardiology in Coast." in over_time
    rows = {row[0]: row[1:] for row in cells(over_time)[:25] if row}
    assert rows["2026-01"] == ["600.00", "75.00"], "the median of 50.00 and 100.00; voided claims are left out"
    assert rows["2025-12"] == ["0.00", "0.00"]
    assert list(rows) == sorted(rows)
    assert len(rows) == 24


async def test_shares_name_their_cases_and_interval(api: Api, browser: Browser) -> None:
    claims = store_claims(api.url, 6)
    for number, claim_id in enumerate(claims[:5]):
        store_assessment(api.url, claim_id, flagged=number < 2)
    store_label(api.url, claims[0], True)
    store_label(api.url, claims[1], True)
    store_label(api.url, claims[1], False, FIRST + timedelta(days=1))
    store_label(api.url, claims[2], True)
    store_label(api.url, claims[2], None, FIRST + timedelta(days=1))
    shares = part((await browser.get(PAGE)).text, "shares")
    assert "Wilson" in shares
    assert [row for row in cells(shares) if row] == [
        ["Flagged", "40.0 %", "2 of 5 assessed claims", "11.8 % to 76.9 %"],
        ["Confirmed fraud", "50.0 %", "1 of 2 investigated claims", "9.5 % to 90.5 %"],
        ["Overturned", "–", "0 of 0 claims with a decided appeal", "–"],
    ]


@given(st.integers(0, 400), st.integers(0, 400))
def test_an_interval_contains_its_share_and_stays_between_0_and_1(one: int, other: int) -> None:
    share = CountedShare("x", min(one, other), max(one, other), "claims")
    ends = share.interval
    assert (ends is None) == (share.of == 0)
    if ends is not None:
        assert 0 <= ends[0] <= share.count / share.of <= ends[1] <= 1
        # The score test whose inversion it is: at each end inside, the share is 1.96 standard errors away.
        for end in ends:
            if 0 < end < 1:
                away = abs(share.count / share.of - end) / (end * (1 - end) / share.of) ** 0.5
                assert away == pytest.approx(1.959964)


async def test_a_day_with_more_claims_than_almost_any_of_its_peers_is_marked(api: Api, browser: Browser) -> None:
    at_once = timedelta(minutes=1)
    store_claims(api.url, 9, every=at_once)
    store_claims(api.url, 2, prefix="next", first=FIRST + timedelta(days=1), every=at_once, member_id="M124")
    store_claims(api.url, 30, provider_id="H457", every=timedelta(hours=12))
    days = part((await browser.get(PAGE)).text, "days")
    assert "99 % of the peers' days of service have 2 claims or fewer." in days.replace("&#39;", "'")
    assert [row for row in cells(days) if row] == [
        ["2026-01-05", "9", "1", "900.00", "above P99"],
        ["2026-01-06", "2", "1", "200.00", ""],
    ]


async def test_what_the_register_says_against_a_provider_comes_first(api: Api, browser: Browser) -> None:
    warned = (await browser.get("/console/providers/H666")).text
    assert 'class="notice">Excluded from 2020-01-01.' in warned
    api.execute(
        "INSERT INTO code_table_imports (kind, release, valid_from, source, sha256, entries, known_from, imported_by)"
        " VALUES ('leie', '2026-01', '0001-01-01', 'x', 'y', 1, now(), 'z')"
    )
    api.execute(
        "INSERT INTO code_table_entries (import_id, code, other, place, first_day, indicator)"
        " SELECT import_id, 'H456', '', 1, '2021-01-01', '1128a1' FROM code_table_imports"
    )
    assert "exclusion list in force (OIG LEIE), section 1128a1" in (await browser.get(PAGE)).text
    store_claims(api.url, 1, provider_id="H999")
    assert "Not in the register of providers." in (await browser.get("/console/providers/H999")).text


async def test_a_contract_in_force_counts_the_procedures_that_it_prices(api: Api, browser: Browser) -> None:
    store_claims(api.url, 2)
    store_claims(api.url, 1, prefix="cast", procedure_code="P002")
    assert "no agreed prices" in (await browser.get(PAGE)).text
    api.execute(
        "INSERT INTO code_table_imports (kind, release, valid_from, source, sha256, entries, known_from, imported_by)"
        " VALUES ('contracts', '2026', '2026-01-01', 'x', 'y', 2, now(), 'z')"
    )
    api.execute(
        "INSERT INTO code_table_entries (import_id, code, other, place, number) SELECT import_id, 'P001', other, 1, 9"
        " FROM code_table_imports, unnest(ARRAY['H456', 'H456 50', 'H457']) AS other"
    )
    assert "prices agreed for 1 of its 2 most frequent procedures" in (await browser.get(PAGE)).text


async def test_claims_are_paged_latest_first_without_gap_or_repeat(api: Api, browser: Browser) -> None:
    ids = store_claims(api.url, 60)
    seen: list[str] = []
    address: str | None = PAGE
    while address is not None:
        table = part((await browser.get(address)).text, "claims")
        seen += re.findall(r'href="/console/claims/([^"]+)"', table)
        following = re.search(r'href="([^"]+)#claims">Next page', table)
        address = None if following is None else following[1]
    assert seen == ids[::-1]


def read_csv(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text)))


async def test_the_export_has_every_claim_and_runs_no_formula(api: Api, browser: Browser) -> None:
    ids = store_claims(api.url, 30)
    store_claims(api.url, 1, prefix="=cmd", procedure_code="=HYPERLINK(1)", member_id="+M1")
    answer = await browser.get(f"{PAGE}/claims.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="claims.csv"'
    assert answer.headers["cache-control"] == "no-store"
    rows = read_csv(answer)
    assert {row["claim_id"] for row in rows} == {*ids, "'=cmd_H456_+M1_0000"}
    (hostile,) = [row for row in rows if row["claim_id"].startswith("'")]
    assert (hostile["procedure_code"], hostile["member_id"]) == ("'=HYPERLINK(1)", "'+M1")
    assert rows[0]["billed"] == "100.00"
    recorded = api.rows("SELECT name, subject_id FROM audit_log WHERE act = 'claim.export'")
    assert recorded == [("desk of investigator", "H456")]


async def test_a_look_at_a_provider_is_in_the_audit_log(api: Api, browser: Browser) -> None:
    assert (await browser.get(PAGE)).status_code == 200
    rows = api.rows("SELECT name, subject_kind, subject_id FROM audit_log WHERE act = 'console.provider'")
    assert rows == [("desk of investigator", "provider", "H456")]


async def test_an_unknown_provider_is_not_found(api: Api, browser: Browser) -> None:
    answer = await browser.get("/console/providers/H000")
    assert answer.status_code == 404
    assert "no provider with this id" in answer.text


@pytest.mark.parametrize(
    ("role", "status"), [("investigator", 200), ("lead_investigator", 200), ("admin", 200), ("insurer", 403)]
)
async def test_only_who_investigates_sees_a_provider(api: Api, role: str, status: int) -> None:
    async with browser_of(api) as browser:
        await opened(api, browser, role)
        assert (await browser.get(PAGE)).status_code == status
        assert (await browser.get(f"{PAGE}/claims.csv")).status_code == status


async def test_hostile_text_of_a_provider_stays_text(api: Api, browser: Browser) -> None:
    api.execute(f"UPDATE providers SET name = $x${HOSTILE}$x$, specialty = $x${HOSTILE}$x$ WHERE provider_id = 'H456'")
    store_claims(api.url, 2, procedure_code=HOSTILE)
    page = (await browser.get(PAGE)).text
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_months_shown_end_with_the_latest_claim() -> None:
    first, after = span_of(datetime(2026, 1, 31, 23, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    assert (first.date(), after.date()) == (date(2024, 2, 1), date(2026, 2, 1))
