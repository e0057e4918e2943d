"""What a process sends is cut into messages whatever the network makes of it, and each effect has a name."""

import asyncio
import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.crash.boundaries import HttpFramer, Message, PostgresFramer, RespFramer, statement_name
from benchmarks.crash.proxy import BoundaryProxy, listening
from benchmarks.crash.watch import CrashPoint, Side, Watch


def startup() -> bytes:
    body = (196_608).to_bytes(4, "big") + b"user\0ginja\0\0"
    return (len(body) + 4).to_bytes(4, "big") + body


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def prepared(sql: bytes) -> bytes:
    """A statement in the extended protocol, up to its execution."""
    return (
        message(b"P", b"_pg3_0\0" + sql + b"\0\0\0")
        + message(b"B", b"\0_pg3_0\0" + bytes(6))
        + message(b"D", b"P\0")
        + message(b"E", b"\0" + bytes(4))
    )


POSTGRES = startup() + message(b"p", b"secret\0") + message(b"Q", b"BEGIN\0")
POSTGRES += prepared(b"INSERT INTO claims (claim_id) VALUES ($1)") + prepared(b"COMMIT") + message(b"S", b"")
VALKEY = b"*1\r\n$5\r\nMULTI\r\n*3\r\n$4\r\nmset\r\n$1\r\na\r\n$4\r\n\r\n\r\n\r\n*1\r\n$4\r\nEXEC\r\n"
HTTP = b"POST /v1/score HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcdGET /readyz HTTP/1.1\r\nhost: x\r\n\r\n"
CASES = {
    "postgres": (PostgresFramer, POSTGRES, ["connect", "BEGIN", "INSERT claims", "COMMIT", "sync"]),
    "valkey": (RespFramer, VALKEY, ["MULTI", "MSET", "EXEC"]),
    "http": (HttpFramer, HTTP, ["POST /v1/score", "GET /readyz"]),
}


@pytest.mark.parametrize("name", CASES)
@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_messages_are_the_same_however_their_bytes_arrive(name: str, cuts: list[int]) -> None:
    make, sent, boundaries = CASES[name]
    framer, found = make(), list[Message]()
    places = sorted({min(cut, len(sent)) for cut in cuts} | {0, len(sent)})
    for start, end in itertools.pairwise(places):
        found += framer.feed(sent[start:end])
    assert b"".join(one.data for one in found) == sent
    assert [one.boundary for one in found if one.boundary is not None] == boundaries


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("INSERT INTO outbox (topic) VALUES ($1) RETURNING position", "INSERT outbox"),
        ("WITH gone AS (DELETE FROM a RETURNING 1) INSERT INTO b SELECT * FROM gone", "DELETE a INSERT b"),
        ("UPDATE claims SET status = $1", "UPDATE claims"),
        ("SELECT 1 FROM claims WHERE claim_id = $1 FOR UPDATE", "SELECT claims"),
        ("SELECT pg_advisory_xact_lock($1)", "SELECT pg_advisory_xact_lock"),
        ("commit", "COMMIT"),
        ("SET TIME ZONE 'UTC'", "SET TIME"),
        ("", "empty"),
    ],
)
def test_a_statement_is_named_by_what_it_does(sql: str, name: str) -> None:
    assert statement_name(sql) == name


@pytest.mark.parametrize(("side", "received"), [(Side.BEFORE, [b"MULTI"]), (Side.AFTER, [b"MULTI", b"mset"])])
async def test_a_process_dies_on_the_named_side_of_a_boundary(side: Side, received: list[bytes]) -> None:
    """The server has what was sent until then, and nothing that was sent later."""
    got, gone, killed = [], asyncio.Event(), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read())
        writer.close()
        gone.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        proxy = BoundaryProxy(server.sockets[0].getsockname()[:2], "valkey", RespFramer)
        proxy.watch = Watch(CrashPoint(2, side), armed=True, kill=lambda: killed.append(True))
        async with listening(proxy):
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(VALKEY)
            assert await reader.read() == b""
            writer.close()
            await gone.wait()
            await proxy.ended()
    assert killed == [True]
    assert proxy.watch.seen == ["valkey: MULTI", "valkey: MSET"]
    assert [name for name in (b"MULTI", b"mset", b"EXEC") if name in got[0]] == received


@pytest.mark.parametrize("kind", [bytes([code]) for code in b"BCDEFHPQSXcdfp"])
def test_every_message_on_which_postgres_does_something_is_a_boundary(kind: bytes) -> None:
    """All types of a client (https://www.postgresql.org/docs/current/protocol-message-formats.html).

    So what the server has done does not change between two boundaries.
    """
    effects = {b"Q": "simple query", b"E": "Execute", b"S": "Sync", b"F": "FunctionCall", b"c": "CopyDone"}
    framer = PostgresFramer()
    assert [one.boundary for one in framer.feed(startup())] == ["connect"]
    (found,) = framer.feed(message(kind, b"SELECT 1\0SELECT 1\0"))
    assert (found.boundary is not None) == (kind in effects)


def test_before_it_is_armed_a_watch_notes_nothing() -> None:
    watch = Watch(CrashPoint(1, Side.BEFORE))
    assert watch.reach("postgres: connect") is None
    watch.armed = True
    assert watch.reach("postgres: BEGIN") is Side.BEFORE
    assert watch.seen == ["postgres: BEGIN"]


_DIES_AFTER_OPENING = """
import os, sys
from pathlib import Path
from benchmarks.crash.files import watch_files

def reached(boundary, open_file):
    open_file()
    print(boundary, flush=True)
    os._exit(0)

home = Path(sys.argv[1])
watch_files(home, reached)
(home / "pointer.json").write_text("new")
"""


def test_a_process_that_dies_after_it_opened_a_file_leaves_it_empty(tmp_path: Path) -> None:
    (tmp_path / "pointer.json").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", _DIES_AFTER_OPENING, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "file: write pointer.json\n"
    assert (tmp_path / "pointer.json").read_text() == ""
