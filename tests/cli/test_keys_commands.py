"""`ginja keys`: creating, rotating, listing and revoking keys, and the version of the API that one is pinned to."""

import asyncio
import getpass
import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from api.identity import Authenticator, create_key
from api.versions import CURRENT
from cli.main import main
from core import clock
from tests.api.makers import ENCRYPTION_KEY, running_api

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


async def run(url: str, *words: str) -> Result:
    environment = {"GINJA_DATABASE_URL": url, "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    return await asyncio.to_thread(CliRunner().invoke, main, ["keys", *words], env=environment)


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
    [("key_none", CURRENT, "No key key_none"), ("key_none", "2020-01-01", f"must be one of {CURRENT}")],
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


async def test_a_key_is_created_with_scopes_and_an_end_and_rotated(database_url: str):
    async with running_api(database_url) as api:
        words = ("--name", "intake", "--role", "claims_system", "--scope", "claims:submit", "--by", "ann", "--json")
        with clock.held(NOW):
            made = json.loads((await run(api.url, "create", *words, "--expires", "90d")).stdout)
            assert made["expires_at"].startswith("2026-05-31 09:30")
            options = ("--overlap", "2h", "--expires", "2026-12-31", "--json")
            done = await run(api.url, "rotate", made["api_key_id"], *options)
        new = json.loads(done.stdout)
        assert (new["rotated"], new["rotated_expires_at"][:16]) == (made["api_key_id"], "2026-03-02 11:30")
        listed = json.loads((await run(api.url, "list", "--json")).stdout)["keys"]
        of_id = {one["api_key_id"]: one for one in listed}
        assert of_id[new["api_key_id"]]["scopes"] == ["claims:submit"]
        assert of_id[new["api_key_id"]]["expires_at"].startswith("2026-12-31 00:00")
        again = await run(api.url, "rotate", made["api_key_id"])
        assert (again.exit_code, new["api_key_id"] in again.output) == (2, True)
        acts = api.rows("SELECT name, act FROM audit_log ORDER BY audit_id")
        assert acts == [("ann", "api_key.create"), (getpass.getuser(), "api_key.rotate")]


async def test_keys_that_expire_soon_are_named(database_url: str):
    async with running_api(database_url) as api:
        ends = clock.now() + timedelta(days=29)
        key_id, _ = await create_key(api.database, name="soon", role="claims_system", expires_at=ends)
        listed = await run(api.url, "list")
        assert "Warning: 1 key expires within 30 days" in listed.stderr
        assert key_id in listed.stderr
        await run(api.url, "rotate", key_id)
        assert "Warning" not in (await run(api.url, "list")).output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--scope", "claims:decide"), "--scope must be one or more of those of role claims_system"),
        (("--scope", "claims:all"), "--scope claims:all: it must be one of"),
        (("--expires", "0d"), "must be at least 1d"),
        (("--expires", "3651d"), "3650 days, the longest allowed"),
        (("--expires", "soon"), "neither a number of days such as 90d nor a date"),
        (("--expires", "2020-01-31"), "must be after today"),
        (("--provider", "H456"), "not allowed for any other role"),
    ],
)
async def test_a_key_that_cannot_be_created_says_why(database_url: str, words: tuple[str, ...], message: str):
    async with running_api(database_url) as api:
        before = api.count("api_keys")
        refused = await run(api.url, "create", "--name", "x", "--role", "claims_system", *words)
        output = " ".join(refused.output.replace("│", " ").split())
        assert (refused.exit_code, message in output) == (2, True), output
        assert api.count("api_keys") == before
        for overlap in ("169h", "8d", "1w", "-1h"):
            assert (await run(api.url, "rotate", "key_none", f"--overlap={overlap}")).exit_code == 2
