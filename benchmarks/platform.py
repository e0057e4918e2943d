"""The platform of a benchmark: scorer, claims API and worker on a stage, each with its own way to the others."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.bodies import submission_bodies
from benchmarks.stage import LIVE_CLAIMS, Stage
from core.embedded import free_port
from core.supervision import Processes, Proof, ReadyCheck

T = TypeVar("T")

COMMAND = ["-c", "from cli.main import main; main()"]
"""`ginja`, run by this Python."""


@dataclass(frozen=True, slots=True)
class Routes:
    """Where the processes find each other; None: straight. The chaos test puts its proxies here."""

    scorer_port: int
    api_port: int
    scorer_url_of_api: str | None = None
    redis_url_of_scorer: str | None = None
    redis_url_of_worker: str | None = None


@dataclass(frozen=True, slots=True)
class BenchPlatform:
    """A running platform."""

    stage: Stage
    routes: Routes
    key: str
    """Secret of a claims system's API key."""
    monitoring_key: str
    processes: dict[str, Processes]

    def bodies(self) -> list[bytes]:
        """Claims to submit, each once."""
        return submission_bodies(LIVE_CLAIMS, self.stage.home)


def free_routes() -> Routes:
    """Two free ports."""
    return Routes(free_port(), free_port())


def own_ready(port: int) -> ReadyCheck:
    """The API or the scorer on this port is ready."""
    return ReadyCheck(f"http://127.0.0.1:{port}/readyz", Proof.INSTANCE)


@contextmanager
def platform(
    stage: Stage,
    routes: Routes,
    *,
    workers: int = 1,
    of_all: Mapping[str, str] | None = None,
    of_api: Mapping[str, str] | None = None,
) -> Iterator[BenchPlatform]:
    """Scorer, API and worker, ready; ended with the block. `of_all` and `of_api` are more environment of these."""
    scorer_url = routes.scorer_url_of_api or f"http://127.0.0.1:{routes.scorer_port}"
    redis_of = {
        "scorer": routes.redis_url_of_scorer or stage.redis_url,
        "api": stage.redis_url,
        "worker": routes.redis_url_of_worker or stage.redis_url,
    }
    starts: dict[str, tuple[Sequence[str], ReadyCheck | None]] = {
        "scorer": (
            ["run", "scorer", "--port", str(routes.scorer_port), "--workers", str(workers)],
            own_ready(routes.scorer_port),
        ),
        "api": (["run", "api", "--port", str(routes.api_port)], own_ready(routes.api_port)),
        "worker": (["run", "worker"], None),
    }
    with ExitStack() as stack:
        running: dict[str, Processes] = {}
        for name, (command, ready) in starts.items():
            own = {"GINJA_REDIS_URL": redis_of[name], "GINJA_SCORER_URL": scorer_url}
            environment = stage.environment | own | dict(of_all or {})
            folder = stage.home / "run" / f"bench-{name}"
            running[name] = stack.enter_context(Processes(folder, environment))
            more = of_api if name == "api" else None
            running[name].start(name, [*COMMAND, *command], ready=ready, environment=more)
        for name, processes in running.items():
            processes.wait(name)
        yield BenchPlatform(stage, routes, create_key(stage, "claims_system"), create_key(stage, "monitoring"), running)


@asynccontextmanager
async def in_thread(context: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave a blocking context in a thread; one that is cancelled while it enters is left as well."""
    loop = asyncio.get_running_loop()
    entering = loop.run_in_executor(None, context.__enter__)
    try:
        yield await asyncio.shield(entering)
    finally:
        await entering
        await loop.run_in_executor(None, context.__exit__, None, None, None)


def register_signer(stage: Stage, role: str, key_file: Path) -> None:
    """Make a signing key for the newest API key of a role; the private key is written to a file."""

    def keys(*words: str) -> bytes:
        command = [sys.executable, *COMMAND, "keys", *words]
        environment = {**os.environ, **stage.environment}
        return subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout

    of_role = [one["api_key_id"] for one in json.loads(keys("list", "--json"))["keys"] if one["role"] == role]
    keys("signing-key", "create", of_role[-1], "--key-file", str(key_file))


def create_key(stage: Stage, role: str) -> str:
    """Create an API key of a role in the database of the stage; returns its secret."""
    done = subprocess.run(
        [sys.executable, *COMMAND, "keys", "create", "--name", "benchmark", "--role", role],
        env={**os.environ, **stage.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return done.stdout.decode().strip()
