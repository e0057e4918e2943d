"""`ginja webhook` shows and repeats what the API's routes do."""

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.api.makers import Api, running_api
from tests.api.webhooks import deliver, details, receiving, registered, tried


async def run(api: Api, *words: str) -> Result:
    environment = {"GINJA_DATABASE_URL": api.url}
    return await asyncio.to_thread(CliRunner().invoke, main, ["webhook", *words], env=environment)


async def answer(api: Api, *words: str) -> Any:
    result = await run(api, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def test_endpoints_and_deliveries_are_listed_and_replayed(database_url: str):
    async with running_api(database_url) as api, receiving() as receiver:
        receiver.status = 410
        endpoint = await registered(api, receiver.url)
        endpoint_id = endpoint["endpoint_id"]
        delivery_id = await tried(api, endpoint)
        await deliver(api)
        (listed,) = (await answer(api, "endpoints"))["endpoints"]
        assert (listed["endpoint_id"], listed["disabled_reason"]) == (endpoint_id, "gone")
        assert "secret" not in listed
        assert "disabled (gone)" in (await run(api, "endpoints")).output
        for status, number in (("failed", 1), ("pending", 0)):
            assert len((await answer(api, "deliveries", endpoint_id, "--status", status))["deliveries"]) == number
        assert delivery_id in (await run(api, "deliveries", endpoint_id)).output
        refused = await run(api, "replay", endpoint_id, "--delivery", delivery_id)
        assert (refused.exit_code, "disabled" in refused.output) == (2, True)
        path = f"/v1/webhook-endpoints/{endpoint_id}"
        await api.client.patch(path, json={"status": "active"}, headers=api.as_("admin"))
        since = ("--failed-since", endpoint["created_at"], "--by", "ann")
        assert await answer(api, "replay", endpoint_id, *since) == {"replayed": 1, "more": False}
        receiver.status = 200
        await deliver(api)
        assert (await details(api, delivery_id))["status"] == "delivered"
        again = await run(api, "replay", endpoint_id, "--delivery", delivery_id)
        assert again.output == "Deliveries that are sent again: 1.\n"
        assert ("ann", "webhook_endpoint.replay") in api.rows("SELECT name, act FROM audit_log")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("deliveries", "hook_none"), "not found"),
        (("replay", "hook_none", "--delivery", "dlv_1"), "not found"),
        (("replay", "hook_none"), "--delivery or --failed-since"),
        (("replay", "hook_none", "--delivery", "dlv_1", "--failed-since", "x"), "--delivery or --failed-since"),
        (("replay", "hook_none", "--failed-since", "yesterday"), "--failed-since must be a timestamp"),
    ],
)
async def test_what_cannot_be_done_is_a_usage_error(database_url: str, words, message):
    async with running_api(database_url) as api:
        result = await run(api, *words)
    assert (result.exit_code, message in result.output) == (2, True)
