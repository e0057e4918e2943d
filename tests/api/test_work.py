"""The work of a request is bounded by its size: every route, every field of its body, every query name and header.

The routes are those of the application, the fields those of its schemas: one that has no example here fails the test.
"""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.routing import BaseRoute, Mount

from api import openapi
from api.app import create_app
from api.console.audit_page import FILTERS
from api.console.reading import form_token
from api.console.service import Console
from api.middleware import MAX_HEAD_BYTES
from core.settings import Settings
from tests.api.makers import MINIMAL, Api
from tests.api.work_examples import BODIES, FORMS, RAW
from tests.work import BIG, HOSTILE_TEXTS, HOSTILE_TOKENS, Work, measured

module_loop = pytest.mark.asyncio(loop_scope="module")

AUDIT_QUERIES = {*FILTERS, "before"}
"""Read as a whole by `api/console/audit_page.py`."""
CONSOLE_QUERIES = {
    *("claim_id", "member_id", "week", "next", "after", "q", "verify"),
    *("set", "claim", "provider", "member"),
    *("tab", "kind", "least", "due", "indicator"),
    *("status", "owner", "kind", "subject_id"),
    *("threshold", "capacity", "draft", "first", "feature"),
    *("status", "first_day", "last_day"),
    *AUDIT_QUERIES,
}
HEADERS = (
    *("authorization", "x-api-key", "content-type", "content-length", "accept", "idempotency-key", "sec-fetch-site"),
    *("if-match", "if-none-match", "x-api-version", "upload-offset", "prefer", "x-purpose-of-use", "user-agent"),
    *("signature", "signature-input", "content-digest"),
    *("cookie", "origin", "host", "x-anything"),
)
API = Path(openapi.__file__).parent


