"""The week's list and what is found of it, against a real database."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from psycopg.errors import RestrictViolation

from api.confirmation import NOT_NEEDED
from api.database import Database
from api.errors import Conflict, Invalid, NotFound
from api.field_keys import FieldKeys
from api.identity import Caller
from api.investigations.records import Choice, DispositionRecord, NewDisposition
from api.investigations.service import monday_of, promise_of, select_week, weekly_list
from api.investigations.service import record as record_by
from core import clock
from core.settings import Settings
from tests.api.makers import ENCRYPTION_KEY

MONDAY = date(2026, 3, 2)
LATER = datetime(2026, 3, 12, 8, tzinfo=UTC)


async def record(database: Database, claim_id: str, new: NewDisposition) -> DispositionRecord:
    url = database.engine.url.render_as_string(hide_password=False)
    keys = FieldKeys(Settings(encryption_keys=ENCRYPTION_KEY), url)
    ann = Caller("key_1", "investigator", None, "ann")
    return await record_by(database, keys, claim_id, new, caller=ann, confirmation=NOT_NEEDED)


def add_claim(url, claim_id, *, day=MONDAY, probability=0.1, amount_cents=10_000, voided=False, decided_by="model"):
    """A claim with one assessment."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    scored = decided_by == "model"
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO claims (claim_id, received_at, service_from, service_to, amount_cents, approved_cents, status,"
            " voided_at, source) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'api') ON CONFLICT DO NOTHING",
            [
                *(claim_id, at, day, day, amount_cents, 0 if voided else amount_cents),
                *("voided" if voided else "approved", at if voided else None),
            ],
        )
        made = connection.execute("SELECT count(*) FROM assessments").fetchone()[0]
        connection.execute(
            "INSERT INTO assessments (assessment_id, claim_id, made_at, decided_by, breaker_state, outcome,"
            " approved_cents, flagged, findings, reasons, probability, model_version)"
            " VALUES (%s, %s, %s, %s, 'closed', 'approved', 0, false, '[]', '[]', %s, %s)",
            [
                *(f"asm_{made}", claim_id, at + timedelta(minutes=made), decided_by),
                *((probability, "m1") if scored else (None, None)),
            ],
        )


def rows(url, query):
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def ask(url, work):
    """The responses of the service."""

    async def run():
        database = Database(url, pool_size=2)
        try:
            return await work(database)
        finally:
            await database.close()

    with clock.held(LATER):
        return asyncio.run(run())


def all_of(scored):
    return [Choice(claim.claim_id, "score", 1.0) for claim in scored]


def test_the_list_selects_from_the_scored_claims_of_the_week_that_are_not_voided(database_url):
    add_claim(database_url, "c1")
    add_claim(database_url, "c2", day=MONDAY + timedelta(days=6), probability=0.7)
    add_claim(database_url, "before", day=MONDAY - timedelta(days=1))
    add_claim(database_url, "after", day=MONDAY + timedelta(days=7))
    add_claim(database_url, "void", voided=True)
    add_claim(database_url, "by_rule", decided_by="rule")
    listed = ask(database_url, lambda database: select_week(database, MONDAY + timedelta(days=3), all_of))
    assert [(row.claim_id, row.probability, row.disposition) for row in listed] == [
        ("c2", 0.7, None),
        ("c1", 0.1, None),
    ]


def test_a_claim_scored_again_is_selected_by_its_latest_score(database_url):
    add_claim(database_url, "c1", probability=0.1)
    add_claim(database_url, "c1", probability=0.8)
    assert [row.probability for row in ask(database_url, lambda database: select_week(database, MONDAY, all_of))] == [
        0.8
    ]


def test_selecting_a_week_again_returns_the_same_list(database_url):
    add_claim(database_url, "c1")
    add_claim(database_url, "c2")

    async def both(database):
        one = select_week(database, MONDAY, lambda scored: [Choice(scored[0].claim_id, "audit", 0.25)])
        other = select_week(database, MONDAY, lambda scored: [Choice(scored[0].claim_id, "audit", 0.25)])
        return await asyncio.gather(one, other)

    first, second = ask(database_url, both)
    assert first == second
    assert ask(database_url, lambda database: select_week(database, MONDAY, all_of)) == first
    assert rows(database_url, "SELECT claim_id, propensity, model_version FROM selections") == [("c1", 0.25, "m1")]


