"""Requests whose end two servers could see in different places (RFC 9112, sections 6 and 11.2) are refused unread."""

import socket

import pytest

from tests.core.test_bounded_http import SHORT, served

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
"""What an attacker would smuggle in the body."""
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
AMBIGUOUS = {
    "length, then chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks, then length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "equal lengths": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "negative length": POST + b"Content-Length: -1\r\n\r\n",
    "signed length": POST + b"Content-Length: +1\r\n\r\na",
    "length that overflows": POST + b"Content-Length: 18446744073709551617\r\n\r\na",
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "space before a colon": POST + b"Content-Length : 1\r\n\r\na",
    "folded header": b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: a\n\n",
    "bare line feed in a head": b"GET / HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n",
    "bare carriage return": b"GET / HTTP/1.1\r\nHost: a\rX-A: b\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: a\r\nX-A: a\0b\r\n\r\n",
    "prefixed chunk size": CHUNKED + b"0x1\r\na\r\n0\r\n\r\n",
    "chunk size that overflows": CHUNKED + b"fffffffffffffffff\r\na\r\n",
    "bare line feeds in chunks": CHUNKED + b"1\na\n0\n\n",
    "chunk longer than its size": CHUNKED + b"1\r\nabc\r\n0\r\n\r\n",
}


def answers(port: int, sent: bytes) -> bytes:
    """Everything that is answered until the server closes the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(sent)
        try:
            while part := client.recv(65_536):
                received += part
        except ConnectionResetError:
            pass
    return received


@pytest.fixture(scope="module")
def port():
    with served(SHORT) as port:
        yield port


@pytest.mark.parametrize("sent", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_an_ambiguous_request_is_refused_and_what_follows_it_is_not_read(port: int, sent: bytes) -> None:
    received = answers(port, sent + HIDDEN)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1


def test_chunks_of_http_1_0_end_the_connection(port: int) -> None:
    received = answers(port, b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN)
    assert received.count(b"HTTP/1.1 ") == 1


def test_the_same_request_without_ambiguity_is_answered_with_what_follows_it(port: int) -> None:
    """Otherwise the tests above could pass against a server that answers nothing twice."""
    received = answers(port, CHUNKED + b"1\r\na\r\n0\r\n\r\n" + HIDDEN)
    assert received.count(b"HTTP/1.1 200 ") == 2
