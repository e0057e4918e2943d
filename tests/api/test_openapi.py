"""`/openapi.json` is complete: every route, what it requires, what it reads, and everything it can respond with.

Beside these tests, every response of this folder's tests is checked against the document (`contract.py`).
"""

import json
import re
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from fastapi.routing import APIRoute
from starlette.datastructures import Headers

import api as api_room
from api.app import ROUTERS, create_app
from api.dependencies import required_scopes, scope_beside
from api.errors import ERRORS, ApiError
from api.identity import ROLES, Scope
from api.migrate import alembic_config, newest_revision
from api.request_signing import SIGNATURE_HEADERS
from api.versions import CURRENT
from core.settings import Settings
from tests.api.contract import Contract, Operation
from tests.api.makers import MINIMAL, Api, contract

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTRACT = contract()
OPERATIONS = CONTRACT.operations
WITHOUT_AUTHENTICATION = {"/livez", "/readyz", "/v1/auth/keys", "/v1/fhir/metadata"}
WITHOUT_AUTHENTICATION |= {f"/v1/auth/{act}" for act in ("token", "refresh", "sign-out", "password")}
WITHOUT_AUTHENTICATION |= {"/v1/auth/totp", "/v1/auth/totp/confirm"}
JSON = "application/json"
STABLE_TYPES = {
    "malformed": 400,
    "not-x12": 400,
    "unauthorized": 401,
    "sign-in-incomplete": 401,
    "step-up-required": 401,
    "signature-required": 401,
    "signature-invalid": 401,
    "forbidden": 403,
    "consent-missing": 403,
    "not-found": 404,
    "conflict": 409,
    "in-flight": 409,
    "precondition-failed": 412,
    "too-large": 413,
    "not-json": 415,
    "media-type": 415,
    "encoded-body": 415,
    "invalid": 422,
    "member-queue-full": 429,
    "key-queue-full": 429,
    "rate-limited": 429,
    "sign-in-throttled": 429,
    "head-too-large": 431,
    "failed": 500,
    "value-unreadable": 500,
    "outcome-unknown": 503,
    "overloaded": 503,
    "batch-queue-full": 503,
    "key-provider-unavailable": 503,
    "unavailable": 503,
    "pool-exhausted": 503,
    "lock-timeout": 503,
    "statement-timeout": 503,
    "write-conflict": 503,
    "database-full": 503,
    "database-memory": 503,
    "database-connections": 503,
    "database-read-only": 503,
    "database-restarting": 503,
    "database-schema": 503,
    "database-misconfigured": 503,
    "database-fault": 503,
}


def each(*operations: Operation):
    return pytest.mark.parametrize("operation", operations, ids=lambda one: f"{one.method} {one.path}")


async def send(api: Api, operation: Operation, *, claim_id: str = "clm_none", **options):
    required = {
        one["name"]: "0"
        for one in operation.described.get("parameters", ())
        if one["in"] == "header" and one["required"]
    }
    headers = {"Content-Type": operation.body_type or JSON, **required, **options.pop("headers", {})}
    path = operation.path.replace("{claim_id}", claim_id).replace("{version}", "999")
    return await api.client.request(operation.method, path, headers=headers, **options)


def of(status: int) -> list[Operation]:
    return [one for one in OPERATIONS if str(status) in one.described["responses"]]


WITH_SECURITY = [one for one in OPERATIONS if one.described["security"] and {} not in one.described["security"]]
WITH_BODY = [
    one for one in OPERATIONS if one.body_type not in (None, "application/octet-stream", "multipart/form-data")
]
"""Any bytes are a part of a file; `test_bulk.py` and `test_case_files.py` have what is refused of files."""


async def test_settings_do_not_change_the_document():
    other = Settings(scorer_url="http://127.0.0.1:1", scorer_deadline_ms=1, max_body_bytes=9, max_replacements=1)
    assert Contract.of(create_app(other, "postgresql://someone@localhost:2/other")).document == CONTRACT.document


