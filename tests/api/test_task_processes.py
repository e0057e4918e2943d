"""Tasks from the table over Valkey to the processes of `ginja run tasks`, whatever is killed or lost on the way."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import redis

from api.tasks import (
    QUEUES,
    SCHEDULES,
    TASK_KINDS,
    Schedule,
    TaskBeat,
    TaskBroker,
    TaskPublisher,
    celery_app,
    repository,
)
from api.tasks.broker import KEY_PREFIX
from api.tasks.kinds import CLAIMS, DECIDE_CLAIM, REMOVE_ENDED, REPORTS
from api.tasks.records import DueTask
from api.tasks.repository import REPUBLISH_AFTER
from core import clock
from core.embedded import free_port
from tests.api.makers import ENCRYPTION_KEY, MINIMAL, Api
from tests.api.tasks import carry_out, end_leases, queued, soon, state
from tests.api.waiting import until


def publisher_of(api: Api, valkey_url: str) -> TaskPublisher:
    return TaskPublisher(api.database, TaskBroker(celery_app(valkey_url)))


def messages(valkey_url: str, queue: str = CLAIMS) -> list[bytes]:
    with redis.Redis.from_url(valkey_url) as client:
        return client.lrange(f"{KEY_PREFIX}{queue}", 0, -1)  # type: ignore[return-value]


@contextmanager
def task_processes(api: Api, valkey_url: str, home: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`ginja run tasks`, in a group of its own, which is killed at the end."""
    environment = os.environ | {
        "GINJA_DATABASE_URL": api.url,
        "GINJA_REDIS_URL": valkey_url,
        "GINJA_SCORER_URL": f"http://127.0.0.1:{api.scorer.port}",
        "GINJA_HOME": str(home),
        "GINJA_TASK_PROCESSES": "1",
        "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY,
    }
    command = [sys.executable, "-c", "from cli.main import main; main()", "run", "tasks", *options]
    with (home / "tasks.log").open("ab") as log:
        started = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield started
    finally:
        kill(started)


