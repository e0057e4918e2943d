"""Child processes: start, wait until ready, and end with this process however it ends."""

import contextlib
import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from socket import socket
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from core.embedded import tail
from core.errors import ProcessError
from core.settings import INSTANCE_VARIABLE
from core.supervision import guard
from core.supervision.guard import Order

_POLL_S = 0.05
_ANSWER_S = 2.0
_SIGNALLED = 128


class Proof(Enum):
    """How an answer is known to come from the process that was started, and not from another on the same port."""

    INSTANCE = "instance"
    """The answer is JSON, and its `instance` is the one given to the process in `GINJA_INSTANCE`."""
    LISTENER = "listener"
    """The process, or a descendant, listens on the port."""


@dataclass(frozen=True, slots=True)
class ReadyCheck:
    """A process is ready when `url` answers 200 and the answer is its own."""

    url: str
    proof: Proof = Proof.LISTENER


@dataclass(slots=True)
class _Child:
    guard: subprocess.Popen[bytes]
    check: ReadyCheck | None
    log: Path
    pid_file: Path
    instance: str
    grace_s: float
    listens: bool = False
    """`Proof.LISTENER` was given; a process keeps its port while it lives."""


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
            for child in list(self._children.values()):  # ended concurrently
                child.guard.stdin.close()  # type: ignore[union-attr]
            for name in list(self._children):
                rest.callback(self.stop, name)

    def set_environment(self, variable: str, value: str) -> None:
        """Set a variable for the processes that are started from now on."""
        self._environment[variable] = value

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        ready: ReadyCheck | None = None,
        sockets: Sequence[socket] = (),
        environment: Mapping[str, str] | None = None,
        grace_s: float = guard.GRACE_S,
        log_bytes: int = guard.LOG_BYTES,
    ) -> None:
        """Start `command` with this Python under `name`; use `wait` to wait until it is ready.

        It inherits `sockets` under the same descriptors, gets `environment` on top of that of the block, and is killed
        `grace_s` seconds after SIGTERM.
        """
        if self.running(name):
            raise ProcessError(f"{name} is already started; stop it first")
        log, pid_file = self.log(name), self._folder / f"{name}.pid"
        pid_file.unlink(missing_ok=True)
        instance = secrets.token_hex(8)
        descriptors = tuple(one.fileno() for one in sockets)
        order = Order(str(pid_file), str(log), grace_s, descriptors, log_bytes)
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, json.dumps(order._asdict()), sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**self._environment, **(environment or {}), INSTANCE_VARIABLE: instance},
            start_new_session=True,
            pass_fds=descriptors,
        )
        self._children[name] = _Child(process, ready, log, pid_file, instance, grace_s)

    def wait(self, name: str, *, seconds: float = 180.0) -> None:
        """Wait until `name` passes its ready check or, without one, until it runs.

        Raises `ProcessError` if it ends early or is not ready in time.
        """
        log = self._children[name].log
        deadline = time.monotonic() + seconds
        while not self.ready(name):
            ended = self.ended(name)
            if ended is not None:
                raise ProcessError(f"{name} {ended}; end of {log}:\n{tail(log)}")
            if time.monotonic() > deadline:
                raise ProcessError(f"{name} is not ready after {seconds:.0f} s; end of {log}:\n{tail(log)}")
            time.sleep(_POLL_S)

    def running(self, name: str) -> bool:
        """Whether `name` is running."""
        return name in self._children and self._children[name].guard.poll() is None

    def ready(self, name: str) -> bool:
        """Whether `name` passes its ready check now; without one, whether it runs."""
        child = self._children[name]
        pid = self.pid(name)
        if pid is None or child.check is None:
            return pid is not None
        answer = _get(child.check.url)
        if answer is None:
            return False
        if child.check.proof is Proof.INSTANCE:
            return _instance_in(answer) == child.instance
        child.listens = child.listens or _listens(pid, child.check.url)
        return child.listens

    def pid(self, name: str) -> int | None:
        """The process id of `name`; `None` before it runs and after it ended."""
        if not self.running(name):
            return None
        try:
            return int(self._children[name].pid_file.read_text())
        except FileNotFoundError:
            return None

    def ended(self, name: str) -> str | None:
        """How `name` ended, for a message; `None` while it runs. What it left behind is killed."""
        child = self._children.get(name)
        if child is None:
            return "was not started"
        code = child.guard.poll()
        if code is None:
            return None
        _kill_group(child)  # its guard was killed, and could not do it
        return end_of(code)

    def log(self, name: str) -> Path:
        """The log of `name`."""
        return self._folder / f"{name}.log"

    def kill(self, name: str) -> None:
        """Kill `name` and its descendants immediately, like a crash; it can be started again."""
        child = self._children.get(name)
        if child is not None:
            if not _kill_group(child):
                child.guard.kill()
            _await_end(child)
            self._children.pop(name, None)

    def stop(self, name: str) -> None:
        """Terminate `name` and its descendants, killing them after its grace period; `kill` may cut that short."""
        child = self._children.get(name)
        if child is not None:
            _await_end(child)
            _kill_group(child)
            self._children.pop(name, None)


def _await_end(child: _Child) -> None:
    assert child.guard.stdin is not None
    child.guard.stdin.close()
    try:
        child.guard.wait(child.grace_s + 2)
    except subprocess.TimeoutExpired:
        child.guard.kill()
        child.guard.wait()


def _kill_group(child: _Child) -> bool:
    """Kill the process group that the pid file names; whether there was one."""
    try:
        os.killpg(int(child.pid_file.read_text()), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return False
    child.pid_file.unlink(missing_ok=True)
    return True


def end_of(code: int) -> str:
    """How a process ended, from its exit code or the negative number of the signal."""
    number = code - _SIGNALLED if code > _SIGNALLED else -code
    try:
        return f"was ended by {signal.Signals(number).name}"
    except ValueError:
        return f"ended with exit code {code}"


def responds(url: str) -> bool:
    """Whether a server answers this URL within two seconds, whatever it answers."""
    return _ask(url) is not None


def _get(url: str) -> bytes | None:
    """The body of a 200 answer; `None` for any other, or none in time."""
    answer = _ask(url)
    return None if answer is None or answer[0] != http.HTTPStatus.OK else answer[1]


def _ask(url: str) -> tuple[int, bytes] | None:
    """Status and body of an answer; `None` if there is none in time."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=_ANSWER_S)
    try:
        connection.request("GET", place.path or "/", headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _instance_in(body: bytes) -> str | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer.get("instance") if isinstance(answer, dict) else None


def _listens(pid: int, url: str) -> bool:
    """Whether the process or a descendant listens on the port of `url`; without psutil, which says so, yes."""
    try:
        import psutil
    except ImportError:
        return True
    port = urlsplit(url).port
    try:
        process = psutil.Process(pid)
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for one in (process, *process.children(recursive=True))
            for connection in one.net_connections("tcp")
        )
    except psutil.Error:
        return False


def local_url(host: str, port: int, scheme: str = "http") -> str:
    """URL of a server bound to `host`, as reached from this machine."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # nosec B104
    return f"{scheme}://{everywhere.get(host, host)}:{port}"
