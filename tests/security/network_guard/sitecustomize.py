"""Imported by each Python process that has this folder on its path: records who it connects to beyond this machine.

Python reports connections and look-ups of names to audit hooks before it makes them. Each one beyond this machine is a
line of the file `NETWORK_GUARD_LOG` and fails as without a network.
"""

import errno
import ipaddress
import os
import socket
import sys
import traceback
from pathlib import Path

_LOG = os.environ["NETWORK_GUARD_LOG"]
_OURS = ("localhost", "", None, socket.gethostname())


def _is_beyond(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in _OURS:
        return False
    try:
        address = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return True
    return not (address.is_loopback or address.is_unspecified)


def _guard(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # else a socket of this machine
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if _is_beyond(host):
        lines = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_stack(limit=12)[:-1]]
        with Path(_LOG).open("a") as file:
            file.write(f"{event} {host} from {' '.join(lines)}\n")
        raise OSError(errno.ENETUNREACH, "beyond this machine")


sys.addaudithook(_guard)
