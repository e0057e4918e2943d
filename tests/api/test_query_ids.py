"""Whatever is sent as an id in a query, no route fails: an id that cannot be one finds nothing, or is refused."""

import pytest

from tests.api.makers import Api
from tests.api.test_work import TARGETS, Target

pytestmark = pytest.mark.asyncio(loop_scope="module")

IDS = [(one, name) for one in TARGETS for name in one.queries if one.method == "GET" and name.endswith("_id")]
IDS += [(one, "after") for one in TARGETS if one.method == "GET" and one.path == "/v1/exports/claims"]
DAYS = {
    "/v1/exports/claims": {"last_day": "2026-01-31"},
    "/v1/remittances": {"first_day": "2026-01-01", "last_day": "2026-01-31"},
}
"""What else the routes require."""

each = pytest.mark.parametrize(("target", "name"), IDS, ids=[f"{one} {name}" for one, name in IDS])


async def send(api: Api, target: Target, name: str, sent: str):
    query = DAYS.get(target.path, {}) | {name: sent}
    return await api.client.get(target.path, params=query, headers=api.as_("admin"))


@each
@pytest.mark.parametrize("sent", ["\0", "M1\0"], ids=ascii)
async def test_an_id_with_a_nul_character_is_refused_by_name(shared_api: Api, target: Target, name: str, sent: str):
    refused = await send(shared_api, target, name, sent)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["field"], error["message"]) == (name, "must not contain a NUL character")


@each
@pytest.mark.parametrize("sent", ["\U0010ffff", "é", "\n", "\x7f", "'", " "], ids=ascii)
async def test_an_id_that_cannot_be_one_is_no_failure(shared_api: Api, target: Target, name: str, sent: str):
    assert (await send(shared_api, target, name, sent)).status_code in (200, 303, 422)
