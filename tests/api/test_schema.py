import psycopg
import pytest
from alembic import command
from psycopg.errors import RestrictViolation

from api.migrate import alembic_config, upgrade
from features.frame import CLAIMS
from tests.api.makers import Api


def test_the_migrations_make_what_the_tables_declare(database_url):
    command.check(alembic_config(database_url))


def test_the_schema_goes_down_and_up_again_and_upgrading_twice_is_harmless(empty_database_url):
    upgrade(empty_database_url)
    command.downgrade(alembic_config(empty_database_url), "base")
    upgrade(empty_database_url)
    upgrade(empty_database_url)
    command.check(alembic_config(empty_database_url))


def test_the_view_has_the_columns_of_the_claims_frame_in_their_order(database_url):
    with psycopg.connect(database_url) as connection:
        description = connection.execute("SELECT * FROM claim_facts").description
    assert [column.name for column in description or ()] == CLAIMS.names


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE assessments SET probability = 0",
        "UPDATE assessments SET outcome = 'approved' WHERE false",
        "DELETE FROM assessments",
        "TRUNCATE assessments CASCADE",
    ],
)
async def test_an_assessment_cannot_be_changed(api: Api, change):
    await api.submit()
    with psycopg.connect(api.url) as connection, pytest.raises(RestrictViolation, match="append only"):
        connection.execute(change)
    assert api.rows("SELECT probability FROM assessments") == [(0.1,)]


@pytest.mark.parametrize(
    "columns",
    [
        "received_at, claim_id",
        "member_id, received_at",
        "provider_id, received_at",
        "procedure_code, received_at",
        "member_id, provider_id, received_at",
        "member_id, procedure_code, received_at",
        "provider_id, service_from",
        "member_id, service_from",
    ],
)
def test_each_look_into_the_past_has_its_index(database_url, columns):
    with psycopg.connect(database_url) as connection:
        made = connection.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'claims'").fetchall()
    assert any(f"({columns}" in definition for (definition,) in made)
