"""The queue of jobs of re-screening: what they wait for, that they take turns, and that a failure holds up no other."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
from alembic import command

from api import metrics
from api.code_tables import COMMITTED_WITHIN
from api.housekeeping import every_day
from api.migrate import alembic_config
from api.rescreening.touched import touched_claims
from api.retention import declared_days
from claims.adjudication import run_edits
from claims.code_tables import TableEntry, TableKind
from claims.rescreening import ChangeKind
from core import clock
from tests.api.makers import Api
from tests.api.rescreening import LATER, claim, drain, exclude, found, jobs, load, opened, screening, with_copay

__all__ = ["screening"]

AN_HOUR = timedelta(hours=1)
END_COVER = "UPDATE members SET enrolled_to = '2026-01-01' WHERE member_id = 'M123'"


async def test_claims_in_flight_when_a_list_becomes_known_are_waited_for(api: Api, screening):
    await claim(api)
    exclude(api)
    await drain(screening, COMMITTED_WITHIN)
    assert found(api) == []
    assert jobs(api)[0][2:] == (0, 0, 0, 0)
    await drain(screening, LATER)
    assert len(found(api)) == 1


async def test_a_batch_that_fails_is_done_again_and_two_workers_share_a_job(api: Api, screening, monkeypatch):
    for number in range(7):
        await claim(api, claim_amount=1000 + number, service_from=f"2026-01-{10 + number:02}")
    monkeypatch.setattr("api.rescreening.screening.BATCH", 2)
    exclude(api)
    await screening.step()
    with clock.held(clock.now() + LATER):
        api.execute("ALTER TABLE plan_cost_sharing RENAME TO hidden")
        while await screening.step():
            pass
        api.execute("ALTER TABLE hidden RENAME TO plan_cost_sharing")
        assert jobs(api)[0][2:4] == (7, 0)
        assert api.rows("SELECT attempts FROM rescreening_jobs") == [(1,)]
        assert api.rows("SELECT DISTINCT attempts FROM rescreening_claims") == [(0,)]
    with clock.held(clock.now() + AN_HOUR):

        async def work():
            while await screening.step():
                pass

        await asyncio.gather(work(), work())
        await work()
    assert jobs(api) == [("leie", "leie r1", 7, 7, 0, 7)]
    assert api.count("rescreening_findings") == 7
    assert api.count("rescreening_claims") == 0


async def test_a_claim_that_contradicts_itself_is_counted_and_does_not_hold_up_others(api: Api, screening, log_lines):
    broken, paid = await claim(api), await claim(api, claim_amount=1000, service_from="2026-01-10")
    unpriced = await claim(api, claim_amount=1001, service_from="2026-01-12")
    api.execute(f"UPDATE claim_lines SET units = 0 WHERE claim_id = '{broken['claim_id']}'")
    api.execute(f"UPDATE claims SET payment = '{{}}' WHERE claim_id = '{unpriced['claim_id']}'")
    exclude(api)
    await drain(screening)
    assert [one[0] for one in found(api)] == [paid["claim_id"]]
    assert jobs(api)[0][3:] == (1, 2, 1)
    assert broken["claim_id"] in log_lines.getvalue()
    assert unpriced["claim_id"] in log_lines.getvalue()


async def test_a_defect_on_one_claim_holds_up_no_other(api: Api, screening, log_lines, monkeypatch):
    odd, paid = await claim(api), await claim(api, claim_amount=1000, service_from="2026-01-10")

    def fails_for_one(evidence):
        if evidence.claim.claim_id == odd["claim_id"]:
            raise ZeroDivisionError
        return run_edits(evidence)

    monkeypatch.setattr("api.rescreening.inputs.run_edits", fails_for_one)
    exclude(api)
    await drain(screening)
    assert [one[0] for one in found(api)] == [paid["claim_id"]]
    assert jobs(api)[0][3:] == (1, 1, 1)
    assert odd["claim_id"] in log_lines.getvalue()


async def test_a_job_that_is_late_is_logged_once_and_measured(api: Api, screening, log_lines):
    await claim(api)
    exclude(api)
    with clock.held(clock.now() + timedelta(seconds=61)):
        await screening.measure()
        await screening.measure()
    assert log_lines.getvalue().count("rescreening late") == 1
    assert metrics.RESCREENING_JOBS._value.get() == 1
    assert metrics.RESCREENING_OLDEST._value.get() > 60
    await drain(screening)
    await screening.measure()
    assert (metrics.RESCREENING_JOBS._value.get(), metrics.RESCREENING_OLDEST._value.get()) == (0, 0)


async def test_a_change_that_is_committed_late_waits_for_claims_in_flight_from_then_on(api: Api, screening):
    paid = await claim(api)
    with psycopg.connect(api.url) as connection:
        connection.execute(END_COVER)
        with clock.held(clock.now() + LATER):
            await screening.step()
            connection.commit()
            while await screening.step():
                pass
            assert jobs(api) == [("member", "", 0, 0, 0, 0)]
    await drain(screening, 2 * LATER)
    assert [one[0] for one in found(api)] == [paid["claim_id"]]


async def test_a_job_whose_claims_cannot_be_found_holds_up_no_other_and_is_tried_again(
    api: Api, screening, monkeypatch, log_lines
):
    paid = await claim(api)

    def fails_for_contracts(kind):
        return "SELECT claim_id FROM claims WHERE 1 / 0 = 1" if kind is ChangeKind.CONTRACTS else touched_claims(kind)

    monkeypatch.setattr("api.rescreening.jobs.touched_claims", fails_for_contracts)
    load(api, TableKind.CONTRACTS, TableEntry("P001", "H456", number=1000_00))
    exclude(api)
    await drain(screening)
    assert [(one[0], one[2]) for one in found(api)] == [(paid["claim_id"], "provider_on_exclusion_list")]
    statement = "SELECT attempts, found_at FROM rescreening_jobs WHERE kind = 'contracts'"
    assert api.rows(statement) == [(1, None)]
    assert "rescreening failed" in log_lines.getvalue()
    monkeypatch.undo()
    await drain(screening, AN_HOUR)
    assert jobs(api)[0] == ("contracts", "contracts r1", 1, 1, 0, 0)


async def test_jobs_take_turns_batch_by_batch(api: Api, screening, monkeypatch):
    for number in range(3):
        await claim(api, service_from=f"2026-01-{10 + number}")
    await claim(api, member_id="M124", provider_id="H457", claim_amount=1000)
    monkeypatch.setattr("api.rescreening.screening.BATCH", 1)
    api.execute("UPDATE providers SET excluded_from = '2026-01-01' WHERE provider_id = 'H456'")
    await screening.step()
    api.execute("UPDATE members SET enrolled_to = '2026-01-01' WHERE member_id = 'M124'")
    await screening.step()
    with clock.held(clock.now() + LATER):
        while ("member", "member M124", 1, 1, 0, 1) not in jobs(api):
            assert await screening.step(), "nothing left to do"
    assert jobs(api)[0] == ("provider", "provider H456", 3, 1, 0, 1)


async def test_each_late_job_is_logged_once_and_not_only_the_first(api: Api, screening, log_lines):
    exclude(api)
    with clock.held(clock.now() + timedelta(seconds=61)):
        await screening.measure()
    api.execute(END_COVER)
    with clock.held(clock.now() + timedelta(seconds=122)):
        await screening.measure()
        await screening.measure()
    assert log_lines.getvalue().count("rescreening late") == 2


async def test_terms_of_a_plan_that_has_former_members_only_are_compared(api: Api, screening):
    paid = await claim(api)
    api.execute(
        """
        UPDATE members SET plan_id = 'PL1', enrolled_from = '2026-06-01',
            earlier_periods = '[{"plan_id": "PL2", "first_day": "2020-01-01", "last_day": "2026-05-31"}]'
        WHERE member_id = 'M123'
        """
    )
    await drain(screening)
    assert found(api) == []
    await with_copay(api, 50_00)
    await drain(screening)
    assert [(one[0], one[2], one[5]) for one in found(api)] == [(paid["claim_id"], "amount", 4950_00)]


async def test_a_job_that_touches_no_claim_is_finished(api: Api, screening):
    await with_copay(api, 50_00)
    await drain(screening)
    assert api.rows("SELECT kind, touched FROM rescreening_jobs WHERE finished_at IS NOT NULL") == [("plan", 0)]


async def test_finished_jobs_without_findings_are_removed_after_their_retention(api: Api, screening):
    opened(api, (await claim(api))["claim_id"])
    api.execute("UPDATE members SET enrolled_to = '2030-01-01'")
    await drain(screening)
    assert api.count("rescreening_subjects") == 0
    api.execute("UPDATE members SET enrolled_to = '2031-01-01'")
    kinds = "SELECT kind FROM rescreening_jobs ORDER BY job_id"
    today = clock.now().date()
    every_day(api.url, today + timedelta(days=declared_days("rescreening_jobs")))
    assert api.rows(kinds) == [("leie",), ("member",), ("member",)]
    every_day(api.url, today + timedelta(days=declared_days("rescreening_jobs") + 1))
    assert api.rows(kinds) == [("leie",), ("member",)]
    assert api.count("rescreening_subjects") == 3


def test_jobs_and_findings_from_before_turns_are_kept_by_the_migration_and_its_downgrade(empty_database_url):
    config = alembic_config(empty_database_url)
    command.upgrade(config, "0036")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            """
            INSERT INTO rescreening_jobs (kind, recorded_at, not_before, found_at, finished_at) VALUES
                ('leie', '2026-11-01', '2026-11-01', '2026-11-02', '2026-11-03'),
                ('member', '2026-11-01', '2026-11-01', NULL, NULL)
            """
        )
        connection.execute("INSERT INTO rescreening_subjects SELECT job_id, kind FROM rescreening_jobs")
        connection.execute(
            """
            INSERT INTO claims (claim_id, received_at, service_from, service_to, amount_cents, status, source)
            VALUES ('c1', now(), '2026-03-02', '2026-03-02', 1, 'approved', 'api'),
                   ('c2', '2026-11-01', '2026-03-02', '2026-03-02', 1, 'rejected', 'api')
            """
        )
        connection.execute(
            "UPDATE claims SET status = 'voided', status_before_void = status, voided_at = '2026-11-03'"
            " WHERE claim_id = 'c2'"
        )
        connection.execute(
            """
            INSERT INTO rescreening_findings (finding_id, job_id, claim_id, status, difference, code, line, entry, text,
                                              cites, found_at, closed_at, closed_reason, closed_by)
            SELECT finding_id, job_id, claim_id, 'approved', 'new_finding', 'provider_excluded', 0, finding_id, '', '',
                   '2026-11-02', closed_at::timestamptz, reason, closed_by
            FROM rescreening_jobs, (VALUES
                ('withdrawn', 'c1', '2026-11-04', 'withdrawn', NULL),
                ('no_action', 'c1', '2026-11-04', 'no_action', 'ann'),
                ('of_voided', 'c2', NULL, NULL, NULL)) AS one(finding_id, claim_id, closed_at, reason, closed_by)
            WHERE kind = 'leie'
            """
        )
    command.upgrade(config, "0039")
    with psycopg.connect(empty_database_url) as connection:
        seen = connection.execute("SELECT kind, seen_at FROM rescreening_jobs ORDER BY kind").fetchall()
        ended = connection.execute(
            "SELECT finding_id, ended_at FROM rescreening_findings ORDER BY finding_id"
        ).fetchall()
        subjects = connection.execute("SELECT subject FROM rescreening_subjects").fetchall()
    assert seen == [("leie", datetime(2026, 11, 2, tzinfo=UTC)), ("member", None)]
    assert ended == [
        ("no_action", None),
        ("of_voided", datetime(2026, 11, 3, tzinfo=UTC)),
        ("withdrawn", datetime(2026, 11, 4, tzinfo=UTC)),
    ]
    assert subjects == [("member",)]
    command.downgrade(config, "0036")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("INSERT INTO members (member_id) VALUES ('M1')")
        connection.execute("UPDATE members SET enrolled_to = '2026-01-01'")
        waits = connection.execute(
            "SELECT not_before - recorded_at > interval '9 s' FROM rescreening_jobs WHERE transaction_id IS NOT NULL"
        ).fetchall()
    assert waits == [(True,)]
