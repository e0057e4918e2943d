"""Keeps the parts of a platform running: each is watched by a thread, and started again with a pause when it ends."""

import contextlib
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core import clock
from core.errors import CoreError, SupervisorError
from core.supervision import guard
from core.supervision.backoff import Backoff
from core.supervision.parts import Part
from core.supervision.state import PartState, PartStatus, write_state

CRASH_LOOP_FAILURES = 4
"""Early ends in a row after which a part counts as crash looping."""
HUNG_CHECKS = 8
"""Checks in a row without any answer after which a part counts as hung; each waits for up to four seconds."""
_STARTING_POLL_S = 0.1
_READY_POLL_S = 0.5
_FORCED_POLL_S = 0.05


@dataclass(slots=True)
class _Watched:
    """What the supervisor records about a part."""

    part: Part
    backoff: Backoff
    state: PartState
    since: datetime
    started: float
    pid: int | None = None
    restarts: int = 0
    memory_bytes: int | None = None
    ended: str | None = None
    start_failure: str | None = None
    """Why the last start failed."""
    silent: int | None = None
    """Checks in a row without any answer; `None` until it answered the first time after its start."""
    restart: threading.Event = field(default_factory=threading.Event)

    def enter(self, state: PartState) -> None:
        """Change the state, and note since when."""
        if state is not self.state:
            self.state, self.since = state, clock.now()


