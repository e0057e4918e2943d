"""Tasks in tests: queued over HTTP, and carried out here, as a process of `ginja run tasks` does."""

import asyncio
from datetime import timedelta
from typing import Any

from api.field_keys import TASK_PAYLOAD
from api.task_services import TaskServices
from api.tasks import TASK_KINDS
from api.tasks.runner import run_task
from core import clock
from tests.api.makers import MINIMAL, Api

ASYNC = {"Prefer": "respond-async"}


def services_of(api: Api) -> TaskServices:
    own = api.dependencies
    return TaskServices(
        own.settings,
        own.database,
        own.field_keys,
        own.intake,
        own.scorer,
        own.unconfirmed,
        own.windows,
        own.database,
    )


async def queued(api: Api, body: Any = MINIMAL, *, role: str = "claims_system", **headers: str) -> str:
    """The id of the task of a claim that is decided later."""
    response = await api.submit(body, role=role, **ASYNC, **headers)
    assert response.status_code == 202, response.text
    assert response.headers["location"] == f"/v1/tasks/{response.json()['task_id']}"
    return str(response.json()["task_id"])


async def carry_out(api: Api, task_id: str) -> bool:
    (kind,) = api.rows("SELECT kind FROM tasks WHERE task_id = %s", task_id)[0]
    return await run_task(services_of(api), TASK_KINDS[kind], task_id)


async def state(api: Api, task_id: str, *, role: str = "claims_system") -> Any:
    return (await api.get(f"/v1/tasks/{task_id}", role=role)).json()


async def payloads(api: Api) -> list[bytes]:
    """What was sent with each task, opened as a process of `ginja run tasks` does."""
    keys = api.dependencies.field_keys
    stored = api.rows("SELECT task_id, payload, payload_sealed FROM tasks ORDER BY task_id")
    assert [clear for _, clear, _ in stored] == [None] * len(stored)
    return [await TASK_PAYLOAD.opened(keys, sealed, task_id) for task_id, _, sealed in stored]


def end_leases(api: Api) -> None:
    """As if the processes that carry tasks out had been killed long ago."""
    api.execute("UPDATE tasks SET leased_until = leased_until - interval '1 hour' WHERE state = 'running'")


def make_due(api: Api) -> None:
    """As if the pauses after failed attempts had passed."""
    api.execute("UPDATE tasks SET due_at = created_at, published_at = NULL WHERE state = 'queued'")


def ago(**time: float) -> Any:
    return clock.now() - timedelta(**time)


async def soon(event: asyncio.Event) -> None:
    async with asyncio.timeout(30):  # a test that fails ends
        await event.wait()
