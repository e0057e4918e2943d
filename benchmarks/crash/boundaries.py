"""What a process sends to the servers it depends on, cut into messages; those with an effect are named.

Each framer takes the bytes of one connection as they arrive and gives back whole messages. A message with a name is a
boundary: before it the server has not done something, after it the server has. Messages without one, such as `Bind`,
change nothing and are forwarded with what follows them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a client."""

    data: bytes
    boundary: str | None
    """What the server does on receipt; `None`: nothing that lasts."""


class Framer(Protocol):
    """Cuts the bytes of one connection into messages."""

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that `data` completes."""


_STARTUP: Final = 196_608
"""Protocol version 3.0 (https://www.postgresql.org/docs/current/protocol-message-formats.html)."""
_WRITES: Final = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.IGNORECASE)
_READS: Final = re.compile(r"\bFROM\s+\"?(\w+)", re.IGNORECASE)
_NOT_TABLES: Final = frozenset({"only", "skip", "of", "nowait", "set"})


def statement_name(sql: str) -> str:
    """What a statement does, in a few words: `INSERT claims, outbox`, `SELECT members`, `COMMIT`."""
    writes = [(verb.split()[0].upper(), table) for verb, table in _WRITES.findall(sql) if table not in _NOT_TABLES]
    if writes:
        return " ".join(dict.fromkeys(f"{verb} {table}" for verb, table in writes))
    words = sql.split(None, 3)
    if not words:
        return "empty"
    first = words[0].upper().rstrip(";")
    if first in ("SELECT", "WITH"):
        found = _READS.search(sql)
        return f"SELECT {found[1]}" if found else f"SELECT {_function(sql)}"
    return first if first in ("BEGIN", "COMMIT", "ROLLBACK") else " ".join(words[:2]).upper().rstrip(";")


def _function(sql: str) -> str:
    found = re.search(r"\b([a-z_.]+)\(", sql)
    return found[1] if found else "constant"


class PostgresFramer:
    """Messages of a Postgres connection: its start, and each statement where it is carried out."""

    def __init__(self) -> None:
        self._pending = b""
        self._started = False
        self._prepared: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that `data` completes."""
        self._pending += data
        while (length := self._length()) is not None:
            message, self._pending = self._pending[:length], self._pending[length:]
            yield Message(message, self._boundary(message))

    def _length(self) -> int | None:
        """Bytes of the first pending message; `None` until it is whole."""
        head = 5 if self._started else 4
        if len(self._pending) < head:
            return None
        length = int.from_bytes(self._pending[head - 4 : head]) + head - 4
        return length if len(self._pending) >= length else None

    def _boundary(self, message: bytes) -> str | None:
        if not self._started:
            self._started = int.from_bytes(message[4:8]) == _STARTUP
            return "connect" if self._started else None
        kind, body = message[:1], message[5:]
        match kind:
            case b"P":
                name, sql = body.split(b"\0", 2)[:2]
                self._prepared[name] = sql.decode(errors="replace")
            case b"B":
                portal, name = body.split(b"\0", 2)[:2]
                self._portals[portal] = self._prepared.get(name, "")
            case b"E":
                return statement_name(self._portals.get(body.split(b"\0", 1)[0], ""))
            case b"Q":
                return statement_name(body.rstrip(b"\0").decode(errors="replace"))
            case b"S":
                return "sync"  # where a statement outside of a transaction is committed
            case b"c":
                return "end of COPY"
            case b"F":
                return "function call"
            case _:
                return None
        return None


class RespFramer:
    """Commands of a connection to Valkey (RESP arrays of bulk strings)."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """The commands that `data` completes."""
        self._pending += data
        while (found := self._command()) is not None:
            length, name = found
            message, self._pending = self._pending[:length], self._pending[length:]
            yield Message(message, name)

    def _command(self) -> tuple[int, str] | None:
        """Length and name of the first pending command; `None` until it is whole."""
        head = self._number(0)
        if head is None:
            return None
        count, at = head
        name = ""
        for place in range(count):
            found = self._number(at)
            if found is None:
                return None
            length, start = found
            at = start + length + 2
            if at > len(self._pending):
                return None
            if place == 0:
                name = self._pending[start : start + length].decode(errors="replace").upper()
        return at, name

    def _number(self, at: int) -> tuple[int, int] | None:
        """The number on the line at `at`, after its type byte, and where the next line begins."""
        end = self._pending.find(b"\r\n", at)
        return None if end < 0 else (int(self._pending[at + 1 : end]), end + 2)


class HttpFramer:
    """Requests of an HTTP/1.1 connection, by their content length."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """The requests that `data` completes."""
        self._pending += data
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            head = self._pending[:end]
            found = re.search(rb"\r\ncontent-length:\s*(\d+)", head, re.IGNORECASE)
            length = end + 4 + (int(found[1]) if found else 0)
            if len(self._pending) < length:
                return
            message, self._pending = self._pending[:length], self._pending[length:]
            yield Message(message, " ".join(head.split(b"\r\n", 1)[0].decode().split()[:2]))
