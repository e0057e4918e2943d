"""Changes, jobs and findings of re-screening, for tests that need them."""

from datetime import UTC, date, timedelta

import psycopg
import pytest

from api.code_tables import COMMITTED_WITHIN, NewTable, import_table
from api.database import Database
from api.members import store_plans
from api.rescreening import Rescreening
from claims.code_tables import TableEntry, TableKind
from claims.cost_sharing import CostSharing
from core import clock
from core.ids import new_id
from formats.plans_csv import PlanTerms
from tests.api.makers import MINIMAL, Api

DAY = "2026-03-02"
NPI = "1234567893"
LATER = 2 * COMMITTED_WITHIN


@pytest.fixture
async def screening(api: Api):
    database = Database(api.url, pool_size=1)
    try:
        yield Rescreening(database, api.dependencies.field_keys, days=365, time_zone=UTC)
    finally:
        await database.close()


def load(api: Api, kind: TableKind, *entries: TableEntry, release: str = "r1", valid_from: date = date(1, 1, 1)):
    new = NewTable(kind, release, valid_from, "a test", release, entries)
    with psycopg.connect(api.url) as connection:
        return import_table(connection, new, by="ann")


async def drain(screening: Rescreening, after: timedelta = LATER) -> None:
    """See every job, and do those that are due then."""
    await screening.step()
    with clock.held(clock.now() + after):
        while await screening.step():
            pass


def exclude(api: Api, first_day: date | None = date(2026, 1, 1), **options):
    if api.rows("SELECT npi FROM providers WHERE provider_id = 'H456'") == [(None,)]:
        api.execute(f"UPDATE providers SET npi = '{NPI}' WHERE provider_id = 'H456'")
        api.execute("DELETE FROM rescreening_jobs WHERE kind = 'provider'")
    return load(api, TableKind.LEIE, TableEntry(NPI, first_day=first_day, indicator="1128a1"), **options)


async def claim(api: Api, **changes) -> dict:
    response = await api.submit(MINIMAL | {"service_from": DAY} | changes)
    assert response.status_code == 201, response.text
    return response.json()


async def with_copay(api: Api, cents: int, *, plan_id: str = "PL2") -> None:
    """Terms of a plan; those of PL2 are M123's."""
    terms = CostSharing(plan_id, date(2020, 1, 1), copay_cents=cents)
    await store_plans(api.database, [PlanTerms(terms, None, None, False)])


def found(api: Api) -> list[tuple]:
    return api.rows(
        "SELECT claim_id, difference, code, text, before_cents, now_cents FROM rescreening_findings"
        " WHERE closed_at IS NULL ORDER BY claim_id, code"
    )


def jobs(api: Api) -> list[tuple]:
    return api.rows("SELECT kind, subject, touched, screened, failed, opened FROM rescreening_jobs ORDER BY job_id")


def opened(api: Api, claim_id: str) -> str:
    """Id of a new open finding about a claim."""
    finding_id = new_id("rsf")
    api.execute(
        f"""
        WITH job AS (
            INSERT INTO rescreening_jobs (kind, subject, recorded_at, not_before, found_at, finished_at)
            VALUES ('leie', 'leie 2026-11', now(), now(), now(), now()) RETURNING job_id)
        INSERT INTO rescreening_findings (finding_id, job_id, claim_id, provider_id, status, difference, code, line,
                                          entry, text, cites, before_cents, now_cents, found_at)
        SELECT '{finding_id}', job_id, '{claim_id}', 'H456', 'approved', 'new_finding', 'provider_on_exclusion_list',
               0, 'leie ' || job_id, 'Paid before the exclusion was known.', 'leie 2026-11 1', 500000, 0, now() FROM job
        """
    )
    return finding_id
