"""Faults of the platform that `ginja up` runs: MLflow killed, the supervisor killed."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import psutil

from benchmarks.chaos.scenario import FaultEffect, FaultScenario, FaultTarget
from benchmarks.platform import COMMAND
from benchmarks.stage import Stage
from core.embedded import free_port
from core.supervision import PartState, Processes, read_state

_NAME = "up"
_GRACE_S = 20.0
_GONE_WITHIN_S = 30.0
_SUPERVISED_WITHIN_S = 180.0
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class UpProcess:
    """A running `ginja up` on a stage; it may be killed and started again."""

    processes: Processes
    api_port: int

    def start(self) -> None:
        """Start it, on the same ports."""
        self.processes.start(_NAME, [*COMMAND, "up", "--json"], grace_s=_GRACE_S)

    def kill(self) -> None:
        """`kill -9` of the supervisor alone."""
        pid = self.processes.pid(_NAME)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


@contextmanager
def up(stage: Stage) -> Iterator[UpProcess]:
    """`ginja up` with its own embedded servers, which are those of the stage; ended with the block."""
    api_port = free_port()
    environment = {
        "GINJA_HOME": str(stage.home),
        "GINJA_API_PORT": str(api_port),
        "GINJA_SCORER_PORT": str(free_port()),
        "GINJA_MLFLOW_PORT": str(free_port()),
        "GINJA_LOG_LEVEL": "WARNING",
    }
    with Processes(stage.home / "run" / "bench-up", environment) as processes:
        running = UpProcess(processes, api_port)
        running.start()
        yield running


@dataclass(slots=True, kw_only=True)
class UpTarget(FaultTarget):
    """A platform under `ginja up`."""

    up: UpProcess
    children_ended_s: float | None = None
    """Seconds from the end of the supervisor to that of its last process."""

    def parts(self) -> dict[str, int]:
        """Process ids of the running parts."""
        state = read_state(self.home)
        return {} if state is None else {part.name: part.pid for part in state.parts if part.pid is not None}

    async def until_supervised(self) -> None:
        """Wait until every part is ready and watched. Raises `TimeoutError`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _SUPERVISED_WITHIN_S
        while loop.time() < deadline:
            state = await asyncio.to_thread(read_state, self.home)
            if state is not None and all(part.state is PartState.READY for part in state.parts):
                return
            await asyncio.sleep(_POLL_S)
        raise TimeoutError(f"a part of `ginja up` was not ready within {_SUPERVISED_WITHIN_S:.0f} s")


def supervised_faults() -> list[FaultScenario[UpTarget]]:
    """Every fault of a supervised platform, in order."""
    return [
        FaultScenario("MLflow killed", _mlflow_killed, FaultEffect.NONE),
        FaultScenario("supervisor of `ginja up` killed", _supervisor_killed, FaultEffect.DOWN),
    ]


@asynccontextmanager
async def _mlflow_killed(target: UpTarget) -> AsyncIterator[None]:
    os.kill(target.parts()["mlflow"], signal.SIGKILL)
    yield


@asynccontextmanager
async def _supervisor_killed(target: UpTarget) -> AsyncIterator[None]:
    """All processes of the supervisor have to end by themselves; then `ginja up` is started again."""
    loop = asyncio.get_running_loop()
    own = [psutil.Process(pid) for name, pid in target.parts().items() if name not in ("postgres", "valkey")]
    own += [child for process in own for child in process.children(recursive=True)]
    began = loop.time()
    target.up.kill()
    while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in own):
        if loop.time() > began + _GONE_WITHIN_S:
            break
        await asyncio.sleep(_POLL_S)
    else:
        target.children_ended_s = round(loop.time() - began, 1)
    yield
    target.up.processes.ended(_NAME)
    target.up.start()
