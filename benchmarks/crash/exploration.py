"""Kill a process at every boundary of every operation, recover, and check what must hold.

A process that dies changes nothing more, so what others see depends only on which of its messages have reached a server
and which of its file operations were done. Two crashes between the same two of them look alike from outside; one before
and one after each covers them all (`docs/adr/0161-crash-points.md`).
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg
import redis

from benchmarks.bodies import submission_bodies
from benchmarks.crash import invariants, model_steps, steps
from benchmarks.crash.boundaries import HttpFramer, PostgresFramer, RespFramer
from benchmarks.crash.operations import OPERATIONS, Claims, CrashOperation, Prepared
from benchmarks.crash.processes import R, Step, StepFailed, StepPlace, StepProcess
from benchmarks.crash.proxy import BoundaryProxy, listening
from benchmarks.crash.watch import CrashPoint, Side, Watch
from benchmarks.platform import COMMAND, own_ready
from benchmarks.stage import ReportProgress, Stage, set_updater_heartbeat, staged
from core.embedded import free_port
from core.postgres import superuser_url
from core.servers import create_database, database_url, drop_database
from core.supervision import Processes

CLAIMS: Final = 1_000
LIVE_CLAIMS: Final = 40
TREES: Final = 20
_COPIED: Final = ("models", "mlflow")
"""Folders of the home that an operation on models changes."""
_PREPARED, _RUN = "crash_prepared", "crash_run"
"""Databases, and endings of copied homes."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that does not hold after a crash and the recovery from it."""

    operation: str
    boundary: str
    side: str
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExploredOperation:
    """The crash points of one operation."""

    operation: str
    boundaries: tuple[str, ...]
    runs: int
    not_reached: int
    """Runs that ended before they came to their crash point: the order of boundaries had changed."""
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class CrashReport:
    """The crash points of every operation."""

    operations: tuple[ExploredOperation, ...]

    @property
    def points(self) -> int:
        """Boundaries of all operations."""
        return sum(len(one.boundaries) for one in self.operations)

    @property
    def runs(self) -> int:
        """Crashes and recoveries."""
        return sum(one.runs for one in self.operations)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Of all operations."""
        return tuple(violation for one in self.operations for violation in one.violations)

    @property
    def boundaries(self) -> dict[str, tuple[str, ...]]:
        """Operation → its boundaries, in order."""
        return {one.operation: one.boundaries for one in self.operations}

    def as_json(self) -> str:
        """The report, with the totals last."""
        totals = {"points": self.points, "runs": self.runs, "violations": len(self.violations)}
        return json.dumps({"operations": [asdict(one) for one in self.operations], **totals})


def operation_names() -> tuple[str, ...]:
    """The names of all operations."""
    return tuple(one.name for one in OPERATIONS)


def explore(report: ReportProgress, *, only: Sequence[str] = (), sides: Sequence[Side] = tuple(Side)) -> CrashReport:
    """Explore the operations whose name contains one of `only`, or all. Raises `ValueError` where none does."""
    chosen = [one for one in OPERATIONS if not only or any(part in one.name for part in only)]
    if not chosen:
        raise ValueError(f"unknown operation: {', '.join(only)}; available: {', '.join(operation_names())}")
    os.environ.update(PGSSLMODE="disable", PGGSSENCMODE="disable")  # the proxy reads what the processes send
    with (
        staged(report, claims=CLAIMS, live_claims=LIVE_CLAIMS, trees=TREES) as stage,
        _scorer(stage, report) as scorer_port,
    ):
        return asyncio.run(_explore(stage, scorer_port, chosen, sides, report))


@contextmanager
def _scorer(stage: Stage, report: ReportProgress) -> Iterator[int]:
    """The port of a scorer over the stage's online store."""
    report("starting the scorer")
    port = free_port()
    with Processes(stage.home / "run" / "crash-scorer", stage.environment) as processes:
        processes.start("scorer", [*COMMAND, "run", "scorer", "--port", str(port)], ready=own_ready(port))
        processes.wait("scorer")
        yield port


