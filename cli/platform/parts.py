"""The parts of a home's platform: as its supervisor reports them, or checked one by one where none runs."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from core.settings import Settings
from core.supervision import RUNNING, PartState, PartStatus, instance_of, local_url, read_state

_ORDER = ("postgres", "valkey", "scorer", "api", "worker", "tasks", "mlflow")
_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class PartReport:
    """One part of the platform, as it is now."""

    name: str
    running: bool
    ready: bool
    pid: int | None
    port: int | None
    url: str | None
    """Without user and password."""
    state: PartState
    since: datetime | None = None
    """When the state began; known under a supervisor only, like `restarts`, `memory_bytes` and `ended`."""
    restarts: int | None = None
    memory_bytes: int | None = None
    ended: str | None = None
    """How it ended last."""

    @classmethod
    def seen(cls, name: str, *, running: bool, ready: bool, pid: int | None, port: int | None, url: str | None) -> Self:
        """A part that no supervisor watches."""
        state = PartState.READY if ready else PartState.NOT_READY if running else PartState.STOPPED
        return cls(name, running, ready, pid, port, url, state)

    @classmethod
    def supervised(cls, part: PartStatus) -> Self:
        """A part as its supervisor last saw it."""
        return cls(
            part.name,
            part.state in RUNNING,
            part.state is PartState.READY,
            part.pid,
            None if part.address is None else int(part.address.rpartition(":")[2]),
            part.address,
            part.state,
            part.since,
            part.restarts,
            part.memory_bytes,
            part.ended,
        )


def parts_of(settings: Settings) -> list[PartReport]:
    """Every part of the platform of these settings; starts nothing.

    Parts of a running platform come from its supervisor; the others are checked directly.
    """
    home = settings.home.resolve()
    platform = read_state(home)
    found = {part.name: PartReport.supervised(part) for part in (() if platform is None else platform.parts)}
    for part in _servers(settings):
        found.setdefault(part.name, part)
    if "scorer" not in found:
        found["scorer"] = _http("scorer", home, local_url(settings.scorer_host, settings.scorer_port))
    if "api" not in found:
        scheme = "http" if settings.tls_certificate is None else "https"
        url = local_url(settings.api_host, settings.api_port, scheme)
        found["api"] = _http("api", home, url, settings.tls_certificate)
    for name in ("worker", "tasks"):
        if name not in found:
            found[name] = _silent(home / "run", name)
    if "mlflow" not in found:
        found["mlflow"] = _mlflow(home, settings.mlflow_url)
    return [found[name] for name in _ORDER]


def _servers(settings: Settings) -> list[PartReport]:
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
            found.append(PartReport.seen(name, running=ready, ready=ready, pid=None, port=_port(named), url=named))
        else:
            server = embedded[name]
            place = f"127.0.0.1:{server.port}" if server.port else server.socket
            found.append(
                PartReport.seen(
                    name, running=server.running, ready=server.running, pid=server.pid, port=server.port, url=place
                )
            )
    return found


def _http(name: str, home: Path, url: str, certificate: Path | None = None) -> PartReport:
    """The API or the scorer: ready when it answers so, and the answer is from this home's own start of it.

    With TLS it must have this certificate, whatever name the certificate is for.
    """
    import httpx

    from core.tls import pinned_context

    pid = _living(home / "run" / f"{name}.pid")
    try:
        pinned = True if certificate is None else pinned_context(certificate)
        answer = httpx.get(f"{url}/readyz", timeout=_TIMEOUT_S, verify=pinned)
        instance = answer.json().get("instance")
    except (httpx.HTTPError, OSError, ValueError, AttributeError):
        return PartReport.seen(name, running=pid is not None, ready=False, pid=pid, port=_port(url), url=url)
    if instance is None or instance != instance_of(home, name):
        return PartReport.seen(name, running=False, ready=False, pid=None, port=_port(url), url=url)
    return PartReport.seen(name, running=True, ready=answer.is_success, pid=pid, port=_port(url), url=url)


def _mlflow(home: Path, url: str | None) -> PartReport:
    """MLflow: the server that the settings name, or one that was started in this home."""
    import httpx

    pid = _living(home / "run" / "mlflow.pid")
    if url is None or not url.startswith("http"):  # none was started, or a store without a server
        return PartReport.seen("mlflow", running=pid is not None, ready=False, pid=pid, port=None, url=None)
    try:
        ready = httpx.get(f"{url}/health", timeout=_TIMEOUT_S).is_success
    except httpx.HTTPError:
        ready = False
    return PartReport.seen("mlflow", running=ready, ready=ready, pid=None, port=_port(url), url=url)


def _silent(run: Path, name: str) -> PartReport:
    """A part that listens on nothing: it is ready while it runs."""
    pid = _living(run / f"{name}.pid")
    running = pid is not None
    return PartReport.seen(name, running=running, ready=running, pid=pid, port=None, url=None)


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
    """Whether the database accepts a connection."""
    import psycopg

    from api.migrate import plain_url

    try:
        psycopg.connect(plain_url(url), connect_timeout=int(_TIMEOUT_S)).close()
    except psycopg.Error:
        return False
    return True


def valkey_answers(url: str) -> bool:
    """Whether the server answers a ping."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _port(url: str) -> int | None:
    return urlsplit(url).port
