"""Each failure of the database is a problem of its own, by SQLSTATE; only a defect is a 500."""

import os

import psycopg
import pytest

from api.database import CommitUnconfirmed, Database, operational
from api.database.failures import SQLSTATES
from api.errors import DATABASE_ERRORS, OutcomeUnknown
from api.health import probe
from core import postgres
from core.settings import Settings
from tests.api.makers import Api, running_api

CAUSES = [
    *(("08000", "unavailable"), ("08006", "unavailable"), ("08P01", "unavailable")),
    *(("0A000", "database-schema"), ("26000", "database-schema"), ("3F000", "database-schema")),
    *(("42P01", "database-schema"), ("42703", "database-schema"), ("42883", "database-schema")),
    *(("25006", "database-read-only"), ("40003", "outcome-unknown")),
    *(("25P03", "statement-timeout"), ("25P04", "statement-timeout"), ("57014", "statement-timeout")),
    *(("28000", "database-misconfigured"), ("28P01", "database-misconfigured"), ("3D000", "database-misconfigured")),
    *(("42501", "database-misconfigured"), ("F0000", "database-misconfigured"), ("F0001", "database-misconfigured")),
    *(("40000", "write-conflict"), ("40001", "write-conflict"), ("40P01", "write-conflict")),
    *(("53000", "database-memory"), ("53200", "database-memory"), ("53400", "database-memory")),
    *(("53100", "database-full"), ("53300", "database-connections"), ("55P03", "lock-timeout")),
    *(("57000", "database-restarting"), ("57P01", "database-restarting"), ("57P02", "database-restarting")),
    *(("57P03", "database-restarting"), ("57P04", "database-restarting"), ("57P05", "database-restarting")),
    *(("58000", "database-fault"), ("58030", "database-fault"), ("58P01", "database-fault")),
    *(("XX000", "database-fault"), ("XX001", "database-fault"), ("XX002", "database-fault")),
    *(("22012", "failed"), ("23514", "failed"), ("42601", "failed"), ("P0001", "failed"), ("21000", "failed")),
]
OPERATIONAL_CLASSES = {"08", "28", "3D", "3F", "40", "53", "57", "58", "F0", "XX"}

_RAISING = """
CREATE TABLE IF NOT EXISTS raised (code text);
CREATE OR REPLACE FUNCTION raise_code() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'for a test' USING ERRCODE = (SELECT code FROM raised); END $$;
CREATE OR REPLACE TRIGGER raising BEFORE INSERT ON claims FOR EACH ROW EXECUTE FUNCTION raise_code()
"""


