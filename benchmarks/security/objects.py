"""Objects and functions of others: the attacker is a provider with a valid key of its own."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import httpx

from benchmarks.security.attempts import AttackClass, Attempt
from benchmarks.security.scene import AttackedOperation, AttackScene, rows
from benchmarks.security.values import body_for, unknown_id

REFUSED: Final = frozenset({401, 403, 404})
_OPEN: Final = frozenset({"/livez", "/readyz", "/metrics", "/v1/fhir/metadata"})
_SECRETS: Final = ("fraud_score", "is_flagged", "model_version", "reasons", "score", "expected_recovery")


def objects(scene: AttackScene) -> Iterator[Attempt]:
    """What belongs to others: a foreign id is answered as an unknown one, byte for byte."""
    for operation in scene.operations:
        if not operation.names or not all(name in scene.foreign for name in operation.names):
            continue
        unknown = {name: unknown_id(name, scene.foreign[name]) for name in operation.names}
        foreign = _tried(scene, operation, operation.at(scene.foreign))
        nothing = _tried(scene, operation, operation.at(unknown))
        blocked = foreign.status_code in REFUSED and _same(foreign, nothing, scene.foreign, unknown)
        yield Attempt(
            AttackClass.OBJECTS, str(operation), blocked, f"{foreign.status_code}, unknown {nothing.status_code}"
        )
    for query in ("provider_id", "member_id"):
        for path in ("/v1/claims", "/v1/exports/claims?last_day=2026-01-01"):
            joined = "&" if "?" in path else "?"
            answer = scene.send("GET", f"{path}{joined}{query}={scene.foreign[query]}", "provider")
            yield Attempt(
                AttackClass.OBJECTS, f"{path} {query}", scene.foreign["claim_id"] not in answer.text, answer.text[:80]
            )
    answer = scene.send("GET", "/v1/claims?limit=200", "provider")
    yield Attempt(AttackClass.OBJECTS, "every claim", scene.foreign["claim_id"] not in answer.text, answer.text[:80])
    submitted = {**scene.own, "provider_id": scene.other_provider}
    answer = scene.send("POST", "/v1/claims", "provider", json=submitted)
    yield Attempt(
        AttackClass.OBJECTS, "a claim in another provider's name", answer.status_code >= 400, str(answer.status_code)
    )


def functions(scene: AttackScene) -> Iterator[Attempt]:
    """Every operation without a key, and those of other roles with a provider's and a monitor's key."""
    allowed = {"provider": {"/v1/claims", "/v1/claims/{claim_id}", "/v1/decision-reasons"}}
    for operation in scene.operations:
        if operation.path in _OPEN or operation.path.startswith(("/v1/auth", "/.well-known")):
            continue
        values = {name: unknown_id(name, scene.foreign.get(name, "x")) for name in operation.names}
        answer = _tried(scene, operation, operation.at(values), role=None)
        yield Attempt(
            AttackClass.FUNCTIONS, f"{operation} without a key", answer.status_code == 401, str(answer.status_code)
        )
        if operation.path not in allowed["provider"] and operation.method != "GET":
            answer = _tried(scene, operation, operation.at(values), role="monitoring")
            done = answer.status_code < 400 and not operation.path.startswith("/v1/version")
            yield Attempt(AttackClass.FUNCTIONS, f"{operation} by monitoring", not done, str(answer.status_code))


def disclosure(scene: AttackScene) -> Iterator[Attempt]:
    """What a provider must not learn of its own claim, and what an error says of the inside."""
    listed = rows(scene.send("GET", "/v1/claims?limit=1", "provider"))
    claim_id = listed[0]["claim_id"]
    for path in (f"/v1/claims/{claim_id}", "/v1/claims?limit=5", "/v1/exports/claims?last_day=2026-01-01"):
        answer = scene.send("GET", path, "provider")
        found = [name for name in _SECRETS if re.search(rf'"{name}":(?!null|\[\])', answer.text)]
        yield Attempt(AttackClass.DISCLOSURE, f"provider reads {path.partition('?')[0]}", not found, ", ".join(found))
    for name in _SECRETS:
        answer = scene.send("GET", f"/v1/claims/{claim_id}?fields={name}", "provider")
        yield Attempt(
            AttackClass.DISCLOSURE,
            f"fields={name}",
            re.search(rf'"{name}":(?!null|\[\])', answer.text) is None,
            answer.text[:80],
        )
    answer = scene.send("GET", f"/v1/claims/{claim_id}/explanation", "provider")
    yield Attempt(
        AttackClass.DISCLOSURE, "explanation by a provider", answer.status_code in REFUSED, str(answer.status_code)
    )
    for path in ("/v1/claims/%00", "/v1/claims/" + "x" * 5_000, "/v1/none", "/%", "/v1/claims?limit=9e99"):
        answer = scene.send("GET", path, "provider")
        traces = any(word in answer.text for word in ("Traceback", "psycopg", "sqlalchemy", 'File "'))
        yield Attempt(
            AttackClass.DISCLOSURE, f"error of {path[:24]}", answer.status_code < 500 and not traces, answer.text[:80]
        )
    for method in ("TRACE", "CONNECT", "DEBUG"):
        answer = scene.send(method, "/v1/claims", "provider")
        yield Attempt(
            AttackClass.DISCLOSURE,
            f"method {method}",
            answer.status_code in (400, 404, 405, 501),
            str(answer.status_code),
        )
    server = scene.send("GET", "/livez").headers.get("server", "")
    yield Attempt(AttackClass.DISCLOSURE, "server header", not any(letter.isdigit() for letter in server), server)


def _tried(
    scene: AttackScene, operation: AttackedOperation, path: str, role: str | None = "provider"
) -> httpx.Response:
    media, body = body_for(operation)
    headers = {"Content-Type": media} if media else {}
    headers |= {"If-Match": "*"} if operation.method in ("PUT", "PATCH", "DELETE") else {}
    headers |= {"Upload-Offset": "0"} if operation.method == "PATCH" else {}
    return scene.send(operation.method, path, role, headers=headers, content=body)


def _same(one: httpx.Response, other: httpx.Response, ids: Mapping[str, str], unknown: Mapping[str, str]) -> bool:
    """Whether two refusals differ in nothing but the request's id and the ids that were asked for."""
    return one.status_code == other.status_code and _neutral(one, ids) == _neutral(other, unknown)


def _neutral(response: httpx.Response, ids: Mapping[str, str]) -> str:
    document = response.json() if response.headers.get("content-type", "").startswith("application/problem") else {}
    for name in ("request_id", "instance"):
        document.pop(name, None)
    text = repr(sorted(document.items()))
    for value in sorted(ids.values(), key=len, reverse=True):
        text = text.replace(value, "…")
    return text
