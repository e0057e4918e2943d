"""The state of a running platform, in a file of its home: the supervisor writes it, `ginja status` reads it.

The supervisor holds a lock while it runs, so that a file left by one that was killed is not taken for a running
platform, and a home has one platform at a time.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from core import clock
from core.errors import PlatformRunningError

_LOCK_TRIES = 20
_LOCK_PAUSE_S = 0.05


class PartState(StrEnum):
    """What a part of a platform does."""

    STARTING = "starting"
    READY = "ready"
    NOT_READY = "not ready"
    """It runs, was ready before, and does not pass its ready check now."""
    RESTARTING = "restarting"
    """It ended and is started again after a pause."""
    CRASH_LOOPING = "crash looping"
    """It ended several times in a row soon after its start; the pauses get longer."""
    STOPPED = "not running"


RUNNING = frozenset({PartState.STARTING, PartState.READY, PartState.NOT_READY})


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part of a platform at one moment."""

    name: str
    state: PartState
    since: datetime
    """When this state began."""
    pid: int | None
    restarts: int
    """Since the supervisor started."""
    memory_bytes: int | None
    """Resident memory of its processes; memory they share is counted once. `None` where it is unknown."""
    address: str | None
    """Where it listens, without user and password."""
    ended: str | None
    """How it ended last."""
    log: str


@dataclass(frozen=True, slots=True)
class PlatformState:
    """A running platform at one moment."""

    supervisor_pid: int
    updated_at: datetime
    parts: tuple[PartStatus, ...]


@contextmanager
def platform_lock(home: Path) -> Iterator[None]:
    """Be the one platform of this home; the state file is removed afterwards. Raises `PlatformRunningError`."""
    (home / "run").mkdir(parents=True, exist_ok=True)
    with _lock_file(home).open("a+") as file:
        for attempt in range(_LOCK_TRIES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:  # a platform, or a reader for a moment
                if attempt == _LOCK_TRIES - 1:
                    file.seek(0)
                    raise PlatformRunningError(home, file.read().strip()) from None
                time.sleep(_LOCK_PAUSE_S)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            _state_file(home).unlink(missing_ok=True)


def running_platform(home: Path) -> int | None:
    """Process id of the supervisor that runs a platform in this home, if one does."""
    try:
        with _lock_file(home).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0) or None
    except (FileNotFoundError, ValueError):
        pass  # no platform was ever started here, or one starts at this moment
    return None


def write_state(home: Path, parts: Sequence[PartStatus]) -> None:
    """Replace the state file."""
    state = PlatformState(os.getpid(), clock.now(), tuple(parts))
    draft = _state_file(home).with_suffix(".draft")
    draft.write_text(json.dumps(asdict(state), default=str))
    draft.replace(_state_file(home))


def read_state(home: Path) -> PlatformState | None:
    """The state of the platform that runs in this home; `None` without one, and while it starts for the first time."""
    if running_platform(home) is None:
        return None
    try:
        found = json.loads(_state_file(home).read_text())
    except FileNotFoundError:
        return None
    return PlatformState(
        found["supervisor_pid"],
        datetime.fromisoformat(found["updated_at"]),
        tuple(_part(part) for part in found["parts"]),
    )


def _part(found: dict[str, Any]) -> PartStatus:
    return PartStatus(
        **{**found, "state": PartState(found["state"]), "since": datetime.fromisoformat(found["since"])},
    )


def _lock_file(home: Path) -> Path:
    return home / "run" / "platform.lock"


def _state_file(home: Path) -> Path:
    return home / "run" / "platform.json"
