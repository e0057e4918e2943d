"""The console's page of events that could not be handled: for operators only."""

import psycopg

from api.identity import create_key
from tests.api.console.setting import HOSTILE, NOON
from tests.api.console.test_pages import Setting, console

__all__ = ["console"]


async def dead_letter(console: Setting, error: str) -> None:
    with psycopg.connect(console.url) as connection:
        connection.execute(
            "INSERT INTO dead_letters (position, consumer, topic, entity_key, payload, created_at, attempts, error,"
            " failed_at) VALUES (7, 'rescoring', 'claim.rescore', 'clm_1', '{}', %s, 8, %s, %s)",
            [NOON, error, NOON],
        )


async def test_an_operator_replays_and_discards_dead_letters(console: Setting) -> None:
    _, admin = await create_key(console.database, name="Olu", role="admin")
    await console.sign_in(admin)
    await dead_letter(console, HOSTILE)
    page = (await console.client.get("/console/dead-letters")).text
    assert "clm_1" in page
    assert "<script>document" not in page
    empty = await console.client.post("/console/dead-letters/7", data={"action": "discard", "reason": " "})
    assert empty.status_code == 422
    assert "why the event needs no handling" in empty.text
    assert (await console.client.post("/console/dead-letters/7", data={"action": "replay"})).status_code == 303
    assert "No event waits for an operator" in (await console.client.get("/console/dead-letters")).text
    with psycopg.connect(console.url) as connection:
        resolved = connection.execute("SELECT resolution, resolved_by FROM dead_letters").fetchall()
        assert resolved == [("replayed", "Olu")]
        assert connection.execute("SELECT topic FROM outbox").fetchall() == [("claim.rescore",)]
    again = await console.client.post("/console/dead-letters/7", data={"action": "replay"})
    assert again.status_code == 409


async def test_an_investigator_sees_no_dead_letters(console: Setting) -> None:
    await console.sign_in()
    await dead_letter(console, "odd")
    assert (await console.client.get("/console/dead-letters")).status_code == 403
    assert (await console.client.post("/console/dead-letters/7", data={"action": "replay"})).status_code == 403
    assert "/console/dead-letters" not in (await console.client.get("/console")).text