def test_a_week_that_is_not_over_has_no_list(database_url):
    with pytest.raises(Conflict, match="is not over; its list can be created from 2026-03-16"):
        ask(database_url, lambda database: select_week(database, MONDAY + timedelta(days=7), all_of))


def test_a_finding_becomes_a_label_known_from_now(database_url):
    add_claim(database_url, "c1", amount_cents=20_000)
    known = ask(
        database_url,
        lambda database: record(
            database, "c1", NewDisposition("confirmed", "ann", amount_recovered_cents=12_050, kind="upcoding")
        ),
    )
    assert known.known_at == LATER
    assert rows(database_url, "SELECT claim_id, is_fraud, kind, known_at, source FROM labels") == [
        ("c1", True, "upcoding", LATER, "disposition")
    ]
    assert rows(database_url, "SELECT disposition, amount_recovered_cents, decided_by FROM dispositions") == [
        ("confirmed", 12_050, "ann")
    ]


def test_an_inconclusive_finding_withdraws_the_previous_one(database_url):
    add_claim(database_url, "c1")
    ask(database_url, lambda database: record(database, "c1", NewDisposition("confirmed", "ann", kind="upcoding")))
    ask(database_url, lambda database: record(database, "c1", NewDisposition("inconclusive", "ann")))
    assert rows(database_url, "SELECT is_fraud, kind, source FROM labels ORDER BY known_at") == [
        (True, "upcoding", "disposition"),
        (None, None, "disposition"),
    ]


def test_findings_are_in_the_order_of_their_commits_despite_differing_clocks_of_hosts(database_url):
    add_claim(database_url, "c1")

    def recorded_at(host_time, disposition):
        async def run():
            database = Database(database_url, pool_size=1)
            try:
                return await record(database, "c1", NewDisposition(disposition, "ann"))
            finally:
                await database.close()

        with clock.held(host_time):
            return asyncio.run(run())

    ahead = recorded_at(LATER + timedelta(seconds=20), "confirmed")
    behind = recorded_at(LATER + timedelta(seconds=15), "cleared")
    assert behind.known_at > ahead.known_at
    newest = "SELECT {} FROM {} ORDER BY known_at DESC LIMIT 1"
    assert rows(database_url, newest.format("disposition", "dispositions")) == [("cleared",)]
    assert rows(database_url, newest.format("is_fraud", "labels")) == [(False,)]


def test_a_finding_is_dated_by_the_database_clock_not_by_the_host(database_url, monkeypatch):
    add_claim(database_url, "c1")
    monkeypatch.setattr(clock, "now", lambda: datetime(2040, 1, 1, tzinfo=UTC))  # a host whose clock is wrong

    async def run():
        database = Database(database_url, pool_size=1)
        try:
            return await record(database, "c1", NewDisposition("confirmed", "ann"))
        finally:
            await database.close()

    known_at = asyncio.run(run()).known_at
    ((between,),) = rows(database_url, f"SELECT clock_timestamp() - '{known_at}' BETWEEN '0' AND '1 hour'")
    assert between


def test_each_finding_is_announced_in_the_outbox(database_url):
    add_claim(database_url, "c1")
    ask(database_url, lambda database: record(database, "c1", NewDisposition("cleared", "ann")))
    assert rows(database_url, "SELECT topic, entity_key, payload, created_at FROM outbox") == [
        ("label.recorded", "c1", {"claim_id": "c1", "known_us": clock.micros(LATER)}, LATER)
    ]


