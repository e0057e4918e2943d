"""What a version of the API promises is kept: its description, its answers, and what the comparison finds."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.versions import CURRENT, DEPRECATED, HEADER, PUBLISHED, SUPPORTED, ApiVersion, VersionChange, VersionHistory
from core import clock
from tests.api.contract import Contract
from tests.api.decisions import held
from tests.api.makers import MINIMAL, Api, contract
from tests.api.openapi_changes import breaking_changes, unserved_changes

DOCUMENTS = Path(__file__).parents[2] / "docs" / "reference"
GOLDEN = Path(__file__).parent / "golden"
_VARIES = re.compile(r"(clm|asm|dec|req)_[0-9a-z]{26}|\d{4}-\d\d-\d\dT[0-9:.]+Z")
_WORDING = {"text", "title", "detail", "message", "reason_text"}


def published(version: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DOCUMENTS / f"openapi-{version}.json").read_text())
    return document


@pytest.mark.parametrize("version", SUPPORTED)
def test_the_description_of_a_published_version_is_kept(version: str):
    assert unserved_changes(version, published(version), contract().document, PUBLISHED) == []


def test_the_current_version_is_the_newest_and_has_a_migration_guide():
    assert [CURRENT, *sorted(SUPPORTED[1:], reverse=True)] == list(SUPPORTED) == sorted(SUPPORTED, reverse=True)
    guide = (DOCUMENTS / "versions.md").read_text()
    assert all(f"## {version}" in guide for version in SUPPORTED)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The published document with another value at a place; `None` removes it."""
    document = deepcopy(published(CURRENT))
    at: Any = document
    *parts, last = path.split(" ")
    for part in parts:
        at = at[int(part)] if isinstance(at, list) else at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return document


CLAIM = "components schemas ClaimOut"
SENT = "components schemas ClaimIn"
BROKEN = [
    ("paths /v1/claims/{claim_id}/void", None, "removed"),
    ("paths /v1/claims/{claim_id} get operationId", "read_claim", "operationId"),
    ("paths /v1/claims/{claim_id} get security", [{"bearer": ["claims:void"]}], "security"),
    ("paths /v1/claims post responses 201", None, "response 201 removed"),
    ("paths /v1/claims post responses 409", None, "response 409 removed"),
    ("paths /v1/claims post responses 201 headers Location", None, "header Location"),
    ("paths /v1/claims post requestBody content application/json", None, "body of application/json removed"),
    ("paths /v1/claims/{claim_id}/void post requestBody required", True, "body became required"),
    ("paths /v1/claims get parameters", [], "parameter status removed"),
    (f"{CLAIM} properties status", None, ".status: removed"),
    (f"{CLAIM} properties claim_id", {"type": "integer"}, "can be integer"),
    (f"{CLAIM} properties claim_id", {"anyOf": [{"type": "string"}, {"type": "null"}]}, "can be null"),
    (f"{CLAIM} properties status enum", ["approved", "lost"], "the value lost"),
    (f"{CLAIM} required", ["claim_id"], "may be missing"),
    (f"{SENT} required", ["member_id", "provider_id", "units"], ".units: became required"),
    (f"{SENT} properties units", None, ".units: is not accepted"),
    (f"{SENT} properties claim_amount", {"type": "string"}, "is not accepted any more"),
    (f"{SENT} properties lines", {"type": "array", "items": {"type": "object"}, "maxItems": 9}, "maxItems is lower"),
]


@pytest.mark.parametrize(("path", "value", "found"), BROKEN, ids=lambda one: str(one)[:60])
def test_a_breaking_change_is_found(path: str, value: Any, found: str):
    changes = breaking_changes(published(CURRENT), changed(path, value))
    assert any(found in one for one in changes), changes


def renamed(*, requests: bool, responses: bool) -> VersionHistory:
    """The history after a version that changed the submission of claims."""
    submission = {"POST /v1/claims": lambda document: document}
    change = VersionChange("x", requests=submission if requests else {}, responses=submission if responses else {})
    return VersionHistory([ApiVersion("2030-01-01", (change,)), ApiVersion(CURRENT)])


@pytest.mark.parametrize(
    ("path", "value", "part"),
    [(f"{SENT} properties units", None, "body"), (f"{CLAIM} properties status", None, "201")],
    ids=["request", "response"],
)
def test_a_breaking_version_is_published_once_every_operation_that_it_breaks_is_declared(
    path: str, value: Any, part: str
):
    old, new = published(CURRENT), changed(path, value)
    broken = breaking_changes(old, new)
    of_submission = {one for one in broken if one.startswith(f"POST /v1/claims {part}")}
    assert of_submission
    wrong_way = renamed(requests=part != "body", responses=part == "body")
    assert unserved_changes(CURRENT, old, new, wrong_way) == broken
    declared = renamed(requests=part == "body", responses=part != "body")
    left = unserved_changes(CURRENT, old, new, declared)
    assert set(left) == set(broken) - of_submission, "other operations with the same schema are still to be declared"


@pytest.mark.parametrize(("path", "value", "found"), BROKEN[:9], ids=lambda one: str(one)[:60])
def test_a_change_that_nothing_translates_is_never_declared(path: str, value: Any, found: str):
    everything = renamed(requests=True, responses=True)
    left = unserved_changes(CURRENT, published(CURRENT), changed(path, value), everything)
    assert any(found in one for one in left), left


