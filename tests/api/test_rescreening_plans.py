"""The claims that a change touches are found through an index, whatever the number of claims."""

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from api.rescreening.jobs import job_to_find, jobs_to_screen, see
from api.rescreening.touched import touched_claims
from claims.rescreening import ChangeKind

CLAIMS = 20_000
LINES_OF_CLAIMS = 2 * CLAIMS
FILL = (
    """
    INSERT INTO claims (claim_id, received_at, service_from, service_to, member_id, provider_id, procedure_code,
                        diagnosis_code, amount_cents, status, source)
    SELECT 'c' || n, now() - n * interval '1 minute', '2026-01-01', '2026-01-01', 'M' || n %% 2000, 'H' || n %% 500,
           'P' || n %% 2000, 'D1', 100, 'approved', 'api' FROM generate_series(1, %(claims)s) AS n
    """,
    """
    INSERT INTO claim_lines (claim_id, line, procedure_code, units, amount_cents)
    SELECT 'c' || n, line, 'P' || (n + line) %% 2000, 1, 50
    FROM generate_series(1, %(claims)s) AS n, generate_series(1, 2) AS line
    """,
    "INSERT INTO plans (plan_id) VALUES ('PL0'), ('PL1')",
    "INSERT INTO members (member_id, plan_id) SELECT 'M' || n, 'PL' || (n < 3)::int FROM generate_series(0, 1999) AS n",
    "INSERT INTO providers (provider_id, npi) SELECT 'H' || n, 'N' || n FROM generate_series(0, 499) AS n",
    """
    INSERT INTO code_table_imports (kind, release, valid_from, source, sha256, entries, known_from, imported_by)
    SELECT kind, 'r1', '0001-01-01', 'a test', kind, 2, now(), 'ann'
    FROM unnest(ARRAY['leie', 'mue', 'ptp', 'fees', 'contracts', 'hcpcs']) AS kind
    """,
    """
    INSERT INTO code_table_entries (import_id, code, other, place, number)
    SELECT import_id, CASE kind WHEN 'leie' THEN 'N7' ELSE 'P7' END,
           CASE kind WHEN 'ptp' THEN 'P8' WHEN 'contracts' THEN 'H7' ELSE '' END, 0, 1 FROM code_table_imports
    """,
    """
    INSERT INTO rescreening_jobs (kind, recorded_at, not_before)
    SELECT kind, now(), now() FROM unnest(ARRAY['member', 'provider', 'procedure', 'plan']) AS kind
    """,
    """
    INSERT INTO rescreening_subjects
    SELECT job_id, CASE kind WHEN 'member' THEN 'M7' WHEN 'provider' THEN 'H7' WHEN 'plan' THEN 'PL1' ELSE 'P7' END
    FROM rescreening_jobs
    """,
)
FOUND = {
    # claims of a member 10, a provider 40, a principal procedure 10, a code on any of two lines 20
    ChangeKind.LEIE: 40,
    ChangeKind.PROVIDER: 40,
    ChangeKind.MEMBER: 10,
    ChangeKind.PLAN: 30,
    ChangeKind.MUE: 30,
    ChangeKind.FEES: 30,
    ChangeKind.PROCEDURE: 30,
    ChangeKind.HCPCS: 30,
    ChangeKind.PTP: 10,
    ChangeKind.CONTRACTS: 10,
}


@pytest.fixture(scope="module")
def filled(new_database, database_template):
    with new_database(database_template) as url:
        with psycopg.connect(url) as connection:
            for statement in FILL:
                connection.execute(statement, {"claims": CLAIMS})
            connection.execute("ANALYZE")
        yield url


@pytest.mark.parametrize("kind", FOUND)
def test_claims_are_found_through_an_index(filled, kind):
    params = {"since": datetime(2025, 1, 1, tzinfo=UTC), "valid_from": date(1, 1, 1), "compared_with": None}
    with psycopg.connect(filled) as connection:
        for name, statement in (
            ("import_id", "SELECT import_id FROM code_table_imports WHERE kind = %s"),
            ("job_id", "SELECT job_id FROM rescreening_jobs WHERE kind = %s"),
        ):
            row = connection.execute(statement, [kind.value]).fetchone()
            params[name] = row[0] if row else 0
        if kind is ChangeKind.HCPCS:
            params["compared_with"] = params["import_id"] + 1_000
        found = connection.execute(touched_claims(kind), params).fetchall()
        plan = "\n".join(line for (line,) in connection.execute("EXPLAIN " + touched_claims(kind), params))
    assert len(found) == FOUND[kind]
    if kind is not ChangeKind.PLAN:  # a plan may have any share of the members
        assert "Seq Scan on claim_lines" not in plan, plan
        assert "Seq Scan on claims" not in plan, plan


