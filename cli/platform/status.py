"""`ginja status`: what is running of this home's platform."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.exit_codes import ExitCode
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from core.settings import Settings

_REQUIRED = ("postgres", "valkey", "scorer", "api", "worker")
_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part of the platform, as it is now."""

    name: str
    running: bool
    ready: bool
    pid: int | None
    port: int | None
    url: str | None
    """Without user and password."""


@command(examples=["ginja status", "ginja status --json"])
def status(as_json: bool) -> None:
    """Show which parts of this home's platform are running and ready; exits 1 if a required one is not."""
    from core.settings import settings
    from models.artefact import read_pointer

    now = settings()
    parts = parts_of(now)
    pointer = read_pointer(now.home)
    ready = all(part.ready for part in parts if part.name in _REQUIRED)
    if as_json:
        champion = None if pointer is None else pointer.version
        print_json(
            {
                "home": str(now.home.resolve()),
                "ready": ready,
                "champion": champion,
                "parts": {part.name: asdict(part) for part in parts},
            }
        )
    else:
        _show(now, parts, "none; `ginja model promote` makes one" if pointer is None else pointer.version)
    if not ready:
        raise SystemExit(ExitCode.FAILED)


def parts_of(settings: "Settings") -> list[PartStatus]:
    """Every part of the platform of these settings; starts nothing."""
    from cli.platform.addresses import read

    where = read(settings)
    run = settings.home.resolve() / "run"
    return [
        *_servers(settings),
        _http("scorer", run, where.scorer, "/readyz"),
        _http("api", run, where.api, "/readyz"),
        _worker(run),
        _http("mlflow", run, where.mlflow, "/health"),
    ]


def _servers(settings: "Settings") -> list[PartStatus]:
    """Postgres and Valkey: the embedded ones, or those that the settings name."""
    from core.servers import server_status

    embedded = {server.name: server for server in server_status(settings.home)}
    found = []
    for name, url, answers in (
        ("postgres", settings.database_url, postgres_answers),
        ("valkey", settings.redis_url, valkey_answers),
    ):
        if url is not None:
            ready = answers(url.get_secret_value())
            named = _without_password(url.get_secret_value())
            found.append(PartStatus(name, ready, ready, None, _port(named), named))
        else:
            server = embedded[name]
            place = f"127.0.0.1:{server.port}" if server.port else None
            found.append(PartStatus(name, server.running, server.running, server.pid, server.port, place))
    return found


def _http(name: str, run: Path, url: str, path: str) -> PartStatus:
    """A part that says over HTTP whether it is ready."""
    import httpx

    pid = _living(run / f"{name}.pid")
    try:
        code = httpx.get(f"{url}{path}", timeout=_TIMEOUT_S).status_code
    except httpx.HTTPError:
        return PartStatus(name, pid is not None, False, pid, _port(url), url)
    return PartStatus(name, True, code == httpx.codes.OK, pid, _port(url), url)


def _worker(run: Path) -> PartStatus:
    """The worker listens on nothing: it is ready while it runs."""
    pid = _living(run / "worker.pid")
    return PartStatus("worker", pid is not None, pid is not None, pid, None, None)


def _living(pid_file: Path) -> int | None:
    """The process that a pid file names, if it is alive."""
    try:
        pid = int(pid_file.read_text())
        os.kill(pid, 0)
    except PermissionError:
        return pid
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return None
    return pid


def postgres_answers(url: str) -> bool:
    import psycopg

    from api.migrate import plain_url

    try:
        psycopg.connect(plain_url(url), connect_timeout=int(_TIMEOUT_S)).close()
    except psycopg.Error:
        return False
    return True


def valkey_answers(url: str) -> bool:
    import redis

    try:
        with redis.Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _without_password(url: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _port(url: str) -> int | None:
    from urllib.parse import urlsplit

    return urlsplit(url).port


def _show(settings: "Settings", parts: list[PartStatus], champion: str) -> None:
    from rich.table import Table

    click.echo(f"Home: {settings.home.resolve()}")
    click.echo(f"Champion: {champion}")
    table = Table("part", "state", "process", "address")
    for part in parts:
        state = "[green]ready[/]" if part.ready else "[yellow]not ready[/]" if part.running else "[red]not running[/]"
        table.add_row(part.name, state, str(part.pid or ""), part.url or "")
    terminal().print(table)
