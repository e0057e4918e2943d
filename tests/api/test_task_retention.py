"""What is kept of tasks that have ended, and for how long."""

import json
from datetime import UTC, datetime, time, timedelta

import pytest

from api.housekeeping import every_day
from api.identity import Caller
from api.tasks import SCHEDULES, Schedule, TaskBeat, retention
from api.tasks.kinds import DECIDE_CLAIM, MAKE_DAILY_REPORT, REMOVE_ENDED
from api.tasks.records import TakenTask
from api.tasks.repository import KEEP_ENDED, KEEP_SCHEDULED, clear_payloads, remove_ended
from core import clock
from tests.api.makers import MINIMAL, Api
from tests.api.tasks import carry_out, queued, services_of

OPERATOR = Caller("key_operator", "operator", None, "an operator")
TAKEN = TakenTask("tsk_1", REMOVE_ENDED, None, b"", clock.now(), 1, 1, "lse_1")


def add_failed(api: Api, task_id: str, created: timedelta, ended: timedelta, *, kind: str = MAKE_DAILY_REPORT) -> None:
    """A failed task that was added and ended before now by as much."""
    api.rows(
        "INSERT INTO tasks (task_id, kind, queue, state, payload, attempts, max_attempts, created_at, due_at, ended_at,"
        " error) VALUES (%s, %s, 'claims', 'failed', '{}', 10, 10, now() - %s, now(), now() - %s, 'E: e')"
        " RETURNING 1",
        task_id,
        kind,
        created,
        ended,
    )


def left(api: Api) -> list[str]:
    return [one for (one,) in api.rows("SELECT task_id FROM tasks ORDER BY task_id")]


async def test_ended_tasks_are_removed_after_six_days(api: Api):
    ids = [await queued(api, MINIMAL | {"claim_amount": 100 + number}) for number in range(3)]
    for one in ids[:2]:
        await carry_out(api, one)
    api.execute(f"UPDATE tasks SET ended_at = now() - interval '6 days 1 s' WHERE task_id = '{ids[0]}'")
    api.execute(f"UPDATE tasks SET ended_at = now() - interval '5 days 23 h' WHERE task_id = '{ids[1]}'")
    added = await TaskBeat(api.database, api.dependencies.field_keys).step()
    assert added == len(SCHEDULES)
    (removal,) = api.rows("SELECT task_id FROM tasks WHERE kind = %s", REMOVE_ENDED)[0]
    assert await carry_out(api, removal)
    left = api.rows("SELECT task_id FROM tasks WHERE kind = ANY(%s)", [DECIDE_CLAIM, REMOVE_ENDED])
    assert sorted(one for (one,) in left) == sorted([*ids[1:], removal])
    assert api.rows("SELECT result ->> 'removed' FROM tasks WHERE kind = %s", REMOVE_ENDED) == [("1",)]


async def test_tasks_are_removed_in_batches_the_oldest_first(api: Api, monkeypatch: pytest.MonkeyPatch):
    for number in range(5):
        ended = KEEP_ENDED + timedelta(hours=5 - number)
        add_failed(api, f"tsk_{number}", ended, ended)
    async with api.database.transaction() as connection:
        assert await remove_ended(connection, clock.now(), 2) == 2
    assert left(api) == ["tsk_2", "tsk_3", "tsk_4"]
    monkeypatch.setattr(retention, "BATCH", 2)
    assert await retention.remove_ended(services_of(api), TAKEN) == {"removed": 3, "payloads": 0}
    assert left(api) == []


async def test_what_was_sent_with_a_failed_task_is_removed_once_it_cannot_be_replayed(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    for number in range(3):
        add_failed(api, f"tsk_old_{number}", KEEP_ENDED, timedelta(days=1))
    add_failed(api, "tsk_young", KEEP_ENDED - timedelta(hours=1), timedelta(days=1))
    async with api.database.transaction() as connection:
        assert await clear_payloads(connection, clock.now(), 2) == 2
    monkeypatch.setattr(retention, "BATCH", 2)
    assert await retention.remove_ended(services_of(api), TAKEN) == {"removed": 0, "payloads": 1}
    assert api.rows("SELECT task_id FROM tasks WHERE payload IS NOT NULL") == [("tsk_young",)]
    assert len(left(api)) == 4, "the tasks themselves are listed until six days after they ended"


async def test_an_accepted_claim_that_failed_stays_until_it_is_discarded(api: Api):
    long_ago = timedelta(days=400)
    for name in ("kept", "discarded"):
        add_failed(api, f"tsk_{name}", long_ago, long_ago, kind=DECIDE_CLAIM)
    assert await retention.remove_ended(services_of(api), TAKEN) == {"removed": 0, "payloads": 0}
    assert api.rows("SELECT task_id FROM tasks WHERE payload IS NOT NULL ORDER BY 1") == [
        ("tsk_discarded",),
        ("tsk_kept",),
    ]
    await api.dependencies.tasks.discard(OPERATOR, "tsk_discarded", "its sender sent it again")
    assert await retention.remove_ended(services_of(api), TAKEN) == {"removed": 1, "payloads": 0}
    assert left(api) == ["tsk_kept"]


async def test_a_claim_that_an_attempt_stored_is_not_decided_again_by_a_late_replay(api: Api):
    """The process was killed after the commit of the claim, and the task failed; weeks later it is replayed."""
    replayed, ended = [await queued(api, MINIMAL | {"claim_amount": amount}) for amount in (100, 101)]
    for task_id in (replayed, ended):
        await carry_out(api, task_id)
    (reply,) = api.rows("SELECT result ->> 'location' FROM tasks WHERE task_id = %s", replayed)
    api.execute(
        "UPDATE tasks SET state = 'failed', result = NULL, error = 'E: e', created_at = now() - interval '20 days',"
        f" ended_at = now() - interval '20 days', payload = '{json.dumps(MINIMAL | {'claim_amount': 100})}'"
        f" WHERE task_id = '{replayed}'"
    )
    api.execute(f"DELETE FROM tasks WHERE task_id = '{ended}'")
    api.execute("UPDATE idempotency_keys SET created_at = now() - interval '20 days'")
    await retention.remove_ended(services_of(api), TAKEN)
    every_day(api.url, clock.now().date())
    assert api.rows("SELECT key FROM idempotency_keys") == [(f"task {replayed}",)], "that of no task is removed"
    await api.dependencies.tasks.replay(OPERATOR, replayed)
    assert await carry_out(api, replayed)
    assert api.rows("SELECT state, result ->> 'location' FROM tasks") == [("succeeded", *reply)]
    assert api.count("claims") == 2


async def test_a_weekly_run_is_not_added_again_before_the_next_one(api: Api):
    """Its row has the key that says so, so it is kept for longer than the schedule looks back."""
    weekly, due = Schedule("weekly", REMOVE_ENDED, time(0, 10), weekday=0), datetime(2026, 3, 2, 0, 10, tzinfo=UTC)
    with clock.held(due):
        assert await TaskBeat(api.database, api.dependencies.field_keys, (weekly,)).step() == 1
    api.execute(f"UPDATE tasks SET state = 'succeeded', ended_at = '{due.isoformat()}'")
    last = due + timedelta(days=7) - timedelta(microseconds=1)
    for now, removed in ((last, 0), (due + KEEP_SCHEDULED, 0), (due + KEEP_SCHEDULED + timedelta(seconds=1), 1)):
        async with api.database.transaction() as connection:
            assert await remove_ended(connection, now, 10) == removed
        if now == last:
            with clock.held(now):
                assert await TaskBeat(api.database, api.dependencies.field_keys, (weekly,)).step() == 0
