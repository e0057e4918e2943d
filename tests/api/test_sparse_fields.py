"""`fields` chooses what a response has: on every route that declares it, by names of the response's schema."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import BaseModel

from api.paging import PageCursor, write_cursor
from api.sparse_fields import MAX_FIELDS_TEXT, SparseFields
from core import clock
from tests.api.decisions import held
from tests.api.makers import LINES, MINIMAL, Api, concrete, contract
from tests.api.webhooks import with_ids

SPARSE = [
    one for one in contract().operations if any(p["name"] == "fields" for p in one.described.get("parameters", ()))
]
OF_CLAIMS = {"/v1/claims", "/v1/claims/{claim_id}", "/v1/claims/{claim_id}/explanation"}


class Part(BaseModel):
    name: str
    size: int | None = None


class Whole(BaseModel):
    key: str
    part: Part | None = None
    parts: list[Part] = []
    free: dict[str, int] = {}


class Wholes(BaseModel):
    items: list[Whole]
    next_cursor: str | None = None


WHOLE = Whole(key="k", part=Part(name="p", size=1), parts=[Part(name="q", size=2), Part(name="r")], free={"a": 1})
PARTS = [{"name": "q"}, {"name": "r"}]


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("key", {"key": "k"}),
        ("part.name", {"part": {"name": "p"}}),
        ("parts.name,key", {"key": "k", "parts": PARTS}),
        ("part,part.name", {"part": {"name": "p", "size": 1}}),
        ("part.name,part.size", {"part": {"name": "p", "size": 1}}),
        ("free,free", {"free": {"a": 1}}),
    ],
)
def test_the_named_fields_are_written_and_no_others(text: str, body: dict[str, Any]):
    one, many = SparseFields(Whole), SparseFields(Wholes, "items")
    assert json.loads(WHOLE.model_dump_json(include=one.chosen(text), exclude_unset=True)) == body
    page = Wholes(items=[WHOLE, WHOLE], next_cursor="c")
    listed = json.loads(page.model_dump_json(include=many.chosen(text), exclude_unset=True))
    assert listed == {"items": [body, body], "next_cursor": "c"}


def test_without_a_choice_everything_is_written():
    assert SparseFields(Whole).chosen(None) is None


def test_the_routes_of_claims_and_every_list_by_cursor_have_the_parameter():
    lists = {
        one.path
        for one in contract().operations
        if any(parameter["name"] == "cursor" for parameter in one.described.get("parameters", ()))
    }
    assert OF_CLAIMS | lists <= {one.path for one in SPARSE}


def names_of(described: dict[str, Any]) -> list[str]:
    """The names that a route says may be chosen."""
    (parameter,) = [one for one in described["parameters"] if one["name"] == "fields"]
    text: str = parameter["schema"]["description"]
    return text.rpartition("One of: ")[2].rstrip(".").split(", ")


@pytest.mark.parametrize("operation", SPARSE, ids=lambda one: one.path)
async def test_a_route_answers_with_each_field_that_it_documents(api: Api, operation: Any):
    url = concrete(await with_ids(api, operation.path), claim_id=await held(api))
    if operation.path == "/v1/audit/events":  # each read of it is one more entry
        await api.get(url)
        url += f"?until={quote(clock.now().isoformat())}"
    whole = (await api.get(url)).json()
    listed = next((name for name, value in whole.items() if isinstance(value, list)), None)
    of_one = ("appeals", "deliveries", "consents", "evidence_packs", "files", "samples", "events", "claims", "tasks")
    is_list = "{" not in operation.path or listed in of_one
    for name in names_of(operation.described):
        sparse = await api.get(f"{url}{'&' if '?' in url else '?'}fields={name}")
        assert sparse.status_code == 200
        if is_list:
            assert listed is not None
            items = [{key: value for key, value in item.items() if key == name} for item in whole[listed]]
            assert sparse.json() == whole | {listed: items}
        else:
            assert sparse.json() == {key: value for key, value in whole.items() if key == name}


@pytest.mark.parametrize("operation", SPARSE, ids=lambda one: one.path)
async def test_an_unknown_field_is_refused_with_the_fields_that_there_are(api: Api, operation: Any):
    url = concrete(await with_ids(api, operation.path), claim_id=await held(api))
    known = names_of(operation.described)
    for text in ("nonsense", "", f"{known[0]},", f"{known[0]}.nonsense", f"{known[0]} ", "__all__", "model_config"):
        response = await api.client.get(url, params={"fields": text}, headers=api.as_("admin"))
        assert response.status_code == 422, text
        (error,) = response.json()["errors"]
        assert error["field"] == "fields"
        if "." not in text:
            assert all(name in error["message"] for name in known)


async def test_nested_fields_of_a_claim_are_chosen_with_dots(api: Api):
    claim_id = (await api.submit(LINES)).json()["claim_id"]
    whole = (await api.get(f"/v1/claims/{claim_id}/explanation")).json()
    chosen = "claim.status,claim.rule.flagged,lines.procedure_code"
    sparse = (await api.get(f"/v1/claims/{claim_id}/explanation?fields={chosen}")).json()
    assert sparse == {
        "claim": {"status": whole["claim"]["status"], "rule": {"flagged": whole["claim"]["rule"]["flagged"]}},
        "lines": [{"procedure_code": line["procedure_code"]} for line in whole["lines"]],
    }
    refused = (await api.get(f"/v1/claims/{claim_id}?fields=rule.nonsense")).json()["errors"][0]["message"]
    assert "rule has flagged, text, average, basis, claims" in refused


async def test_pages_by_cursor_have_the_chosen_fields_and_each_claim_once(api: Api):
    sent = [(await api.submit(MINIMAL | {"claim_amount": 100 + one})).json()["claim_id"] for one in range(5)]
    found, url = [], "/v1/claims?limit=2&fields=claim_id"
    cursor = ""
    while cursor is not None:
        page = (await api.get(f"{url}&cursor={cursor}" if cursor else url)).json()
        assert all(set(one) == {"claim_id"} for one in page["claims"])
        found += [one["claim_id"] for one in page["claims"]]
        cursor = page["next_cursor"]
    assert sorted(found) == sorted(sent)
    nowhere = write_cursor(PageCursor(clock.from_micros(0), "clm_none"))
    assert (await api.get(f"{url}&cursor={nowhere}")).json() == {"claims": [], "next_cursor": None}


async def test_another_choice_has_another_tag_and_a_change_takes_that_of_the_whole(api: Api):
    url = f"/v1/claims/{await held(api)}"
    tags = {query: (await api.get(url + query)).headers["etag"] for query in ("", "?fields=status", "?fields=claim_id")}
    assert len(set(tags.values())) == 3
    headers = api.as_("admin")
    for query, tag in tags.items():
        again = await api.client.get(url + query, headers={**headers, "If-None-Match": tag})
        assert again.status_code == 304
    mixed = await api.client.get(url, headers={**headers, "If-None-Match": tags["?fields=status"]})
    assert mixed.status_code == 200
    void = f"{url}/void"
    assert (await api.post(void, {}, **{"If-Match": tags["?fields=status"]})).status_code == 412
    assert (await api.post(void, {}, **{"If-Match": tags[""]})).status_code == 200


async def test_a_choice_shows_no_more_than_the_key_may_see(api: Api):
    url = f"/v1/claims/{await held(api)}"
    refused = await api.get(f"{url}?fields=claim_id,score,rule,priors", role="provider")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "fields")
    assert "score" not in refused.json()["errors"][0]["message"].replace("scores:read", "")
    assert set((await api.get(f"{url}?fields=score")).json()) == {"score"}


async def test_the_longest_choice_is_taken_and_one_character_more_is_refused(api: Api):
    url = f"/v1/claims/{await held(api)}"
    exact = "claim_id," * 110 + "service_to"
    assert len(exact) == MAX_FIELDS_TEXT
    assert (await api.get(f"{url}?fields={exact}")).status_code == 200
    refused = await api.get(f"{url}?fields={exact}x")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "fields")