async def test_every_route_of_the_application_is_described():
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    described = {(one.method, one.path) for one in OPERATIONS}
    aliases = {("POST", "/claims")}
    assert {(method, route.path) for route in routes for method in route.methods} == described | aliases


@each(*OPERATIONS)
async def test_documented_security_matches_what_is_checked(operation: Operation):
    routes = {route.path: route for router in ROUTERS for route in router.routes if operation.method in route.methods}
    scopes = required_scopes(routes[operation.path])
    assert (not scopes) == (operation.path in WITHOUT_AUTHENTICATION)
    beside = [] if (also := scope_beside(routes[operation.path])) is None else [also.value]
    expected = [{name: [scope.value, *beside]} for scope in scopes for name in ("bearer", "api_key")]
    if operation.path == "/readyz":
        expected = [{}, {"bearer": ["platform:read"]}, {"api_key": ["platform:read"]}]
    assert operation.described["security"] == expected


@each(*WITH_SECURITY)
async def test_without_a_valid_key_the_response_is_a_documented_401(shared_api: Api, operation: Operation):
    for headers in ({}, {"Authorization": "Bearer gnj_unknown"}, {"X-API-Key": "gnj_unknown"}):
        response = await send(shared_api, operation, headers=headers)
        assert (response.status_code, response.json()["type"]) == (401, "/docs/problems#unauthorized")


@each(*WITH_SECURITY)
async def test_exactly_the_roles_with_the_documented_scope_are_admitted(shared_api: Api, operation: Operation):
    enough = [set(map(Scope, one["bearer"])) for one in operation.described["security"] if "bearer" in one]
    for role, scopes in ROLES.items():
        response = await send(shared_api, operation, headers={"X-API-Key": shared_api.keys[role]})
        assert (response.status_code == 403) == all(one - scopes for one in enough), role


@each(*WITH_BODY)
async def test_each_refused_body_is_a_documented_problem(shared_api: Api, operation: Operation):
    key = {"X-API-Key": shared_api.keys["admin"]}
    for status, body, headers in (
        (400, b"{", {}),
        (413, b" " * 5_000_000, {}),
        (415, b"{}", {"Content-Type": "text/plain"}),
        (400 if operation.body_type == "application/edi-x12" else 422, b'{"unknown": 1}', {}),
    ):
        response = await send(shared_api, operation, content=body, headers=key | headers)
        assert response.status_code == status


@each(*OPERATIONS)
async def test_too_large_headers_are_a_documented_problem(shared_api: Api, operation: Operation):
    assert (await send(shared_api, operation, headers={"X-Large": "x" * 20_000})).status_code == 431


@each(*[one for one in of(404) if not (one.path.startswith("/v1/version") or one.path == "/v1/fhir/Consent")])
async def test_an_unknown_claim_is_a_documented_problem(shared_api: Api, operation: Operation):
    example = operation.described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    name = None if example is None else example["$ref"].rpartition("/")[2]
    body = None if name is None else CONTRACT.document["components"]["schemas"][name]["examples"][0]
    response = await send(shared_api, operation, json=body, headers={"X-API-Key": shared_api.keys["admin"]})
    assert response.status_code == 404


@each(*OPERATIONS)
async def test_every_header_the_api_reads_is_documented(shared_api: Api, operation: Operation, monkeypatch):
    read: set[str] = set()
    original = Headers.__getitem__

    def recorded(headers: Headers, key: str) -> str:
        if headers.get is not None and b"x-recorded" in dict(headers.raw):
            read.add(key.lower())
        return original(headers, key)

    monkeypatch.setattr(Headers, "__getitem__", recorded)
    key = shared_api.keys["admin"]
    parameters = [one["name"] for one in operation.described.get("parameters", ()) if one["in"] == "header"]
    sent = [one for one in parameters if one.lower() not in SIGNATURE_HEADERS]  # the client of the tests signs
    own = {"X-Recorded": "1", **dict.fromkeys(sent, "k"), "X-API-Version": CURRENT, "X-Purpose-Of-Use": "TREAT"}
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
        await send(shared_api, operation, headers=own | headers, content=b"{}")
    # Who calls and why is read before it is known which route it is; host, type and length are part of what is signed.
    signed = {"host", "content-type", "content-length"} if len(sent) < len(parameters) else set()
    assert read <= operation.headers | {"authorization", "x-api-key", "x-purpose-of-use"} | signed
    if operation.described["security"]:
        assert {"authorization", "x-api-key"} <= read
    assert {name.lower() for name in parameters} <= read


