"""Claims with `Prefer: respond-async` while the processes that decide them are killed: each is decided exactly once.

Claims are submitted at a rate that the processes can follow, so that what a claim waits for is kills and not a backlog.
Each time that an equal part of them has been decided,
every process of `ginja run tasks` is killed (-9), in the middle of its claims, and started again.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Final

import psycopg
from rich.table import Table

from api.migrate import plain_url
from benchmarks.connection import Connection, request_bytes
from benchmarks.platform import COMMAND, BenchPlatform, free_routes, in_thread, platform
from benchmarks.stage import ReportProgress, Stage, staged
from core.supervision import Processes

HISTORY: Final = 5_000
AT_ONCE: Final = 4
AGAIN_S: Final = 0.2
LOOK_S: Final = 0.1
STUCK_S: Final = 120.0
"""A claim that is decided later than this after its request was stuck."""
GIVE_UP_S: Final = 300.0
"""Without a further decision."""
NAME: Final = "tasks"


@dataclass(frozen=True, slots=True)
class TaskFigures:
    """One measurement."""

    claims: int
    kills: int
    rate: float
    """Requests a second."""
    seconds: float
    accepted: int
    """Requests answered with 202."""
    stored: int
    """Claims stored because of them."""
    decided: int
    """Tasks that succeeded with 201."""
    decided_twice: int
    """Claims that two tasks name as theirs."""
    failed: int
    open: int
    """Tasks that had not ended."""
    repeated: int
    """Tasks with more than one attempt: a process was killed while it had them."""
    median_s: float
    """From request to decision."""
    longest_s: float

    @property
    def broken(self) -> list[str]:
        """What does not hold, as text."""
        checks = {
            f"{self.accepted} of {self.claims} requests were answered with 202": self.accepted == self.claims,
            f"{self.stored} claims stored for {self.accepted} requests": self.stored == self.accepted,
            f"{self.decided} of {self.accepted} claims were decided": self.decided == self.accepted,
            f"{self.decided_twice} claims were decided twice": self.decided_twice == 0,
            f"{self.failed} tasks failed": self.failed == 0,
            f"{self.open} tasks have not ended": self.open == 0,
            f"a claim took {self.longest_s:.0f} s": self.longest_s <= STUCK_S,
        }
        return [text for text, holds in checks.items() if not holds]


def run(report: ReportProgress, *, claims: int, kills: int, rate: float) -> TaskFigures:
    """Measure on one insurer."""
    with staged(report, claims=HISTORY, live_claims=claims) as stage:
        report(f"{claims:,} claims, {rate:g} a second, {kills} kills")
        return asyncio.run(_measure(stage, claims=claims, kills=kills, rate=rate))


async def _measure(stage: Stage, *, claims: int, kills: int, rate: float) -> TaskFigures:
    async with in_thread(platform(stage, free_routes())) as running:
        with ExitStack() as stack:
            scorer = {"GINJA_SCORER_URL": f"http://127.0.0.1:{running.routes.scorer_port}"}
            processes = stack.enter_context(Processes(stage.home / "run" / "bench-tasks", stage.environment | scorer))
            _start(processes)
            before = _stored(stage)
            began = time.monotonic()
            waiting = iter((began + at / rate, body) for at, body in enumerate(running.bodies()[:claims]))
            killer = asyncio.create_task(_kill_repeatedly(stage, processes, claims, kills))
            accepted = sum(await asyncio.gather(*(_send(running, waiting) for _ in range(AT_ONCE))))
            await killer
            await _decided(stage, claims)
            seconds = time.monotonic() - began
    return _figures(stage, claims=claims, kills=kills, rate=rate, seconds=seconds, accepted=accepted, before=before)


def _start(processes: Processes) -> None:
    processes.start(NAME, [*COMMAND, "run", "tasks"])
    processes.wait(NAME)


async def _send(running: BenchPlatform, waiting: Iterator[tuple[float, bytes]]) -> int:
    """Submit claims, each at its time; returns how many were answered with 202."""
    accepted = 0
    line = Connection("127.0.0.1", running.routes.api_port)
    headers = {"authorization": f"Bearer {running.key}", "prefer": "respond-async"}
    for at, body in waiting:
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        status = 429
        while status == 429:  # the key has as many open tasks as it may have
            status, _ = await line.post(request_bytes("/v1/claims", body, headers))
            if status == 429:
                await asyncio.sleep(AGAIN_S)
        accepted += status == 202
    line.close()
    return accepted


async def _kill_repeatedly(stage: Stage, processes: Processes, claims: int, kills: int) -> None:
    """Kill the processes (-9) each time that an equal part of the claims is decided, and start them again."""
    for number in range(1, kills + 1):
        await _decided(stage, number * claims // (kills + 1))
        await asyncio.to_thread(processes.kill, NAME)
        await asyncio.to_thread(_start, processes)


async def _decided(stage: Stage, number: int) -> None:
    """Wait until so many claims are decided, or none has been for a long time."""
    with psycopg.connect(plain_url(stage.database_url), autocommit=True) as connection:
        most, until = -1, time.monotonic() + GIVE_UP_S
        while most < number and time.monotonic() < until:
            row = connection.execute("SELECT count(*) FROM tasks WHERE ended_at IS NOT NULL AND kind = 'decide_claim'")
            ((found,),) = row.fetchall()
            if found > most:
                most, until = found, time.monotonic() + GIVE_UP_S
            await asyncio.sleep(LOOK_S)


def _stored(stage: Stage) -> int:
    with psycopg.connect(plain_url(stage.database_url)) as connection:
        return int(connection.execute("SELECT count(*) FROM claims").fetchall()[0][0])


_FIGURES = """
SELECT count(*) FILTER (WHERE state = 'succeeded' AND result ->> 'status' = '201'),
       count(result ->> 'location') - count(DISTINCT result ->> 'location'),
       count(*) FILTER (WHERE state = 'failed'),
       count(*) FILTER (WHERE ended_at IS NULL),
       count(*) FILTER (WHERE attempts > 1),
       coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - created_at)), 0)::float,
       coalesce(max(extract(epoch FROM coalesce(ended_at, now()) - created_at)), 0)::float
FROM tasks WHERE kind = 'decide_claim'
"""


def _figures(
    stage: Stage, *, claims: int, kills: int, rate: float, seconds: float, accepted: int, before: int
) -> TaskFigures:
    with psycopg.connect(plain_url(stage.database_url)) as connection:
        ((decided, twice, failed, still_open, repeated, median, longest),) = connection.execute(_FIGURES).fetchall()
    return TaskFigures(
        claims=claims,
        kills=kills,
        rate=rate,
        seconds=round(seconds, 1),
        accepted=accepted,
        stored=_stored(stage) - before,
        decided=decided,
        decided_twice=twice,
        failed=failed,
        open=still_open,
        repeated=repeated,
        median_s=round(median, 2),
        longest_s=round(longest, 1),
    )


def as_json(found: TaskFigures) -> str:
    """As JSON, with what does not hold."""
    return json.dumps({**asdict(found), "broken": found.broken}, indent=1)


def table(found: TaskFigures) -> Table:
    """A row for each figure."""
    shown = Table("", "value")
    for name, value in asdict(found).items():
        shown.add_row(name, str(value))
    return shown
