"""Boundaries of a process with its files: what it opens for writing, renames and removes, and SQLite's commits."""

import os
import re
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from sqlalchemy import Connection

_EVENTS: Final = {"os.rename": "rename", "os.remove": "remove", "os.mkdir": "mkdir", "os.rmdir": "rmdir"}
"""Audit events with a path as their last or only one (https://docs.python.org/3/library/audit_events.html)."""
OPENED: Final = "file: write "
"""How the boundary of a file that is opened for writing begins. What is written to it comes before the next one."""
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_TRUNC
_RANDOM: Final = re.compile(r"[0-9a-f]{32}|(?<=-)[0-9a-z_]{8}$|(?<=-)[0-9a-z_]{8}(?=/)")


Reached = Callable[[str, Callable[[], object]], None]
"""Called with the name of a boundary and with what opens its file, where it is one that is opened."""


def watch_files(home: Path, reached: Reached) -> None:
    """Call `reached` before each of them under `home`, from now on, in this process."""
    root = str(home.resolve()) + os.sep
    state = threading.local()

    def hook(event: str, args: tuple[object, ...]) -> None:
        if getattr(state, "busy", False):
            return
        name = _operation(event, args, root)
        if name is not None:
            state.busy = True
            try:
                reached(name, partial(_open, event, args))
            finally:
                state.busy = False

    sys.addaudithook(hook)
    _watch_commits(reached)


def _open(event: str, args: tuple[object, ...]) -> None:
    """Open the file of an `open` event as the process is about to."""
    if event == "open":
        path, _, flags = args
        os.open(cast(str, path), cast(int, flags), 0o600)


def _operation(event: str, args: tuple[object, ...], root: str) -> str | None:
    """What an audit event is about to do; `None`: nothing that lasts under `root`."""
    if event == "open":
        path, _, flags = args
        verb = "write" if isinstance(flags, int) and flags & _WRITING else None
    elif event in _EVENTS:
        path, verb = args[1] if event == "os.rename" else args[0], _EVENTS[event]
    else:
        return None
    if verb is None or not isinstance(path, str | bytes | os.PathLike):
        return None
    text = os.fsdecode(path)
    return f"file: {verb} {_RANDOM.sub('*', text.removeprefix(root))}" if text.startswith(root) else None


def _watch_commits(reached: Reached) -> None:
    """MLflow's store: what an engine of SQLAlchemy commits. SQLite writes its file at that moment, and not before."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "commit")
    def commit(connection: "Connection") -> None:
        if connection.dialect.name == "sqlite":
            reached("mlflow: COMMIT", lambda: None)
