"""Every route refuses what it would ignore or two readers could read differently, and no answer is kept by caches."""

import json

import pytest

from api.middleware import SINGLE_HEADERS
from core import clock
from tests.api.makers import LINES, MINIMAL, Api
from tests.api.test_work import BODIES, TARGETS, Target

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = [one for one in TARGETS if "{path}" not in one.path and one.method != "HEAD"]


def each(targets: list[Target]):
    return pytest.mark.parametrize("target", targets, ids=str)


async def send(api: Api, target: Target, *, query: str = "", headers: list[tuple[str, str]] | None = None):
    path = target.path.replace("{claim_id}", "clm_none").replace("{position:int}", "1").replace("{version}", "999")
    path += f"?{query}" if query else ""
    own = [*api.as_("admin").items(), ("Origin", "http://claims"), *(headers or [])]
    body = json.dumps(BODIES[target.schema][0]).encode() if target.schema else b""
    return await api.client.request(target.method, path, headers=own, content=body)


def invalid_fields(response) -> list[str]:
    assert (response.status_code, response.json()["type"]) == (422, "/docs/problems#invalid")
    return [error["field"] for error in response.json()["errors"]]


@each([one for one in ROUTES if one.path != "/console/oidc/callback"])  # an identity provider chooses its own
async def test_an_unknown_query_parameter_is_refused_with_the_names_of_the_others(shared_api: Api, target: Target):
    response = await send(shared_api, target, query="unknown=1&limi=5")
    assert invalid_fields(response) == ["unknown", "limi"]
    message = response.json()["errors"][0]["message"]
    assert message == f"is not a query parameter; this path has {', '.join(target.queries) or 'none'}"


@each([one for one in ROUTES if one.queries and not one.path.startswith("/console")])
async def test_a_query_parameter_is_sent_once_and_is_text(shared_api: Api, target: Target):
    name = target.queries[0]
    for query in (f"{name}=1&{name}=2", f"{name}=1&{name}=1", f"{name}=%00"):
        assert invalid_fields(await send(shared_api, target, query=query)) == [name]
    for query in (f"{name}=%FF", "\u00e9=1"):
        assert (await send(shared_api, target, query=query)).status_code == 422


@each(ROUTES)
async def test_a_header_that_decides_something_is_sent_once(shared_api: Api, target: Target):
    values = {"authorization": f"Bearer {shared_api.keys['admin']}", "origin": "http://claims", "host": "claims"}
    values |= {"content-type": "application/json", "content-encoding": "identity"}
    for name in sorted(name.decode() for name in SINGLE_HEADERS - {b"content-length"}):
        value = values.get(name, "x")
        fields = invalid_fields(await send(shared_api, target, headers=[(name, value), (name, value)]))
        assert [field.lower() for field in fields] == [name]


async def test_an_idempotency_key_is_sent_once_even_if_both_are_equal(shared_api: Api):
    before = shared_api.count("claims")
    headers = [*shared_api.as_("admin").items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]
    response = await shared_api.client.post("/v1/claims", json=MINIMAL, headers=headers)
    assert invalid_fields(response) == ["Idempotency-Key"]
    assert shared_api.count("claims") == before


@each(ROUTES)
async def test_an_encoded_body_is_refused(shared_api: Api, target: Target):
    for coding in ("br", "gzip", "identity, gzip", "GZIP"):
        response = await send(shared_api, target, headers=[("Content-Encoding", coding)])
        assert (response.status_code, response.json()["type"]) == (415, "/docs/problems#encoded-body")
        assert response.headers["accept-encoding"] == "identity"
    plain = await send(shared_api, target, headers=[("Content-Encoding", "identity")])
    assert not (plain.status_code == 415 and plain.json()["type"].endswith("#encoded-body"))


@each(ROUTES)
async def test_no_answer_is_stored_by_caches_whatever_its_status(shared_api: Api, target: Target):
    for query in ("", "unknown=1"):
        response = await send(shared_api, target, query=query)
        assert response.headers.get_list("cache-control") == ["no-store"]
    unauthorized = await shared_api.client.request(target.method, target.path)
    assert unauthorized.headers.get_list("cache-control") == ["no-store"]


