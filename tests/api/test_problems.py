"""The type of every problem leads to its description."""

import re

import pytest

from api.errors import ERRORS
from api.problem_page import problem_entries
from tests.api.makers import Api

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def anchors(api: Api, path: str) -> list[str]:
    response = await api.client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    return re.findall(r'id="([a-z0-9-]+)"', response.text)


async def test_the_type_of_every_error_leads_to_one_anchor(shared_api: Api):
    for error in ERRORS:
        path, _, anchor = error.type_uri().partition("#")
        assert (await anchors(shared_api, path)).count(anchor) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/unknown"), ("PUT", "/v1/claims"), ("GET", "/v1/claims"), ("GET", "/v1/claims/clm_1?x=1")],
)
async def test_the_type_of_a_response_is_resolved_against_its_address(shared_api: Api, method: str, path: str):
    response = await shared_api.client.request(method, path)
    page = response.url.join(response.json()["type"])
    assert page.fragment in await anchors(shared_api, page.path)


async def test_every_description_says_what_it_means():
    entries = list(problem_entries())
    assert len({one.kind for one in entries}) == len(entries)
    assert all(one.meaning and one.example and one.title for one in entries)
