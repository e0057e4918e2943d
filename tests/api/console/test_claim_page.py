"""The page of a claim: lines, corrections, edits of all assessments, peers, timelines and similar claims."""

import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from api.console.claim import CountedClaimLists, context_sections, read_context
from api.console.claim.context_sections import FEWEST_PEERS, percentile
from api.console.claim.counted_claims import Anchor
from api.console.claim.edits import FindingsAt, claim_edits, claim_verdicts, reasons_for_review
from api.console.claim.similar import MOST_KEPT, NEAREST, SimilarClaims
from api.database import Database
from api.identity import create_key
from claims.outcome import Finding, Outcome
from claims.reason_groups import REASON_GROUPS
from claims.scoring import GroupPush
from tests.api.console.setting import HOSTILE, NOON, Browser, app_over, store_claim
from tests.api.noted_statements import note_statements

SITE = "https://ginja.test"
CODES = list(REASON_GROUPS)
RULE = Finding("amount_over_average", Outcome.IN_REVIEW, "Over twice the average.", "procedures/P001 average")


@dataclass
class Desk:
    client: httpx.AsyncClient
    database: Database
    url: str

    async def page(self, claim_id: str) -> str:
        answer = await self.client.get(f"/console/claims/{claim_id}")
        assert answer.status_code == 200
        return answer.text


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    database = Database(database_url)
    _, key = await create_key(database, name="Ines", role="investigator")
    store_claim(database_url, "clm_1")
    transport = httpx.ASGITransport(app_over(database, database_url))
    async with Browser(transport=transport, base_url=SITE, headers={"Origin": SITE}) as client:
        await client.post("/console/sign-in", data={"api_key": key, "next": "/console"})
        yield Desk(client, database, database_url)
    await database.close()


def store(connection: psycopg.Connection[Any], claim_id: str, **values: object) -> None:
    """A paid claim of the same procedure, unless stated otherwise."""
    values = {
        "claim_id": claim_id,
        "received_at": NOON - timedelta(days=10),
        "service_from": "2026-02-20",
        "service_to": "2026-02-20",
        "member_id": "M2",
        "provider_id": "H2",
        "procedure_code": "P001",
        "diagnosis_code": "D001",
        "amount_cents": 10_000,
        "approved_cents": 0,
        "status": "approved",
        "source": "api",
        **values,
    }
    marks = ", ".join(["%s"] * len(values))
    connection.execute(f"INSERT INTO claims ({', '.join(values)}) VALUES ({marks})", list(values.values()))


