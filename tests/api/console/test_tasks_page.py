"""The console's page of tasks that failed: for operators only."""

import psycopg
import pytest

from api.identity import create_key
from api.tasks.service import MAX_REASON
from tests.api.console.setting import HOSTILE
from tests.api.console.test_pages import Setting, console

__all__ = ["console"]

TASK = "/console/tasks/tsk_1"
REPLAY = {"action": "replay"}
DISCARD = {"action": "discard", "reason": "its sender sent it again", "confirmed": "yes"}


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
    assert (await console.client.post(TASK, data=REPLAY)).status_code == 303
    assert "No task waits for an operator" in (await console.client.get("/console/tasks")).text
    with psycopg.connect(console.url) as connection:
        assert connection.execute("SELECT state, attempts FROM tasks").fetchall() == [("queued", 0)]
        recorded = connection.execute(
            "SELECT name, act, details ->> 'task_id' FROM audit_log WHERE act = 'task.replay'"
        ).fetchall()
    assert recorded == [("Olu", "task.replay", "tsk_1")]
    again = await console.client.post(TASK, data=REPLAY)
    assert (again.status_code, "the task is queued" in again.text) == (409, True)


async def test_an_operator_discards_a_failed_task_with_a_reason_and_a_confirmation(console: Setting) -> None:
    _, admin = await create_key(console.database, name="Olu", role="admin")
    await console.sign_in(admin)
    await failed_task(console, "odd")
    for change, problem in (
        ({"reason": " "}, "must be 1 to 500 characters"),
        ({"reason": "x" * (MAX_REASON + 1)}, "must be 1 to 500 characters"),
        ({"reason": "two\nlines"}, "on one line"),
        ({"confirmed": ""}, "is never decided"),
        ({"action": "delete"}, "must be replay or discard"),
    ):
        refused = await console.client.post(TASK, data=DISCARD | change)
        assert (refused.status_code, problem in refused.text) == (422, True)
        assert "tsk_1" in refused.text
    longest = {"reason": "x" * MAX_REASON}
    assert (await console.client.post(TASK, data=DISCARD | longest)).status_code == 303
    assert "No task waits for an operator" in (await console.client.get("/console/tasks")).text
    with psycopg.connect(console.url) as connection:
        assert connection.execute("SELECT state, payload FROM tasks").fetchall() == [("failed", None)]
        recorded = connection.execute(
            "SELECT name, act, details ->> 'reason' FROM audit_log WHERE act <> 'sign_in'"
        ).fetchall()
    assert recorded == [("Olu", "task.discard", "x" * MAX_REASON)]
    again = await console.client.post(TASK, data=DISCARD)
    assert (again.status_code, "discarded already" in again.text) == (409, True)


@pytest.mark.parametrize("task_id", ["tsk_2", "%00", "%F0%9F%98%80", "x" * 2_000])
async def test_a_task_that_there_is_not_is_said_to_be_missing(console: Setting, task_id: str) -> None:
    _, admin = await create_key(console.database, name="Olu", role="admin")
    await console.sign_in(admin)
    missing = await console.client.post(f"/console/tasks/{task_id}", data=REPLAY)
    assert missing.status_code == 404


async def test_a_report_that_is_too_old_is_not_replayed(console: Setting) -> None:
    _, admin = await create_key(console.database, name="Olu", role="admin")
    await console.sign_in(admin)
    await failed_task(console, "odd", age="6 days 1 s", kind="make_daily_report")
    refused = await console.client.post(TASK, data=REPLAY)
    assert (refused.status_code, "six days" in refused.text) == (409, True)


async def test_an_investigator_sees_no_tasks(console: Setting) -> None:
    await console.sign_in()
    await failed_task(console, "odd")
    assert (await console.client.get("/console/tasks")).status_code == 403
    for form in (REPLAY, DISCARD):
        assert (await console.client.post(TASK, data=form)).status_code == 403
    assert "/console/tasks" not in (await console.client.get("/console")).text


async def test_without_a_session_the_page_asks_to_sign_in(console: Setting) -> None:
    for response in (await console.client.get("/console/tasks"), await console.client.post(TASK, data=REPLAY)):
        assert response.status_code == 303
        assert response.headers["location"].startswith("/console/sign-in?next=/console/tasks")
