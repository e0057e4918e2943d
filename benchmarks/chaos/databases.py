"""Faults of PostgreSQL and Valkey. A supervisor, as in `ginja up`, starts a server again that ended."""

import asyncio
import os
import shutil
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType

import psycopg

from benchmarks.chaos.scenario import FaultEffect, FaultScenario, ServicesTarget
from benchmarks.platform import in_thread
from benchmarks.stage import Stage
from core import embedded, postgres, valkey
from core.supervision import ServerPart, Supervisor

_OLDER_S = 3.0
"""By how much the file that Valkey is restarted from is older."""


def database_faults() -> list[FaultScenario[ServicesTarget]]:
    """Every fault of the servers that leaves their disks alone, in order."""
    return [
        FaultScenario("Postgres killed (-9), down", _postgres_killed, FaultEffect.REFUSES),
        FaultScenario("Postgres read-only", _read_only, FaultEffect.REFUSES),
        FaultScenario("a member's lock is held", _lock_held, FaultEffect.CONTAINED),
        FaultScenario("Valkey restarted from an older file", _older_valkey, FaultEffect.RULE),
    ]


@contextmanager
def servers_restarted(stage: Stage) -> Iterator[None]:
    """Start Postgres and Valkey of the stage again when they end, as `ginja up` does."""

    def moved(url: str) -> None:
        raise RuntimeError(f"another program took the port of a server, which is now at {url}")

    parts = [
        ServerPart(server, stage.home, url, moved)
        for server, url in ((postgres, stage.database_url), (valkey, stage.redis_url))
    ]
    supervisor = Supervisor(stage.home, parts)
    supervisor.start()
    try:
        yield
    finally:
        supervisor.stop((), threading.Event())


@contextmanager
def held_down(server: ModuleType, home: Path, number: signal.Signals) -> Iterator[None]:
    """End a server by a signal, and let nobody start it within the block."""
    with embedded.locked(home, server.NAME):
        pid = server.process(home)
        if pid is not None:
            os.kill(pid, number)
        embedded.wait_until(lambda: server.process(home) is None, what=f"{server.NAME} to end")
        yield


@asynccontextmanager
async def _postgres_killed(target: ServicesTarget) -> AsyncIterator[None]:
    async with in_thread(held_down(postgres, target.home, signal.SIGKILL)):
        yield


def _set_read_only(home: Path, value: str) -> None:
    with psycopg.connect(postgres.superuser_url(home), autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        connection.execute("SELECT pg_reload_conf()")


@asynccontextmanager
async def _read_only(target: ServicesTarget) -> AsyncIterator[None]:
    await asyncio.to_thread(_set_read_only, target.home, "on")
    try:
        yield
    finally:
        await asyncio.to_thread(_set_read_only, target.home, "off")


@asynccontextmanager
async def _lock_held(target: ServicesTarget) -> AsyncIterator[None]:
    """An open transaction holds the lock under which a member's claims are decided, as one that was forgotten does."""
    member = target.stream.member_of(0)
    async with await psycopg.AsyncConnection.connect(target.stage.database_url) as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [member])
        target.stream.member = member
        try:
            yield
        finally:
            target.stream.member = None


def _restart_from(copy: Path, home: Path) -> None:
    files = home / "valkey" / "appendonlydir"
    with held_down(valkey, home, signal.SIGKILL):
        shutil.rmtree(files)
        copy.rename(files)


@asynccontextmanager
async def _older_valkey(target: ServicesTarget) -> AsyncIterator[None]:
    """Valkey is restored from its append-only file as it was some seconds ago, as from a backup or a lagging disk."""
    files, copy = target.home / "valkey" / "appendonlydir", target.home / "run" / "older-valkey"
    await asyncio.to_thread(shutil.copytree, files, copy)
    await asyncio.sleep(_OLDER_S)
    await asyncio.to_thread(_restart_from, copy, target.home)
    yield
