"""`ginja keys` shows and sets the version of the API that a key is pinned to."""

import asyncio
import json

import pytest
from click.testing import CliRunner, Result

from api.identity import Authenticator, create_key
from api.versions import CURRENT
from cli.main import main
from tests.api.makers import running_api


async def run(url: str, *words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, main, ["keys", *words], env={"GINJA_DATABASE_URL": url})


async def test_a_key_is_pinned_by_its_operator_with_an_audit_row(database_url: str):
    async with running_api(database_url) as api:
        key_id, secret = await create_key(api.database, name="claims system", role="claims_system")
        assert "at first use" in (await run(api.url, "list")).output
        done = await run(api.url, "pin", key_id, CURRENT, "--by", "ann")
        assert (done.exit_code, done.output) == (0, f"{key_id} has version {CURRENT}.\n")
        listed = json.loads((await run(api.url, "list", "--json")).stdout)["keys"]
        assert {one["api_key_id"]: one["api_version"] for one in listed}[key_id] == CURRENT
        assert (await Authenticator(api.database, "2030-01-01").authenticate(secret)).api_version == CURRENT
        again = json.loads((await run(api.url, "pin", key_id, CURRENT, "--json")).stdout)
        assert (again["api_key_id"], again["version"], again["previous"]) == (key_id, CURRENT, None)
        assert ("ann", "api_version.set") in api.rows("SELECT name, act FROM audit_log")


@pytest.mark.parametrize(
    ("key_id", "version", "message"),
    [("key_none", CURRENT, "no key key_none"), ("key_none", "2020-01-01", f"must be one of {CURRENT}")],
)
async def test_a_pin_that_cannot_be_set_says_why(database_url: str, key_id: str, version: str, message: str):
    async with running_api(database_url) as api:
        refused = await run(api.url, "pin", key_id, version)
        assert (refused.exit_code, message in refused.output) == (2, True), refused.output


async def test_a_revocation_says_how_many_accepted_tasks_are_still_carried_out(database_url: str):
    async with running_api(database_url) as api:
        key_id, _ = await create_key(api.database, name="claims system", role="claims_system")
        api.rows(
            "INSERT INTO tasks (task_id, kind, queue, api_key_id, state, payload, attempts, max_attempts, created_at,"
            " due_at) SELECT 'tsk_' || n, 'decide_claim', 'claims', %s, 'queued', '{}', 0, 10, now(), now()"
            " FROM generate_series(1, 3) AS n RETURNING 1",
            key_id,
        )
        api.execute("UPDATE tasks SET state = 'succeeded', ended_at = now() WHERE task_id = 'tsk_1'")
        done = await run(api.url, "revoke", key_id)
        assert done.output.splitlines() == [
            f"Revoked {key_id}.",
            "Tasks that were accepted from it and are still carried out: 2.",
        ]
        other, _ = await create_key(api.database, name="other", role="claims_system")
        assert json.loads((await run(api.url, "revoke", other, "--json")).stdout) == {"revoked": other, "open_tasks": 0}
        assert (await run(api.url, "revoke", other)).exit_code == 2
