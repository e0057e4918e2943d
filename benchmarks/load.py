"""A light HTTP load generator: keep-alive connections over raw sockets, latencies as JSON.

It runs in a separate process, so that measuring does not slow what it measures. Four modes:

* `one`: one client, the next request after the response (blocking socket, no event loop in the figure);
* `steady`: a fixed rate, whatever the server does. Latency counts from when the request was **due**, so a server that
  stalls cannot hide delayed requests;
* `phases`: several fixed rates, one after the other without a gap (`--phase RATE:SECONDS`); SIGTERM ends it early;
* `flood`: N connections, each sending the next request at once: throughput.

`--responses FILE` also writes one line per response, as `Response.parse` reads it; `--unique-keys` sends each request
with an `Idempotency-Key` of its own.

`python -m benchmarks.load --port 8601 --path /v1/score --bodies FILE --mode steady --rate 100 --seconds 60`
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import orjson
import uvloop

from benchmarks.connection import Connection, parse_head, request_bytes
from benchmarks.ownership import end_with_owner

_LEAD_S = 0.05
"""From the start of a mode to its first request."""


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """The figures of one mode, printed as JSON."""

    count: int
    per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    statuses: dict[str, int]
    """Status → responses; `0`: the connection broke."""
    cpu_s: float
    """Processor time of the generator, from its first request on; of `one` and `steady` with those not counted."""

    @property
    def failed(self) -> int:
        """Responses without a status of 2xx."""
        return sum(count for status, count in self.statuses.items() if not status.startswith("2"))


@dataclass(slots=True)
class LoadResult:
    """Result of one mode: latencies in milliseconds, responses by status (0: connection broken)."""

    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_s: float = 0.0

    def note(self, status: int, seconds: float) -> None:
        """Record one response."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.latencies_ms.append(seconds * 1_000)

    def summary(self) -> LoadSummary:
        """The figures of a report."""
        ordered = sorted(self.latencies_ms)

        def at(share: float) -> float:
            return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3) if ordered else float("nan")

        return LoadSummary(
            count=len(ordered),
            per_s=round(len(ordered) / self.seconds, 1) if self.seconds else 0.0,
            p50_ms=at(0.50),
            p99_ms=at(0.99),
            max_ms=at(1.0),
            statuses={str(status): count for status, count in sorted(self.statuses.items())},
            cpu_s=round(self.cpu_s, 3),
        )


@dataclass(frozen=True, slots=True)
class Response:
    """One response to a request that was due at `due`."""

    due: float
    """Seconds since 1970."""
    status: int
    """0: the connection broke, or no response came in time."""
    ms: float
    """From when it was due to the end of the response."""
    late_ms: float
    """How much later than due the generator sent it: that part of `ms` is the generator's own."""
    claim_id: str
    decided_by: str
    """Of a claim's decision: `model` or `rule`."""

    def line(self) -> str:
        """This response as a line of text."""
        numbers = f"{self.due:.4f} {self.status} {self.ms:.3f} {self.late_ms:.3f}"
        return f"{numbers} {self.claim_id or '-'} {self.decided_by or '-'}"

    @classmethod
    def parse(cls, line: str) -> Self:
        """The response that `line` was made of."""
        due, status, ms, late_ms, claim_id, decided_by = line.split(" ")
        own = ("" if one == "-" else one for one in (claim_id, decided_by))
        return cls(float(due), int(status), float(ms), float(late_ms), *own)


OnResponse = Callable[[float, float, int, bytes, float], None]
"""Takes when a request was due, sent and answered, on the loop's clock, the status and the body."""


