"""The console's page of tasks that failed: for operators only."""

import psycopg
import pytest

from api.identity import create_key
from tests.api.console.setting import HOSTILE
from tests.api.console.test_pages import Setting, console

__all__ = ["console"]

REPLAY = "/console/tasks/tsk_1/replay"


async def failed_task(console: Setting, error: str, *, age: str = "1 h", kind: str = "decide_claim") -> None:
    with psycopg.connect(console.url) as connection:
        connection.execute(
            "INSERT INTO tasks (task_id, kind, queue, state, payload, attempts, max_attempts, created_at, due_at,"
            " ended_at, error) VALUES ('tsk_1', %s, 'claims', 'failed', '{}', 10, 10,"
            " now() - %s::interval, now(), now(), %s)",
            [kind, age, error],
        )


async def test_an_operator_replays_a_failed_task(console: Setting) -> None:
    _, admin = await create_key(console.database, name="Olu", role="admin")
    await console.sign_in(admin)
    assert "No task waits for an operator" in (await console.client.get("/console/tasks")).text
    await failed_task(console, HOSTILE)
    page = (await console.client.get("/console/tasks")).text
    assert "tsk_1" in page
    assert "decide claim" in page
    assert "<script>document" not in page
    assert (await console.client.post(REPLAY, data={})).status_code == 303
    assert "No task waits for an operator" in (await console.client.get("/console/tasks")).text
    with psycopg.connect(console.url) as connection:
        assert connection.execute("SELECT state, attempts FROM tasks").fetchall() == [("queued", 0)]
        recorded = connection.execute("SELECT name, act, details ->> 'task_id' FROM audit_log").fetchall()
    assert recorded == [("Olu", "task.replay", "tsk_1")]
    again = await console.client.post(REPLAY, data={})
    assert (again.status_code, "the task is queued" in again.text) == (409, True)


@pytest.mark.parametrize("task_id", ["tsk_2", "%00", "%F0%9F%98%80", "x" * 2_000])
async def test_a_task_that_there_is_not_is_said_to_be_missing(console: Setting, task_id: str) -> None:
    _, admin = await create_key(console.database, name="Olu", role="admin")
    await console.sign_in(admin)
    missing = await console.client.post(f"/console/tasks/{task_id}/replay", data={})
    assert missing.status_code == 404


async def test_a_report_that_is_too_old_is_not_replayed(console: Setting) -> None:
    _, admin = await create_key(console.database, name="Olu", role="admin")
    await console.sign_in(admin)
    await failed_task(console, "odd", age="6 days 1 s", kind="make_daily_report")
    refused = await console.client.post(REPLAY, data={})
    assert (refused.status_code, "six days" in refused.text) == (409, True)


async def test_an_investigator_sees_no_tasks(console: Setting) -> None:
    await console.sign_in()
    await failed_task(console, "odd")
    assert (await console.client.get("/console/tasks")).status_code == 403
    assert (await console.client.post(REPLAY, data={})).status_code == 403
    assert "/console/tasks" not in (await console.client.get("/console")).text


async def test_without_a_session_the_page_asks_to_sign_in(console: Setting) -> None:
    for response in (await console.client.get("/console/tasks"), await console.client.post(REPLAY, data={})):
        assert response.status_code == 303
        assert response.headers["location"].startswith("/console/sign-in?next=/console/tasks")
