"""An insurer to claim from, a scorer at the wire, and a client of the API."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

import httpx
import psycopg
from fastapi import FastAPI

from api.app import create_app
from api.database import EVERY_ROW, Database, see
from api.dependencies import Dependencies
from api.identity import ROLES, create_key
from api.versions import PUBLISHED, VersionHistory
from claims.scoring import DETAILS_PATH
from core.postgres import as_api_role
from core.settings import Settings
from tests.api.contract import Contract
from tests.api.signing import SigningClient
from tests.claims.makers import score_document

MINIMAL = {
    "member_id": "M123",
    "provider_id": "H456",
    "diagnosis_code": "D001",
    "procedure_code": "P001",
    "claim_amount": 5000,
}
LINES = {
    "member_id": "M123",
    "provider_id": "H456",
    "diagnosis_codes": ["D001", "D002"],
    "lines": [
        {"procedure_code": "P001", "amount": "1200.50"},
        {"procedure_code": "P002", "amount": 99.5, "units": 3, "service_date": "2026-03-02"},
    ],
    "service_from": "2026-03-01",
    "service_to": "2026-03-03",
    "place_of_service": "11",
}


BOUND_TO = {"provider": ("H456", None), "member": (None, "M123")}
"""The provider or member of the keys that have one."""


def seed(url: str) -> None:
    """Members, providers and a catalogue, small enough to remember."""
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO plans VALUES ('PL1', 'Basic', 1000000), ('PL2', 'Open', NULL)")
        connection.cursor().executemany(
            "INSERT INTO members VALUES (%s, %s, %s, %s, 'Coast', %s, %s, NULL)",
            [
                ("M123", "Jane Roe", date(1980, 1, 1), "F", "PL2", date(2020, 1, 1)),
                ("M124", "John Roe", date(1982, 1, 1), "M", "PL1", date(2020, 1, 1)),
                ("M125", "Late Joiner", date(1990, 1, 1), "F", "PL1", date(2999, 1, 1)),
            ],
        )
        connection.cursor().executemany(
            "INSERT INTO providers VALUES (%s, 'Clinic', 'cardiology', 'Coast', NULL, NULL, %s)",
            [("H456", None), ("H457", None), ("H666", date(2020, 1, 1))],
        )
        connection.execute(
            "INSERT INTO procedures (procedure_code, name, typical_cents, average_cents, average_claims, sex) VALUES "
            "('P001', 'Knee arthroscopy', 340000, 300000, 40, NULL), ('P002', 'Cast', 4000, 4500, 40, NULL), "
            "('P003', 'Delivery', 400000, 400000, 40, 'F')"
        )
        prices = {"P001": 3_000_00.0, "P002": 40_00.0, "P003": 4_000_00.0}
        connection.cursor().executemany(
            "INSERT INTO reference_statistics VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '2026-03-01')",
            [
                *((code, "procedure", "", True, 40, price, 0.3, 3.0) for code, price in prices.items()),
                *((code, "procedure", "", False, 40, price, 0.9, 3.0) for code, price in prices.items()),
                *(("", "history", provider, True, 200, 0.0, 0.0, 0.0) for provider in ("H456", "H457", "H666")),
            ],
        )
        connection.execute("INSERT INTO diagnoses (diagnosis_code, name) VALUES ('D001', 'Knee'), ('D002', 'Fall')")


def concrete(path: str, *, claim_id: str = "clm_1") -> str:
    """A path of the application with its parameters: those of the small insurer, and a claim."""
    values = {"claim_id": claim_id, "member_id": "M123", "provider_id": "H456", "procedure_code": "P001"}
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    return path


Behaviour = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Exchange:
    """One request at the wire of the scorer: what it reads, and the stream to write the response to."""

    path: str
    headers: dict[str, str]
    document: Any
    writer: asyncio.StreamWriter

    async def answer(self, body: bytes, status: int = 200) -> None:
        self.writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await self.writer.drain()


async def scores(exchange: Exchange, probability: float = 0.1) -> None:
    """What a healthy scorer does."""
    if "requests" in exchange.document:
        claims = [request["claim"]["claim_id"] for request in exchange.document["requests"]]
        answer: Any = {"scores": [score_document(probability, claim_id=one) for one in claims]}
    else:
        answer = score_document(probability, claim_id=exchange.document["claim"]["claim_id"])
    await exchange.answer(json.dumps(answer).encode())


def answering(probability: float) -> Behaviour:
    return lambda exchange: scores(exchange, probability)


@dataclass
class WireScorer:
    """A server at the scorer's address that behaves as a test says."""

    behaviour: Behaviour = scores
    windows: dict[str, dict[str, str]] = field(default_factory=dict)
    """The windows that its models use."""
    details: dict[str, Any] | None = None
    """What it says about a vector that its model has scored."""
    model: str | None = "m-1"
    """The version of its model, as its status states it."""
    report: dict[str, Any] | None = None
    """What it says about its models; `None`: it is of an earlier version and has no such path."""
    received: list[Exchange] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *rest = head.strip().split("\r\n")
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
                if first.startswith("GET /v1/windows "):
                    body = json.dumps({"windows": self.windows}).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
                    continue
                if first.startswith("GET /v1/models "):
                    body = json.dumps(self.report).encode()
                    status = b"404 Not Found" if self.report is None else b"200 OK"
                    writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
                    continue
                if first.startswith("GET / "):
                    body = json.dumps({"model_version": self.model, "challenger_version": None}).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
                    continue
                body = await reader.readexactly(int(headers["content-length"]))
                exchange = Exchange(first.split()[1], headers, json.loads(body), writer)
                if exchange.path == DETAILS_PATH:
                    found = self.details if exchange.document["model_version"] == self.model else None
                    await exchange.answer(json.dumps(found).encode(), 409 if found is None else 200)
                    continue
                self.received.append(exchange)
                await self.behaviour(exchange)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            writer.close()


