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