@dataclass(frozen=True)
class Target:
    """A path and a method of the application, and what may be sent to it."""

    path: str
    method: str
    schema: str | None = None
    queries: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def targets(routes: list[BaseRoute], prefix: str = "") -> Iterator[Target]:
    """Every path and method under `routes`, those of included routers and mounted applications too."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from targets(inner.routes, prefix)
        elif isinstance(route, Mount):
            if route.routes:
                yield from targets(list(route.routes), prefix + route.path)
            else:
                yield Target(f"{prefix}{route.path}/{{path}}", "GET")
        else:
            dependant = getattr(route, "dependant", None)
            queries = tuple(one.alias for one in dependant.query_params) if dependant is not None else ()
            name = next(filter(None, map(schema_of, (one for one in routes if shares_endpoint(one, route)))), None)
            queries += getattr(route, "queries", ())
            for method in sorted(route.methods or {"GET"}):  # type: ignore[attr-defined]
                yield Target(prefix + route.path, method, name, queries)  # type: ignore[attr-defined]


def schema_of(route: BaseRoute) -> str | None:
    """Name of the schema a route says it reads."""
    described = getattr(route, "openapi_extra", None) or {}
    schema = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return schema.get("$ref", "").rpartition("/")[2] or None


def shares_endpoint(one: BaseRoute, other: BaseRoute) -> bool:
    return getattr(one, "endpoint", None) is getattr(other, "endpoint", 0)


def application() -> FastAPI:
    return create_app(Settings(), "postgresql://nowhere")


TARGETS = list(targets(application().routes))
WITH_BODY = [target for target in TARGETS if target.method not in ("GET", "HEAD", "DELETE")]
ALONE = (
    "authorization",
    "x-api-key",
    "content-encoding",
    "content-type",
    "content-length",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "cookie",
)
"""Headers that may end a request before another is read; the others are sent together."""


def fields_of(schema: type[BaseModel]) -> set[str]:
    """Dotted paths of every field, `[]` for the items of a list."""
    document = schema.model_json_schema()
    found: set[str] = set()

    def walk(node: dict[str, Any], path: str) -> None:
        if "$ref" in node:
            walk(document["$defs"][node["$ref"].rpartition("/")[2]], path)
        for choice in node.get("anyOf", ()):
            walk(choice, path)
        if "items" in node:
            walk(node["items"], f"{path}[]")
        for name, inner in node.get("properties", {}).items():
            found.add(f"{path}.{name}".lstrip("."))
            walk(inner, f"{path}.{name}".lstrip("."))

    walk(document, "")
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in an example: each name of an object, and the first item of each list."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*path, name)
            yield from places(inner, (*path, name))
    elif isinstance(value, list) and value:
        yield (*path, 0)
        yield from places(value[0], (*path, 0))


def dotted(place: tuple[Any, ...]) -> str:
    return "".join("[]" if part == 0 else f".{part}" for part in place).lstrip(".")


def with_token(document: dict[str, Any], place: tuple[Any, ...], token: bytes) -> bytes:
    """The document as JSON with `token` at a place, whatever it is."""
    changed = deepcopy(document)
    at = changed
    for part in place[:-1]:
        at = at[part]
    at[place[-1]] = "@@"
    return json.dumps(changed).encode().replace(b'"@@"', token)


async def send(
    api: Api, target: Target, *, path: str | None = None, query: str = "", body: bytes = b"", **headers: str
) -> tuple[int, int]:
    """Send a request to the application itself; returns its status and how many bytes it had."""
    where = (path or target.path).replace("{claim_id}", "clm_1").replace("{path}", "x").replace("{position:int}", "1")
    where = where.replace("{version}", "999").replace("/console/members/{member_id}", "/console/members/M123")
    where = where.replace("/console/providers/{provider_id}", "/console/providers/H456")
    form = target.path in FORMS
    media_type, _ = RAW.get(target.path, ("application/json", b""))
    pairs = {"content-type": "application/x-www-form-urlencoded" if form else media_type}
    pairs |= {name.lower(): value for name, value in api.as_("admin").items()}
    pairs |= {"if-match": "*"} if target.method == "PUT" else {}
    if target.path.startswith("/console"):
        signed_in = await session(api, "provider" if target.path.startswith("/console/own") else "admin")
        pairs |= {"cookie": f"ginja_console={signed_in}"}
        body = body.replace(b"form_token=TOKEN", b"form_token=" + form_token(signed_in).encode())
    pairs |= {name.replace("_", "-"): value for name, value in headers.items()}
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in pairs.items()]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": target.method}
    scope |= {"scheme": "http", "path": where, "raw_path": quote(where).encode(), "query_string": query.encode()}
    scope |= {"headers": encoded, "root_path": "", "client": ("test", 1), "server": ("claims", 80)}
    statuses = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def sent(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await api.app(scope, receive, sent)  # type: ignore[arg-type]
    if target.path == "/console/sign-out":
        _sessions.clear()
    size = len(body) + len(query) + len(where) + sum(len(name) + len(value) for name, value in encoded)
    return statuses[0], size


_sessions: dict[tuple[str, str], str] = {}


async def session(api: Api, role: str) -> str:
    """The token of a console session of a role."""
    if (api.url, role) not in _sessions:
        console: Console = next(
            one for one in api.app.routes if getattr(one, "path", "") == "/console"
        ).app.state.console  # type: ignore[attr-defined]
        _sessions[api.url, role] = (await console.access.sign_in_with_key(api.keys[role])).token
    return _sessions[api.url, role]


async def usual(api: Api, target: Target, **request: Any) -> Work:
    """The work for a valid request after warm-up."""
    await send(api, target, **request)
    with measured() as work:
        await send(api, target, **request)
    return work


class Offenders(list[str]):
    """Requests whose work is not bounded by their size, or that break the application."""

    async def send(self, what: str, usual: Work, api: Api, target: Target, **request: Any) -> None:
        with measured() as work:
            status, size = await send(api, target, **request)
        if status >= 500 or not work.is_bounded(size, usual):
            self.append(f"{target} {what}: {status}, {work} for {size} bytes, usually {usual}")


def example_body(target: Target) -> bytes:
    if target.path in FORMS:
        return urlencode(FORMS[target.path]).encode()
    if target.path in RAW:
        return RAW[target.path][1]
    return json.dumps(BODIES[target.schema][0]).encode() if target.schema else b""


def test_every_route_that_takes_a_body_has_an_example_of_every_field():
    for target in WITH_BODY:
        assert target.schema in BODIES or target.path in FORMS or target.path in RAW, f"{target} has no example here"
    for name, examples in BODIES.items():
        covered = {dotted(place) for example in examples for place in places(example)}
        assert fields_of(openapi._bodies[name]) <= covered, f"a field of {name} has no example here"


def test_every_form_field_query_parameter_and_header_the_api_reads_is_tested():
    templates = "".join(path.read_text() for path in (API / "console" / "templates").rglob("*.html"))
    controls = set(re.findall(r'<(?:input|select|textarea)[^>]* name="(\w+)"', templates))
    assert controls <= {name for form in FORMS.values() for name in form} | CONSOLE_QUERIES
    source = "".join(path.read_text() for path in API.rglob("*.py"))
    assert set(re.findall(r'query_params\.get\("(\w+)"', source)) == CONSOLE_QUERIES - AUDIT_QUERIES
    assert {name for one in TARGETS if one.path.startswith("/console") for name in one.queries} == CONSOLE_QUERIES
    assert set(re.findall(r'headers\.get(?:list)?\("([\w-]+)"', source)) <= set(HEADERS)
    assert "request.cookies" not in source.replace("`request.cookies`", "")


@module_loop
@pytest.mark.parametrize("target", [one for one in WITH_BODY if one.schema and one.path != "/claims"], ids=str)
async def test_the_time_for_a_body_is_bounded_by_its_size(shared_api: Api, target: Target):
    found, tried = Offenders(), set[str]()
    for example in BODIES[target.schema or ""]:
        ordinary = await usual(shared_api, target, body=json.dumps(example).encode())
        for place in [*places(example), ("unknown",)]:
            if dotted(place) in tried:
                continue
            tried.add(dotted(place))
            for kind, token in HOSTILE_TOKENS.items():
                body = with_token(example, place, token)
                await found.send(f"{dotted(place)} = {kind}", ordinary, shared_api, target, body=body)
    for kind, token in HOSTILE_TOKENS.items():
        await found.send(f"body = {kind}", ordinary, shared_api, target, body=token)
    assert not found


@module_loop
@pytest.mark.parametrize("target", [one for one in WITH_BODY if one.path in FORMS], ids=str)
async def test_the_work_for_a_form_is_bounded_by_its_size(shared_api: Api, target: Target):
    found, form = Offenders(), FORMS[target.path]
    ordinary = await usual(shared_api, target, body=urlencode(form).encode())
    for name in [*form, "unknown"]:
        for kind, text in HOSTILE_TEXTS.items():
            body = urlencode(form | {name: text}).encode()
            await found.send(f"{name} = {kind}", ordinary, shared_api, target, body=body)
    for kind, text in HOSTILE_TEXTS.items():
        await found.send(f"body = {kind}", ordinary, shared_api, target, body=text.encode())
    assert not found


@module_loop
@pytest.mark.parametrize("target", [one for one in TARGETS if one.method != "HEAD"], ids=str)
async def test_the_work_for_path_query_and_headers_is_bounded_by_their_size(shared_api: Api, target: Target):
    found, body = Offenders(), example_body(target)
    await send(shared_api, target, path="/v1/no/such/path")  # the framework prepares all routes once, for the first 404
    ordinary = await usual(shared_api, target, body=body)
    reads_something = bool(target.queries or body or "{" in target.path)
    texts = HOSTILE_TEXTS if reads_something else {"quotes": HOSTILE_TEXTS["quotes"]}
    for kind, text in texts.items():
        for names in (target.queries, ("unknown",)):
            query = urlencode(dict.fromkeys(names, text))
            await found.send(f"{names} = {kind}", ordinary, shared_api, target, query=query, body=body)
        await found.send(f"?{kind}", ordinary, shared_api, target, query=text.replace(" ", "+"), body=body)
        if "{" in target.path:
            path = re.sub(r"\{\w+\}", lambda _, text=text: text, target.path)
            await found.send(f"path = {kind}", ordinary, shared_api, target, path=path, body=body)
        for header in ALONE:
            value = {"authorization": f"Bearer {text}", "cookie": f"a={text}; ginja_console={text}"}.get(header, text)
            await found.send(f"{header}: {kind}", ordinary, shared_api, target, body=body, **{header: value})
        others = dict.fromkeys(set(HEADERS) - set(ALONE), text)
        await found.send(f"other headers: {kind}", ordinary, shared_api, target, body=body, **others)
    assert not found


@module_loop
async def test_headers_over_the_limit_are_refused_before_they_are_read(shared_api: Api):
    target = next(one for one in TARGETS if one.path == "/console/")
    for request in ({"query": "x" * MAX_HEAD_BYTES}, {"cookie": "a=" + "x" * MAX_HEAD_BYTES}):
        status, _ = await send(shared_api, target, **request)
        assert status == 431
    status, _ = await send(shared_api, target, x_anything="x" * BIG)
    assert status == 200


@module_loop
async def test_an_error_response_is_not_many_times_the_size_of_its_request(shared_api: Api):
    body = b"{" + b",".join(b'"%x":1' % n for n in range(10_000)) + b"}"
    answer = await shared_api.submit(body)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("10002 fields are invalid; the first 20")
    assert len(answer.content) < 5_000


NUMBERS = ["1E-1000000000", "1E-999999999999999", "1E+99999999", "0E999999999", "1e400", "1E-21", "-1e21"]


@module_loop
@pytest.mark.parametrize("number", NUMBERS)
async def test_a_number_with_an_exponent_out_of_range_is_refused_by_the_name_of_its_field(shared_api: Api, number: str):
    answer = await shared_api.submit(json.dumps(MINIMAL).encode().replace(b"5000", number.encode()))
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "claim_amount"
    assert "exponent between -20 and 20" in error["message"]
    line = b'{"procedure_code":"P001","amount":%b}' % number.encode()
    body = json.dumps(MINIMAL | {"lines": "@"}).encode().replace(b'"@"', b"[" + b",".join([line] * 40) + b"]")
    answer = await shared_api.submit(body)
    assert answer.json()["errors"][0]["field"] == "lines[0].amount"


@module_loop
@pytest.mark.parametrize(("number", "cents"), [("5e3", 500_000), ("1.25E+2", 12_500), ("120000E-2", 120_000)])
async def test_a_number_with_a_small_exponent_is_read_exactly(shared_api: Api, number: str, cents: int):
    answer = await shared_api.submit(json.dumps(MINIMAL).encode().replace(b"5000", number.encode()))
    assert answer.status_code == 201
    assert answer.json()["claim_amount"] == cents / 100