@asynccontextmanager
async def wire_scorer() -> AsyncIterator[WireScorer]:
    scorer = WireScorer()
    server = await asyncio.start_server(scorer.serve, "127.0.0.1", 0)
    scorer.port = server.sockets[0].getsockname()[1]
    try:
        yield scorer
    finally:
        server.close()


@dataclass
class Api:
    """The running API and the keys to it."""

    app: FastAPI
    url: str
    client: httpx.AsyncClient
    dependencies: Dependencies
    scorer: WireScorer
    keys: dict[str, str]

    @property
    def database(self) -> Database:
        return self.dependencies.database

    async def post(self, path: str, body: Any, *, role: str = "admin", **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **self.as_(role), **headers}
        return await self.client.post(path, content=content, headers=sent)

    async def submit(self, body: Any = MINIMAL, **options: Any) -> httpx.Response:
        return await self.post("/v1/claims", body, **options)

    async def get(self, path: str, *, role: str = "admin") -> httpx.Response:
        return await self.client.get(path, headers=self.as_(role))

    def as_(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[role]}"}

    def rows(self, query: str, *params: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query, params).fetchall()

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement)

    def count(self, table: str) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])


@cache
def contract() -> Contract:
    """The contract of every application of this code; `test_openapi.py` shows that settings do not change it."""
    return Contract.of(create_app(Settings(), "postgresql://nobody@localhost:1/none"))


@asynccontextmanager
async def running_api(
    url: str,
    *,
    versions: VersionHistory = PUBLISHED,
    requests: str | None = None,
    valkey: str | None = None,
    **changes: Any,
) -> AsyncIterator[Api]:
    """`url` is that of the database's owner, `requests` that of the role of requests, by default in its sessions."""
    async with wire_scorer() as scorer:
        values = {"scorer_url": f"http://127.0.0.1:{scorer.port}", "scorer_deadline_ms": 2_000}
        values |= {"encryption_keys": ENCRYPTION_KEY, "webhook_allowed_networks": "127.0.0.0/8", **changes}
        app = create_app(Settings(**values), requests or as_api_role(url), versions=versions, redis_url=valkey)
        async with app.router.lifespan_context(app):
            dependencies: Dependencies = app.state.dependencies
            see(EVERY_ROW)  # what a test does with the services; each request states its own caller
            keys = {}
            for role in ROLES:
                provider, member = BOUND_TO.get(role, (None, None))
                _, keys[role] = await create_key(
                    dependencies.database, name=role, role=role, provider_id=provider, member_id=member
                )
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            hooks = {"request": [SigningClient(url).sign], "response": [contract().check]}
            async with httpx.AsyncClient(transport=transport, base_url="http://claims", event_hooks=hooks) as client:
                yield Api(app, url, client, dependencies, scorer, keys)


ENCRYPTION_KEY = "0123456789012345678901234567890123456789012="

MOST_RESENDS = 200


async def until_taken(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """As a client that gets a 503 sends the request again, because nothing was stored; but not for ever."""
    for _ in range(MOST_RESENDS):
        if (response := await send()).status_code != 503:
            return response
    raise AssertionError(f"503 each of {MOST_RESENDS} times: {response.text}")


async def says_nothing(exchange: Exchange) -> None:
    """A scorer that closes the connection."""
    exchange.writer.close()