def test_the_latest_finding_sent_again_is_recorded_once_and_another_follows_it(database_url):
    add_claim(database_url, "c1")
    first = ask(database_url, lambda database: record(database, "c1", NewDisposition("cleared", "ann")))
    again = ask(database_url, lambda database: record(database, "c1", NewDisposition("cleared", "ann")))
    assert again == first
    with clock.held(LATER + timedelta(seconds=1)):
        asyncio.run(recorded_by_ben(database_url))
    recorded = rows(database_url, "SELECT decided_by FROM dispositions ORDER BY known_at")
    assert recorded == [("ann",), ("ben",)]
    assert len(rows(database_url, "SELECT * FROM labels")) == 2


async def recorded_by_ben(url):
    database = Database(url, pool_size=1)
    await record(database, "c1", NewDisposition("cleared", "ben"))
    await database.close()


def test_the_list_shows_the_latest_finding(database_url):
    add_claim(database_url, "c1")
    ask(database_url, lambda database: select_week(database, MONDAY, all_of))
    ask(database_url, lambda database: record(database, "c1", NewDisposition("cleared", "ann")))
    assert ask(database_url, lambda database: select_week(database, MONDAY, all_of))[0].disposition == "cleared"


@pytest.mark.parametrize(
    ("finding", "field"),
    [
        ({"disposition": "guilty"}, "disposition"),
        ({"decided_by": " "}, "decided_by"),
        ({"amount_recovered_cents": -1}, "amount_recovered"),
        ({"amount_recovered_cents": 10_001}, "amount_recovered"),
        ({"disposition": "cleared", "amount_recovered_cents": 1}, "amount_recovered"),
        ({"disposition": "cleared", "kind": "upcoding"}, "kind"),
    ],
)
def test_an_invalid_finding_is_refused_and_nothing_is_stored(database_url, finding, field):
    add_claim(database_url, "c1")
    given = {"disposition": "confirmed", "decided_by": "ann", **finding}
    with pytest.raises(Invalid) as refused:
        ask(database_url, lambda database: record(database, "c1", NewDisposition(**given)))
    assert refused.value.errors[0].field == field
    assert rows(database_url, "SELECT * FROM dispositions") == []


def test_a_finding_on_an_unknown_claim_is_refused(database_url):
    with pytest.raises(NotFound, match="claim not found; check its id"):
        ask(database_url, lambda database: record(database, "c9", NewDisposition("cleared", "ann")))


@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET claim_id = claim_id", "TRUNCATE {}"])
@pytest.mark.parametrize("table", ["selections", "dispositions"])
def test_lists_and_findings_cannot_be_changed(database_url, table, change):
    add_claim(database_url, "c1")
    ask(database_url, lambda database: select_week(database, MONDAY, all_of))
    ask(database_url, lambda database: record(database, "c1", NewDisposition("cleared", "ann")))
    with psycopg.connect(database_url) as connection, pytest.raises(RestrictViolation, match="append only"):
        connection.execute(change.format(table))


def test_a_week_begins_on_its_monday():
    assert {monday_of(MONDAY + timedelta(days=day)) for day in range(7)} == {MONDAY}


def test_a_held_service_stays_on_the_list_through_its_replacement(database_url):
    add_claim(database_url, "C1", probability=0.9, voided=True)
    add_claim(database_url, "C2", probability=0.01)
    add_claim(database_url, "C3", probability=0.05)
    add_claim(database_url, "C4", decided_by="rule")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE claims SET replaces = 'C1' WHERE claim_id = 'C2'")
        connection.execute("UPDATE claims SET inherits_from = 'C1' WHERE claim_id = 'C4'")
    listed = ask(database_url, lambda database: select_week(database, MONDAY, all_of))
    assert {row.claim_id: row.probability for row in listed} == {"C2": 0.9, "C3": 0.05, "C4": 0.9}


def by_recovery(cents):
    """Choose every claim, with these expected recoveries."""
    return lambda scored: [
        Choice(
            claim.claim_id, "score", 1.0, cents[claim.claim_id], cents[claim.claim_id] - 1, cents[claim.claim_id] + 1
        )
        for claim in scored
    ]


