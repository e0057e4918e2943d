"""Ports of a platform, reserved when they are chosen and until the platform ends.

Training a first model takes minutes, and a restart seconds: without a reservation another platform, or any program,
could take the port in between. A reservation is two things:

- a lock on a file named after the port, in a folder of this user, which every platform takes before it tries a port;
- a socket that is bound and does not listen, so that a client is refused at once until the part listens.

Parts that take a socket get this one. Only `SO_REUSEPORT` is set on it: a process of this user may bind the port beside
it, as the workers of the scorer do, and no other program can.

MLflow takes no socket and binds its port by itself, with `SO_REUSEADDR`. On Linux that is possible beside a socket that
has the same option and does not listen. So the port is never given to a program that binds port 0 or connects
somewhere, and is refused to those that bind it without this option; a server that has it could take the port while
MLflow does not run.
"""

import contextlib
import fcntl
import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from core.embedded import check_port, free_port, port_is_free
from core.errors import PortTakenError

_OTHERS_TRIED = 50


@dataclass(frozen=True, slots=True)
class Reservation:
    """A port that belongs to this process."""

    host: str
    port: int
    lock: TextIO
    bound: socket.socket
    """It does not listen, except where the part that inherits it does."""
    inherited: bool
    """The part takes the socket; otherwise it binds its own beside."""

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """What a part inherits."""
        return (self.bound,) if self.inherited else ()

    def refuse(self) -> None:
        """Stop listening while the part does not run: connections are refused at once instead of waiting for it."""
        with contextlib.suppress(OSError):  # it does not listen
            self.bound.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Give the port up."""
        self.bound.close()
        self.lock.close()


Reserve = Callable[[str, int, str], Reservation]
"""`reserve_socket` or `reserve_address`."""


def reserve_socket(host: str, port: int, option: str) -> Reservation:
    """Reserve a port for a part that takes a socket; `option` is what sets the port. Raises `PortTakenError`."""
    return _reserve(host, port, option, socket.SO_REUSEPORT, inherited=True)


def reserve_address(host: str, port: int, option: str) -> Reservation:
    """Reserve a port for a part that binds it by itself with `SO_REUSEADDR`; `option` is what sets the port.

    Raises `PortTakenError`.
    """
    return _reserve(host, port, option, socket.SO_REUSEADDR, inherited=False)


def reserve_this_or_another(reserve: Reserve, host: str, port: int, option: str) -> Reservation:
    """Reserve `port` or, if it is taken, a free one. Raises `PortTakenError` if no port can be reserved."""
    for _ in range(_OTHERS_TRIED):
        try:
            return reserve(host, port, option)
        except PortTakenError:
            port = free_port()
    return reserve(host, port, option)


def inherited_socket(descriptor: int) -> socket.socket:
    """A socket that the parent bound, ready to listen: connections of an earlier process do not block its port.

    Raises `OSError` where the descriptor is not a socket.
    """
    listener = socket.socket(fileno=descriptor)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return listener


def _reserve(host: str, port: int, option: str, shared_by: int, *, inherited: bool) -> Reservation:
    """Lock the port and bind a socket that has the socket option `shared_by`."""
    lock = _lock(host, port, option)
    try:
        _check(host, port, option)
        bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        bound.setsockopt(socket.SOL_SOCKET, shared_by, 1)
        try:
            bound.bind((host, port))
        except OSError as error:
            bound.close()
            raise PortTakenError(host, port, error.strerror or "in use", option) from None
    except PortTakenError:
        lock.close()
        raise
    return Reservation(host, port, lock, bound, inherited)


def _check(host: str, port: int, option: str) -> None:
    """Check that the port is free. Raises `PortTakenError` naming the process that listens, where it can be seen."""
    if port_is_free(port, host):
        return
    holder = _listener_of(port)
    if holder is not None:
        raise PortTakenError(host, port, f"used by {holder}", option)
    check_port(port, host, option=option)


def _listener_of(port: int) -> str | None:
    """The process that listens on a port; `None` where this user may not see it."""
    try:
        import psutil
    except ImportError:
        return None
    try:
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
                return f"process {one.pid}, {psutil.Process(one.pid).name()}"
    except psutil.Error:
        pass
    return None


def _lock(host: str, port: int, option: str) -> TextIO:
    """The locked file of a port. Raises `PortTakenError` naming the platform that has it."""
    folder = Path(tempfile.gettempdir()) / f"ginja-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = (folder / str(port)).open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip()
        file.close()
        raise PortTakenError(host, port, f"used by {owner or 'another platform'}", option) from None
    file.truncate(0)
    file.write(f"the platform of process {os.getpid()}")
    file.flush()
    return file
