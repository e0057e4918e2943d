"""A process with another master key, or none, refuses work as unavailable, and leaves it to those that have the key."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from api.bulk.processing import MAX_ATTEMPTS
from api.field_keys import FieldKeys
from api.intake import Intake, adjudication_policies, queue_of_members
from core.embedded import free_port
from core.field_encryption import KEY_FILE
from core.settings import Settings
from tests.api.bulk_files import ndjson, processor, rejects, submit_all, upload
from tests.api.bulk_files import state as state_of_file
from tests.api.makers import MINIMAL, Api, running_api
from tests.api.tasks import carry_out, queued, state
from tests.core.test_encryption import NEW

PERSON = {"member_id": "M900", "name": "Zoraida Quixley", "birth_date": "1947-11-23", "sex": "F", "plan_id": "PL2"}


@pytest.fixture(params=["another key", "no key"])
def wrong(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Settings of a process with another master key, or without one in an empty home."""
    if request.param == "no key":
        return {"encryption_keys": None, "home": tmp_path / "home"}
    return {"encryption_keys": SecretStr(NEW), "home": tmp_path / "home"}


async def test_requests_are_refused_as_unavailable_and_no_key_is_made(api: Api, wrong: dict[str, Any]):
    assert (await api.post("/v1/members", PERSON | {"first_day": "2020-01-01"})).status_code == 201
    before = api.rows("SELECT * FROM data_keys ORDER BY key_id")
    async with running_api(api.url, **wrong) as other:
        for refused in (
            await other.get("/v1/members/M900"),
            await other.submit(MINIMAL | {"member_id": "M900"}, **{"Idempotency-Key": "k-1"}),
            await other.submit(MINIMAL, Prefer="respond-async"),
            await other.post("/v1/members", PERSON | {"member_id": "M901", "first_day": "2020-01-01"}),
        ):
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert refused.json()["type"].endswith("#key-provider-unavailable")
    assert api.rows("SELECT * FROM data_keys ORDER BY key_id") == before
    assert not (wrong["home"] / KEY_FILE).exists()
    assert (api.count("claims"), api.count("tasks")) == (0, 0)


async def test_a_task_is_left_to_a_process_that_has_the_key(api: Api, wrong: dict[str, Any]):
    task_id = await queued(api)
    before = api.rows("SELECT * FROM tasks")
    async with running_api(api.url, **wrong) as other:
        for _ in range(10):
            assert not await carry_out(other, task_id)
    assert api.rows("SELECT * FROM tasks") == before
    assert await carry_out(api, task_id)
    assert (await state(api, task_id))["response"]["status"] == 201


async def test_no_line_of_a_file_is_rejected_because_of_a_key(api: Api, wrong: dict[str, Any]):
    assert (await api.post("/v1/members", PERSON | {"first_day": "2020-01-01"})).status_code == 201
    job_id = await upload(api, ndjson(MINIMAL | {"member_id": "M900"}))
    own, settings = api.dependencies, Settings(**wrong)
    intake = Intake(
        api.database,
        own.scorer,
        adjudication_policies(settings),
        own.unconfirmed,
        queue_of_members(settings),
        own.windows,
        FieldKeys(settings, api.url),
    )
    worker = processor(api, intake)
    for _ in range(MAX_ATTEMPTS + 1):
        assert await worker.work() == 0
        api.execute("UPDATE bulk_jobs SET leased_until = NULL")
    assert (await state_of_file(api, job_id))["refused"] == 0
    await submit_all(api)
    assert (await state_of_file(api, job_id))["accepted"] == 1
    assert await rejects(api, job_id) == []


@pytest.mark.parametrize("part", ["api", "worker", "tasks"])
async def test_a_process_does_not_start(api: Api, wrong: dict[str, Any], valkey_url: str, part: str):
    await queued(api)
    home: Path = wrong["home"]
    environment = {name: value for name, value in os.environ.items() if name != "GINJA_ENCRYPTION_KEYS"} | {
        "GINJA_DATABASE_URL": api.url,
        "GINJA_REDIS_URL": valkey_url,
        "GINJA_HOME": str(home),
        "GINJA_API_PORT": str(free_port()),
    }
    if wrong["encryption_keys"] is not None:
        environment["GINJA_ENCRYPTION_KEYS"] = NEW
    command = [sys.executable, "-c", "from cli.main import main; main()", "run", part]
    ended = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 2, ended.stderr
    assert "GINJA_ENCRYPTION_KEYS" in ended.stderr
    assert KEY_FILE in ended.stderr
    assert not (home / KEY_FILE).exists()
