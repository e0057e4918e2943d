"""Claims with `Prefer: respond-async`: answered before they are decided, and decided exactly once."""

import asyncio
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.errors import Conflict, NotFound
from api.identity import Caller
from api.tasks import TASK_KINDS, TaskRefused
from api.tasks.kinds import DECIDE_CLAIM
from api.tasks.repository import KEEP_ENDED, recover_lost, take_task, with_payload
from api.tasks.runner import LONGEST_PAUSE_S, handler_of, pause_after, run_task
from api.tasks.service import MAX_OPEN_TASKS
from core import clock
from tests.api.makers import LINES, MINIMAL, Api, says_nothing
from tests.api.tasks import ASYNC, carry_out, end_leases, make_due, payloads, queued, services_of, soon, state

OPERATOR = Caller("key_operator", "operator", None, "an operator")


async def in_database(api: Api, work: Any, *args: Any) -> Any:
    async with api.database.transaction() as connection:
        return await work(connection, *args)


async def test_a_claim_is_answered_before_it_is_decided_and_its_task_says_what_became_of_it(api: Api):
    response = await api.submit(LINES, role="claims_system", **ASYNC)
    assert response.status_code == 202
    assert response.headers["preference-applied"] == "respond-async"
    assert response.headers["retry-after"] == "1"
    task = response.json()
    assert (task["state"], task["kind"], task["response"]) == ("queued", "decide_claim", None)
    assert api.count("claims") == 0
    location = response.headers["location"]
    before = await api.get(location, role="claims_system")
    assert (before.json()["state"], before.headers["retry-after"]) == ("queued", "1")
    assert "location" not in before.headers

    assert await carry_out(api, task["task_id"])
    done = await api.get(location, role="claims_system")
    answered = done.json()["response"]
    assert (done.json()["state"], answered["status"]) == ("succeeded", 201)
    assert done.headers["location"] == answered["location"]
    assert "retry-after" not in done.headers
    claim = (await api.get(answered["location"], role="claims_system")).json()
    assert answered["body"]["claim_id"] == claim["claim_id"]
    ordinary = (await api.submit(LINES | {"service_from": "2025-01-01", "lines": LINES["lines"][:1]})).json()
    assert list(answered["body"]) == list(ordinary)
    assert api.rows("SELECT payload, payload_sealed FROM tasks") == [(None, None)]


@pytest.mark.parametrize(
    ("sent", "is_applied"),
    [
        ("respond-async", True),
        ("Respond-Async", True),
        ("return=minimal, respond-async; foo=1, wait=10", True),
        ("respond-async=1", True),
        ("wait=10", False),
        ("respond-asynchronously", False),
        ("", False),
    ],
)
async def test_only_the_preference_respond_async_is_applied(api: Api, sent: str, is_applied: bool):
    response = await api.submit(Prefer=sent)
    assert response.status_code == (202 if is_applied else 201)
    assert ("preference-applied" in response.headers) == is_applied
    assert (api.count("tasks"), api.count("claims")) == (is_applied, not is_applied)


@pytest.mark.parametrize(
    ("body", "role", "status"),
    [
        (b"{", "admin", 400),
        (MINIMAL | {"claim_amount": -1}, "admin", 422),
        (MINIMAL | {"member_id": "M999"}, "admin", 422),
        (MINIMAL | {"service_from": "2999-01-01"}, "admin", 422),
        (MINIMAL | {"provider_id": "H457"}, "provider", 403),
        (MINIMAL, "investigator", 403),
    ],
)
async def test_what_cannot_be_decided_is_refused_at_once_as_without_the_preference(
    api: Api, body: Any, role: str, status: int
):
    responses = [await api.submit(body, role=role, **headers) for headers in ({}, ASYNC)]
    assert [one.status_code for one in responses] == [status, status]
    assert responses[0].content == responses[1].content
    assert (api.count("tasks"), api.count("claims")) == (0, 0)


