"""The limits of connections over TLS, whose transport counts unsent bytes in another way than that of TCP."""

import dataclasses
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import uvicorn

from core.bounded_http import ConnectionLimits, bounded
from core.embedded import wait_until
from core.tls import pinned_context, server_context
from tests.api.certificates import certificate
from tests.core.test_bounded_http import LARGE, SHORT, echo


@contextmanager
def serving(folder: Path, limits: ConnectionLimits) -> Iterator[tuple[int, Path]]:
    """The port of a server, and its certificate."""
    of_cert, _ = certificate(folder, "localhost")
    of_cert.with_suffix(".key").chmod(0o600)
    context = server_context(of_cert, of_cert.with_suffix(".key"))
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    config = uvicorn.Config(
        echo,
        http=bounded(limits),
        loop="uvloop",
        ws="none",
        log_config=None,
        lifespan="off",
        ssl_context_factory=lambda _config, _default: context,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    with closing(listening):
        yield listening.getsockname()[1], of_cert
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A server with short limits and place for one connection."""
    with serving(tmp_path_factory.mktemp("short"), dataclasses.replace(SHORT, connections=1)) as server:
        yield server


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A server with the limits of the API."""
    with serving(tmp_path_factory.mktemp("patient"), ConnectionLimits()) as server:
        yield server


def connected(served: tuple[int, Path]) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", served[0]), timeout=60)
    return pinned_context(served[1]).wrap_socket(plain, server_hostname="localhost")


def received(client: ssl.SSLSocket) -> int:
    """How many bytes come until the server ends or cuts off the connection."""
    size = 0
    try:
        while part := client.recv(1 << 20):
            size += len(part)
    except (ssl.SSLError, ConnectionResetError):
        pass
    return size


@pytest.mark.parametrize("path", [b"/large", b"/large?parts"])
def test_a_large_response_arrives(patient: tuple[int, Path], path: bytes) -> None:
    with connected(patient) as client:
        client.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert received(client) > LARGE


def test_several_requests_of_one_connection_are_answered(patient: tuple[int, Path]) -> None:
    with connected(patient) as client:
        for number in range(3):
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%d" % number)
            answer = b""
            while not answer.endswith(b"\r\n\r\n%d" % number):
                answer += client.recv(4_096)
            assert answer.startswith(b"HTTP/1.1 200")


def test_a_request_that_does_not_come_is_not_waited_for(served: tuple[int, Path]) -> None:
    with connected(served) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Le")
        assert b"408" in client.recv(4_096)


def test_a_response_that_is_not_read_is_cut_off(served: tuple[int, Path]) -> None:
    """The server has place for one connection: another one is admitted once this one has ended."""
    with connected(served) as silent:
        silent.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert silent.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: admitted(served), what="the server to end the connection", seconds=60)
        assert received(silent) < LARGE


def admitted(served: tuple[int, Path]) -> bool:
    with connected(served) as client, suppress(ConnectionError, ssl.SSLError):
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return client.recv(12) == b"HTTP/1.1 200"
    return False