@pytest.fixture
async def fresh_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readiness is probed at each request."""
    monkeypatch.setattr(probe, "CACHE_S", 0.0)


async def readiness(api: Api) -> tuple[int, str]:
    response = await api.get("/readyz", role="operator")
    return response.status_code, response.json()["database"]


@pytest.mark.parametrize(("code", "kind"), CAUSES)
@pytest.mark.asyncio(loop_scope="module")
async def test_each_cause_has_its_own_problem_and_nothing_is_stored(shared_api: Api, code: str, kind: str):
    shared_api.execute(_RAISING)
    shared_api.execute("DELETE FROM raised")
    shared_api.execute(f"INSERT INTO raised VALUES ('{code}')")
    response = await shared_api.submit()
    status = 500 if kind == "failed" else 503
    assert (response.status_code, response.json()["type"]) == (status, f"/docs/problems#{kind}")
    assert ("retry-after" in response.headers) == (status == 503)
    assert shared_api.count("claims") == 0


def test_every_sqlstate_is_classified_and_no_operational_one_is_a_defect():
    states = {error.sqlstate for error in psycopg.errors._sqlcodes.values()}  # type: ignore[attr-defined]
    assert len(states) > 200
    for code in states:
        kind = operational(psycopg.errors.lookup(code)("for a test"))
        assert (kind is not None) == (code[:2] in OPERATIONAL_CLASSES or code in SQLSTATES), code
        assert kind in (None, OutcomeUnknown, *DATABASE_ERRORS)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("connection refused", "unavailable"),
        ("FATAL:  sorry, too many clients already", "database-connections"),
        (
            "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
            "database-connections",
        ),
        ("FATAL:  the database system is starting up", "database-restarting"),
        ("FATAL:  the database system is in recovery mode", "database-restarting"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "database-misconfigured"),
        ("FATAL:  une erreur", "unavailable"),
    ],
)
def test_a_refused_connection_is_classified_by_its_message(message: str, kind: str):
    found = operational(psycopg.OperationalError(message))
    assert found is not None
    assert found.kind == kind


def test_the_drivers_own_failures_are_classified():
    assert operational(CommitUnconfirmed("lost")) is OutcomeUnknown
    assert operational(psycopg.OperationalError("refused")).kind == "unavailable"  # type: ignore[union-attr]
    assert operational(psycopg.ProgrammingError("misused")) is None
    assert operational(ValueError("not the database's")) is None


async def test_without_a_server_and_with_a_wrong_password_the_cause_is_named(seeded_url: str):
    async with running_api(seeded_url) as api:
        password = seeded_url.partition("ginja:")[2].partition("@")[0]
        for url, kind in (
            (seeded_url.replace(f":{password}@", ":wrong@"), "database-misconfigured"),
            (seeded_url.rpartition("/")[0] + "/no_such_database", "database-misconfigured"),
            ("postgresql://ginja@127.0.0.1:1/ginja", "unavailable"),
        ):
            other = Database(url, pool_size=1)
            api.dependencies.intake._database, before = other, api.database
            response = await api.submit()
            api.dependencies.intake._database = before
            await other.close()
            assert (response.status_code, response.json()["type"]) == (503, f"/docs/problems#{kind}")


async def test_a_read_only_database_is_said_to_be_and_is_not_ready(api: Api, fresh_probe):
    assert await readiness(api) == (200, "ready")
    name = api.url.rpartition("/")[2]
    api.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await api.database.engine.dispose()
    await api.dependencies.probe._database.engine.dispose()
    response = await api.submit()
    assert (response.status_code, response.json()["type"]) == (503, "/docs/problems#database-read-only")
    assert await readiness(api) == (503, "not ready (database-read-only)")


@pytest.mark.skipif("GINJA_DATABASE_URL" in os.environ, reason="a superuser limits the files of a session")
async def test_readiness_writes_to_the_disk_of_the_database(api: Api, fresh_probe, server_settings: Settings):
    name = api.url.rpartition("/")[2]
    with psycopg.connect(postgres.superuser_url(server_settings.home), autocommit=True) as superuser:
        superuser.execute(f"ALTER DATABASE {name} SET temp_file_limit = '8kB'")
    await api.dependencies.probe._database.engine.dispose()
    assert await readiness(api) == (503, "not ready (database-memory)")


async def test_readiness_waits_for_locks_of_the_tables_of_a_claim_no_longer_than_a_claim(seeded_url: str, fresh_probe):
    async with running_api(seeded_url, database_lock_timeout_ms=10) as api:
        with psycopg.connect(seeded_url) as other:
            other.execute("LOCK TABLE outbox")
            assert await readiness(api) == (503, "not ready (lock-timeout)")
        assert await readiness(api) == (200, "ready")


async def test_while_every_claim_fails_readiness_says_why_until_one_succeeds(api: Api, fresh_probe):
    api.execute(_RAISING)
    api.execute("INSERT INTO raised VALUES ('53100')")
    assert await readiness(api) == (200, "ready")
    assert (await api.submit()).json()["type"] == "/docs/problems#database-full"
    assert await readiness(api) == (503, "not ready (database-full)")
    api.execute("DROP TRIGGER raising ON claims")
    assert (await api.submit()).status_code == 201
    assert await readiness(api) == (200, "ready")


async def test_a_claim_that_fails_by_itself_leaves_the_api_ready(api: Api, fresh_probe):
    api.execute(_RAISING)
    for code in ("55P03", "40001", "57014", "22012"):
        api.execute(f"DELETE FROM raised; INSERT INTO raised VALUES ('{code}')")
        assert (await api.submit()).status_code >= 500
        assert await readiness(api) == (200, "ready")


async def test_readiness_is_probed_once_a_second_at_most(api: Api):
    assert await readiness(api) == (200, "ready")
    api.execute("DROP TABLE idempotency_keys")
    assert await readiness(api) == (200, "ready")


async def test_the_console_shows_a_failure_of_the_database_as_a_page(api: Api):
    await api.dependencies.database.engine.dispose()
    api.execute("DROP TABLE console_sessions")
    response = await api.client.get("/console/", headers={"Cookie": "ginja_console=x"})
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert "schema of the database" in response.text
