"""Failures of batches and claims: which claims wait for them, which are given up, and how these are queued again."""

import asyncio
import json
from datetime import UTC, timedelta

import psycopg
import pytest
from click.testing import CliRunner

from api import metrics
from api.database import Database
from api.housekeeping import every_day
from api.members import member
from api.rescreening.batches import batch_of, earlier_findings, store_batch
from api.rescreening.jobs import (
    MOST_ATTEMPTS,
    RETRY_AFTER,
    compare_each_alone,
    fail_claim,
    retry_given_up,
)
from api.retention import declared_days
from claims.adjudication import run_edits
from cli.main import main
from core import clock
from tests.api.makers import Api
from tests.api.rescreening import LATER, claim, drain, exclude, found, jobs, screening, with_copay
from tests.api.waiting import until

__all__ = ["screening"]

AN_HOUR = timedelta(hours=1)
ATTEMPTS = "SELECT claim_id, attempts, given_up_at IS NOT NULL FROM rescreening_claims ORDER BY claim_id"
GIVEN_UP = "SELECT claim_id FROM rescreening_claims WHERE given_up_at IS NOT NULL"


async def claims(api: Api, count: int) -> list[str]:
    return sorted([(await claim(api, service_from=f"2026-01-{1 + n:02}"))["claim_id"] for n in range(count)])


def fail_batches_with(monkeypatch, odd: set[str]) -> None:
    def fails(claim_ids):
        if odd & set(claim_ids):
            raise ZeroDivisionError
        return earlier_findings(claim_ids)

    monkeypatch.setattr("api.rescreening.batches.earlier_findings", fails)


async def until_none_waits(api: Api, screening, hours: int = 0) -> None:
    """Work hour by hour until each claim is compared or given up."""
    while api.rows("SELECT FROM rescreening_jobs WHERE finished_at IS NULL"):
        hours += 1
        assert hours <= 3 * MOST_ATTEMPTS, "not given up"
        await drain(screening, hours * AN_HOUR)


async def test_a_bad_claim_in_each_batch_holds_up_only_itself(api: Api, screening, monkeypatch, log_lines):
    monkeypatch.setattr("api.rescreening.screening.BATCH", 3)
    ids = await claims(api, 9)
    odd = set(ids[::3])
    fail_batches_with(monkeypatch, odd)
    exclude(api)
    await screening.step()
    due = clock.now() + LATER
    for second in range(4 * len(odd)):  # of a job that pauses 1 s after a claim failed, then 2 s
        with clock.held(due + timedelta(seconds=second)):
            while await screening.step():
                pass
    assert {one[0] for one in found(api)} == set(ids) - odd
    assert {one[0] for one in api.rows(ATTEMPTS)} == odd
    await until_none_waits(api, screening)
    assert api.rows(ATTEMPTS) == [(one, MOST_ATTEMPTS, True) for one in sorted(odd)]
    assert jobs(api) == [("leie", "leie r1", 9, 6, 3, 6)]
    assert all(one in log_lines.getvalue() for one in odd)


async def test_a_batch_at_the_limit_of_a_statement_is_compared_claim_by_claim_after_a_pause(
    api: Api, screening, monkeypatch
):
    def times_out(claim_ids):
        raise psycopg.errors.QueryCanceled

    await claims(api, 2)
    monkeypatch.setattr("api.rescreening.batches.earlier_findings", times_out)
    exclude(api)
    await drain(screening)
    assert [one[1] for one in api.rows(ATTEMPTS)] == [1, 1]
    assert api.rows("SELECT attempts, not_before - found_at FROM rescreening_jobs") == [(1, RETRY_AFTER)]


async def test_a_job_whose_claims_all_wait_leaves_its_turn_to_others(api: Api, screening, monkeypatch):
    monkeypatch.setattr("api.rescreening.jobs.JOBS_IN_TURN", 1)
    ids = await claims(api, 2)
    fail_batches_with(monkeypatch, set(ids))
    exclude(api)
    await drain(screening)
    monkeypatch.undo()
    monkeypatch.setattr("api.rescreening.jobs.JOBS_IN_TURN", 1)
    api.execute("UPDATE rescreening_claims SET attempts = 5, not_before = now() + interval '1 day'")
    api.execute("UPDATE rescreening_jobs SET not_before = '2026-01-01', attempts = 0")
    api.execute("UPDATE members SET enrolled_to = '2026-01-01' WHERE member_id = 'M123'")
    await drain(screening)
    assert {one[2] for one in found(api)} == {"cover_ended"}
    assert len(api.rows(ATTEMPTS)) == 2
    await drain(screening, timedelta(days=1, hours=1))
    assert {one[2] for one in found(api)} == {"cover_ended", "provider_on_exclusion_list"}