def text_of(page: str, section: str) -> str:
    """The text of a section, without tags."""
    html = page.partition(f'id="{section}"')[2].partition("</section>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


async def test_the_lines_show_what_was_billed_with_the_edits_of_each(desk: Desk) -> None:
    with psycopg.connect(desk.url) as connection:
        connection.execute(
            "INSERT INTO claim_lines (claim_id, line, procedure_code, units, amount_cents, modifiers)"
            " VALUES ('clm_1', 1, 'P001', 9, 400000, '{25,59}'), ('clm_1', 2, 'P002', 1, 100000, NULL)"
        )
    lines = text_of(await desk.page("clm_1"), "lines")
    assert "1 P001 25 59 9 4000.00 in review units 2 P002 1 1000.00 in review" in lines


async def test_a_voided_claim_and_its_replacement_lead_to_one_another(desk: Desk) -> None:
    store_claim(desk.url, "clm_2")
    with psycopg.connect(desk.url) as connection:
        connection.execute("UPDATE claims SET status = 'voided', voided_at = received_at WHERE claim_id = 'clm_1'")
        connection.execute("UPDATE claims SET replaces = 'clm_1' WHERE claim_id = 'clm_2'")
    assert 'Voided and replaced by <a class="id" href="/console/claims/clm_2">' in await desk.page("clm_1")
    assert 'Replaces the voided claim <a class="id" href="/console/claims/clm_1">' in await desk.page("clm_2")


def test_a_score_does_not_erase_the_finding_of_the_rule() -> None:
    history = [FindingsAt(NOON, "rule", [RULE]), FindingsAt(NOON + timedelta(hours=1), "model", [])]
    (edit,) = claim_edits(history, "in_review")
    assert (edit.code, edit.found_at, edit.found_by) == ("amount_over_average", "2026-03-02 12:00", "rule")
    assert (edit.state, edit.holds) == ("of an earlier assessment", False)


def test_only_findings_of_the_latest_assessment_that_are_not_resolved_hold_a_claim() -> None:
    resolved = Finding("model_flagged", Outcome.IN_REVIEW, "Flagged.", "models/7", superseded=True)
    units = Finding("units", Outcome.IN_REVIEW, "9 units", "mue 2026Q4 93797", 2)
    noted = Finding("price", Outcome.APPROVED, "A price", "prices/P001")
    edits = claim_edits([FindingsAt(NOON, "rule", [RULE, resolved, units, noted])], "in_review")
    assert [one.code for one in reasons_for_review(edits)] == ["amount_over_average", "units"]
    assert [one.state for one in edits] == [
        "holds the claim",
        "resolved by a later score",
        "holds the claim",
        "approved",
    ]
    assert reasons_for_review(claim_edits([FindingsAt(NOON, "rule", [RULE])], "approved")) == []


def test_an_edit_names_its_table_quarter_and_entry() -> None:
    units = Finding("units", Outcome.IN_REVIEW, "9 units", "mue 2026Q4 93797", 2)
    both = claim_edits([FindingsAt(NOON, "rule", [units, RULE])], "in_review")
    assert [(one.table, one.quarter, one.entry) for one in both] == [
        ("mue", "2026Q4", "93797"),
        ("procedures", "", "P001 average"),
    ]


def test_rule_champion_challenger_and_policy_each_have_a_verdict() -> None:
    lines = claim_verdicts(
        rule={"flagged": False, "text": "50.00 is at most 2 times"},
        model_version="7",
        probability=0.83,
        threshold=0.4,
        shadow={"model_version": "8", "probability": 0.1, "flagged": False},
        policy_version=3,
        policy_trace=[{"rule": "new_provider", "observed": {"provider_age_days": 4}}],
    )
    assert [(one.by, one.verdict) for one in lines] == [
        ("2× rule", "not flagged"),
        ("Model 7", "flagged"),
        ("Challenger 8", "not flagged"),
        ("Policy version 3", "1 rule held"),
    ]
    assert lines[-1].detail == "new_provider (provider_age_days = 4)"
    unscored = claim_verdicts(
        rule=None,
        model_version=None,
        probability=None,
        threshold=None,
        shadow=None,
        policy_version=0,
        policy_trace=None,
    )
    assert [(one.by, one.verdict) for one in unscored] == [
        ("Model", "no score"),
        ("Policy of the settings", "no rule held"),
    ]


@pytest.mark.parametrize("values", [[1], [1, 2], list(range(100)), [5, 5, 5, 900]])
def test_percentiles_lie_between_neighbouring_values_by_straight_line(values: list[int]) -> None:
    assert percentile(values, 0.0) == values[0]
    assert percentile(values, 1.0) == values[-1]
    middle = sorted(values)[(len(values) - 1) // 2 : len(values) // 2 + 1]
    assert percentile(values, 0.5) == sum(middle) / len(middle)


async def sections(desk: Desk, claim_id: str) -> Any:
    async with desk.database.reading() as connection:
        return context_sections(await read_context(connection, claim_id), [])


async def test_peers_are_the_narrowest_group_with_enough_claims_and_link_to_exactly_these(desk: Desk) -> None:
    rng = random.Random(3)
    amounts = {"near": [], "far": []}
    with psycopg.connect(desk.url) as connection:
        connection.execute("UPDATE claims SET specialty = 'S1', region = 'R1' WHERE claim_id = 'clm_1'")
        for number in range(2 * FEWEST_PEERS):
            where = "near" if number % 2 else "far"
            amount = rng.randint(1_000, 90_000)
            voided = NOON - timedelta(days=2) if number == 1 else None
            store(
                connection,
                f"clm_peer{number}",
                amount_cents=amount,
                specialty="S1",
                region="R1" if where == "near" else "R2",
                status="voided" if voided else "approved",
                voided_at=voided,
            )
            if voided is None:
                amounts[where].append(amount)
    wider = (await sections(desk, "clm_1")).peers
    assert wider.group == "P001, S1, any region"
    with psycopg.connect(desk.url) as connection:
        store(connection, "clm_last", amount_cents=91_000, specialty="S1", region="R1")
        amounts["near"].append(91_000)
    near = (await sections(desk, "clm_1")).peers
    assert near.group == "P001, S1, R1 region"
    assert near.position == f"{FEWEST_PEERS} of {FEWEST_PEERS} claims have a smaller amount."
    labels = [mark.label for mark in near.chart.marks]
    assert labels[-1] == "This claim 5,000.00"
    assert [label.split()[0] for label in labels[:-1]] == ["P50", "P95", "P99"]
    counted = CountedClaimLists(desk.database)
    listed = (await counted.every("procedure_specialty_region_claims_365d", Anchor("clm_1")))[1]
    assert sorted(one.amount_cents for one in listed) == sorted(amounts["near"])
    assert near.link.text == str(len(listed))
    assert "set=procedure_specialty_region_claims_365d&claim=clm_1" in near.link.address


async def test_a_procedure_with_few_claims_has_no_distribution(desk: Desk) -> None:
    assert (await sections(desk, "clm_1")).peers is None
    assert 'id="peer-amounts"' not in await desk.page("clm_1")


async def test_timelines_count_bursts_and_voided_claims_as_their_lists_do(desk: Desk) -> None:
    with psycopg.connect(desk.url) as connection:
        connection.execute("UPDATE claims SET provider_id = 'H1' WHERE claim_id = 'clm_1'")
        for number in range(9):
            at = NOON - timedelta(hours=3) if number < 6 else NOON - timedelta(days=number)
            store(
                connection,
                f"clm_burst{number}",
                received_at=at,
                provider_id="H1",
                member_id="M1",
                status="voided" if number % 3 == 0 else "approved",
                voided_at=NOON - timedelta(minutes=5) if number % 3 == 0 else None,
            )
        store(connection, "clm_later", received_at=NOON + timedelta(days=3), provider_id="H1", member_id="M1")
    found = await sections(desk, "clm_1")
    assert found.provider.link.text == "9 claims"
    assert found.member.link.text == "9 earlier claims"
    assert "2026-03-02: 6" in str(found.provider.chart.lines)
    for section in (found.provider, found.member):
        page = (await desk.client.get(section.link.address)).text
        assert '<span class="badge">9 claims</span>' in page
    assert [event.event.lane for event in found.member.chart.events].count("Voided") == 3
    assert "clm_later" in str(found.member.chart.events)


def pushes(*values: float) -> list[GroupPush]:
    return [GroupPush(code, value, {}) for code, value in zip(CODES, values, strict=False)]


def store_disposed(connection: psycopg.Connection[Any], claim_id: str, disposition: str, *values: float) -> None:
    store(connection, claim_id)
    connection.execute(
        "INSERT INTO assessments (assessment_id, claim_id, made_at, decided_by, breaker_state, outcome, approved_cents,"
        " flagged, findings, reasons, groups)"
        " VALUES (%s, %s, %s, 'rule', 'closed', 'approved', 0, false, '[]', '[]', %s)",
        [f"{claim_id}_a", claim_id, NOON, Jsonb([{"code": one.code, "push": one.push} for one in pushes(*values)])],
    )
    record(connection, claim_id, disposition)


def record(connection: psycopg.Connection[Any], claim_id: str, disposition: str) -> None:
    connection.execute(
        "INSERT INTO dispositions (claim_id, known_at, disposition, decided_by)"
        " VALUES (%s, clock_timestamp(), %s, 'x')",
        [claim_id, disposition],
    )


async def nearest(desk: Desk, similar: SimilarClaims, *values: float) -> list[tuple[str, str, str]]:
    async with desk.database.reading() as connection:
        found = await similar.nearest(connection, "clm_1", pushes(*values))
    return [(one.claim_id, one.disposition, one.shared) for one in found]


async def test_similar_claims_are_the_nearest_of_each_disposition_by_the_pushes_of_their_groups(desk: Desk) -> None:
    with psycopg.connect(desk.url) as connection:
        for number in range(NEAREST + 2):
            store_disposed(connection, f"clm_fraud{number}", "confirmed", 2.0 + number, 1.0)
            store_disposed(connection, f"clm_fine{number}", "cleared", -2.0 - number, 1.0)
        store_disposed(connection, "clm_error", "billing_error", 2.0, 1.0)
    similar = SimilarClaims()
    found = await nearest(desk, similar, 2.0, 1.0)
    assert [one for one, disposition, _ in found if disposition == "confirmed"] == [
        f"clm_fraud{n}" for n in range(NEAREST)
    ]
    assert [one for one, disposition, _ in found if disposition == "cleared"] == [
        f"clm_fine{n}" for n in range(NEAREST)
    ]
    assert found[0] == ("clm_fraud0", "confirmed", CODES[0])
    assert found[-1][2] == CODES[1]


async def test_a_disposition_recorded_since_counts_at_once_and_a_later_one_replaces_it(desk: Desk) -> None:
    similar = SimilarClaims()
    assert await nearest(desk, similar, 1.0) == []
    with psycopg.connect(desk.url) as connection:
        store_disposed(connection, "clm_a", "confirmed", 1.0)
    assert [one[:2] for one in await nearest(desk, similar, 1.0)] == [("clm_a", "confirmed")]
    with psycopg.connect(desk.url) as connection:
        record(connection, "clm_a", "cleared")
    assert [one[:2] for one in await nearest(desk, similar, 1.0)] == [("clm_a", "cleared")]
    with psycopg.connect(desk.url) as connection:
        record(connection, "clm_a", "inconclusive")
    assert await nearest(desk, similar, 1.0) == []


async def test_the_latest_disposed_claims_are_kept_up_to_a_limit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_KEPT >= 1_000
    monkeypatch.setattr("api.console.claim.similar.MOST_KEPT", 2)
    with psycopg.connect(desk.url) as connection:
        for number in range(4):
            store_disposed(connection, f"clm_{number}x", "confirmed", 1.0)
    assert {one for one, _, _ in await nearest(desk, SimilarClaims(), 1.0)} == {"clm_2x", "clm_3x"}


async def test_similar_claims_are_on_the_page_with_their_disposition(desk: Desk) -> None:
    with psycopg.connect(desk.url) as connection:
        store_disposed(connection, "clm_fraud", "confirmed", 3.0)
    assert "clm_fraud Substantiated fraud 100.00" in text_of(await desk.page("clm_1"), "similar")


async def test_hostile_strings_of_a_claim_its_lines_and_neighbours_stay_text(desk: Desk) -> None:
    with psycopg.connect(desk.url) as connection:
        connection.execute(
            "UPDATE claims SET provider_id = %(x)s, region = %(x)s, specialty = %(x)s, procedure_code = %(x)s,"
            " diagnosis_code = %(x)s, other_diagnoses = ARRAY[%(x)s], place_of_service = %(x)s,"
            " authorization_number = %(x)s WHERE claim_id = 'clm_1'",
            {"x": HOSTILE},
        )
        connection.execute("INSERT INTO claim_lines VALUES ('clm_1', 1, %s, 1, 100, NULL, %s)", [HOSTILE, [HOSTILE]])
        for number in range(FEWEST_PEERS):
            store(connection, f"clm_p{number}", procedure_code=HOSTILE, provider_id=HOSTILE, member_id="M1")
    page = await desk.page("clm_1")
    assert "<script>document" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;") > 10


async def test_a_busy_claim_has_as_many_statements_as_a_quiet_one_and_a_page_below_150_kb(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = note_statements(monkeypatch)
    await desk.page("clm_1")
    first = len(sent)
    sent.clear()
    await desk.page("clm_1")
    quiet = len(sent)
    assert quiet <= first
    with psycopg.connect(desk.url) as connection:
        for line in range(1, 41):
            connection.execute(
                "INSERT INTO claim_lines (claim_id, line, procedure_code, units, amount_cents)"
                " VALUES ('clm_1', %s, 'P001', 1, 100)",
                [line],
            )
        for number in range(300):
            received = NOON - timedelta(hours=7 * number + 1)
            store(connection, f"clm_n{number:03}", received_at=received, member_id="M1", provider_id="H1")
        connection.execute("UPDATE claims SET provider_id = 'H1' WHERE claim_id = 'clm_1'")
        for number in range(8):
            store_disposed(connection, f"clm_d{number}", "confirmed", float(number))
    sent.clear()
    page = await desk.page("clm_1")
    assert len(sent) <= quiet + 1  # the similar claims are read
    assert len(sent) <= 40
    assert len(page.encode()) <= 150_000


async def test_what_was_stale_opens_the_part_that_is_folded_otherwise(desk: Desk) -> None:
    assert "<details>\n    <summary>How it was scored" in await desk.page("clm_1")
    store_claim(desk.url, "clm_s")
    with psycopg.connect(desk.url) as connection:
        connection.execute("ALTER TABLE assessments DISABLE TRIGGER USER")
        connection.execute("UPDATE assessments SET stale_views = '{member_today}' WHERE claim_id = 'clm_s'")
    assert "<details open>\n    <summary>How it was scored" in await desk.page("clm_s")


async def test_a_refused_disposition_keeps_what_was_entered_and_puts_the_focus_on_the_problem(desk: Desk) -> None:
    entered = {"disposition": "cleared", "kind": "upcoding", "note": "called the office"}
    answer = await desk.client.post("/console/claims/clm_1/finding", data=entered)
    assert answer.status_code == 422
    form = answer.text.partition('id="finding"')[2]
    assert 'role="alert" tabindex="-1" autofocus>' in form
    assert 'value="called the office"' in form
    assert re.search(r'value="cleared"[^>]* checked', form)