async def test_a_request_that_is_repeated_under_its_key_gets_the_stored_response(api: Api):
    headers = ASYNC | {"Idempotency-Key": "k"}
    first = await api.submit(role="claims_system", **headers)
    again = await api.submit(role="claims_system", **headers)
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert [again.headers[name] for name in ("location", "preference-applied")] == [
        first.headers[name] for name in ("location", "preference-applied")
    ]
    assert api.count("tasks") == 1
    without = await api.submit(role="claims_system", **{"Idempotency-Key": "k"})
    assert (without.status_code, without.content) == (202, first.content)
    other = await api.submit(MINIMAL | {"claim_amount": 1}, role="claims_system", **headers)
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert (api.count("tasks"), api.count("claims")) == (1, 0)


async def test_a_key_of_a_decided_claim_gets_its_response_with_the_preference(api: Api):
    first = await api.submit(**{"Idempotency-Key": "k"})
    again = await api.submit(**ASYNC, **{"Idempotency-Key": "k"})
    assert (again.status_code, again.content) == (201, first.content)
    assert (api.count("tasks"), api.count("claims")) == (0, 1)


async def test_requests_at_the_same_time_under_one_key_queue_one_task(api: Api):
    headers = ASYNC | {"Idempotency-Key": "k"}
    responses = await asyncio.gather(*(api.submit(**headers) for _ in range(8)))
    assert {one.status_code for one in responses} <= {202, 409}
    assert len({one.content for one in responses if one.status_code == 202}) == 1
    assert api.count("tasks") == 1


async def test_a_task_is_seen_by_its_sender_and_operators_only(api: Api):
    task_id = await queued(api, role="provider")
    for role, status in (("provider", 200), ("admin", 200), ("claims_system", 404), ("investigator", 404)):
        assert (await api.get(f"/v1/tasks/{task_id}", role=role)).status_code == status
    assert (await api.get("/v1/tasks/tsk_none", role="admin")).status_code == 404


@pytest.mark.parametrize(("role", "sees_scores"), [("provider", False), ("admin", True)])
async def test_a_claim_is_decided_with_the_rights_and_the_view_of_its_sender(api: Api, role: str, sees_scores: bool):
    task_id = await queued(api, role=role)
    await carry_out(api, task_id)
    body = (await state(api, task_id, role=role))["response"]["body"]
    of_scores = {"fraud_flag", "score", "decided_by", "model_version", "rule", "priors"}
    assert of_scores & set(body) == (of_scores if sees_scores else set())
    (submitted_by,) = api.rows("SELECT submitted_by FROM claims")
    assert [submitted_by] == api.rows("SELECT api_key_id FROM api_keys WHERE role = %s", role)


async def test_a_task_delivered_twice_at_once_is_carried_out_once(api: Api):
    task_id = await queued(api)
    assert sorted(await asyncio.gather(*(carry_out(api, task_id) for _ in range(4)))) == [False, False, False, True]
    assert not await carry_out(api, task_id)
    assert (api.count("claims"), (await state(api, task_id))["attempts"]) == (1, 1)


async def test_an_attempt_after_one_that_was_killed_finds_the_claim_that_was_stored(api: Api):
    task_id = await queued(api)
    services, kind = services_of(api), TASK_KINDS[DECIDE_CLAIM]
    taken = await in_database(api, take_task, task_id, kind, "lse_killed", clock.now())
    stored = await handler_of(kind)(services, await with_payload(services.keys, taken))  # then the process was killed
    assert not await carry_out(api, task_id)
    end_leases(api)
    assert await in_database(api, recover_lost, clock.now()) == [task_id]
    assert await carry_out(api, task_id)
    answered = (await state(api, task_id))["response"]
    assert answered["body"] == stored["body"]
    assert api.count("claims") == 1