@pytest.mark.parametrize("where", ["terms", "prices"])
async def test_a_member_whose_terms_cannot_be_read_fails_its_own_claims_only(api: Api, screening, monkeypatch, where):
    await with_copay(api, 0)
    await drain(screening)
    api.execute("UPDATE members SET plan_id = 'PL2' WHERE member_id = 'M124'")
    api.execute("DELETE FROM rescreening_jobs")
    odd = (await claim(api))["claim_id"]
    paid = (await claim(api, member_id="M124", claim_amount=1000, service_from="2026-01-10"))["claim_id"]
    if where == "terms":

        def of(member_id):
            query = member(member_id)
            if member_id == "M123":
                return type(query)(query.statement, query.params, lambda rows: 1 / 0)
            return query

        monkeypatch.setattr("api.members.member", of)
    else:
        from claims.payment import line_prices

        def prices(one, tables):
            if one.claim_id == odd:
                raise KeyError(one.claim_id)
            return line_prices(one, tables)

        monkeypatch.setattr("api.rescreening.inputs.line_prices", prices)
    await with_copay(api, 50_00)
    await drain(screening)
    assert [one[0] for one in found(api)] == [paid]
    assert api.rows(ATTEMPTS) == [(odd, 1, True)]
    assert jobs(api)[-1][2:] == (2, 1, 1, 1)


async def test_claims_that_were_given_up_are_measured_and_queued_again_by_a_command(api: Api, screening, monkeypatch):
    of_batch, of_edits = await claims(api, 2)

    def fails(evidence):
        if evidence.claim.claim_id == of_edits:
            raise ZeroDivisionError
        return run_edits(evidence)

    fail_batches_with(monkeypatch, {of_batch})
    monkeypatch.setattr("api.rescreening.inputs.run_edits", fails)
    exclude(api)
    await screening.step()
    await until_none_waits(api, screening)
    await screening.measure()
    assert metrics.RESCREENING_FAILED_CLAIMS._value.get() == 2
    assert jobs(api) == [("leie", "leie r1", 2, 0, 2, 0)]
    monkeypatch.undo()
    monkeypatch.setattr("api.rescreening.service.RETRIED_AT_A_TIME", 1)
    command, environment = ["review", "rescreening", "--retry-failed", "--json"], {"GINJA_DATABASE_URL": api.url}
    with clock.held(clock.now() + timedelta(days=1)):
        retried = await asyncio.to_thread(CliRunner().invoke, main, command, env=environment)
        assert json.loads(retried.stdout) == {"claims": 2, "jobs": 1}
        await screening.measure()
        assert (metrics.RESCREENING_JOBS._value.get(), metrics.RESCREENING_OLDEST._value.get()) == (1, 0)
        while await screening.step():
            pass
    assert {one[0] for one in found(api)} == {of_batch, of_edits}
    assert jobs(api) == [("leie", "leie r1", 2, 2, 0, 2)]
    await screening.measure()
    assert metrics.RESCREENING_FAILED_CLAIMS._value.get() == 0
    assert api.rows("SELECT FROM rescreening_jobs WHERE finished_at IS NULL") == []


async def test_a_job_is_kept_as_long_as_a_claim_of_it_was_given_up(api: Api, screening):
    (odd,) = await claims(api, 1)
    api.execute("UPDATE claim_lines SET units = 0")
    exclude(api)
    await drain(screening)
    assert api.rows(GIVEN_UP) == [(odd,)]
    today = clock.now().date()
    every_day(api.url, today + timedelta(days=declared_days("rescreening_failures")))
    assert api.rows(GIVEN_UP) == [(odd,)]
    assert api.count("rescreening_jobs") == 1
    every_day(api.url, today + timedelta(days=declared_days("rescreening_failures") + 1))
    assert (api.rows(GIVEN_UP), api.count("rescreening_jobs")) == ([], 0)