class Supervisor:
    """Watches parts that were started, until `stop`. A part that ends never ends the others."""

    def __init__(
        self,
        home: Path,
        parts: Iterable[Part],
        *,
        backoff: Callable[[], Backoff] = Backoff,
        hung_checks: int = HUNG_CHECKS,
    ) -> None:
        """`backoff` makes the pauses of one part. What happened is noted in `run/supervisor.log`."""
        self._home = home
        self._hung_checks = hung_checks
        self._log_file = home / "run" / "supervisor.log"
        self._log = guard.BoundedLog(self._log_file, limit=guard.LOG_BYTES)
        now, clock_s = clock.now(), time.monotonic()
        self._watched = {
            part.name: _Watched(part, backoff(), PartState.STARTING, now, clock_s, part.pid()) for part in parts
        }
        self._stopping = threading.Event()
        self._failure: Exception | None = None

    def start(self) -> None:
        """Begin to watch."""
        for watched in self._watched.values():
            threading.Thread(target=self._watch, args=(watched,), name=watched.part.name, daemon=True).start()

    def restart(self, names: Iterable[str]) -> None:
        """End these parts and start them again, without counting that as a failure."""
        for name in names:
            if name in self._watched:
                self._watched[name].restart.set()

    def record(self) -> list[PartStatus]:
        """Measure memory, write the state file, and return what it contains.

        Raises `SupervisorError` if a thread of the supervisor failed.
        """
        if self._failure is not None:
            reason = f"{type(self._failure).__name__}: {self._failure}"
            raise SupervisorError(f"the supervisor failed ({reason}); the traceback is in {self._log_file}")
        measured = _memory([watched.pid for watched in self._watched.values() if watched.pid is not None])
        for watched in self._watched.values():
            watched.memory_bytes = None if watched.pid is None else measured.get(watched.pid)
        statuses = self.statuses()
        write_state(self._home, statuses)
        return statuses

    def statuses(self) -> list[PartStatus]:
        """Every part as it was seen last."""
        return [_status(watched) for watched in self._watched.values()]

    def stop(self, waves: Sequence[Sequence[str]], forced: threading.Event) -> None:
        """End every part: those of a wave together, one wave after the other; at once when `forced` is set."""
        self._stopping.set()
        with ThreadPoolExecutor(2 * len(self._watched) + 1) as pool:
            for wave in waves:
                parts = [self._watched[name].part for name in wave if name in self._watched]
                killed = forced.is_set()
                running = {pool.submit(part.kill if killed else part.stop): part for part in parts}
                while running and wait(running, _FORCED_POLL_S).not_done:
                    if forced.is_set() and not killed:
                        killed = True
                        for part in running.values():
                            pool.submit(part.kill)
                for done in running:
                    done.result()

    def _watch(self, watched: _Watched) -> None:
        """The thread of one part. Whatever fails here is the supervisor's failure, and ends the platform."""
        try:
            while not self._stopping.is_set():
                self._look_at(watched)
        except Exception as error:
            if not self._stopping.is_set():
                self._note(watched, "".join(traceback.format_exception(error)))
                self._failure = error

    def _look_at(self, watched: _Watched) -> None:
        part = watched.part
        if watched.restart.is_set():
            watched.restart.clear()
            watched.pid = None
            watched.enter(PartState.RESTARTING)
            part.stop()
            self._start(watched)
        ended = part.ended()
        if ended is not None:
            self._start_again(watched, ended)
            return
        watched.pid = part.pid()
        settled = time.monotonic() - watched.started >= watched.backoff.settled_s
        ready = part.ready()
        if self._is_hung(watched, ready=ready):
            part.kill()
            self._start_again(watched, f"did not answer {self._hung_checks} checks in a row and was killed")
            return
        if ready and (settled or watched.state is not PartState.CRASH_LOOPING):
            watched.enter(PartState.READY)
        elif watched.state is PartState.READY:
            watched.enter(PartState.NOT_READY)
        self._stopping.wait(_STARTING_POLL_S if watched.state is PartState.STARTING else _READY_POLL_S)

    def _is_hung(self, watched: _Watched, *, ready: bool) -> bool:
        """Count checks without any answer, beginning with the first answer: a start may take its time."""
        if ready or watched.part.responds():
            watched.silent = 0
        elif watched.silent is not None:
            watched.silent += 1
        return watched.silent is not None and watched.silent >= self._hung_checks

    def _start_again(self, watched: _Watched, ended: str) -> None:
        pause = watched.backoff.pause_after(time.monotonic() - watched.started)
        looping = watched.backoff.failures >= CRASH_LOOP_FAILURES
        watched.pid, watched.ended = None, watched.start_failure or ended
        watched.enter(PartState.CRASH_LOOPING if looping else PartState.RESTARTING)
        self._note(watched, f"{watched.ended}; the next start is in {pause:.1f} s")
        if looping:
            watched.part.refuse()
        if not self._stopping.wait(pause):
            self._start(watched)

    def _note(self, watched: _Watched, text: str) -> None:
        self._log.write(f"{clock.now().isoformat(timespec='milliseconds')} {watched.part.name} {text}\n".encode())

    def _start(self, watched: _Watched) -> None:
        watched.started = time.monotonic()
        watched.restarts += 1
        watched.silent = None
        try:
            watched.part.start()
        except (CoreError, OSError) as error:
            watched.start_failure = f"did not start: {error}"
            return  # the next look finds that it does not run
        watched.start_failure = None
        self._note(watched, "started")
        # A part that crash loops is shown so until it is ready; a start alone changes nothing.
        if watched.state is not PartState.CRASH_LOOPING:
            watched.enter(PartState.STARTING)


def _status(watched: _Watched) -> PartStatus:
    return PartStatus(
        name=watched.part.name,
        state=watched.state,
        since=watched.since,
        pid=watched.pid,
        restarts=watched.restarts,
        memory_bytes=watched.memory_bytes,
        address=watched.part.address,
        ended=watched.ended,
        log=str(watched.part.log),
    )


def _memory(pids: Iterable[int]) -> dict[int, int]:
    """Resident memory in bytes of processes with their descendants; of descendants only what they do not share.

    A process that has ended is left out, and all are where psutil is not installed.
    """
    try:
        import psutil
    except ImportError:
        return {}
    children: dict[int, list[int]] = {}
    for one in psutil.process_iter(["ppid"]):
        children.setdefault(one.info["ppid"], []).append(one.pid)
    measured = {}
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            measured[pid] = psutil.Process(pid).memory_info().rss
            below = list(children.get(pid, ()))
            for descendant in below:  # grows while it is read
                below += children.get(descendant, ())
                with contextlib.suppress(psutil.NoSuchProcess):
                    used = psutil.Process(descendant).memory_info()
                    measured[pid] += used.rss - getattr(used, "shared", 0)
    return measured