async def test_a_process_whose_lease_was_taken_over_stores_nothing(api: Api):
    task_id = await queued(api)
    asked, go_on = asyncio.Event(), asyncio.Event()
    healthy = api.scorer.behaviour

    async def waits(exchange: Any) -> None:
        api.scorer.behaviour = healthy
        asked.set()
        await go_on.wait()
        await healthy(exchange)

    api.scorer.behaviour = waits
    slow = asyncio.create_task(carry_out(api, task_id))
    await soon(asked)
    end_leases(api)
    await in_database(api, recover_lost, clock.now())
    assert await carry_out(api, task_id)
    done = await state(api, task_id)
    go_on.set()
    await slow
    assert await state(api, task_id) == done
    assert api.count("claims") == 1


async def test_a_claim_that_turns_out_to_be_refused_has_the_problem_as_its_response(api: Api):
    replaced = (await api.submit(role="claims_system")).json()["claim_id"]
    task_id = await queued(api, MINIMAL | {"replaces": replaced})
    assert (await api.submit(MINIMAL | {"replaces": replaced}, role="claims_system")).status_code == 201
    ordinary = await api.submit(MINIMAL | {"replaces": replaced}, role="claims_system")
    await carry_out(api, task_id)
    task = await state(api, task_id)
    assert (task["state"], task["response"]["status"]) == ("succeeded", ordinary.status_code)
    assert task["response"]["body"] == ordinary.json()
    assert task["response"]["location"] is None


async def test_without_a_scorer_the_rule_decides_as_it_does_at_once(api: Api):
    task_id = await queued(api)
    api.scorer.behaviour = says_nothing
    await carry_out(api, task_id)
    assert (await state(api, task_id))["response"]["status"] == 201
    assert api.rows("SELECT decided_by FROM assessments") == [("rule",)]


async def test_a_failed_attempt_is_repeated_later_and_the_last_one_waits_for_an_operator(api: Api):
    task_id = await queued(api)
    api.execute("ALTER TABLE claims ADD CONSTRAINT no_claims CHECK (false) NOT VALID")
    most = TASK_KINDS[DECIDE_CLAIM].max_attempts
    for attempt in range(1, most + 1):
        assert await carry_out(api, task_id)
        (row,) = api.rows("SELECT state, attempts, error, due_at > now() FROM tasks")
        if attempt < most:
            assert row[:2] == ("queued", attempt)
            assert row[3], "the next attempt begins later"
            assert not await carry_out(api, task_id), "it is not due"
            make_due(api)
    assert row[:2] == ("failed", most)
    assert "CheckViolation" in row[2]
    assert (await state(api, task_id))["response"] is None
    api.execute("ALTER TABLE claims DROP CONSTRAINT no_claims")
    assert not await carry_out(api, task_id)
    await api.dependencies.tasks.replay(OPERATOR, task_id)
    assert await carry_out(api, task_id)
    assert (await state(api, task_id))["response"]["status"] == 201


async def test_a_task_whose_process_is_killed_at_every_attempt_fails(api: Api):
    task_id = await queued(api)
    kind = TASK_KINDS[DECIDE_CLAIM]
    for _ in range(kind.max_attempts):
        assert await in_database(api, take_task, task_id, kind, "lse_killed", clock.now()) is not None
        end_leases(api)
        await in_database(api, recover_lost, clock.now())
    assert (await state(api, task_id))["state"] == "failed"
    (failed,) = await api.dependencies.tasks.failed(limit=10)
    assert (failed.task_id, failed.error) == (task_id, "the process that carried it out was killed")


async def test_a_handler_that_takes_too_long_is_cancelled(api: Api, monkeypatch: pytest.MonkeyPatch):
    from api.intake import handlers

    async def never(_services: Any, _task: Any) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(handlers, "decide_claim", never)
    kind = replace(TASK_KINDS[DECIDE_CLAIM], limit_s=0)
    task_id = await queued(api)
    assert await run_task(services_of(api), kind, task_id)
    assert api.rows("SELECT state, error FROM tasks") == [("queued", "TimeoutError: the task takes at most 0 s")]


