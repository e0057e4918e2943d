"""Processes that end with the one that started them, however that one ends (`docs/adr/0004`).

The owner holds one end of a pipe; a process that inherits the other end reads its close, after `kill -9` too.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnerPipe:
    """The end of the pipe that a started process inherits."""

    fd: int

    @property
    def options(self) -> list[str]:
        """What the started process takes on its command line."""
        return ["--owner-fd", str(self.fd)]


@contextmanager
def owner_pipe() -> Iterator[OwnerPipe]:
    """A pipe whose other end this process holds until the block ends."""
    inherited, held = os.pipe()
    try:
        yield OwnerPipe(inherited)
    finally:
        os.close(held)
        os.close(inherited)


def end_with_owner(fd: int) -> None:
    """Terminate this process when its owner's end of the pipe is closed."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            os.read(fd, 1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, name="end-with-owner", daemon=True).start()
