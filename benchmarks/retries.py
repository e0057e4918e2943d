"""Many requests under few idempotency keys while the API is killed: one claim for each key, and one reply.

Every key is used by as many requests as the others, in random order and on many connections at once. A request without
a response, one that is refused because the first one is in flight, and one that is turned away are sent again, as the
guide of claims systems says. It is measured with Valkey running and again with Valkey killed.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from signal import SIGKILL
from typing import Final

import psycopg
from rich.table import Table

from api.migrate import plain_url
from benchmarks.chaos.databases import held_down
from benchmarks.connection import Connection, request_bytes
from benchmarks.platform import COMMAND, BenchPlatform, free_routes, in_thread, own_ready, platform
from benchmarks.stage import ReportProgress, Stage, staged
from core import valkey

HISTORY: Final = 5_000
AT_ONCE: Final = 64
AGAIN_S: Final = 0.05
GIVE_UP_S: Final = 120.0
SEND_AGAIN: Final = frozenset({0, 409, 429, 503})
"""No response; the first request is in flight; too many requests; not available, or the outcome is not known."""


@dataclass(frozen=True, slots=True)
class RetryFigures:
    """One measurement."""

    with_valkey: bool
    keys: int
    requests: int
    kills: int
    seconds: float
    responses: dict[str, int]
    """By status; 0: none."""
    claims: int
    """Stored because of these requests."""
    replies: int
    """Stored under these keys."""
    keys_with_different_replies: int
    given_up: int
    """Requests without a 201: sent again for two minutes without one, or with a status that is not sent again."""

    @property
    def broken(self) -> list[str]:
        """What does not hold, as text."""
        of = f"{'with' if self.with_valkey else 'without'} Valkey"
        checks = {
            f"{self.claims} claims for {self.keys} keys": self.claims == self.keys,
            f"{self.replies} stored replies for {self.keys} keys": self.replies == self.keys,
            f"{self.keys_with_different_replies} keys with different replies": self.keys_with_different_replies == 0,
            f"{self.given_up} requests given up": self.given_up == 0,
        }
        return [f"{of}: {text}" for text, holds in checks.items() if not holds]


@dataclass(slots=True)
class _Run:
    """The state of one measurement."""

    requests: list[tuple[int, bytes]]
    """Key number and request, in the order of sending."""
    kill_at: dict[int, asyncio.Event]
    """Count of ended requests → set once so many have ended."""
    ended: int = 0
    given_up: int = 0
    responses: Counter[int] = field(default_factory=Counter)
    bodies: dict[int, set[bytes]] = field(default_factory=dict)


def run(report: ReportProgress, *, keys: int, requests: int, kills: int) -> list[RetryFigures]:
    """Measure with Valkey and without, on one insurer."""
    found = []
    with staged(report, claims=HISTORY, live_claims=2 * keys) as stage:
        for with_valkey in (True, False):
            report(f"{requests:,} requests under {keys} keys, {'with' if with_valkey else 'without'} Valkey")
            found.append(
                asyncio.run(_measure(stage, keys=keys, requests=requests, kills=kills, with_valkey=with_valkey))
            )
    return found


async def _measure(stage: Stage, *, keys: int, requests: int, kills: int, with_valkey: bool) -> RetryFigures:
    async with in_thread(platform(stage, free_routes())) as running:
        with ExitStack() as down:
            if not with_valkey:
                down.enter_context(held_down(valkey, stage.home, SIGKILL))
            before = _counts(stage)
            state = _Run(
                _requests(running, keys, requests, first=0 if with_valkey else keys),
                {number * requests // (kills + 1): asyncio.Event() for number in range(1, kills + 1)},
            )
            began = time.monotonic()
            killer = asyncio.create_task(_kill_repeatedly(running, state))
            waiting = iter(state.requests)
            await asyncio.gather(*(_send(running, state, waiting) for _ in range(AT_ONCE)))
            await killer
            after = _counts(stage)
    return RetryFigures(
        with_valkey=with_valkey,
        keys=keys,
        requests=requests,
        kills=kills,
        seconds=round(time.monotonic() - began, 1),
        responses={str(status): count for status, count in sorted(state.responses.items())},
        claims=after[0] - before[0],
        replies=after[1] - before[1],
        keys_with_different_replies=sum(len(bodies) > 1 for bodies in state.bodies.values()),
        given_up=state.given_up,
    )


def _requests(running: BenchPlatform, keys: int, requests: int, *, first: int) -> list[tuple[int, bytes]]:
    """Each key with a claim of its own; `first` is the place of the first claim among those of the stage."""
    bodies = running.bodies()[first : first + keys]
    made = [
        (number % keys, _request(running, bodies[number % keys], f"key-{first + number % keys}"))
        for number in range(requests)
    ]
    random.Random(1).shuffle(made)
    return made


def _request(running: BenchPlatform, body: bytes, key: str) -> bytes:
    return request_bytes("/v1/claims", body, {"authorization": f"Bearer {running.key}", "idempotency-key": key})


async def _send(running: BenchPlatform, state: _Run, waiting: Iterator[tuple[int, bytes]]) -> None:
    line = Connection("127.0.0.1", running.routes.api_port)
    for key, request in waiting:
        until = time.monotonic() + GIVE_UP_S
        while True:
            status, body = await line.post(request)
            state.responses[status] += 1
            if status not in SEND_AGAIN or time.monotonic() > until:
                break
            await asyncio.sleep(AGAIN_S)
        if status == 201:
            state.bodies.setdefault(key, set()).add(body)
        else:
            state.given_up += 1
        state.ended += 1
        if state.ended in state.kill_at:
            state.kill_at[state.ended].set()
    line.close()


async def _kill_repeatedly(running: BenchPlatform, state: _Run) -> None:
    """Kill the API (-9) each time that an equal part of the requests has ended, and start it again."""
    processes, port = running.processes["api"], running.routes.api_port
    for reached in state.kill_at.values():
        await reached.wait()
        await asyncio.to_thread(processes.kill, "api")
        processes.start("api", [*COMMAND, "run", "api", "--port", str(port)], ready=own_ready(port))
        await asyncio.to_thread(processes.wait, "api")


def _counts(stage: Stage) -> tuple[int, int]:
    """Claims and stored replies."""
    with psycopg.connect(plain_url(stage.database_url)) as connection:
        found = connection.execute(
            "SELECT (SELECT count(*) FROM claims), (SELECT count(*) FROM idempotency_keys)"
        ).fetchone()
    assert found is not None
    return found[0], found[1]


def as_json(found: list[RetryFigures]) -> str:
    """As JSON, with what does not hold."""
    broken = [text for one in found for text in one.broken]
    return json.dumps({"runs": [asdict(one) for one in found], "broken": broken}, indent=1)


def table(found: list[RetryFigures]) -> Table:
    """A column for each measurement."""
    shown = Table("", *("with Valkey" if one.with_valkey else "without Valkey" for one in found))
    for name in asdict(found[0]):
        if name != "with_valkey":
            shown.add_row(name, *(str(getattr(one, name)) for one in found))
    return shown
