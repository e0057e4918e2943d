"""A server that ends answers what it has begun and refuses what is new; no client is cut off."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from api import server
from api.server import Drain, DrainingServer, RefuseWhileDraining


class Slow:
    """An application whose answers wait to be allowed, on a real port."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.allowed = asyncio.Event()
        self.drain = Drain()
        routes = [Route("/slow", self._slow, methods=["GET", "POST"]), Route("/livez", self._alive)]
        self.app = RefuseWhileDraining(Starlette(routes=routes), self.drain)

    async def _slow(self, request: Request) -> PlainTextResponse:
        self.begun.set()
        await request.body()
        await self.allowed.wait()
        return PlainTextResponse("done")

    async def _alive(self, _request: Request) -> PlainTextResponse:
        return PlainTextResponse("alive")


@asynccontextmanager
async def serving(slow: Slow) -> AsyncIterator[tuple[httpx.AsyncClient, asyncio.Task[None]]]:
    """The server, a client, and the task that ends when the server has ended."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(slow.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    serve = asyncio.create_task(DrainingServer(config, slow.drain)._serve([listening]))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        yield client, serve
        slow.drain.begin()
        slow.allowed.set()
        await serve


async def test_what_has_begun_is_answered_and_what_is_new_is_refused_with_a_pause() -> None:
    slow = Slow()
    async with serving(slow) as (client, serve):
        answer = asyncio.create_task(client.get("/slow"))
        await slow.begun.wait()
        slow.drain.begin()
        refused = await client.get("/slow")
        assert (refused.status_code, refused.headers["retry-after"], refused.headers["connection"]) == (
            503,
            "1",
            "close",
        )
        assert "did nothing" in refused.json()["detail"]
        assert (await client.get("/livez")).status_code == 200
        slow.allowed.set()
        assert (await answer).text == "done"
        await serve


async def test_a_request_that_takes_too_long_is_answered_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one whose body does not end."""
    monkeypatch.setattr(server, "DRAIN_S", 0.0)
    slow = Slow()
    async with serving(slow) as (client, serve):
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        await slow.begun.wait()
        slow.begun.clear()
        answer = asyncio.create_task(client.get("/slow"))
        await slow.begun.wait()
        slow.drain.begin()
        await serve
        late = await answer
        assert late.status_code == 503
        assert "Idempotency-Key" in late.json()["detail"]
        assert (await reader.read()).startswith(b"HTTP/1.1 503")
        writer.close()


async def test_a_server_without_requests_ends_at_once() -> None:
    async with serving(Slow()) as (client, _serve):
        assert (await client.get("/livez")).text == "alive"


async def test_a_client_that_has_not_sent_a_whole_head_is_answered_503() -> None:
    slow = Slow()
    async with serving(slow) as (client, serve):
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n")
        await writer.drain()
        await client.get("/livez")  # accepted after it
        slow.drain.begin()
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"Retry-After: 1" in answer
        writer.close()
        await serve