def kill(started: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def done(api: Api, number: int) -> Callable[[], bool]:
    return lambda: api.rows("SELECT count(*) FROM tasks WHERE state = 'succeeded'") == [(number,)]


async def test_claims_are_decided_by_the_processes_and_each_once(api: Api, valkey_url: str, tmp_path: Path):
    ids = [await queued(api, MINIMAL | {"claim_amount": 100 + number}) for number in range(5)]
    publisher = publisher_of(api, valkey_url)
    with task_processes(api, valkey_url, tmp_path) as started:
        await until(done(api, 5), step=publisher.step)
        answered = [(await state(api, one))["response"] for one in ids]
        assert [one["status"] for one in answered] == [201] * 5
        assert len({one["location"] for one in answered}) == api.count("claims") == 5
        started.send_signal(signal.SIGTERM)
        assert started.wait(30) == 0
    assert messages(valkey_url) == []


async def test_a_claim_whose_processes_are_killed_is_decided_once_by_others(api: Api, valkey_url: str, tmp_path: Path):
    """Killed while the scorer is asked, and again after that."""
    task_id = await queued(api)
    asked = asyncio.Event()
    healthy = api.scorer.behaviour

    async def hangs(_exchange: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    publisher = publisher_of(api, valkey_url)
    for _ in range(2):
        asked.clear()
        api.scorer.behaviour = hangs
        with task_processes(api, valkey_url, tmp_path) as started:
            await until(asked.is_set, step=publisher.step)
            kill(started)
        api.scorer.behaviour = healthy
        assert (await state(api, task_id))["state"] == "running"
        end_leases(api)
    with task_processes(api, valkey_url, tmp_path):
        await until(done(api, 1), step=publisher.step)
    assert api.count("claims") == 1
    assert (await state(api, task_id))["attempts"] == 3


async def test_a_killed_child_is_replaced_and_its_claim_decided(api: Api, valkey_url: str, tmp_path: Path):
    asked = asyncio.Event()
    healthy = api.scorer.behaviour

    async def hangs(_exchange: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    api.scorer.behaviour = hangs
    await queued(api)
    publisher = publisher_of(api, valkey_url)
    with task_processes(api, valkey_url, tmp_path) as started:
        await until(asked.is_set, step=publisher.step)
        (child,) = psutil.Process(started.pid).children()
        child.kill()
        api.scorer.behaviour = healthy
        end_leases(api)
        await until(done(api, 1), step=publisher.step)
        assert started.poll() is None
    assert api.count("claims") == 1


async def decided_by_processes(port: int) -> float:
    """What the counter of decided claims says on a port."""
    async with httpx.AsyncClient() as client:
        shown = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    assert "# TYPE ginja_claims_decided_total counter" in shown
    assert " gauge\n" not in shown
    return sum(float(line.split()[-1]) for line in shown.splitlines() if line.startswith("ginja_claims_decided_total{"))


async def test_the_counters_of_all_processes_are_served_also_of_those_that_ended(
    api: Api, valkey_url: str, tmp_path: Path
):
    publisher, port = publisher_of(api, valkey_url), free_port()
    await queued(api)
    with task_processes(api, valkey_url, tmp_path, "--metrics-port", str(port)) as started:
        await until(done(api, 1), step=publisher.step)
        assert await decided_by_processes(port) == 1
        (child,) = psutil.Process(started.pid).children()
        assert port not in {one.laddr.port for one in child.net_connections() if one.status == psutil.CONN_LISTEN}
        child.kill()
        await queued(api, MINIMAL | {"claim_amount": 1})
        await until(done(api, 2), step=publisher.step)
        assert await decided_by_processes(port) == 2


async def test_what_the_broker_loses_is_published_again(api: Api, valkey_url: str, tmp_path: Path):
    await queued(api)
    publisher = publisher_of(api, valkey_url)
    assert await publisher.step() == 1
    assert len(messages(valkey_url)) == 1
    with redis.Redis.from_url(valkey_url) as client:
        client.flushdb()
    assert await publisher.step() == 0, "it was published a moment ago"
    age(api, REPUBLISH_AFTER - timedelta(seconds=5))
    assert await publisher.step() == 0
    age(api, REPUBLISH_AFTER)
    assert await publisher.step() == 1
    assert len(messages(valkey_url)) == 1


async def test_without_a_broker_requests_are_answered_and_their_tasks_stay_due(api: Api, valkey_url: str):
    task_id = await queued(api)
    dead = publisher_of(api, "redis://127.0.0.1:1/0")
    with pytest.raises(OSError, match="unavailable"):
        await dead.step()
    assert (await state(api, task_id))["state"] == "queued"
    assert await publisher_of(api, valkey_url).step() == 1
    assert await carry_out(api, task_id)


async def test_a_broker_that_does_not_answer_is_given_up(api: Api):
    held = []
    silent = await asyncio.start_server(lambda _reader, writer: held.append(writer), "127.0.0.1", 0)
    await queued(api)
    with pytest.raises(OSError, match="unavailable"):
        await publisher_of(api, f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}/0").step()
    assert api.rows("SELECT state, published_at FROM tasks") == [("queued", None)]
    for writer in held:
        writer.close()
    silent.close()


async def test_what_could_not_be_handed_over_is_due_at_once(api: Api, valkey_url: str):
    class Fails(TaskBroker):
        def publish(self, queue, tasks):
            super().publish(queue, tasks[:1])
            raise ConnectionError("the broker ended")

    await queued(api)
    await queued(api, MINIMAL | {"claim_amount": 1})
    failing = TaskPublisher(api.database, Fails(celery_app(valkey_url)))
    with pytest.raises(OSError, match="ended"):
        await failing.step()
    assert api.rows("SELECT count(published_at) FROM tasks") == [(0,)]
    assert await publisher_of(api, valkey_url).step() == 2


def age(api: Api, by: timedelta) -> None:
    api.execute(f"UPDATE tasks SET published_at = published_at - interval '{by.total_seconds()} s'")


def add_many(api: Api, number: int, kind: str = DECIDE_CLAIM) -> None:
    api.execute(
        "INSERT INTO tasks (task_id, kind, queue, state, payload, attempts, max_attempts, created_at, due_at) SELECT "
        f"'tsk_{kind}' || n, '{kind}', '{TASK_KINDS[kind].queue}', 'queued', '{{}}', 0, 5, now(), now() "
        f"FROM generate_series(1, {number}) AS n"
    )


async def test_the_broker_holds_no_more_than_a_queue_may_have_in_flight(api: Api, valkey_url: str):
    most = QUEUES[CLAIMS].max_in_flight
    add_many(api, most + 1)
    publisher = publisher_of(api, valkey_url)
    assert (await publisher.step(), await publisher.step()) == (most, 0)
    age(api, 2 * REPUBLISH_AFTER)
    assert await publisher.step() == 0, "as long as no process takes them, none is published again"
    assert len(messages(valkey_url)) == most
    with redis.Redis.from_url(valkey_url) as client:
        client.lpop(f"{KEY_PREFIX}{CLAIMS}")
    assert await publisher.step() == 1


async def test_reports_are_made_one_at_a_time_so_that_a_second_process_is_free_for_claims(api: Api, valkey_url: str):
    add_many(api, 3, REMOVE_ENDED)
    publisher = publisher_of(api, valkey_url)
    assert (await publisher.step(), await publisher.step()) == (1, 0)
    assert len(messages(valkey_url, REPORTS)) == 1
    (first,) = api.rows("SELECT task_id FROM tasks WHERE published_at IS NOT NULL ORDER BY task_id LIMIT 1")[0]
    assert await carry_out(api, first)
    with redis.Redis.from_url(valkey_url) as client:
        client.delete(f"{KEY_PREFIX}{REPORTS}")
    assert await publisher.step() == 1


async def test_two_workers_at_once_publish_no_more_than_a_queue_may_have_in_flight(
    api: Api, valkey_url: str, monkeypatch: pytest.MonkeyPatch
):
    """The second one publishes, or not, while the first has counted and not published yet."""
    add_many(api, 3, REMOVE_ENDED)
    count, counted, others_done = repository.in_flight, asyncio.Event(), asyncio.Event()
    queues = iter(QUEUES)

    async def counting(*args: Any) -> dict[str, int]:
        found = await count(*args)
        if asyncio.current_task() is first and next(queues) == REPORTS:
            counted.set()
            await soon(others_done)
        return found

    monkeypatch.setattr(repository, "in_flight", counting)
    first = asyncio.create_task(publisher_of(api, valkey_url).step())
    await soon(counted)
    others = await publisher_of(api, valkey_url).step()
    others_done.set()
    assert await first + others == QUEUES[REPORTS].max_in_flight == 1


async def test_claims_are_begun_before_reports_that_wait_longer(api: Api, valkey_url: str, tmp_path: Path):
    add_many(api, 1, REMOVE_ENDED)
    publisher = publisher_of(api, valkey_url)
    await publisher.step()
    for number in range(3):
        await queued(api, MINIMAL | {"claim_amount": 100 + number})
    await publisher.step()
    with task_processes(api, valkey_url, tmp_path):
        await until(done(api, 4), step=publisher.step)
    began = [kind for (kind,) in api.rows("SELECT kind FROM tasks ORDER BY started_at")]
    assert began == [DECIDE_CLAIM] * 3 + [REMOVE_ENDED]


async def test_messages_that_are_no_json_or_unknown_are_discarded(api: Api, valkey_url: str, tmp_path: Path):
    broker = TaskBroker(celery_app(valkey_url))
    broker.publish(CLAIMS, [DueTask("tsk_unknown", DECIDE_CLAIM)])
    (valid,) = messages(valkey_url)
    pickled = json.loads(valid) | {"content-type": "application/x-python-serialize"}
    unknown = json.loads(valid)
    unknown["headers"]["task"] = "os.system"
    with redis.Redis.from_url(valkey_url) as client:
        client.rpush(f"{KEY_PREFIX}{CLAIMS}", json.dumps(pickled), json.dumps(unknown))
    await queued(api)
    publisher = publisher_of(api, valkey_url)
    await publisher.step()
    with task_processes(api, valkey_url, tmp_path):
        await until(done(api, 1), step=publisher.step)
        await until(lambda: not messages(valkey_url))
    assert api.count("claims") == 1


def test_a_message_names_a_task_and_nothing_else(valkey_url: str):
    TaskBroker(celery_app(valkey_url)).publish(CLAIMS, [DueTask("tsk_1", DECIDE_CLAIM)])
    (message,) = messages(valkey_url)
    document = json.loads(message)
    assert document["content-type"] == "application/json"
    assert document["headers"]["timelimit"] == [TASK_KINDS[DECIDE_CLAIM].kill_s, None]
    assert document["headers"]["argsrepr"] == "['tsk_1']"


async def test_a_scheduled_task_is_added_once_for_each_day(api: Api, monkeypatch: pytest.MonkeyPatch):
    now = datetime(2026, 3, 4, 3, 14, 59, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    daily = Schedule("daily", REMOVE_ENDED, time_of_day(3, 15))
    first, second = (TaskBeat(api.database, api.dependencies.field_keys, (daily,)) for _ in range(2))
    assert [await first.step(), await first.step(), await second.step()] == [1, 0, 0]
    now = datetime(2026, 3, 4, 3, 15, tzinfo=UTC)
    assert [await second.step(), await first.step()] == [1, 0]
    keys = api.rows("SELECT schedule_key, api_key_id FROM tasks ORDER BY 1")
    assert keys == [("daily 2026-03-03T03:15Z", None), ("daily 2026-03-04T03:15Z", None)]


@pytest.mark.parametrize(
    ("weekday", "now", "latest"),
    [
        (None, "2026-03-04T07:00", "2026-03-04T07:00"),
        (None, "2026-03-04T06:59", "2026-03-03T07:00"),
        (0, "2026-03-02T07:00", "2026-03-02T07:00"),
        (0, "2026-03-02T06:59", "2026-02-23T07:00"),
        (6, "2026-03-02T06:59", "2026-03-01T07:00"),
    ],
)
def test_a_schedule_is_due_at_its_time_of_day(weekday: int | None, now: str, latest: str):
    schedule = Schedule("s", REMOVE_ENDED, time_of_day(7, 0), weekday)
    at, due = (datetime.fromisoformat(f"{one}+00:00") for one in (now, latest))
    assert schedule.latest(at) == due


def test_each_schedule_is_of_a_kind_and_has_a_name_of_its_own():
    assert {one.kind for one in SCHEDULES} <= set(TASK_KINDS)
    assert len({one.name for one in SCHEDULES}) == len(SCHEDULES)