def one(host: str, port: int, requests: Iterator[bytes], count: int, warm: int) -> LoadResult:
    """One client, one request after another; the first `warm` are not counted."""
    outcome = LoadResult()
    with socket.create_connection((host, port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started = time.perf_counter()
        for number, request in enumerate(itertools.islice(requests, warm + count)):
            if number == warm:
                started = time.perf_counter()
            sent = time.perf_counter()
            line.sendall(request)
            status = _receive(line)
            if number >= warm:
                outcome.note(status, time.perf_counter() - sent)
        outcome.seconds = time.perf_counter() - started
    return outcome


def _receive(line: socket.socket) -> int:
    buffer = b""
    while (end := buffer.find(b"\r\n\r\n")) < 0:
        part = line.recv(65_536)
        if not part:
            raise ConnectionError("the server closed the connection before the end of its response")
        buffer += part
    status, length = parse_head(buffer[:end])
    if length is not None:
        left = end + 4 + length - len(buffer)
        while left > 0:
            left -= len(line.recv(65_536))
    else:
        while not buffer.endswith(b"0\r\n\r\n"):
            buffer += line.recv(65_536)
    return status


async def steady(
    host: str, port: int, requests: Iterator[bytes], rate: float, seconds: float, warm_seconds: float
) -> LoadResult:
    """`rate` requests a second for `seconds`, after `warm_seconds` not counted; latency from when each was due."""
    outcome = LoadResult()
    loop = asyncio.get_running_loop()
    counted_from = loop.time() + _LEAD_S + warm_seconds

    def note(due: float, _sent: float, status: int, _body: bytes, ended: float) -> None:
        if due >= counted_from:
            outcome.note(status, ended - due)

    dues = (counted_from - warm_seconds + number / rate for number in range(int(rate * (seconds + warm_seconds))))
    await _send_when_due(host, port, zip(dues, requests, strict=False), note)
    outcome.seconds = loop.time() - counted_from
    return outcome


async def phases(
    host: str, port: int, requests: Iterator[bytes], rates: Sequence[tuple[float, float]]
) -> tuple[LoadResult, list[Response]]:
    """Requests at each rate for so many seconds, without a gap between them; also each response by itself."""
    outcome = LoadResult()
    responses: list[Response] = []
    loop = asyncio.get_running_loop()
    began = loop.time() + _LEAD_S
    to_epoch = time.time() - loop.time()

    def note(due: float, sent: float, status: int, body: bytes, ended: float) -> None:
        outcome.note(status, ended - due)
        identity = identity_of(body) if status == 201 else ("", "")
        ms, late_ms = (ended - due) * 1_000, (sent - due) * 1_000
        responses.append(Response(due + to_epoch, status, ms, late_ms, *identity))

    def dues() -> Iterator[float]:
        begin = began
        for rate, seconds in rates:
            yield from (begin + number / rate for number in range(int(rate * seconds)))
            begin += seconds

    await _send_when_due(host, port, zip(dues(), requests, strict=False), note)
    outcome.seconds = loop.time() - began
    return outcome, responses


def identity_of(body: bytes) -> tuple[str, str]:
    """The claim's id and what assessed its fraud risk, of the answer to a claim; empty: the answer has none."""
    answer = orjson.loads(body)
    return answer.get("claim_id") or "", answer.get("decided_by") or ""


async def _send_when_due(host: str, port: int, due: Iterator[tuple[float, bytes]], note: OnResponse) -> None:
    """Send each request when it is due, whatever became of those before."""
    idle: list[Connection] = []
    tasks: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()

    async def send(request: bytes, at: float) -> None:
        line = idle.pop() if idle else Connection(host, port)
        sent = loop.time()
        status, body = await line.post(request)
        idle.append(line)
        note(at, sent, status, body, loop.time())

    ended = asyncio.Event()
    with contextlib.suppress(NotImplementedError, RuntimeError):  # not on the main thread
        loop.add_signal_handler(signal.SIGTERM, ended.set)
    for at, request in due:
        if (wait := at - loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), wait)
        if ended.is_set():
            break
        task = asyncio.create_task(send(request, at))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    for line in idle:
        line.close()


async def flood(host: str, port: int, requests: Iterator[bytes], lines: int, seconds: float) -> LoadResult:
    """`lines` clients, each sending its next request as soon as it has a response, for `seconds`."""
    outcome = LoadResult()
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds

    async def client() -> None:
        line = Connection(host, port)
        while loop.time() < until and (request := next(requests, None)) is not None:
            sent = loop.time()
            status, _ = await line.post(request)
            outcome.note(status, loop.time() - sent)
        line.close()

    started = loop.time()
    await asyncio.gather(*(client() for _ in range(lines)))
    outcome.seconds = loop.time() - started
    return outcome


def main() -> None:
    """Parse the arguments, generate the load, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--bodies", type=Path, required=True, help="JSON lines; each is one request's body")
    parser.add_argument("--once", action="store_true", help="send each body once, not repeatedly")
    parser.add_argument("--header", action="append", default=[], help="name: value")
    parser.add_argument("--mode", choices=["one", "steady", "phases", "flood"], required=True)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--warm", type=float, default=200, help="requests (one) or seconds (steady) not counted")
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--phase", action="append", default=[], type=_phase, help="rate:seconds (phases)")
    parser.add_argument("--responses", type=Path, help="file to write each response to (phases)")
    parser.add_argument("--unique-keys", action="store_true", help="an Idempotency-Key for each request")
    parser.add_argument("--lines", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--owner-fd", type=int, help="end when the other end of this inherited pipe is closed")
    options = parser.parse_args()
    if options.owner_fd is not None:
        end_with_owner(options.owner_fd)

    headers = dict(entry.split(": ", 1) for entry in options.header)
    requests = _requests(options.path, options.bodies, headers, once=options.once, unique_keys=options.unique_keys)
    began = time.process_time()
    if options.mode == "one":
        outcome = one(options.host, options.port, requests, options.count, int(options.warm))
    elif options.mode == "steady":
        outcome = uvloop.run(steady(options.host, options.port, requests, options.rate, options.seconds, options.warm))
    elif options.mode == "phases":
        outcome, responses = uvloop.run(phases(options.host, options.port, requests, options.phase))
        if options.responses is not None:
            options.responses.write_text("".join(f"{one.line()}\n" for one in responses))
    else:
        outcome = uvloop.run(flood(options.host, options.port, requests, options.lines, options.seconds))
    outcome.cpu_s = time.process_time() - began
    json.dump(asdict(outcome.summary()), sys.stdout)
    sys.stdout.write("\n")


def _phase(text: str) -> tuple[float, float]:
    rate, _, seconds = text.partition(":")
    return float(rate), float(seconds)


def _requests(path: str, bodies: Path, headers: dict[str, str], *, once: bool, unique_keys: bool) -> Iterator[bytes]:
    lines = bodies.read_bytes().splitlines()
    if not unique_keys:
        prepared = [request_bytes(path, line, headers) for line in lines]
        return iter(prepared) if once else itertools.cycle(prepared)
    placeholder = f"{0:016x}"
    keyed = [request_bytes(path, line, headers | {"idempotency-key": f"load-{placeholder}"}) for line in lines]
    run = time.time_ns() // 1_000 << 20
    chosen = iter(keyed) if once else itertools.cycle(keyed)
    return (
        request.replace(placeholder.encode(), b"%016x" % ((run + number) % (1 << 64)), 1)
        for number, request in enumerate(chosen)
    )


if __name__ == "__main__":
    main()