async def _explore(
    stage: Stage, scorer_port: int, chosen: Sequence[CrashOperation], sides: Sequence[Side], report: ReportProgress
) -> CrashReport:
    async with _laboratory(stage, scorer_port) as laboratory:
        return CrashReport(tuple([await _operation(laboratory, one, sides, report) for one in chosen]))


async def _operation(
    laboratory: "Laboratory", operation: CrashOperation, sides: Sequence[Side], report: ReportProgress
) -> ExploredOperation:
    """Explore one operation: first without a crash, then with one at each side of each boundary."""
    report(f"{operation.name}: preparing")
    prepared = await laboratory.prepare(operation)
    whole = await laboratory.run(operation, prepared, None)
    violations = [Violation(operation.name, "none", "without a crash", whole.broken)] if whole.broken else []
    points = [CrashPoint(number, side) for number in range(1, len(whole.seen) + 1) for side in sides]
    not_reached = 0
    for done, point in enumerate(points):
        latest = f", the latest: {'; '.join(violations[-1].broken)}" if violations else ""
        report(f"{operation.name}: crash {done + 1} of {len(points)}, {len(violations)} violations{latest}")
        run = await laboratory.run(operation, prepared, point)
        not_reached += not run.crashed
        if run.broken:
            violations.append(Violation(operation.name, whole.seen[point.number - 1], point.side.value, run.broken))
    return ExploredOperation(operation.name, whole.seen, len(points), not_reached, tuple(violations))


@dataclass(frozen=True, slots=True)
class _Run:
    seen: tuple[str, ...]
    crashed: bool
    broken: tuple[str, ...]


class Laboratory:
    """A stage on which operations are prepared once and run many times, each time from the same state."""

    def __init__(self, stage: Stage, direct: StepPlace, watched: StepPlace, proxies: Sequence[BoundaryProxy]) -> None:
        self._direct = direct
        self._watched = watched
        self._proxies = proxies
        self._server_url = database_url(stage.database_url, "postgres")
        self._claims = Claims(submission_bodies(LIVE_CLAIMS, stage.home))
        self._source = urlsplit(stage.database_url).path.strip("/")
        self._first_rows = _rows_of(direct.redis_url)
        self._rows = self._first_rows

    async def prepare(self, operation: CrashOperation) -> Prepared:
        """Bring database, online store and home to where the operation can begin, and keep that state."""
        await self._database(_PREPARED, self._source)
        _restore(self._direct.redis_url, self._first_rows)
        home = self._home(_PREPARED, self._direct.home) if not operation.in_database else self._direct.home
        place = replace(self._direct, home=home, database_url=self._named(self._direct, _PREPARED))

        async def run(step: Step[R]) -> R:
            return await _carry_out(step, place)

        prepared = await operation.prepare(self._claims, run)
        self._rows = _rows_of(self._direct.redis_url)
        return prepared

    async def run(self, operation: CrashOperation, prepared: Prepared, point: CrashPoint | None) -> _Run:
        """Carry the operation out from the kept state, with or without a crash, recover, and check."""
        await self._database(_RUN, _PREPARED)
        _restore(self._direct.redis_url, self._rows)
        home = self._direct.home
        if not operation.in_database:
            home = self._home(_RUN, self._direct.home.with_name(self._direct.home.name + f"-{_PREPARED}"))
        watch = Watch(point)
        for proxy in self._proxies:
            proxy.watch = watch
        watched = replace(self._watched, home=home, database_url=self._named(self._watched, _RUN))
        process = StepProcess(prepared.work, watched, watch)
        try:
            await process.run()
        except EOFError:
            pass  # it was killed
        finally:
            await process.ended()
            await asyncio.gather(*(proxy.ended() for proxy in self._proxies))
        direct = replace(self._direct, home=home, database_url=self._named(self._direct, _RUN))
        crashed = point is not None and len(watch.seen) >= point.number
        return _Run(tuple(watch.seen), crashed, tuple(await self._broken(operation, prepared, direct, crashed)))

    async def _broken(
        self, operation: CrashOperation, prepared: Prepared, place: StepPlace, crashed: bool
    ) -> list[str]:
        """Recover, and check what must hold."""
        try:
            if crashed and prepared.again:
                await _carry_out(prepared.work, place)
            if not operation.in_database:
                return await _carry_out(model_steps.broken_models, place)
            responses = await _carry_out(partial(steps.recover, prepared.recovery), place)
        except StepFailed as error:
            return [f"recovery failed: {error}"]
        return [
            *invariants.broken_replies(responses, prepared.statuses, repeated=prepared.repeated),
            *await asyncio.to_thread(invariants.broken_rows, place),
            *await asyncio.to_thread(invariants.broken_expectations, place, prepared.expected),
            *await asyncio.to_thread(
                invariants.broken_store, place, _numbered(place.redis_url, 1), prepared.recovery.at
            ),
        ]

    async def _database(self, name: str, template: str) -> None:
        await asyncio.to_thread(drop_database, self._server_url, name)
        await asyncio.to_thread(create_database, self._server_url, name, template=template)

    def _named(self, place: StepPlace, name: str) -> str:
        return database_url(place.database_url, name)

    def _home(self, name: str, source: Path) -> Path:
        """A copy of what operations on models change."""
        home = self._direct.home.with_name(f"{self._direct.home.name}-{name}")
        shutil.rmtree(home, ignore_errors=True)
        for folder in _COPIED:
            if (source / folder).exists():
                shutil.copytree(source / folder, home / folder)
        return home

    def remove_homes(self) -> None:
        """Remove the copies."""
        for name in (_PREPARED, _RUN):
            shutil.rmtree(self._direct.home.with_name(f"{self._direct.home.name}-{name}"), ignore_errors=True)


