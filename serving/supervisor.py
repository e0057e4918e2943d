"""Keeps the scorer's worker processes alive; they share one port, and the kernel shares connections out to them.

`bentoml serve` would do, but its process manager looks after its workers every ten seconds: a killed worker was back
after 9.9 s (docs/adr/0040). This one starts it again within a tenth of a second, and needs no second framework.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from serving.errors import ServingError

_LOOK_SECONDS = 0.1
_STOP_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_HEALTHY_SECONDS = 30.0
"""A worker that lived this long starts again at once; one that dies sooner waits, each time twice as long."""

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class PortInUse(ServingError):
    """Something else listens there; the message names the port and the setting."""


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = _FIRST_PAUSE_SECONDS
    due: float = 0.0


def worker_environment(home: Path) -> dict[str, str]:
    """Of a worker's process: ours, with one thread per library, BentoML's files under `home`, and no telemetry."""
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
    }


def bound(host: str, port: int, *, shared: bool) -> socket.socket:
    """A socket on this address that does not listen yet; `shared`: the other workers may have one there too.

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
            f"cannot listen on {host}:{port} ({error.strerror}); set GINJA_SCORER_PORT to a free one"
        ) from error
    return own


def supervise(host: str, port: int, *, workers: int, home: Path) -> None:
    """Serve until SIGTERM or SIGINT; a worker that ends is started again. Raises `PortInUse`."""
    bound(host, port, shared=False).close()
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
            _look_after(worker, command, environment, alive_read)
        time.sleep(_LOOK_SECONDS)
    os.close(alive_write)
    _end(pool)


def _look_after(worker: _Worker, command: list[str], environment: dict[str, str], alive_fd: int) -> None:
    now = time.monotonic()
    if worker.process is not None:
        if worker.process.poll() is None:
            return
        _forget(worker.process.pid, environment)
        worker.process = None
        worker.pause = _FIRST_PAUSE_SECONDS if now - worker.started > _HEALTHY_SECONDS else worker.pause * 2
        worker.due = now + min(worker.pause, _LONGEST_PAUSE_SECONDS)
    if now >= worker.due:
        worker.process = subprocess.Popen(command, env=environment, pass_fds=(alive_fd,), stdin=subprocess.DEVNULL)
        worker.started = now


def _forget(pid: int, environment: dict[str, str]) -> None:
    """Take a dead worker's live gauges out of the metrics; its counters stay."""
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
