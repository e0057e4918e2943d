"""Common code of the embedded Postgres and Valkey: locks, sockets, ports, and finding the server process.

A server belongs to a home folder, not to the process that started it: it is detached, outlives its starter, and is
found again through its own pid file. A pid file counts only while its process is alive and uses this folder or port,
so a file left by a crash, or a reused process id, is never mistaken for a server.
"""

import fcntl
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import PortTakenError, ServerError
from core.logging import get_logger
from core.settings import settings

_log = get_logger("core.embedded")
LOOPBACK = "127.0.0.1"
START_DEADLINE_S = 30.0
START_TRIES = 3
"""Attempts to start a server: another process may take a free port before the server binds it."""
_POLL_S = 0.02
_LOWEST_PORT = 10_000
_PORT_TRIES = 200


_LONGEST_SOCKET = 107
"""Bytes of the path of a Unix socket (`sockaddr_un`)."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A running server process, and where it listens: at a Unix socket, or at a port on loopback."""

    pid: int
    port: int | None
    socket: Path | None = None


def listens_at_socket(path: Path) -> bool:
    """Whether a server that is started now listens at this socket; else at a port on loopback.

    So the setting says, unless the path cannot be that of a socket in a URL, which is logged.
    """
    if settings().embedded_listen == "port":
        return False
    length = len(os.fsencode(path))
    if length > _LONGEST_SOCKET or "," in str(path):  # libpq takes a comma for the end of the path
        _log.warning(
            "embedded server listens at a port: a socket needs a GINJA_HOME with a shorter path without commas",
            path=str(path),
            bytes=length,
            most=_LONGEST_SOCKET,
        )
        return False
    return True


@contextmanager
def locked(home: Path, server: str) -> Iterator[None]:
    """Lock starting and stopping of `server`, across threads and processes; a crash releases the lock."""
    folder = home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{server}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def command_line(pid: int) -> str | None:
    """Command line of a running process; `None` if it has ended or is a zombie."""
    import psutil  # installed with the embedded servers only

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return None


def works_in(pid: int, folder: Path) -> bool:
    """Whether the working folder of a running process is this one, wherever it was when the process began."""
    import psutil  # installed with the embedded servers only

    try:
        return Path(psutil.Process(pid).cwd()) == folder.resolve()
    except psutil.Error:
        return False


def free_port() -> int:
    """A TCP port that is free now on the loopback interface, chosen at random below the ephemeral ports.

    The system gives ephemeral ports to outgoing connections and to servers that bind port 0. A port from that range may
    be taken between this choice and the server's start, which for a platform that trains a model first is minutes.
    """
    ports = range(_LOWEST_PORT, max(_first_ephemeral_port(), _LOWEST_PORT + 1000))
    for _ in range(_PORT_TRIES):
        port = secrets.choice(ports)
        if port_is_free(port):
            return port
    raise ServerError(f"found no free port among {_PORT_TRIES} tried from {ports.start} to {ports.stop - 1}")


def _first_ephemeral_port() -> int:
    """Start of the range from which the system chooses ports itself; the IANA value where it does not say."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 49152


def check_port(port: int, host: str = LOOPBACK, *, option: str) -> None:
    """Check that a server can listen on this address now; `option` is what sets the port. Raises `PortTakenError`."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTakenError(host, port, error.strerror or "invalid address", option) from None


def port_is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server can listen on this address now."""
    try:
        check_port(port, host, option="the port")
    except PortTakenError:
        return False
    return True


def wait_until(condition: Callable[[], bool], *, what: str, seconds: float = START_DEADLINE_S) -> None:
    """Poll until `condition` is true. Raises `ServerError` naming `what` on timeout."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ServerError(f"timed out after {seconds:.0f} s waiting for {what}")
        time.sleep(_POLL_S)


def secret(path: Path) -> str:
    """The password in `path`, readable by its owner only; created on first use, under the lock."""
    try:
        return path.read_text()
    except FileNotFoundError:
        value = secrets.token_urlsafe(24)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(value)
        return value


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"