async def test_files_of_the_package_may_be_stored_and_have_any_query(shared_api: Api):
    for path in ("/docs/static/start.js?v=1", "/console/static/console.css"):
        response = await shared_api.client.get(path)
        assert (response.status_code, "cache-control" in response.headers) == (200, False)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/", "/docs"),
        ("/console", "/console/"),
        ("/console?claim_id=clm_1", "/console/?claim_id=clm_1"),
        ("/v1/claims/", "/v1/claims"),
        ("/console/claims/clm_1", "/console/sign-in?next=/console/claims/clm_1"),
    ],
)
async def test_no_redirect_is_built_from_the_host_header(shared_api: Api, path: str, location: str):
    for host in ("evil.test", "evil.test:81", "evil.test@claims", ""):
        response = await shared_api.client.get(path, headers={"Host": host, "X-Forwarded-Host": "evil.test"})
        assert response.is_redirect
        assert response.headers["location"] == location


@pytest.mark.parametrize("path", ["//evil.test/console", "/\\evil.test/console", "//evil.test//"])
async def test_a_path_that_looks_like_a_host_leads_nowhere(shared_api: Api, path: str):
    response = await shared_api.client.get(f"http://claims{path}")
    assert not response.headers.get("location", "/").startswith(("//", "/\\"))


def amounts() -> list[tuple[str, str, dict]]:
    lines = LINES | {"lines": [{"procedure_code": "P001", "amount": "@"}]}
    return [
        ("/v1/claims", "claim_amount", MINIMAL | {"claim_amount": "@"}),
        ("/v1/claims", "lines[0].amount", lines),
        (
            "/v1/claims:score-batch",
            "claims[0].claim_amount",
            {"claims": [MINIMAL | {"claim_id": "a", "claim_amount": "@"}]},
        ),
        ("/v1/claims/clm_1/dispositions", "amount_recovered", {"disposition": "confirmed", "amount_recovered": "@"}),
        (
            "/v1/claims/clm_1/decisions",
            "amount",
            {"action": "pay_reduced", "reason": "x", "expected_version": 1, "amount": "@"},
        ),
    ]


@pytest.mark.parametrize(("path", "field", "body"), amounts(), ids=lambda one: one if isinstance(one, str) else "")
@pytest.mark.parametrize("text", [" 5", "5 ", " 5 ", "\t5", "5\n", "\u00a05"])
async def test_an_amount_has_no_blanks_around_it(shared_api: Api, path: str, field: str, body: dict, text: str):
    document = json.dumps(body).replace('"@"', json.dumps(text)).encode()
    assert field in invalid_fields(await shared_api.post(path, document))


@pytest.mark.parametrize(
    ("received_at", "status"),
    [
        *(("9999-12-31T23:59:59Z", 422), ("9999-12-31T23:59:59-14:00", 422), ("0001-01-01T00:00:00+14:00", 422)),
        *(("1989-12-31T23:59:59Z", 422), ("2026-03-02T10:15:00", 422), ("2026-03-02 10:15:00Z", 422)),
        *(("20260302T101500Z", 422), ("2026-W10-1T10:15:00Z", 422), ("2026-03-02T24:00:01Z", 422)),
        *(("2026-03-02T10:15:00.1234567Z", 422), (" 2026-03-02T10:15:00Z", 422), ("2026-03-02T10:15:00Z ", 422)),
        *(("2026-03-02T10:15:00Z", 200), ("2026-03-02t10:15:00.5z", 200), ("2026-03-02T10:15:00+03:00", 200)),
    ],
)
async def test_a_receipt_lies_in_the_past(shared_api: Api, received_at: str, status: int):
    claim = MINIMAL | {"claim_id": "a", "received_at": received_at, "service_from": "1990-01-01"}
    response = await shared_api.post("/v1/claims:score-batch", {"claims": [claim]})
    assert response.status_code == status
    if status == 422:
        assert invalid_fields(response) == ["claims[0].received_at"]


async def test_a_receipt_may_be_as_far_ahead_as_clocks_differ(shared_api: Api):
    now = clock.now()
    for seconds, status in ((299, 200), (301, 422)):
        received_at = clock.from_micros(clock.micros(now) + seconds * 1_000_000).isoformat()
        with clock.held(now):
            response = await shared_api.post(
                "/v1/claims:score-batch", {"claims": [MINIMAL | {"claim_id": "a", "received_at": received_at}]}
            )
        assert response.status_code == status


@pytest.mark.parametrize(
    "place",
    ["100000000000000000000000:clm_x", "9" * 20 + ":c", "-" + "9" * 19 + ":c", "1_0:c", " 1:c", "+1:c", "1e5:c"],
)
async def test_a_cursor_that_none_wrote_is_refused(shared_api: Api, place: str):
    import base64

    cursor = base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")
    assert invalid_fields(await shared_api.get(f"/v1/claims?cursor={cursor}")) == ["cursor"]
    console = await shared_api.client.get(f"/console/in-review?after={cursor}")
    assert console.status_code == 303