def test_the_list_is_in_the_order_of_expected_recovery_and_keeps_its_interval(database_url):
    add_claim(database_url, "c1", probability=0.9)
    add_claim(database_url, "c2", probability=0.1)
    listed = ask(database_url, lambda database: select_week(database, MONDAY, by_recovery({"c1": 500, "c2": 70_000})))
    stored = [(one.claim_id, one.expected_recovery_cents, one.recovery_low_cents, one.recovery_high_cents)
              for one in listed]  # fmt: skip
    assert stored == [("c2", 70_000, 69_999, 70_001), ("c1", 500, 499, 501)]


def test_a_claim_is_offered_with_its_amount_and_the_average_of_its_procedure(database_url):
    add_claim(database_url, "c1", amount_cents=12_345)
    add_claim(database_url, "c2")
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO procedures (procedure_code, average_cents) VALUES ('P1', 5000)")
        connection.execute("UPDATE claims SET procedure_code = 'P1' WHERE claim_id = 'c1'")
    offered = {}

    def choose(scored):
        offered.update({claim.claim_id: (claim.amount_cents, claim.peers_cents) for claim in scored})
        return all_of(scored)

    ask(database_url, lambda database: select_week(database, MONDAY, choose))
    assert offered == {"c1": (12_345, 5_000), "c2": (10_000, None)}


def promised(url, week):
    async def work(database):
        monday, claims = await weekly_list(database, week)
        return await promise_of(database, monday, claims)

    return ask(url, work)


def lists_before(url, weeks, *, choose, findings=("confirmed", "cleared")):
    """Lists of two claims in each of the weeks before MONDAY, with these findings."""
    for number in range(1, weeks + 1):
        monday = MONDAY - timedelta(days=7 * number)
        claims = [f"w{number:02d}-{place}" for place in range(len(findings))]
        for place, claim in enumerate(claims):
            add_claim(url, claim, day=monday, probability=0.9 - place / 10)
        ask(url, lambda database, monday=monday: select_week(database, monday, choose))
        for claim, disposition in zip(claims, findings, strict=True):
            new = NewDisposition(disposition, "ann")
            ask(url, lambda database, claim=claim, new=new: record(database, claim, new))


def test_a_list_promises_what_the_lists_of_the_weeks_before_it_held(database_url):
    lists_before(database_url, 9, choose=all_of)
    add_claim(database_url, "c1", probability=0.8)
    add_claim(database_url, "c2", probability=0.7)
    ask(database_url, lambda database: select_week(database, MONDAY, all_of))
    found = promised(database_url, MONDAY)
    assert (found.at_least, found.lists) == (0.5, 9)


def test_a_promise_is_refused_with_the_reason_while_findings_are_few(database_url):
    lists_before(database_url, 2, choose=all_of)
    add_claim(database_url, "c1")
    ask(database_url, lambda database: select_week(database, MONDAY, all_of))
    found = promised(database_url, MONDAY)
    assert found.at_least is None
    assert "requires findings on 9 earlier lists" in found.text
    assert "there are 2" in found.text


def test_findings_after_a_list_was_made_and_lists_in_another_order_change_no_promise(database_url):
    lists_before(database_url, 2, choose=all_of)
    add_claim(database_url, "c1", probability=0.8)
    ask(database_url, lambda database: select_week(database, MONDAY, all_of))
    with clock.held(LATER + timedelta(days=1)):
        asyncio.run(recorded(database_url, "w01-0", "cleared"))
    found = promised(database_url, MONDAY)
    assert found.lists == 2
    later = MONDAY + timedelta(days=7)
    add_claim(database_url, "c9", day=later)
    with clock.held(LATER + timedelta(days=7)):
        asyncio.run(selected(database_url, later, by_recovery({"c9": 100})))
    assert promised(database_url, later).lists == 0


async def recorded(url, claim, disposition):
    database = Database(url, pool_size=1)
    await record(database, claim, NewDisposition(disposition, "ben"))
    await database.close()


async def selected(url, week, choose):
    database = Database(url, pool_size=1)
    await select_week(database, week, choose)
    await database.close()


def test_an_empty_list_promises_nothing(database_url):
    assert promised(database_url, MONDAY) is None
