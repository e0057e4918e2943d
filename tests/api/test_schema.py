import warnings

import psycopg
import pytest
from alembic import command
from psycopg.errors import CheckViolation, InsufficientPrivilege, RestrictViolation
from sqlalchemy.exc import SAWarning

from api.migrate import alembic_config, upgrade
from features.declare import CLAIMS
from tests.api.makers import Api


def test_the_migrations_create_the_declared_tables(database_url):
    with warnings.catch_warnings():
        warnings.simplefilter("error", SAWarning)
        command.check(alembic_config(database_url))


def test_each_constraint_is_validated_against_the_rows_there_are(database_url):
    with psycopg.connect(database_url) as connection:
        unread = connection.execute("SELECT conrelid::regclass, conname FROM pg_constraint WHERE NOT convalidated")
        assert unread.fetchall() == []


def test_rows_from_before_a_constraint_stay_and_the_upgrade_reads_them(empty_database_url):
    command.upgrade(alembic_config(empty_database_url), "0080")
    insert = (
        "INSERT INTO mails (mail_id, recipient, subject, body, status, due_at, created_at) "
        "VALUES (%s, 'r', 's', 'b', 'pending', now(), now())"
    )
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(insert, ["dig_1"])
    upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT mail_id, subject FROM mails").fetchall() == [("dig_1", "s")]
        with pytest.raises(CheckViolation):
            connection.execute("UPDATE mails SET subject_sealed = 'x'")


def test_the_schema_goes_down_and_up_again_and_upgrading_twice_is_harmless(empty_database_url):
    upgrade(empty_database_url)
    command.downgrade(alembic_config(empty_database_url), "base")
    upgrade(empty_database_url)
    upgrade(empty_database_url)
    command.check(alembic_config(empty_database_url))


def test_claims_in_review_before_the_migration_reserve_the_remaining_benefit(empty_database_url):
    command.upgrade(alembic_config(empty_database_url), "0003")
    rows = [
        # claim, member, day, amount, limit, status, approved
        ("paid", "M1", "2026-01-05", 60_00, 100_00, "approved", 60_00),
        ("void", "M1", "2026-01-06", 60_00, 100_00, "voided", 0),
        ("first", "M1", "2026-01-07", 30_00, 100_00, "in_review", 0),
        ("second", "M1", "2026-01-08", 30_00, 100_00, "in_review", 0),
        ("third", "M1", "2026-01-09", 30_00, 100_00, "in_review", 0),
        ("other year", "M1", "2025-12-31", 30_00, 100_00, "in_review", 0),
        ("other member", "M2", "2026-01-07", 30_00, 100_00, "in_review", 0),
        ("no limit", "M1", "2026-01-10", 30_00, None, "in_review", 0),
        ("no member", None, "2026-01-07", 30_00, 20_00, "in_review", 0),
    ]
    with psycopg.connect(empty_database_url) as connection:
        connection.cursor().executemany(
            "INSERT INTO claims (claim_id, member_id, received_at, service_from, service_to, amount_cents,"
            " benefit_limit_cents, status, approved_cents, voided_at, source) VALUES (%(id)s, %(member)s,"
            " %(day)s::date, %(day)s::date, %(day)s::date, %(amount)s, %(limit)s, %(status)s::text, %(approved)s,"
            " CASE WHEN %(status)s::text = 'voided' THEN now() END, 'api')",
            [
                dict(zip(("id", "member", "day", "amount", "limit", "status", "approved"), row, strict=True))
                for row in rows
            ],
        )
    upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        reserved = dict(connection.execute("SELECT claim_id, reserved_cents FROM claims").fetchall())
    assert reserved == {
        "paid": 0,
        "void": 0,
        "first": 30_00,
        "second": 10_00,
        "third": 0,
        "other year": 30_00,
        "other member": 30_00,
        "no limit": 30_00,
        "no member": 20_00,
    }


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
    with psycopg.connect(api.url) as connection, pytest.raises((RestrictViolation, InsufficientPrivilege)):
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
def test_each_query_of_past_claims_uses_its_index(database_url, columns):
    with psycopg.connect(database_url) as connection:
        made = connection.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'claims'").fetchall()
    assert any(f"({columns}" in definition for (definition,) in made)


def test_lines_that_are_there_get_the_time_of_their_message_and_the_schema_goes_down_with_them(empty_database_url):
    command.upgrade(alembic_config(empty_database_url), "0036")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            "INSERT INTO mails (mail_id, recipient, subject, body, created_at, status, finished_at) "
            "VALUES ('dig_1', 'a@x.example', 's', 'b', '2026-03-02', 'sent', now())"
        )
        connection.execute(
            "INSERT INTO notifications (recipient, event_id, event, text, occurred_at, mail_id) VALUES "
            "('a@x.example', 'e1', 'work.failed', 't', '2020-01-01', 'dig_1'), "
            "('a@x.example', 'e2', 'work.failed', 't', '2020-01-01', NULL)"
        )
    upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        kept = "SELECT event_id, created_at >= '2026-03-02', created_at = '2026-03-02' FROM notifications ORDER BY 1"
        assert connection.execute(kept).fetchall() == [("e1", True, True), ("e2", True, False)]
    command.downgrade(alembic_config(empty_database_url), "0036")
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM notifications").fetchall() == [(2,)]


def test_the_release_before_adds_lines_after_the_migration_until_it_is_restarted(database_url):
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO notifications (recipient, event_id, event, text, occurred_at) "
            "VALUES ('a@x.example', 'e1', 'work.failed', 't', '2020-01-01')"
        )
        assert connection.execute("SELECT created_at = now() FROM notifications").fetchall() == [(True,)]