def header_names_in_the_sources() -> set[str]:
    reading = re.compile(r'headers\.get(?:list)?\("([^"]+)"')
    sources = (path.read_text() for path in Path(api_room.__path__[0]).rglob("*.py"))
    return {name for source in sources for name in reading.findall(source)}


async def test_no_undocumented_header_is_read():
    """A route that reads another header documents it, as `IDEMPOTENCY_KEY` in `api/openapi_headers.py`."""
    of_the_console = {"cookie", "host", "origin", "sec-fetch-site"}
    of_bodies = {"content-type", "content-length", "accept"}
    documented = {"authorization", "x-api-key", "idempotency-key", "if-match", "if-none-match", "x-api-version"}
    documented |= {"content-digest", "prefer"}
    assert header_names_in_the_sources() == of_the_console | of_bodies | documented


async def test_types_and_statuses_of_errors_are_stable():
    assert {error.kind: error.status for error in ERRORS} == STABLE_TYPES
    assert set(ApiError.__subclasses__()) == set(ERRORS)
    schemas = CONTRACT.document["components"]["schemas"]
    for error in ERRORS:
        properties = schemas[f"{error.__name__}Problem"]["properties"]
        assert (properties["type"]["const"], properties["status"]["const"]) == (error.type_uri(), error.status)


@each(*OPERATIONS)
async def test_everything_is_described_with_examples_that_fit(operation: Operation):
    described = operation.described
    assert described["description"]
    assert described["operationId"].isidentifier()
    for parameter in described.get("parameters", ()):
        assert parameter["description"], parameter["name"]
    for status, response in described["responses"].items():
        assert response["description"], status
        for content in response["content"].values():
            assert content["schema"]
            examples = [one["value"] for one in content.get("examples", {}).values()]
            for example in [*examples, *([content["example"]] if "example" in content else [])]:
                assert CONTRACT.violations(content["schema"], example) == []
    if operation.body_type == JSON:
        reference = described["requestBody"]["content"]["application/json"]["schema"]
        schema = CONTRACT.document["components"]["schemas"][reference["$ref"].rpartition("/")[2]]
        assert schema["examples"]
        for example in schema["examples"]:
            assert CONTRACT.violations(reference, example) == []


async def test_every_reference_leads_to_a_component_and_every_component_is_used():
    document = CONTRACT.document
    used = set(re.findall(r'"#/components/(\w+/\w+)"', json.dumps(document)))
    declared = {f"{kind}/{name}" for kind in ("schemas", "headers") for name in document["components"][kind]}
    assert used == declared


async def test_the_document_is_served_and_says_what_a_minimal_claim_needs(shared_api: Api):
    served = (await shared_api.client.get("/openapi.json")).json()
    assert served == CONTRACT.document
    assert CONTRACT.violations({"$ref": "#/components/schemas/ClaimIn"}, MINIMAL) == []


async def test_readiness_requires_the_newest_schema(api: Api):
    assert newest_revision() == ScriptDirectory.from_config(alembic_config()).get_current_head()
    for change, ready in (
        ("UPDATE alembic_version SET version_num = '0003'", False),
        ("UPDATE alembic_version SET version_num = '9999'", True),
        ("DELETE FROM alembic_version", False),
    ):
        api.rows(f"{change} RETURNING version_num")
        response = await api.client.get("/readyz")
        assert (response.status_code, response.json()["ready"]) == ((200, True) if ready else (503, False))