RELEASE = """
    INSERT INTO code_table_imports (kind, release, valid_from, source, sha256, entries, known_from, imported_by)
    VALUES (%(kind)s, 'r2', '0001-01-01', 'a test', 'r2', 8000, now(), 'ann') RETURNING import_id
"""
ENTRIES = {
    # 8,000 each: 16 codes of each of 500 providers; 400 pairs of each of 20 codes
    ChangeKind.CONTRACTS: """
        INSERT INTO code_table_entries (import_id, code, other, place, number)
        SELECT %(import_id)s, 'P' || code, 'H' || provider, 0, 1
        FROM generate_series(0, 499) AS provider, generate_series(0, 15) AS code
    """,
    ChangeKind.PTP: """
        INSERT INTO code_table_entries (import_id, code, other, place, indicator)
        SELECT %(import_id)s, 'P' || code, 'P' || other, 0, '0'
        FROM generate_series(0, 19) AS code, generate_series(20, 419) AS other
    """,
}


def handled(node: dict) -> int:
    """The rows of the step of a plan that handled most."""
    rows = sum(node.get(name, 0) for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter"))
    return max([round(rows * node["Actual Loops"]), *map(handled, node.get("Plans", []))])


@pytest.mark.parametrize("kind", ENTRIES)
def test_a_large_release_handles_each_claim_once_and_not_once_for_each_entry(filled, kind):
    with psycopg.connect(filled) as connection:
        row = connection.execute(RELEASE, {"kind": kind.value}).fetchone()
        assert row is not None
        params = {
            "import_id": row[0],
            "compared_with": None,
            "valid_from": date(1, 1, 1),
            "since": datetime(2025, 1, 1, tzinfo=UTC),
        }
        connection.execute(ENTRIES[kind], params)
        connection.execute("ANALYZE code_table_entries")
        explained = "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + touched_claims(kind)
        plan = connection.execute(explained, params).fetchone()
        assert plan is not None
        assert handled(plan[0][0]["Plan"]) < 2 * LINES_OF_CLAIMS, plan
        connection.rollback()


def test_every_kind_of_change_has_a_statement():
    assert [touched_claims(kind) for kind in ChangeKind]


NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
QUEUE = {
    # what is looked for, and the state of all jobs that wait
    "unseen, of jobs that were seen": (see(NOVEMBER, timedelta(0)), "found_at = NULL"),
    "to find, of jobs to compare": (job_to_find(NOVEMBER), "found_at = now()"),
    "to find, of jobs to find": (job_to_find(NOVEMBER), "found_at = NULL"),
    "to compare, of jobs to find": (jobs_to_screen(NOVEMBER), "found_at = NULL"),
    "to compare, of jobs to compare": (jobs_to_screen(NOVEMBER), "found_at = now()"),
}


@pytest.mark.parametrize("is_analyzed", [True, False])
@pytest.mark.parametrize("name", QUEUE)
def test_the_next_job_is_found_without_reading_the_others_that_wait(filled, name, is_analyzed):
    query, state = QUEUE[name]
    with psycopg.connect(filled) as connection:
        connection.execute(
            """
            INSERT INTO rescreening_jobs (kind, recorded_at, not_before)
            SELECT 'leie', now(), '2026-01-01' FROM generate_series(1, 20000)
            """
        )
        connection.execute(f"UPDATE rescreening_jobs SET seen_at = now(), {state}")
        if is_analyzed:
            connection.execute("ANALYZE rescreening_jobs")
        explained = "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + query.statement.sql
        plan = connection.execute(explained, query.params).fetchone()
        assert plan is not None
        assert handled(plan[0][0]["Plan"]) < 100, plan
        connection.rollback()
