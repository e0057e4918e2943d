"""The worker delivers, and the queue is read by its indexes however much was sent before."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from api.webhooks import queue
from core import clock
from tests.api.makers import ENCRYPTION_KEY, MINIMAL, running_api
from tests.api.test_rescoring import start_worker
from tests.api.webhooks import receiving, registered, sender, tried


async def test_a_running_worker_delivers_what_happens_to_claims(
    seeded_url: str, valkey_url: str, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GINJA_ENCRYPTION_KEYS", ENCRYPTION_KEY)
    monkeypatch.setenv("GINJA_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
    async with running_api(seeded_url) as api, receiving() as receiver:
        arrived = asyncio.Event()

        async def accepts(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 204 X\r\n\r\n")
            await writer.drain()
            arrived.set()

        receiver.behaviour = accepts
        endpoint = await registered(api, receiver.url)
        worker = start_worker(seeded_url, valkey_url, api.scorer.port, str(tmp_path))
        try:
            claim = (await api.submit(MINIMAL)).json()
            await arrived.wait()
        finally:
            worker.terminate()
            assert await asyncio.to_thread(worker.wait) == 0
        assert receiver.received[0].verified(endpoint["secret"])["data"]["claim_id"] == claim["claim_id"]
        assert api.rows("SELECT status FROM webhook_deliveries") == [("delivered",)]


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for inner in plan.get("Plans", ()) for node in nodes(inner))]


_FILL = """
INSERT INTO webhook_endpoints (endpoint_id, url, events, api_version, status, created_at, updated_at)
SELECT 'hook_' || n, 'https://127.0.0.1/' || n, '{}', '2026-11-27', 'active', now(), now()
FROM generate_series(1, 20) n;
INSERT INTO webhook_deliveries (delivery_id, endpoint_id, event_id, event_type, body, created_at, status, due_at)
SELECT 'dlv_' || n, 'hook_' || 1 + n % 20, 'evt_' || n, 'claim.decided', '{}', now(),
       CASE WHEN n % 1000 = 0 THEN 'pending' WHEN n % 1000 = 20 THEN 'failed' ELSE 'delivered' END,
       CASE WHEN n % 1000 = 0 THEN now() END
FROM generate_series(1, 40000) n;
ANALYZE webhook_endpoints; ANALYZE webhook_deliveries;
"""


async def test_finished_deliveries_are_not_read_to_find_due_ones(seeded_url: str, monkeypatch: pytest.MonkeyPatch):
    async with running_api(seeded_url) as api:
        api.execute(_FILL)
        sent: list[tuple[str, Any]] = []
        original = psycopg.AsyncCursor.execute

        async def noted(cursor, statement, params=None, **options):
            sent.append((str(statement), params))
            return await original(cursor, statement, params, **options)

        monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
        async with api.database.reading() as connection:
            await queue.deliveries(connection, "hook_1", status=None, after=None, limit=50)
            await queue.deliveries(connection, "hook_1", status="failed", after=None, limit=50)
            await queue.has_failed(connection, "hook_1", clock.now() - timedelta(days=1))
            await queue.lease(connection, clock.now() + timedelta(minutes=1), limit=16, in_flight={"hook_2": 3})
        async with api.database.transaction() as connection:
            await queue.fail_of_disabled(connection, clock.now(), limit=1_000)
            await queue.remove_of_deleted(connection, limit=1_000)
            await queue.replay_failed(connection, "hook_1", clock.now() - timedelta(days=1), clock.now(), limit=10)
            await queue.oldest_due(connection)
            await queue.pending(connection)
        statements = [one for one in sent if "webhook_deliveries" in one[0]]
        assert len(statements) == 10
        with psycopg.connect(api.url) as plain:
            for statement, params in statements:
                ((plan,),) = plain.execute(f"EXPLAIN (FORMAT json) {statement}", params).fetchall()
                parts = nodes(plan[0]["Plan"])
                scanned = [one["Relation Name"] for one in parts if one["Node Type"] == "Seq Scan"]
                assert "webhook_deliveries" not in scanned, statement
                if "failed" in params.values() and not statement.startswith("UPDATE webhook_deliveries SET status"):
                    assert "webhook_deliveries_failed_idx" in [one.get("Index Name") for one in parts], statement
            plain.rollback()


async def test_a_worker_does_not_pause_while_an_endpoint_has_more_due_than_it_gets_at_a_time(seeded_url: str):
    async with running_api(seeded_url) as api, receiving() as receiver:
        endpoint = await registered(api, receiver.url)
        for _ in range(3 * queue.PER_ENDPOINT):
            await tried(api, endpoint)
        sending = sender(api)
        while len(receiver.received) < 3 * queue.PER_ENDPOINT:
            assert await sending.step()  # a false result is followed by a pause
        await sending.idle()
        assert api.rows("SELECT status, count(*) FROM webhook_deliveries GROUP BY 1") == [("delivered", 12)]
