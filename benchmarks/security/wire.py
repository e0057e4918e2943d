"""Requests that two servers could read differently, and connections that hold a server: bytes on a socket."""

import gzip
import json
import socket
import time
from collections.abc import Iterator
from typing import Final

from benchmarks.security.attempts import AttackClass, Attempt
from benchmarks.security.scene import AttackScene

ANSWER_S: Final = 5.0
SLOW_S: Final = 25.0
"""After which a connection that sends a byte at a time must be closed: the limit is 10 s."""
_HOST: Final = b"Host: claims\r\n"
_FRAMING: Final[dict[str, bytes]] = {
    "Content-Length and Transfer-Encoding": b"POST /v1/claims HTTP/1.1\r\n"
    + _HOST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
    "two Content-Length": b"POST /v1/claims HTTP/1.1\r\n" + _HOST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n"
    b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
    "Content-Length with a sign": b"POST /v1/claims HTTP/1.1\r\n" + _HOST + b"Content-Length: +2\r\n\r\n{}",
    "Content-Length with a list": b"POST /v1/claims HTTP/1.1\r\n" + _HOST + b"Content-Length: 2, 2\r\n\r\n{}",
    "negative Content-Length": b"POST /v1/claims HTTP/1.1\r\n" + _HOST + b"Content-Length: -1\r\n\r\n{}",
    "folded header": b"POST /v1/claims HTTP/1.1\r\n"
    + _HOST
    + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 2\r\n\r\n{}",
    "blank before the colon": b"POST /v1/claims HTTP/1.1\r\n"
    + _HOST
    + b"Transfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}",
    "unknown coding": b"POST /v1/claims HTTP/1.1\r\n"
    + _HOST
    + b"Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\n{}",
    "two codings": b"POST /v1/claims HTTP/1.1\r\n"
    + _HOST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
    "invalid chunk size": b"POST /v1/claims HTTP/1.1\r\n"
    + _HOST
    + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "NUL in a header": b"GET /v1/claims HTTP/1.1\r\n" + _HOST + b"X-A: a\x00b\r\n\r\n",
    "two hosts": b"GET /v1/claims HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no version": b"GET /v1/claims\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 32,
    "header without a colon": b"GET /v1/claims HTTP/1.1\r\n" + _HOST + b"Authorization\r\n\r\n",
    "bare CR in a header": b"GET /v1/claims HTTP/1.1\r\n" + _HOST + b"X-A: a\rX-B: b\r\n\r\n",
}


def framing(scene: AttackScene) -> Iterator[Attempt]:
    """Each must be refused, and no second request may be read from its body."""
    for name, request in _FRAMING.items():
        answer = _exchange(scene.port, request)
        statuses = [line.split()[1] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        blocked = b"smuggled" not in answer and len(statuses) <= 1 and all(status[:1] == b"4" for status in statuses)
        yield Attempt(AttackClass.FRAMING, name, blocked, answer[:80].decode("latin-1"))


def exhaustion(scene: AttackScene) -> Iterator[Attempt]:
    """Large, deep, encoded and slow requests."""
    key = f"Bearer {scene.keys['claims_system']}"
    json_type = {"Authorization": key, "Content-Type": "application/json"}
    bodies: dict[str, tuple[bytes, dict[str, str]]] = {
        "gzip bomb": (gzip.compress(b"0" * 50_000_000), {"Content-Encoding": "gzip"}),
        "40 MB of blanks": (b" " * 40_000_000, {}),
        "100,000 levels": (b"[" * 100_000, {}),
        "100,000 names": (json.dumps({f"n{number}": 1 for number in range(100_000)}).encode(), {}),
        "a number of 100,000 digits": (b'{"claim_amount":' + b"9" * 100_000 + b"}", {}),
        "an exponent": (b'{"claim_amount":1e999999999}', {}),
        "one name twice": (b'{"member_id":"a","member_id":"b"}', {}),
        "not UTF-8": (b'{"member_id":"\xff"}', {}),
        "a lone surrogate": (b'{"member_id":"\\ud800"}', {}),
    }
    for name, (body, more) in bodies.items():
        answer = scene.send("POST", "/v1/claims", headers=json_type | more, content=body)
        yield Attempt(AttackClass.EXHAUSTION, name, 400 <= answer.status_code < 500, str(answer.status_code))
    head = b"GET /v1/claims HTTP/1.1\r\n" + _HOST
    heads = {
        "a header of 1 MB": head + b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\n",
        "20,000 headers": head + b"".join(b"X-%d: a\r\n" % number for number in range(20_000)) + b"\r\n",
        "a target of 1 MB": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n" + _HOST + b"\r\n",
    }
    for name, request in heads.items():
        received = _exchange(scene.port, request)
        refused = not received or b" 4" in received[:13]
        yield Attempt(AttackClass.EXHAUSTION, name, refused, received[:80].decode("latin-1"))
    yield from _slow(scene)
    answer = scene.send("GET", "/v1/claims?limit=1", "claims_system")
    yield Attempt(AttackClass.EXHAUSTION, "the API still answers", answer.status_code == 200, str(answer.status_code))


def _slow(scene: AttackScene) -> Iterator[Attempt]:
    """Heads and bodies that come a byte at a time, at once, beside a usual request."""
    opened = {
        "slow head": b"GET /v1/claims HTTP/1.1\r\n" + _HOST,
        "slow body": b"POST /v1/claims HTTP/1.1\r\n" + _HOST + b"Content-Length: 1000\r\n\r\n",
        "silent connection": b"",
    }
    connections = {name: socket.create_connection(("127.0.0.1", scene.port), timeout=ANSWER_S) for name in opened}
    for name, connection in connections.items():
        connection.sendall(opened[name])
    began, closed = time.monotonic(), dict.fromkeys(opened, 0.0)
    while not all(closed.values()) and time.monotonic() - began < SLOW_S:
        time.sleep(1)
        for name, connection in connections.items():
            if not closed[name] and _is_closed(connection, b"X" if name == "slow head" else b""):
                closed[name] = time.monotonic() - began
    for name, seconds in closed.items():
        connections[name].close()
        yield Attempt(AttackClass.EXHAUSTION, name, seconds > 0, f"open after {SLOW_S:.0f} s")


def _is_closed(connection: socket.socket, more: bytes) -> bool:
    """Whether the server has closed a connection or answered on it; sends it a little more otherwise."""
    connection.setblocking(False)
    try:
        return connection.recv(4_096) is not None
    except BlockingIOError:
        try:
            connection.sendall(more)
        except OSError:
            return True
        return False
    except OSError:
        return True


def _exchange(port: int, request: bytes) -> bytes:
    """Everything a server sends for some bytes until it closes the connection or is silent."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as connection:
        connection.settimeout(2.0)
        try:
            connection.sendall(request)
            while len(answer) < 1_000_000 and (received := connection.recv(65_536)):
                answer += received
        except OSError:
            pass  # closed, or silent
    return answer