def test_a_version_may_be_retired():
    def supporting(*versions: str) -> dict[str, Any]:
        document = published(CURRENT)
        for one in document["paths"]["/v1/claims"]["post"]["parameters"]:
            one["schema"] |= {"enum": list(versions)} if one["name"] == HEADER else {}
        return document

    both, one = supporting("2030-01-01", CURRENT), supporting("2030-01-01")
    assert breaking_changes(both, one) != []
    assert unserved_changes(CURRENT, both, one, PUBLISHED) == []


def test_an_addition_breaks_nothing():
    assert breaking_changes(published(CURRENT), published(CURRENT)) == []
    added = changed(f"{CLAIM} properties new_field", {"type": "string"})
    added["paths"]["/v1/new"] = {"get": {"operationId": "new", "responses": {}}}
    added["components"]["schemas"]["ClaimIn"]["properties"]["optional"] = {"type": "string"}
    added["paths"]["/v1/claims"]["get"]["parameters"].append({"in": "query", "name": "new", "schema": {}})
    assert breaking_changes(published(CURRENT), added) == []


def steady(value: Any) -> Any:
    """A response without what differs from run to run, and without wording, which may change."""
    if isinstance(value, dict):
        return {name: "…" if name in _WORDING else steady(one) for name, one in value.items()}
    if isinstance(value, list):
        return [steady(one) for one in value]
    return _VARIES.sub("…", value) if isinstance(value, str) else value


def parts_of(expected: Any, given: Any) -> Any:
    """What a response has of the fields of an earlier one; further fields may have been added."""
    if isinstance(expected, dict) and isinstance(given, dict):
        return {name: parts_of(value, given.get(name, "missing")) for name, value in expected.items()}
    if isinstance(expected, list) and isinstance(given, list) and len(expected) == len(given):
        return [parts_of(*pair) for pair in zip(expected, given, strict=True)]
    return given


@contextmanager
def asking_for(api: Api, version: str) -> Iterator[None]:
    """The block's requests name a version; their responses are checked against its description."""
    described = contract() if version == CURRENT else Contract(published(version))

    async def states_version(response: httpx.Response) -> None:
        assert response.headers[HEADER] == version

    hooks = api.client.event_hooks
    api.client.event_hooks = {**hooks, "response": [described.check, states_version]}
    api.client.headers[HEADER] = version
    try:
        yield
    finally:
        del api.client.headers[HEADER]
        api.client.event_hooks = hooks


async def answers(api: Api, version: str) -> dict[str, Any]:
    """Responses to requests as clients of a version send them; their bodies are kept beside the responses."""
    bodies = json.loads((GOLDEN / f"{version}-requests.json").read_text())
    claim_id = await held(api, service_from="2026-03-02")
    path = f"/v1/claims/{claim_id}"
    with asking_for(api, version):
        sent = {
            "submitted": await api.submit(bodies["submitted"]),
            "invalid": await api.submit(bodies["invalid"]),
            "not found": await api.get("/v1/claims/clm_none"),
            "read by a provider": await api.get(path, role="provider"),
            "decided": await api.post(f"{path}/decisions", bodies["decided"]),
            "found": await api.post(f"{path}/dispositions", bodies["found"]),
            "voided": await api.post(f"{path}/void", bodies["voided"]),
            "voided again": await api.post(f"{path}/void", {}),
            "unauthorized": await api.client.get("/v1/claims"),
        }
    return {name: {"status": one.status_code, "body": steady(one.json())} for name, one in sent.items()}


@pytest.mark.parametrize("version", SUPPORTED)
async def test_the_answers_of_a_published_version_are_kept(api: Api, version: str):
    golden = json.loads((GOLDEN / f"{version}.json").read_text())
    with clock.held(datetime(2026, 3, 10, 12, tzinfo=UTC)):
        given = await answers(api, version)
    assert parts_of(golden, given) == golden


async def test_every_response_states_the_version(api: Api):
    for path in ("/v1/claims", "/v1/claims/clm_none", "/v1/unknown"):
        assert (await api.get(path)).headers[HEADER] == CURRENT
    assert HEADER not in (await api.client.get("/livez")).headers


async def test_a_version_is_asked_for_by_its_date(api: Api):
    asked = {**api.as_("admin"), HEADER: CURRENT}
    assert (await api.client.get("/v1/claims", headers=asked)).status_code == 200
    for version in ("2020-01-01", "latest", ""):
        response = await api.client.get("/v1/claims", headers={**asked, HEADER: version})
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, HEADER)
        assert CURRENT in response.json()["errors"][0]["message"]


async def test_a_deprecated_path_says_so_and_names_its_successor(api: Api):
    (path,) = DEPRECATED
    response = await api.post(path, MINIMAL)
    assert response.status_code == 201
    assert response.headers["deprecation"] == "@1795737600"
    assert response.headers["sunset"] == "Tue, 30 Nov 2027 00:00:00 GMT"
    assert response.headers["link"] == '</v1/claims>; rel="successor-version"'
    assert "deprecation" not in (await api.submit()).headers