async def test_a_key_has_a_bounded_number_of_open_tasks(api: Api):
    await queued(api)
    api.execute(
        "INSERT INTO tasks SELECT 'tsk_' || n, kind, queue, api_key_id, NULL, 'queued', payload, 0, 10, created_at, "
        f"due_at FROM tasks, generate_series(1, {MAX_OPEN_TASKS - 2}) AS n"
    )
    last = await queued(api)
    refused = await api.submit(role="claims_system", **ASYNC)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert (await api.submit(role="admin", **ASYNC)).status_code == 202
    await carry_out(api, last)
    await queued(api)


async def test_a_replay_is_recorded_and_only_a_failed_task_can_be_replayed(api: Api):
    tasks, task_id = api.dependencies.tasks, await queued(api)
    with pytest.raises(Conflict, match="the task is queued"):
        await tasks.replay(OPERATOR, task_id)
    with pytest.raises(NotFound):
        await tasks.replay(OPERATOR, "tsk_none")
    api.execute("UPDATE tasks SET state = 'failed', attempts = 10, ended_at = now(), error = 'E: e'")
    replayed = await tasks.replay(OPERATOR, task_id)
    assert (replayed.state, replayed.attempts) == ("queued", 0)
    recorded = api.rows(
        "SELECT name, act, details ->> 'task_id', details ->> 'error' FROM audit_log WHERE act = 'task.replay'"
    )
    assert recorded == [("an operator", "task.replay", task_id, "E: e")]


@pytest.mark.parametrize(("more", "is_replayed"), [(timedelta(seconds=-30), True), (timedelta(0), False)])
async def test_a_report_is_not_replayed_after_six_days(api: Api, more: timedelta, is_replayed: bool):
    task_id = await queued(api)
    api.execute(
        "UPDATE tasks SET kind = 'make_daily_report', state = 'failed', ended_at = now(), "
        f"created_at = now() - interval '{(KEEP_ENDED + more).total_seconds()} s'"
    )
    if is_replayed:
        assert (await api.dependencies.tasks.replay(OPERATOR, task_id)).state == "queued"
    else:
        with pytest.raises(Conflict, match="six days"):
            await api.dependencies.tasks.replay(OPERATOR, task_id)


def test_pauses_double_up_to_a_longest_one_and_differ():
    pauses = {attempt: [pause_after(attempt).total_seconds() for _ in range(50)] for attempt in (1, 2, 5, 100)}
    for attempt, longest in ((1, 1.0), (2, 2.0), (5, 16.0), (100, LONGEST_PAUSE_S)):
        assert longest / 2 <= min(pauses[attempt]) < max(pauses[attempt]) <= longest


def test_each_kind_names_a_handler_that_says_what_it_does():
    for kind in TASK_KINDS.values():
        assert re.fullmatch(r"[a-z_]+", kind.name)
        assert asyncio.iscoroutinefunction(handler_of(kind))
        assert handler_of(kind).__doc__
        assert kind.lease.total_seconds() > kind.kill_s > kind.limit_s > 0


async def test_a_refused_task_is_not_tried_again(api: Api, monkeypatch: pytest.MonkeyPatch):
    from api.intake import handlers

    async def refuses(_services: Any, _task: Any) -> dict[str, Any]:
        raise TaskRefused("the report has no month")

    monkeypatch.setattr(handlers, "decide_claim", refuses)
    await carry_out(api, await queued(api))
    assert api.rows("SELECT state, attempts, error FROM tasks") == [("failed", 1, "the report has no month")]


async def test_what_is_stored_of_a_request_is_its_body(api: Api):
    body = json.dumps(MINIMAL).encode()
    await queued(api, body)
    assert await payloads(api) == [body]
