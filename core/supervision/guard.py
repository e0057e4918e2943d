"""Run one command and end it, with all its descendants, when the parent process ends.

`python guard.py ORDER COMMAND…`, with a pipe as standard input: the pipe closes when the parent ends, even by
`kill -9`. `ORDER` is an `Order` as JSON. What the command prints goes to a log of bounded size. Uses the standard
library only.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

GRACE_S = 5.0
LOG_BYTES = 5_000_000
LOG_FILES = 4
"""A log is bounded by `LOG_BYTES * LOG_FILES`: the file that grows, and the ones before it as `NAME.1`, `NAME.2`, …"""
_CHUNK = 4_096
_LAST_WORDS_S = 2.0
"""How long the log is read on after the command ended; only a descendant in another session still writes then."""


class Order(NamedTuple):
    """How to run the command."""

    pid_file: str
    log: str
    grace_s: float = GRACE_S
    """Seconds between SIGTERM and SIGKILL."""
    file_descriptors: tuple[int, ...] = ()
    """Descriptors that the command inherits."""
    log_bytes: int = LOG_BYTES


class BoundedLog:
    """A log file that is renamed when it is full; the oldest of its predecessors is removed."""

    def __init__(self, path: Path, *, limit: int, files: int = LOG_FILES) -> None:
        self._path = path
        self._limit = limit
        self._files = files
        self._out = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Append `data`; lines stay whole. Output that cannot be written, on a full disk, is dropped."""
        try:
            if self._out.tell() + len(data) > self._limit:
                line_end = data.find(b"\n") + 1
                self._out.write(data[:line_end])
                data = data[line_end:]
                self._rotate()
            self._out.write(data)
        except OSError:
            pass  # the process goes on

    def _rotate(self) -> None:
        self._out.close()
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{n}") for n in range(1, self._files))]
        for older, newer in zip(names[:0:-1], names[-2::-1], strict=True):
            if newer.exists():
                newer.replace(older)
        self._out = self._path.open("ab", buffering=0)


def main(order: Order, command: list[str]) -> int:
    """Run the command; returns its exit code, or 128 plus the number of the signal that ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent, which closes the pipe
    log = BoundedLog(Path(order.log), limit=order.log_bytes)
    output, printed = os.pipe()
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=printed,
        stderr=printed,
        start_new_session=True,
        pass_fds=order.file_descriptors,
    )
    os.close(printed)
    for descriptor in order.file_descriptors:
        os.close(descriptor)
    pid_file = Path(order.pid_file)
    draft = pid_file.with_suffix(".draft")
    draft.write_text(str(child.pid))
    draft.replace(pid_file)
    signal.signal(signal.SIGTERM, lambda *_: _end(child, order.grace_s))
    reader = threading.Thread(target=_copy, args=(output, log), daemon=True)
    reader.start()
    threading.Thread(target=_end_when_pipe_closes, args=(child, order.grace_s), daemon=True).start()
    code = child.wait()
    _signal(child, signal.SIGKILL)  # remaining members of its process group
    reader.join(_LAST_WORDS_S)
    pid_file.unlink(missing_ok=True)
    return code if code >= 0 else 128 - code


def _copy(output: int, log: BoundedLog) -> None:
    while data := os.read(output, _CHUNK):
        log.write(data)


def _end_when_pipe_closes(child: subprocess.Popen[bytes], grace_s: float) -> None:
    while os.read(0, 1):
        pass
    _end(child, grace_s)


def _end(child: subprocess.Popen[bytes], grace_s: float) -> None:
    _signal(child, signal.SIGTERM)
    timer = threading.Timer(grace_s, _signal, (child, signal.SIGKILL))
    timer.daemon = True
    timer.start()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        pass  # the process group has ended


if __name__ == "__main__":
    sys.exit(main(Order(**json.loads(sys.argv[1])), sys.argv[2:]))
