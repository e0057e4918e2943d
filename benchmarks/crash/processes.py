"""Processes that carry out one step each: forked from a server that has imported everything, and killed on demand."""

import asyncio
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Generic, TypeVar, cast

from benchmarks.crash.files import OPENED, watch_files
from benchmarks.crash.watch import CrashPoint, Side, Watch
from core.logging import configure_logging

_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["benchmarks.crash.preload"])
_ENDS_WITHIN_S: Final = 60.0


class StepFailed(Exception):
    """A step raised an exception, or did something unexpected."""


@dataclass(frozen=True, slots=True)
class StepPlace:
    """Where a step works."""

    home: Path
    database_url: str
    redis_url: str
    scorer_url: str
    key: str
    """Secret of an API key of role `admin`."""
    signing_key: str
    """Private key of that API key, in PEM."""


class FileOrder(Enum):
    """What a process does after it has reported a boundary with a file."""

    GO_ON = "go on"
    OPEN_AND_WAIT = "open and wait"
    """Open the file, which creates or empties it, and wait to be killed before anything is written."""


Begin = Callable[[], None]
"""Called by a step between its preparation and its work: from then on boundaries count."""
R = TypeVar("R")
Step = Callable[[StepPlace, Begin], R]
"""What a process does; it can be pickled, and so can its result."""


class StepProcess(Generic[R]):
    """A process that carries out one step under a watch."""

    def __init__(self, step: Step[R], place: StepPlace, watch: Watch) -> None:
        self._watch = watch
        self._ours, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_run, args=(step, place, theirs), daemon=True)
        self._process.start()
        theirs.close()
        watch.kill = self.kill

    async def run(self) -> R:
        """Carry the step out and return its result. Raises `StepFailed`; `EOFError` where it was killed."""
        await self._receive("prepared")
        self._watch.armed = True
        self._ours.send(None)
        try:
            return cast(R, await self._receive("result"))
        finally:
            self._watch.armed = False

    def kill(self) -> None:
        """End the process at once, as `kill -9` does."""
        if self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, signal.SIGKILL)

    async def ended(self) -> None:
        """Wait until the process has ended."""
        await asyncio.to_thread(self._process.join, _ENDS_WITHIN_S)
        self._ours.close()
        self._process.close()

    async def _receive(self, expected: str) -> object:
        """The next message of this kind; boundaries before it are noted, and the process goes on or dies."""
        async with asyncio.timeout(_ENDS_WITHIN_S):
            while True:
                kind, value = await asyncio.to_thread(self._ours.recv)
                if kind == expected:
                    return value
                if kind == "opened":
                    self._watch.die()
                elif kind == "boundary":
                    self._file_boundary(value)
                else:
                    raise StepFailed(value)

    def _file_boundary(self, boundary: str) -> None:
        """A file operation that the process is about to do, and does when it gets the answer."""
        watch = self._watch
        match watch.reach(boundary):
            case Side.BEFORE:
                watch.die()
            case Side.AFTER if boundary.startswith(OPENED):  # its content is written before the next boundary
                self._ours.send(FileOrder.OPEN_AND_WAIT)
            case Side.AFTER:  # nothing lasting happens between it and the next boundary
                watch.point = CrashPoint(len(watch.seen) + 1, Side.BEFORE)
                self._ours.send(FileOrder.GO_ON)
            case None:
                self._ours.send(FileOrder.GO_ON)


def _run(step: Step[object], place: StepPlace, pipe: "Connection[object, object]") -> None:
    def begin() -> None:
        pipe.send(("prepared", None))
        pipe.recv()
        watch_files(place.home, reached)

    def reached(boundary: str, open_file: Callable[[], object]) -> None:
        pipe.send(("boundary", boundary))
        if pipe.recv() is FileOrder.OPEN_AND_WAIT:
            open_file()
            pipe.send(("opened", boundary))
            pipe.recv()  # it is killed here

    configure_logging("ERROR")
    try:
        result = step(place, begin)
    except BaseException:
        pipe.send(("failed", traceback.format_exc()))
    else:
        pipe.send(("result", result))
