"""Child processes of the platform: start, wait until ready, and end with this process however it ends."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import httpx

from core import guard
from core.embedded import free_port, port_is_free, tail

_POLL_S = 0.05


class ProcessError(Exception):
    """A process ended early or did not become ready in time; the message holds the end of its log."""


@dataclass(slots=True)
class _Child:
    guard: subprocess.Popen[bytes]
    ready_url: str | None
    log: Path
    pid_file: Path


class Processes:
    """A context manager that owns processes by name; leaving it ends them and their descendants."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Logs and pid files go to `folder`; `environment` extends this process's own."""
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._children: dict[str, _Child] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.ExitStack() as rest:
            for name in self._children:  # ended concurrently
                self._children[name].guard.stdin.close()  # type: ignore[union-attr]
            for name in list(self._children):
                rest.callback(self.stop, name)

    def start(self, name: str, command: Sequence[str], *, ready_url: str | None = None) -> None:
        """Start `command` with this Python under `name`; use `wait` to wait until it is ready."""
        if name in self._children:
            raise ProcessError(f"{name} is already started; stop it first")
        log, pid_file = self._folder / f"{name}.log", self._folder / f"{name}.pid"
        pid_file.unlink(missing_ok=True)
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, str(pid_file), sys.executable, *command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                env=self._environment,
                start_new_session=True,
            )
        self._children[name] = _Child(process, ready_url, log, pid_file)

    def wait(self, name: str, *, seconds: float = 180.0) -> None:
        """Wait until `name` answers its ready URL with 200 or, without one, until it runs.

        Raises `ProcessError` if it ends early or is not ready in time.
        """
        child = self._children[name]
        deadline = time.monotonic() + seconds
        while not self._ready(child):
            if child.guard.poll() is not None:
                raise ProcessError(
                    f"{name} ended with exit code {child.guard.returncode}; end of {child.log}:\n{tail(child.log)}"
                )
            if time.monotonic() > deadline:
                raise ProcessError(f"{name} is not ready after {seconds:.0f} s; end of {child.log}:\n{tail(child.log)}")
            time.sleep(_POLL_S)

    def running(self, name: str) -> bool:
        """Whether `name` is running."""
        return name in self._children and self._children[name].guard.poll() is None

    def kill(self, name: str) -> None:
        """Kill `name` and its descendants immediately, like a crash; it can be started again."""
        child = self._children.pop(name)
        os.killpg(int(child.pid_file.read_text()), signal.SIGKILL)
        self._await_end(child)

    def stop(self, name: str) -> None:
        """Terminate `name` and its descendants, killing them after a grace period."""
        child = self._children.pop(name, None)
        if child is not None:
            self._await_end(child)

    def _await_end(self, child: _Child) -> None:
        assert child.guard.stdin is not None
        child.guard.stdin.close()
        try:
            child.guard.wait(guard.GRACE_S + 2)
        except subprocess.TimeoutExpired:
            child.guard.kill()
            child.guard.wait()

    def _ready(self, child: _Child) -> bool:
        if not child.pid_file.exists():
            return False
        if child.ready_url is None:
            return True
        try:
            return httpx.get(child.ready_url, timeout=2.0).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def usable_port(preferred: int, *, host: str, taken: set[int]) -> int:
    """`preferred` if it can be bound and is not in `taken`, otherwise a free port; adds the result to `taken`."""
    port = preferred
    while port in taken or not port_is_free(port, host):
        port = free_port()
    taken.add(port)
    return port


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP unwind the stack like Ctrl-C, so that owned processes are ended."""

    def unwind(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, unwind) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def local_url(host: str, port: int) -> str:
    """URL of a server bound to `host`, as reached from this machine."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
    return f"http://{everywhere.get(host, host)}:{port}"
