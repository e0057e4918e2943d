"""What a client may hold of a server: connections, an unfinished head, an unfinished body, silence."""

import asyncio
import dataclasses
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest
import uvicorn

from core.bounded_http import ABORT, ConnectionLimits, bounded

SHORT = ConnectionLimits(head_bytes=10_000, head_s=0.2, gap_s=0.2, request_s=0.4, unread_s=0.2)
LARGE = 64 * 1024 * 1024
"""More than the buffers of both kernels hold."""


async def echo(scope, receive, send) -> None:
    """Responds with the body of the request; to `/large` with `LARGE` bytes, in one part or (`?parts`) in many.

    `/cut` cuts the connection off once it has written as many.
    """
    if scope["path"] == "/cut":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % LARGE)]})
        sending = asyncio.create_task(send({"type": "http.response.body", "body": bytes(LARGE)}))
        await asyncio.sleep(0)
        scope["extensions"][ABORT]["call"]()
        await sending
        return
    if scope["path"] == "/large":
        part = LARGE // 64 if scope["query_string"] else LARGE
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % LARGE)]})
        for sent in range(part, LARGE + 1, part):
            await send({"type": "http.response.body", "body": bytes(part), "more_body": sent < LARGE})
        return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message.get("more_body", False)
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def served(limits: ConnectionLimits) -> Iterator[int]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    config = uvicorn.Config(echo, http=bounded(limits), ws="none", log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    with closing(listening):
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served(SHORT) as port:
        yield port


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def until_closed(client: socket.socket) -> bytes:
    received = b""
    while part := client.recv(65_536):
        received += part
    return received


@pytest.mark.parametrize(
    ("sent", "what"),
    [
        (b"", "silence"),
        (b"\r\n\r\n", "blank lines"),
        (b"POST / HT", "an unfinished request line"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nX-Slow: ", "an unfinished header"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", "no body"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "an unfinished body"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "an unfinished chunked body"),
    ],
)
def test_a_request_that_does_not_come_is_not_waited_for(port: int, sent: bytes, what: str):
    with connected(port) as client:
        client.sendall(sent)
        assert until_closed(client).startswith(b"HTTP/1.1 408 "), what


def test_a_second_request_on_a_connection_is_not_waited_for_either(port: int):
    with connected(port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nokPOST / HTTP/1.1\r\n")
        received = until_closed(client)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in received


@pytest.mark.parametrize("part", [b"X-Large: " + b"x" * 4_000 + b"\r\n", b"x" * 4_000], ids=["many headers", "one"])
def test_a_head_that_does_not_end_is_refused_at_its_limit(port: int, part: bytes):
    with connected(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        with suppress(ConnectionError):  # refused: the server has closed
            for _ in range(1_000):
                client.sendall(part)
        received = b""
        with suppress(ConnectionError):
            received = until_closed(client)
    assert received == b"" or received.startswith(b"HTTP/1.1 431 ")


def test_ordinary_requests_pass_in_parts_and_on_one_connection(port: int):
    with connected(port) as client:
        for body in (b"one", b"two"):
            head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n" % len(body)
            for part in (head[:20], head[20:], b"\r\n" + body[:1], body[1:]):
                client.sendall(part)
            received = b""
            while not received.endswith(body):
                received += client.recv(65_536)
            assert received.startswith(b"HTTP/1.1 200 ")


def asked_for_much(port: int, query: bytes = b"") -> socket.socket:
    client = connected(port)
    client.sendall(b"GET /large%b HTTP/1.1\r\nHost: a\r\n\r\n" % query)
    return client


@pytest.mark.parametrize("query", [b"", b"?parts"], ids=["one part", "parts"])
def test_a_response_that_is_not_read_is_cut_off(query: bytes):
    with served(dataclasses.replace(SHORT, connections=1)) as port, asked_for_much(port, query) as silent:
        assert silent.recv(12) == b"HTTP/1.1 200"
        wait_until_admitted(port)  # the only place is free again, so the server has ended the connection
        received = 0
        with suppress(ConnectionError):
            while part := silent.recv(1 << 20):
                received += len(part)
        assert received < LARGE


def test_an_application_can_cut_off_a_client_that_does_not_read():
    limits = dataclasses.replace(SHORT, connections=1, unread_s=3_600)
    with served(limits) as port, connected(port) as silent:
        silent.sendall(b"GET /cut HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until_admitted(port)  # although what it was sent is unread
        received = 0
        with suppress(ConnectionError):
            while part := silent.recv(1 << 20):
                received += len(part)
        assert received < LARGE


@pytest.mark.parametrize("query", [b"", b"?parts"], ids=["one part", "parts"])
def test_a_response_that_is_read_slowly_arrives(query: bytes):
    """Each read takes more than the least that a client must take, and there are several in each period."""
    with served(dataclasses.replace(SHORT, taken_bytes=1)) as port, asked_for_much(port, query) as client:
        received = b""
        while b"\r\n\r\n" not in received:
            received += client.recv(65_536)
        size = len(received.partition(b"\r\n\r\n")[2])
        while size < LARGE:
            size += len(client.recv(1 << 20))
    assert size == LARGE


def wait_until_admitted(port: int) -> None:
    """Connect again and again until the server has a place."""
    while True:
        with connected(port) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            with suppress(ConnectionError):
                if client.recv(12) == b"HTTP/1.1 200":
                    return


@pytest.mark.parametrize(
    ("limits", "status"), [(ConnectionLimits(per_address=2), b"429"), (ConnectionLimits(connections=2), b"503")]
)
def test_a_connection_beyond_the_limit_is_refused_until_another_one_ends(limits: ConnectionLimits, status: bytes):
    with served(limits) as port, connected(port) as first, connected(port) as second:
        for client in (first, second):
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
        with connected(port) as third:
            refused = until_closed(third)
        assert refused.startswith(b"HTTP/1.1 " + status)
        assert b"retry-after: 1" in refused
        first.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        until_closed(first)
        with connected(port) as fourth:
            fourth.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert fourth.recv(65_536).startswith(b"HTTP/1.1 200 ")