@asynccontextmanager
async def _laboratory(stage: Stage, scorer_port: int) -> AsyncIterator[Laboratory]:
    from api.database import Database
    from benchmarks.crash.signing import signing_admin

    _without_disk(stage.home)
    set_updater_heartbeat(stage.redis_url)  # no worker runs: today's rows would be stale, and the rule would decide
    database = Database(stage.database_url)
    key, signing_key = await signing_admin(database, "crash")
    await database.close()
    scorer_url = f"http://127.0.0.1:{scorer_port}"
    direct = StepPlace(stage.home, stage.database_url, stage.redis_url, scorer_url, key, signing_key)
    async with AsyncExitStack() as stack:
        proxies = {}
        for name, url, framer in (
            ("postgres", direct.database_url, PostgresFramer),
            ("valkey", direct.redis_url, RespFramer),
            ("scorer", direct.scorer_url, HttpFramer),
        ):
            proxies[name] = await stack.enter_async_context(listening(BoundaryProxy(_address(url), name, framer)))
        watched = StepPlace(
            stage.home,
            _through(direct.database_url, proxies["postgres"]),
            _through(direct.redis_url, proxies["valkey"]),
            _through(direct.scorer_url, proxies["scorer"]),
            key,
            signing_key,
        )
        laboratory = Laboratory(stage, direct, watched, list(proxies.values()))
        try:
            yield laboratory
        finally:
            laboratory.remove_homes()


async def _carry_out(step: Step[R], place: StepPlace) -> R:
    """Carry a step out without a crash."""
    process = StepProcess(step, place, Watch())
    try:
        return await process.run()
    finally:
        await process.ended()


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 0


def _through(url: str, proxy: BoundaryProxy) -> str:
    host, port = _address(url)
    return url.replace(f"{host}:{port}", f"127.0.0.1:{proxy.port}")


def _numbered(url: str, number: int) -> str:
    """Another database of the same Valkey."""
    return f"{url.rpartition('/')[0]}/{number}"


def _without_disk(home: Path) -> None:
    """Let Postgres not wait for the disk: processes die here, not machines. A vacuum would hold a dropped database."""
    with psycopg.connect(superuser_url(home), autocommit=True) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
            connection.execute(f"ALTER SYSTEM SET {name} = off".encode())
        connection.execute("SELECT pg_reload_conf()")


def _rows_of(url: str) -> dict[bytes, bytes]:
    with redis.Redis.from_url(url) as client:
        keys: list[bytes] = client.keys()
        values: list[bytes] = client.mget(keys)
        return dict(zip(keys, values, strict=True))


def _restore(url: str, rows: dict[bytes, bytes]) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        client.mset(rows)
