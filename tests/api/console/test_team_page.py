"""The page about the team's work: hit rate, times, money, workload, abrasion, suspended edits, and the simulator."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.team.queries import ScoreBucket
from api.console.team.simulator import simulate
from api.identity import create_key
from api.leads.tables import SNOOZE_REASONS, SOURCES
from core import clock
from tests.api.console.setting import Browser
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import Api
from tests.api.subjects import store_assessment, store_claims

PAGE = "/console/team"
AT = datetime(2026, 6, 1, 9, tzinfo=UTC)


async def signed_in(api: Api, browser: Browser, role: str) -> Browser:
    _, key = await create_key(api.dependencies.database, name=f"desk of {role}", role=role)
    assert (await browser.post("/console/sign-in", data={"api_key": key, "next": "/console"})).status_code == 303
    return browser


@pytest.fixture
async def lead(api: Api) -> AsyncIterator[Browser]:
    async with browser_of(api) as browser:
        yield await signed_in(api, browser, "lead_investigator")


def part(page: str, section: str) -> str:
    return page.partition(f'id="{section}"')[2].partition("</section>")[0]


def rows(html: str) -> list[list[str]]:
    found = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    cells = [[re.sub(r"<[^>]+>", "", one).strip() for one in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in found]
    return [row for row in cells if row]


def execute(api: Api, statement: str, values: list[object]) -> None:
    with psycopg.connect(api.url) as connection:
        connection.execute(statement, values)


def store_finding(api: Api, claim_id: str, disposition: str, known_at: datetime, cents: int = 0) -> None:
    execute(
        api,
        "INSERT INTO dispositions (claim_id, known_at, disposition, amount_recovered_cents, decided_by)"
        " VALUES (%s, %s, %s, %s, 'A')",
        [claim_id, known_at, disposition, cents],
    )


def store_decision(
    api: Api, claim_id: str, action: str, approved: int, made_at: datetime, number: int = 1, answers: str | None = None
) -> str:
    decision_id = f"dec_{claim_id}_{number}"
    effect = "settled" if answers or number == 1 else "proposed"
    execute(
        api,
        "INSERT INTO decisions (decision_id, claim_id, number, made_at, action, effect, outcome, pays_cents,"
        " approved_cents, reserved_cents, reason, answers, api_key_id, decided_by, role)"
        " VALUES (%s, %s, %s, %s, %s, %s, 'approved', %s, %s, 0, 'other', %s, 'key', 'A', 'investigator')",
        [decision_id, claim_id, number, made_at, action, effect, approved, approved, answers],
    )
    return decision_id


def store_case(
    api: Api, case_id: str, *, opened_at: datetime, name: str | None = None, closed: tuple[str, datetime] | None = None
) -> None:
    disposition, closed_at = closed or (None, None)
    decided = [disposition, 0, "claim_review", closed_at, "key"] if closed else [None] * 5
    execute(
        api,
        "INSERT INTO cases (case_id, subject_kind, subject_id, provider_ids, status, detection, detected_at, opened_at,"
        " opened_by, assigned_to, assigned_name, findings, version, disposition, loss_cents, loss_method, proposed_at,"
        " proposed_by, closed_at, closed_by)"
        " VALUES (%s, 'provider', %s, '[]', %s, 'score', %s, %s, 'key', %s, %s, '[]', 1, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(case_id, case_id, "closed" if closed else "open", opened_at, opened_at, name and "key", name),
            *(*decided, closed_at, "key" if closed else None),
        ],
    )


async def test_hit_rates_name_their_counts_and_intervals(api: Api, lead: Browser) -> None:
    now = clock.now()
    claims = store_claims(api.url, 4)
    store_finding(api, claims[0], "cleared", now - timedelta(days=3))
    store_finding(api, claims[0], "confirmed", now - timedelta(days=2))
    store_finding(api, claims[1], "billing_error", now - timedelta(days=2))
    store_finding(api, claims[2], "cleared", now - timedelta(days=2))
    store_finding(api, claims[3], "confirmed", now - timedelta(days=200))
    store_case(api, "cas_1", opened_at=now - timedelta(days=9), closed=("waste", now - timedelta(days=1)))
    store_case(api, "cas_2", opened_at=now - timedelta(days=9), closed=("inconclusive", now - timedelta(days=1)))
    assert rows(part((await lead.get(PAGE)).text, "hits")) == [
        ["Claims: fraud confirmed", "33.3 %", "1 of 3 claims with a finding", "6.1 % to 79.2 %"],
        ["Claims: fraud, waste, abuse or billing error", "66.7 %", "2 of 3 claims with a finding", "20.8 % to 93.9 %"],
        ["Cases: substantiated", "50.0 %", "1 of 2 closed cases", "9.5 % to 90.5 %"],
    ]


async def test_times_run_from_receipt_to_the_first_finding_and_from_opening_to_closing(api: Api, lead: Browser) -> None:
    now = clock.now()
    claims = store_claims(api.url, 3, first=now - timedelta(days=40), every=timedelta(0))
    for claim_id, days in zip(claims, (10, 20, 30), strict=True):
        store_finding(api, claim_id, "cleared", now - timedelta(days=40 - days))
        store_finding(api, claim_id, "confirmed", now - timedelta(hours=1))
    store_case(api, "cas_1", opened_at=now - timedelta(days=9), closed=("waste", now - timedelta(days=1)))
    assert rows(part((await lead.get(PAGE)).text, "durations")) == [
        ["Claims: receipt to first finding", "20.0 days", "28.0 days"],
        ["Cases: opened to closed", "8.0 days", "8.0 days"],
    ]


async def test_money_of_a_month_is_what_was_not_paid_and_what_was_recovered(api: Api, lead: Browser) -> None:
    now = clock.now()
    claims = store_claims(api.url, 4, amount_cents=10_000)
    store_decision(api, claims[0], "deny", 0, now)
    store_decision(api, claims[1], "pay_reduced", 4_000, now)
    store_decision(api, claims[2], "release", 9_000, now)
    proposed = store_decision(api, claims[3], "deny", 0, now, number=2)
    store_decision(api, claims[3], "approve", 0, now, number=3, answers=proposed)
    store_finding(api, claims[0], "confirmed", now - timedelta(minutes=2), cents=1_000)
    store_finding(api, claims[0], "confirmed", now - timedelta(minutes=1), cents=2_500)
    month = rows(part((await lead.get(PAGE)).text, "money"))[-1]
    assert month[1:] == ["25.00", "260.00"]


async def test_open_cases_are_listed_by_investigator_with_those_that_are_overdue(api: Api, lead: Browser) -> None:
    now = clock.now()
    for number, (days, name) in enumerate([(5, "Ada"), (70, "Ada"), (1, None)]):
        store_case(api, f"cas_{number}", opened_at=now - timedelta(days=days), name=name)
    table = rows(part((await lead.get(PAGE)).text, "workload"))
    oldest = (now - timedelta(days=70)).date().isoformat()
    assert ["Ada", "2", oldest, "1"] in table
    assert ["Unassigned", "1", (now - timedelta(days=1)).date().isoformat(), "0"] in table


async def test_abrasion_counts_claims_that_were_released_unchanged(api: Api, lead: Browser) -> None:
    now = clock.now()
    one = store_claims(api.url, 3, provider_id="H901", specialty="cardiology", region="North")
    other = store_claims(api.url, 1, provider_id="H902", specialty="radiology", region="North")
    for claim_id, action in zip([*one, *other], ("release", "release", "deny", "release"), strict=True):
        store_decision(api, claim_id, action, 0, now)
    table = rows(part((await lead.get(PAGE)).text, "abrasion"))
    assert [row[:3] for row in table] == [
        ["cardiology", "66.7 %", "2 of 3 claims of 1 provider"],
        ["radiology", "100.0 %", "1 of 1 claims of 1 provider"],
        ["North", "75.0 %", "3 of 4 claims of 2 providers"],
        ["below 10 claims", "75.0 %", "3 of 4 claims of 2 providers"],
    ]


async def test_snoozed_leads_are_listed_with_the_day_on_which_they_return(api: Api, lead: Browser) -> None:
    now = clock.now()
    until = (now + timedelta(days=3)).date()
    execute(
        api,
        "INSERT INTO leads (lead_id, subject_kind, subject_id, status, source, listed, claims, scored, paid_cents,"
        " unpaid_cents, indicators, opened_at, snoozed_until, snooze_reason)"
        " VALUES ('led_1', 'provider', 'H901', 'snoozed', %s, false, 1, 0, 0, 0, '{}', %s, %s, %s)",
        [SOURCES[0], now, until, SNOOZE_REASONS[0]],
    )
    table = rows(part((await lead.get(PAGE)).text, "snoozed"))
    assert table == [["Provider H901", until.isoformat(), SNOOZE_REASONS[0].replace("_", " "), "Unassigned"]]


async def test_the_simulator_counts_alerts_of_the_latest_scores(api: Api, lead: Browser) -> None:
    now = clock.now()
    claims = store_claims(api.url, 4, first=now - timedelta(days=14), every=timedelta(days=3), amount_cents=10_000)
    for claim_id, probability in zip(claims, (0.2, 0.6, 0.8, 0.9), strict=True):
        store_assessment(api.url, claim_id, flagged=True, probability=probability)
    store_finding(api, claims[2], "confirmed", now)
    store_finding(api, claims[3], "cleared", now)
    found = part((await lead.get(f"{PAGE}?threshold=70&capacity=1")).text, "simulator")
    assert "2 of 4 scored claims" in found
    assert "200.00" in found
    assert "50.0 % (9.5 % to 90.5 %), 1 of 2 alerts with a finding" in found


@pytest.mark.parametrize("query", ["threshold=101", "threshold=-1", "threshold=x", "capacity=0", "capacity=1e3"])
async def test_an_invalid_simulation_is_refused_beside_its_field(lead: Browser, query: str) -> None:
    answer = await lead.get(f"{PAGE}?{query}")
    assert answer.status_code == 422
    assert "must be a whole number" in answer.text


@pytest.mark.parametrize(("role", "status"), [("lead_investigator", 200), ("admin", 200), ("investigator", 403)])
async def test_the_page_is_for_leads_and_administrators(api: Api, role: str, status: int) -> None:
    async with browser_of(api) as browser:
        await signed_in(api, browser, role)
        assert (await browser.get(PAGE)).status_code == status


async def test_without_anything_the_page_says_so(lead: Browser) -> None:
    page = (await lead.get(PAGE)).text
    for text in ("No open cases.", "No settled claims.", "No edit is suspended.", "0 of 0 scored claims"):
        assert text in page


buckets = st.lists(
    st.builds(
        ScoreBucket,
        bucket=st.integers(0, 99),
        claims=st.integers(1, 500),
        billed_cents=st.integers(0, 10**9),
        confirmed=st.integers(0, 50),
        cleared=st.integers(0, 50),
        first_at=st.just(AT),
        last_at=st.just(AT + timedelta(days=28)),
    ),
    unique_by=lambda one: one.bucket,
)


@given(buckets, st.integers(0, 99), st.integers(1, 500))
def test_a_higher_threshold_never_gives_more_alerts_nor_more_delay(found, threshold: int, capacity: int) -> None:
    lower, higher = simulate(found, threshold, capacity), simulate(found, threshold + 1, capacity)
    assert higher.alerts <= lower.alerts
    assert higher.billed_cents <= lower.billed_cents
    assert higher.days_late <= lower.days_late


@given(buckets, st.integers(0, 100), st.integers(1, 500))
def test_more_capacity_never_gives_more_delay_and_enough_gives_none(found, threshold: int, capacity: int) -> None:
    one, more = simulate(found, threshold, capacity), simulate(found, threshold, capacity + 1)
    assert more.days_late <= one.days_late
    assert (one.days_late == 0) == (one.alerts_a_week <= capacity)
