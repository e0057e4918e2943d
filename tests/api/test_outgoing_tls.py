"""Clients of Postgres, Valkey and scorer verify the certificate of the server before they send anything."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from api.scorer.client import ScorerClient
from api.tasks.broker import TaskBroker, celery_app
from claims.scoring import ClaimFacts
from core.errors import TlsError
from tests.api.certificates import certificate
from tests.api.makers import wire_scorer
from tests.api.test_scorer_client import ANSWER, REQUEST

FACTS = ClaimFacts.model_validate(REQUEST["claim"])
_SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])
"""With which a client of Postgres asks for TLS."""


@contextmanager
def tls_front(
    folder: Path, port: int, *, name: str = "localhost", postgres: bool = False
) -> Iterator[tuple[int, Path]]:
    """A port that speaks TLS with a certificate of `name` and forwards to `port`, and the file of that certificate."""
    authority, context = certificate(folder, name)
    loop, ready = asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            if postgres:
                if await reader.readexactly(8) != _SSL_REQUEST:
                    writer.close()
                    return
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(context)
            answers, back = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(copy(reader, back), copy(answers, writer))

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            while part := await reader.read(65_536):
                writer.write(part)
                await writer.drain()
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=None if postgres else context)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()

    async def end(forwarding: set[asyncio.Task[Any]]) -> None:
        """Cancel what forwards, and wait until each connection is ended."""
        for task in forwarding:
            task.cancel()
        await asyncio.gather(*forwarding, return_exceptions=True)

    def run() -> None:
        loop.create_task(serve())
        loop.run_forever()
        loop.run_until_complete(end(asyncio.all_tasks(loop)))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        yield ports[0], authority
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def broker(url: str) -> TaskBroker:
    return TaskBroker(celery_app(url))


def through(url: str, port: int, scheme: str, more: str) -> str:
    """The URL with TLS at another port."""
    parts = urlsplit(url)
    return parts._replace(
        scheme=scheme, netloc=f"{parts.netloc.rpartition('@')[0]}@localhost:{port}", query=more
    ).geturl()


async def test_scores_arrive_over_https_with_a_verified_certificate(tmp_path: Path) -> None:
    async with wire_scorer() as scorer:

        async def answers(exchange: Any) -> None:
            await exchange.answer(ANSWER)

        scorer.behaviour = answers
        with tls_front(tmp_path, scorer.port) as (port, authority):
            client = ScorerClient(f"https://localhost:{port}", deadline_ms=20_000, ca_file=authority)
            with closing(client):
                assert (await client.score(FACTS)).score is not None


@pytest.mark.parametrize("name", ["localhost", "another.example"])
async def test_a_scorer_whose_certificate_is_not_valid_is_sent_nothing(tmp_path: Path, name: str) -> None:
    """One of no known authority; one of a known authority for another name."""
    async with wire_scorer() as scorer:
        with tls_front(tmp_path, scorer.port, name=name) as (port, authority):
            known = authority if name == "another.example" else None
            with closing(ScorerClient(f"https://localhost:{port}", deadline_ms=20_000, ca_file=known)) as client:
                scoring = await client.score(FACTS)
        assert (scoring.score, scoring.failure) == (None, "connect")
        assert scorer.received == []


def test_a_file_of_authorities_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(TlsError, match="missing"):
        ScorerClient("https://localhost:1", deadline_ms=1, ca_file=tmp_path / "missing.pem")


def test_tasks_reach_a_valkey_over_tls_with_a_verified_certificate(tmp_path: Path, valkey_url: str) -> None:
    with tls_front(tmp_path, urlsplit(valkey_url).port or 0) as (port, authority):
        url = through(valkey_url, port, "rediss", f"ssl_ca_certs={authority}")
        assert set(broker(url).waiting().values()) == {0}
        with redis.Redis.from_url(url) as client:
            assert client.ping()


@pytest.mark.parametrize("name", ["localhost", "another.example"])
def test_neither_tasks_nor_features_are_sent_to_a_valkey_whose_certificate_is_not_valid(
    tmp_path: Path, valkey_url: str, name: str
) -> None:
    with tls_front(tmp_path, urlsplit(valkey_url).port or 0, name=name) as (port, authority):
        url = through(valkey_url, port, "rediss", f"ssl_ca_certs={authority}" if name != "localhost" else "")
        with pytest.raises(ConnectionError):
            broker(url).waiting()
        with redis.Redis.from_url(url) as client, pytest.raises(redis.ConnectionError, match="certificate"):
            client.ping()


def test_postgres_is_reached_over_tls_with_a_verified_certificate_only(tmp_path: Path, database_url: str) -> None:
    other, _ = certificate(tmp_path, "other.example")
    with tls_front(tmp_path, urlsplit(database_url).port or 0, postgres=True) as (port, authority):

        def url(file: Path) -> str:
            return through(database_url, port, "postgresql", f"sslmode=verify-full&sslrootcert={file}")

        with psycopg.connect(url(authority)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="certificate"):
            psycopg.connect(url(other))
