"""The invented person of `test_personal_data.py` in the processes that carry tasks out: their logs, broker and home."""

import json
import signal
from pathlib import Path

import pytest
import redis

from tests.api.makers import running_api
from tests.api.tasks import ASYNC, queued
from tests.api.test_personal_data import (
    FHIR,
    MEMBER,
    NAMED,
    PERSONAL,
    Insurer,
    columns_with,
    contents_of,
    files_of,
    found_among,
    person,
)
from tests.api.test_task_processes import done, publisher_of, task_processes
from tests.api.waiting import until


async def test_nobody_is_found_in_what_task_processes_write(
    seeded_url: str, valkey_url: str, server_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the log at its most detailed, while tasks wait in the broker, and after they were carried out."""
    monkeypatch.setenv("GINJA_LOG_LEVEL", "DEBUG")
    async with running_api(seeded_url, home=server_home) as api:
        own = Insurer(api)
        await own.send("/v1/members", MEMBER, 201)
        for number in range(2):
            await queued(api, NAMED | {"claim_amount": 100 + number})
            content = json.dumps(person(f"F-{number}")).encode()
            await own.send("/v1/fhir/Claim", content, 202, role="claims_system", **{"Content-Type": FHIR}, **ASYNC)
        publisher = publisher_of(api, valkey_url)
        await publisher.step()
        with redis.Redis.from_url(valkey_url) as client:
            assert client.keys("ginja-tasks:*"), "tasks wait in the broker"
        waiting = found_among(contents_of(valkey_url))
        with task_processes(api, valkey_url, server_home) as started:
            await until(done(api, 4), step=publisher.step, seconds=60)
            started.send_signal(signal.SIGTERM)
            assert started.wait(60) == 0
        log = (server_home / "tasks.log").read_bytes()
        found = {
            "broker with waiting tasks": waiting,
            "Valkey": found_among(contents_of(valkey_url)),
            "log of the processes": found_among([log]),
            "home": found_among(files_of(server_home)),
        }
        assert {place: names & PERSONAL.keys() for place, names in found.items()} == {place: set() for place in found}
        assert columns_with(seeded_url, PERSONAL) == {}
        assert len(log.splitlines()) > 4, "the log was read"
