"""What is done or expired costs nothing: reads go by partial indexes, also before the first ANALYZE."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from api.errors import Unauthorized
from api.housekeeping import every_day
from api.identity import Authenticator, create_key
from api.identity import repository as keys
from api.retention import declared_days
from api.scoring.pending import pending_claims
from features.update import events
from tests.api.makers import Api

DONE = 40_000
TODAY = date(2026, 3, 2)


@pytest.fixture
def grown(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A database with very many events that are done, and no statistics."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in ("outbox", "claims"):
            connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        connection.execute(
            "INSERT INTO outbox (topic, entity_key, payload, created_at, done_at) "
            "SELECT (ARRAY['claim.received', 'claim.rescore'])[1 + n %% 2], 'clm', '{}', now(), now() "
            "FROM generate_series(1, %s) AS n",
            [DONE],
        )
        yield connection


def indexes(plan: Any) -> set[str]:
    """Names of the indexes that a plan uses on the outbox; `Seq Scan` for the whole table."""
    node = plan.get("Plan", plan)
    found = set()
    if node.get("Relation Name") == "outbox":
        found.add(node.get("Index Name", node["Node Type"]))
    elif node["Node Type"] == "Bitmap Index Scan":
        found.add(node["Index Name"])
    for child in node.get("Plans", ()):
        found |= indexes(child)
    return found - {"Bitmap Heap Scan"}


def plan_of(connection: psycopg.Connection[Any], sql: str, params: Any) -> set[str]:
    row = connection.execute(f"EXPLAIN (FORMAT json) {sql}", params).fetchone()
    assert row is not None
    return indexes(row[0][0])


def test_open_events_are_found_by_a_partial_index_without_statistics(grown: psycopg.Connection[Any]) -> None:
    params = {"topics": events.TOPICS, "until": 2**60, "limit": 500, "now": datetime.now(UTC)}
    assert plan_of(grown, events._OPEN, params) <= {"outbox_open_position_idx", "outbox_open_idx"}
    assert plan_of(grown, events._OPEN_POSITIONS, params) <= {"outbox_open_position_idx", "outbox_open_idx"}


def test_pending_claims_are_found_by_a_partial_index_without_statistics(grown: psycopg.Connection[Any]) -> None:

    query = pending_claims(datetime.now(UTC))
    params = {**query.statement.fixed, **query.params}
    assert plan_of(grown, query.statement.sql, params) <= {"outbox_open_position_idx", "outbox_open_idx"}


def test_flagged_claims_are_read_from_an_index_in_order(grown: psycopg.Connection[Any]) -> None:
    for name in ("seqscan", "bitmapscan", "sort"):  # the table is empty: any plan is quick
        grown.execute(f"SET enable_{name} = off")
    sql = "SELECT claim_id FROM assessments WHERE flagged ORDER BY made_at DESC LIMIT 50"
    row = grown.execute(f"EXPLAIN (FORMAT json) {sql}").fetchone()
    assert row is not None
    assert "assessments_flagged_idx" in str(row[0])
    assert "'Sort'" not in str(row[0])


async def test_expired_sessions_of_the_console_are_deleted(api: Api) -> None:
    end = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) - timedelta(days=declared_days("console_sessions"))
    with psycopg.connect(api.url) as connection:
        ((key_id,),) = connection.execute("SELECT min(api_key_id) FROM api_keys").fetchall()
        for number, expires_at in enumerate((end - timedelta(seconds=1), end, end + timedelta(days=30))):
            connection.execute(
                "INSERT INTO console_sessions (token_hash, api_key_id, created_at, expires_at) VALUES (%s, %s, %s, %s)",
                [bytes([number]), key_id, expires_at - timedelta(minutes=30), expires_at],
            )
    every_day(api.url, TODAY)
    assert api.rows("SELECT token_hash FROM console_sessions ORDER BY 1") == [(b"\x01",), (b"\x02",)]


async def test_an_unknown_key_is_looked_up_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    look_up = keys.caller_with

    def counted(secret_hash: bytes, at: datetime) -> Any:
        asked.append(secret_hash)
        return look_up(secret_hash, at)

    monkeypatch.setattr(keys, "caller_with", counted)
    authenticator = Authenticator(api.database)
    for _ in range(5):
        with pytest.raises(Unauthorized, match="unknown, expired or revoked"):
            await authenticator.authenticate("gnj_guessed")
    assert len(asked) == 1
    _, secret = await create_key(api.database, name="new", role="admin")
    assert (await authenticator.authenticate(secret)).name == "new"
