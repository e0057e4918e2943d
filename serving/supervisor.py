"""Supervises the scorer's worker processes, which share one port; the kernel distributes connections among them.

`bentoml serve` checks its workers only every ten seconds: a killed worker was restarted after 9.9 s (docs/adr/0040).
This supervisor restarts it within a tenth of a second.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from core.settings import secret_text, settings
from core.supervision import Backoff
from serving.access import require_token
from serving.errors import ServingError

_POLL_SECONDS = 0.1
_STOP_SECONDS = 5.0
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class PortInUse(ServingError):
    """The port is in use; the message names the port and the setting."""


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    backoff: Backoff = field(default_factory=lambda: Backoff(first_s=0.1, longest_s=5.0, stable_s=30.0))
    due: float = 0.0


def worker_environment(home: Path) -> dict[str, str]:
    """Environment of a worker: one thread per library, BentoML files under `home`, no telemetry."""
    metrics = home / "run" / "scorer-metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    return {
        "NUMBA_CACHE_DIR": str((home / "run" / "numba").absolute()),
        **os.environ,
        **dict.fromkeys(_ONE_THREAD, "1"),
        "BENTOML_HOME": str((home / "run" / "bentoml").absolute()),
        "BENTOML_DO_NOT_TRACK": "True",
        "DO_NOT_TRACK": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics.absolute()),
        # Feast's name for it; without one each worker creates a temporary folder, and leaves it when it is killed.
        "PROMETHEUS_MULTIPROCESS_DIR": str(metrics.absolute()),
    }


def bound(host: str, port: int, *, shared: bool) -> socket.socket:
    """A bound socket that does not listen yet; with `shared`, other workers may bind the same address.

    Raises `PortInUse`.
    """
    own = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        own.bind((host, port))
    except OSError as error:
        own.close()
        raise PortInUse(
            f"cannot listen on {host}:{port} ({error.strerror}); set GINJA_SCORER_PORT to a free port"
        ) from error
    return own


def supervise(host: str, port: int, *, workers: int, home: Path) -> None:
    """Serve until SIGTERM or SIGINT; restart workers that exit. The port must be free or reserved for this process.

    Raises `UnprotectedScorerError` for an address beyond this machine without `GINJA_SCORER_TOKEN`.
    """
    require_token(host, secret_text(settings().scorer_token))
    environment = worker_environment(home)
    alive_read, alive_write = os.pipe()
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    pool = [_Worker() for _ in range(workers)]
    command = [sys.executable, "-m", "serving.worker", "--host", host, "--port", str(port)]
    command += ["--alive-fd", str(alive_read)]
    while not stopping:
        for worker in pool:
            _supervise_worker(worker, command, environment, alive_read)
        time.sleep(_POLL_SECONDS)
    os.close(alive_write)
    _end(pool)


def _supervise_worker(worker: _Worker, command: list[str], environment: dict[str, str], alive_fd: int) -> None:
    now = time.monotonic()
    if worker.process is not None:
        if worker.process.poll() is None:
            return
        _forget(worker.process.pid, environment)
        worker.process = None
        worker.due = now + worker.backoff.pause_after(now - worker.started)
    if now >= worker.due:
        worker.process = subprocess.Popen(command, env=environment, pass_fds=(alive_fd,), stdin=subprocess.DEVNULL)
        worker.started = now


def _forget(pid: int, environment: dict[str, str]) -> None:
    """Remove a dead worker's live gauges from the metrics; its counters stay."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(pid, environment["PROMETHEUS_MULTIPROC_DIR"])  # type: ignore[no-untyped-call]


def _end(pool: list[_Worker]) -> None:
    processes = [worker.process for worker in pool if worker.process is not None]
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
    until = time.monotonic() + _STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
