"""Processes of a benchmark: started with a log each, waited for until they answer, ended whatever happens."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class NotReady(Exception):
    """A process ended or stayed silent; the message holds the end of its log."""


class Process:
    """One child process, its log, and whether it is there."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command = list(command)
        self._environment = {**os.environ, **environment}
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again."""
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        """Its process id; raises `NotReady` when it was not started."""
        if self._child is None:
            raise NotReady(f"{self.name} was not started")
        return self._child.pid

    def wait_ready(self, url: str, seconds: float = 60.0) -> float:
        """Poll `url` until it answers 200; returns how long that took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self._child is None or self._child.poll() is not None:
                raise NotReady(f"{self.name} ended before it was ready:\n{self.tail()}")
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:
                    if answer.status == 200:
                        return time.monotonic() - began
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.05)
        raise NotReady(f"{self.name} did not answer at {url} within {seconds:.0f} s:\n{self.tail()}")

    def stop(self, seconds: float = 10.0) -> None:
        """SIGTERM, then SIGKILL when it does not end in time."""
        if self._child is None or self._child.poll() is not None:
            return
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def tail(self, lines: int = 20) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:]) if self._log.exists() else ""


@contextmanager
def running(processes: Sequence[Process]) -> Iterator[None]:
    """Stops all of them at the end of the block, the last started first."""
    try:
        yield
    finally:
        for process in reversed(processes):
            process.stop()


def ginja(*arguments: str) -> list[str]:
    """The command line of a `ginja` command with this interpreter."""
    return [sys.executable, "-m", "cli.main", *arguments]


def run(name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, seconds: float = 300) -> str:
    """Run a command to its end and return what it printed; raises `NotReady` with its log when it fails."""
    with log.open("ab") as sink:
        done = subprocess.run(
            list(command),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sink,
            timeout=seconds,
            check=False,
        )
    if done.returncode != 0:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise NotReady(f"{name} failed with exit code {done.returncode}:\n{end}")
    return done.stdout.decode()
