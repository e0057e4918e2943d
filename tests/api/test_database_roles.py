"""The role under which requests are answered: it owns nothing, and cannot become what does."""

import psycopg
import pytest
from psycopg import errors

from api.migrate import MissingRoleError, plain_url, upgrade
from cli.errors import failure_of
from core import postgres
from core.servers import database_url as of_database
from core.servers import postgres_api_url
from core.settings import Settings
from tests.api.makers import MINIMAL, Api, running_api

APPEND_ONLY = ("audit_log", "audit_seals")


@pytest.fixture
def api_url(server_settings: Settings, seeded_url: str) -> str:
    """The test's database for the role of requests, which signs in with its own password."""
    if server_settings.database_url is not None:
        pytest.skip("the password of the role is that of the embedded server")
    name = seeded_url.rpartition("/")[2].partition("?")[0]
    return of_database(postgres_api_url(server_settings), name)


def test_the_role_of_requests_has_no_rights_of_its_own(api_url: str):
    with psycopg.connect(api_url) as connection:
        rights = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles "
            "WHERE rolname = current_user"
        ).fetchone()
        owned = connection.execute(
            "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid = (SELECT oid FROM pg_roles "
            "WHERE rolname = current_user)"
        ).fetchone()
        member_of = connection.execute(
            "SELECT count(*) FROM pg_auth_members WHERE member = (SELECT oid FROM pg_roles "
            "WHERE rolname = current_user)"
        ).fetchone()
    assert (rights, owned, member_of) == ((False,) * 5, (0,), (0,))


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE ginja",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION ginja",
        "SELECT set_config('role', 'ginja', false)",
        "ALTER TABLE claims DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE claims OWNER TO ginja_api",
        "DROP TABLE claims",
        "TRUNCATE claims",
        "CREATE TABLE copied AS SELECT * FROM claims",
        "ALTER ROLE ginja_api BYPASSRLS",
        "GRANT ginja TO ginja_api",
        "UPDATE alembic_version SET version_num = '0001'",
        "COPY claims TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_the_role_of_requests_cannot_become_another_or_change_the_schema(api_url: str, statement: str):
    with psycopg.connect(api_url, autocommit=True) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement)


def test_an_upgrade_leaves_temporary_tables_to_the_owner_of_the_database(api_url: str, seeded_url: str):
    """A copy of a database has the rights of a new one, in which every role may create temporary tables."""
    create = "CREATE TEMPORARY TABLE copied (claim_id text)"
    upgrade(seeded_url)
    with psycopg.connect(api_url, autocommit=True) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(create)
    with psycopg.connect(plain_url(seeded_url), autocommit=True) as owner:
        owner.execute(create)


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {column} = {column}", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_audit_log_is_append_only_for_the_role_of_requests(api_url: str, table: str, statement: str):
    column = {"audit_log": "act", "audit_seals": "rows"}[table]
    with psycopg.connect(api_url, autocommit=True) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.format(table, column=column))


async def test_requests_are_answered_under_the_role(api: Api):
    """A row of a claim says nothing about who stored it; the session does."""
    assert (await api.submit(MINIMAL)).status_code == 201
    async with api.database.reading() as connection:
        (role,) = (await connection.exec_driver_sql("SELECT current_user")).one()
    assert role == postgres.api_role(api.rows("SELECT current_user")[0][0])


async def test_claims_are_decided_by_a_role_that_signed_in_by_itself(api_url: str, seeded_url: str):
    async with running_api(seeded_url, requests=api_url) as api:
        answer = await api.submit(MINIMAL)
        assert answer.status_code == 201, answer.text
        assert (await api.get(f"/v1/claims/{answer.json()['claim_id']}")).status_code == 200


def test_a_table_of_a_later_revision_has_the_same_rights(seeded_url: str):
    with psycopg.connect(seeded_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE later (one bigint GENERATED ALWAYS AS IDENTITY, two bigserial)")
    with psycopg.connect(postgres.as_api_role(seeded_url)) as connection:
        connection.execute("INSERT INTO later DEFAULT VALUES")
        assert connection.execute("SELECT one, two FROM later").fetchall() == [(1, 1)]


@pytest.fixture
def plain_owner(server_settings: Settings, postgres_server: str, empty_database_url: str):
    """URL of a database whose owner may create no role."""
    if server_settings.database_url is not None:
        pytest.skip("creates a role, as the superuser of the embedded server")
    name = empty_database_url.rpartition("/")[2].partition("?")[0]
    with psycopg.connect(postgres.superuser_url(server_settings.home), autocommit=True) as connection:
        connection.execute("CREATE ROLE plain_owner LOGIN PASSWORD 'secret'")
        connection.execute(f'ALTER DATABASE "{name}" OWNER TO plain_owner')
        connection.execute("GRANT plain_owner TO ginja")
        yield (
            empty_database_url.replace(
                empty_database_url[len("postgresql://") :].partition("@")[0], "plain_owner:secret"
            ),
            connection,
        )
        connection.execute(f'ALTER DATABASE "{name}" OWNER TO ginja')
    with psycopg.connect(
        of_database(postgres.superuser_url(server_settings.home), name), autocommit=True
    ) as connection:
        connection.execute("DROP OWNED BY plain_owner CASCADE")
        connection.execute("DROP OWNED BY plain_owner_api CASCADE")
        connection.execute("DROP ROLE plain_owner, plain_owner_api")


def test_without_the_role_an_upgrade_says_what_to_run(plain_owner):
    url, superuser = plain_owner
    with pytest.raises(MissingRoleError) as refused:
        upgrade(url)
    failure = failure_of(refused.value)
    assert failure is not None
    assert failure.exit_code == 2
    assert "CREATE ROLE plain_owner_api LOGIN" in failure.message
    superuser.execute("CREATE ROLE plain_owner_api LOGIN PASSWORD 'secret'")
    superuser.execute("GRANT plain_owner_api TO plain_owner")
    upgrade(url)
    with psycopg.connect(postgres.as_api_role(url)) as connection:
        assert connection.execute("SELECT count(*) FROM claims").fetchall() == [(0,)]
        assert connection.execute("SELECT current_user").fetchall() == [("plain_owner_api",)]


def test_an_owner_that_may_create_roles_creates_it(plain_owner):
    url, superuser = plain_owner
    superuser.execute("ALTER ROLE plain_owner CREATEROLE")
    upgrade(url)
    with psycopg.connect(postgres.as_api_role(url)) as connection:
        assert connection.execute("SELECT current_user").fetchall() == [("plain_owner_api",)]