@pytest.mark.parametrize("of_one", [True, False])
async def test_a_failure_that_is_counted_while_another_worker_has_the_claims_waits_for_it(api: Api, of_one):
    ids = await claims(api, 2)
    api.execute(
        """
        WITH job AS (
            INSERT INTO rescreening_jobs (kind, recorded_at, not_before, seen_at, found_at)
            VALUES ('leie', now(), now(), now(), now()) RETURNING job_id)
        INSERT INTO rescreening_claims (job_id, claim_id) SELECT job_id, claim_id FROM job, claims
        """
    )
    ((job_id,),) = api.rows("SELECT job_id FROM rescreening_jobs")
    now = clock.now()

    def is_blocked() -> bool:
        return api.rows("SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0") == [(1,)]

    async def count_failure() -> None:
        failure = fail_claim(job_id, ids[0], now) if of_one else compare_each_alone(job_id, ids, now)
        async with database.deciding() as connection:
            await connection.finish(failure)

    database = Database(api.url, pool_size=2)
    try:
        async with database.deciding() as batch:
            (taken,) = await batch.fetch(batch_of(job_id, 200, UTC, now))
            counted = asyncio.create_task(count_failure())
            await until(is_blocked)
            await batch.finish(*store_batch(job_id, taken, [], [], failed=set(), without_amount=set(), now=now))
        await counted
    finally:
        await database.close()
    assert api.rows("SELECT screened, failed FROM rescreening_jobs") == [(2, 0)]
    assert api.count("rescreening_claims") == 0


async def test_a_job_whose_claims_are_queued_again_while_a_worker_ends_it_stays_open(api: Api, screening):
    (claim_id,) = await claims(api, 1)
    api.execute(
        """
        WITH job AS (
            INSERT INTO rescreening_jobs (kind, recorded_at, not_before, seen_at, found_at, failed)
            VALUES ('leie', now(), now(), now(), now(), 1) RETURNING job_id)
        INSERT INTO rescreening_claims (job_id, claim_id, attempts, given_up_at)
        SELECT job_id, claim_id, 6, now() FROM job, claims
        """
    )
    database = Database(api.url, pool_size=1)

    def is_blocked() -> bool:
        return api.rows("SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0") == [(1,)]

    try:
        async with database.deciding() as command:
            (retried,) = await command.fetch(retry_given_up(clock.now(), 10))
            ending = asyncio.create_task(screening.step())
            await until(is_blocked)
            await command.finish()
        await ending
    finally:
        await database.close()
    assert list(retried.values()) == [1]
    assert api.rows("SELECT finished_at, failed FROM rescreening_jobs") == [(None, 0)]
    await drain(screening, AN_HOUR)
    assert (api.count("rescreening_claims"), api.rows("SELECT screened FROM rescreening_jobs")) == (0, [(1,)])
    assert claim_id


async def test_two_jobs_that_end_the_same_findings_take_them_in_one_order(api: Api, screening):
    paid = (await claim(api))["claim_id"]
    exclude(api)
    api.execute("UPDATE providers SET excluded_from = '2026-01-01' WHERE provider_id = 'H456'")
    await drain(screening)
    ids = [one for (one,) in api.rows("SELECT finding_id FROM rescreening_findings ORDER BY finding_id")]
    assert len(ids) == 2
    (job_id,) = api.rows("SELECT min(job_id) FROM rescreening_jobs")[0]
    api.execute(
        f"UPDATE rescreening_findings SET text = text WHERE finding_id = '{ids[0]}'"
    )  # now stored after the other
    database = Database(api.url, pool_size=1)

    def is_blocked() -> bool:
        return api.rows("SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0") == [(1,)]

    async def end() -> None:
        (earlier,) = await _earlier(database, paid)
        backwards = sorted(earlier, key=lambda one: one.finding_id, reverse=True)
        async with database.deciding() as connection:
            await connection.finish(
                *store_batch(job_id, [], [], backwards, failed=set(), without_amount=set(), now=clock.now())
            )

    with psycopg.connect(api.url) as first:
        lock = "SELECT FROM rescreening_findings WHERE finding_id = %s FOR UPDATE"
        first.execute(lock, [ids[0]])
        ending = asyncio.create_task(end())
        await until(is_blocked)
        first.execute(lock + " NOWAIT", [ids[1]])
    await ending
    await database.close()
    assert found(api) == []


async def _earlier(database: Database, claim_id: str):
    async with database.looking() as connection:
        return await connection.fetch(earlier_findings([claim_id]))
