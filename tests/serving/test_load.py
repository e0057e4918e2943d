"""The load generator counts requests and latencies correctly."""

import asyncio
import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.connection import Connection, request_bytes
from benchmarks.load import LoadResult, flood, identity_of, one, steady

REQUEST = request_bytes("/v1/score", b"{}", {"x-api-key": "k"})


@contextmanager
def server(stall_first_seconds: float = 0.0) -> Iterator[int]:
    """An HTTP server on a thread that answers everything with 200, the first request late."""
    running: list[tuple[int, asyncio.AbstractEventLoop]] = []
    started, ended = threading.Event(), asyncio.Event()
    stalls = iter([stall_first_seconds])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1_000):
            await asyncio.sleep(next(stalls, 0.0))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    async def serve() -> None:
        listening = await asyncio.start_server(answer, "127.0.0.1", 0)
        running.append((listening.sockets[0].getsockname()[1], asyncio.get_running_loop()))
        started.set()
        await ended.wait()
        listening.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    started.wait()
    port, loop = running[0]
    yield port
    loop.call_soon_threadsafe(ended.set)
    thread.join()


def test_a_request_is_plain_http() -> None:
    head, _, body = REQUEST.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/score HTTP/1.1\r\n")
    assert b"content-length: 2" in head
    assert b"x-api-key: k" in head
    assert body == b"{}"


def test_one_client_counts_requests_after_the_warm_up() -> None:
    with server() as port:
        outcome = one("127.0.0.1", port, itertools.cycle([REQUEST]), count=20, warm=5)
    assert outcome.statuses == {200: 20}


def test_a_steady_rate_sends_every_request_that_is_due() -> None:
    with server() as port:
        outcome = asyncio.run(
            steady("127.0.0.1", port, itertools.cycle([REQUEST]), rate=200, seconds=0.2, warm_seconds=0.1)
        )
    assert outcome.statuses == {200: 40}


def test_a_steady_rate_ends_when_the_requests_do() -> None:
    with server() as port:
        outcome = asyncio.run(steady("127.0.0.1", port, iter([REQUEST] * 7), rate=200, seconds=5, warm_seconds=0))
    assert outcome.statuses == {200: 7}


def test_a_broken_line_is_status_zero() -> None:
    with server() as port:
        pass
    outcome = asyncio.run(steady("127.0.0.1", port, iter([REQUEST] * 3), rate=200, seconds=1, warm_seconds=0))
    assert outcome.statuses == {0: 3}


def test_maximum_throughput_keeps_every_connection_busy() -> None:
    with server() as port:
        outcome = asyncio.run(flood("127.0.0.1", port, iter([REQUEST] * 50), lines=4, seconds=5))
    assert outcome.statuses == {200: 50}


def test_a_summary_has_the_quantiles_and_the_worst() -> None:
    outcome = LoadResult(seconds=2.0)
    for milliseconds in range(1, 101):
        outcome.note(200, milliseconds / 1_000)
    summary = outcome.summary()
    assert summary.count == 100
    assert summary.per_s == 50.0
    assert (summary.p50_ms, summary.p99_ms, summary.max_ms) == (51.0, 100.0, 100.0)


def test_an_idle_connection_that_was_closed_is_reopened() -> None:
    async def story() -> list[int]:
        async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1_000)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            writer.close()

        listening = await asyncio.start_server(answer_once, "127.0.0.1", 0)
        line = Connection("127.0.0.1", listening.sockets[0].getsockname()[1])
        statuses = [(await line.post(REQUEST))[0] for _ in range(3)]
        listening.close()
        return statuses

    assert asyncio.run(story()) == [200, 200, 200]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"claim_id": "clm_1", "notice": {"decided_by": "automatic"}, "decided_by": "model"}, ("clm_1", "model")),
        ({"claim_id": "clm_1", "notice": {"decided_by": "automatic"}, "decided_by": None}, ("clm_1", "")),
        ({"batch": []}, ("", "")),
    ],
)
def test_what_decided_a_claim_is_read_of_the_claim_and_not_of_its_notice(answer, expected):
    assert identity_of(json.dumps(answer).encode()) == expected
