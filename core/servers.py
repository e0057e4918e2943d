"""Postgres and Valkey: the servers named in the settings, or the embedded servers of this home."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core import postgres, valkey, valkey_tenant
from core.embedded import RunningServer
from core.postgres import create_database, database_url, drop_database
from core.settings import Settings
from core.supervision import delayed_signals

__all__ = [
    "Status",
    "awaited_valkey_url",
    "create_database",
    "database_url",
    "drop_database",
    "postgres_api_url",
    "postgres_url",
    "running_postgres_url",
    "running_valkey_url",
    "server_status",
    "stop_servers",
    "temporary_home",
    "valkey_url",
]


@dataclass(frozen=True, slots=True)
class Status:
    """Status of one embedded server."""

    name: str
    running: bool
    port: int | None
    pid: int | None
    socket: str | None = None
    """Path of the Unix socket, where it listens at one."""


def postgres_url(settings: Settings) -> str:
    """The database URL from the settings, or of the embedded Postgres of this home, started if necessary.

    Raises `NotInstalled` if neither is available, `ServerError` if the server does not start.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return postgres.url(settings.home.resolve())


def postgres_api_url(settings: Settings) -> str:
    """The database's URL for what answers requests and carries out tasks: a role that owns nothing.

    That of the settings, else of the embedded Postgres, started if necessary; else that of the owner, whose sessions
    begin as that role. Raises `NotInstalled`, `ServerError`.
    """
    if settings.database_api_url is not None:
        return settings.database_api_url.get_secret_value()
    if settings.database_url is not None:
        return postgres.as_api_role(settings.database_url.get_secret_value())
    return postgres.api_url(settings.home.resolve())


def running_postgres_url(settings: Settings) -> str | None:
    """The database's URL, without starting anything: that of the settings, else of the embedded server if it runs."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    home = settings.home.resolve()
    return postgres.url(home) if postgres.running(home) is not None else None


def valkey_url(settings: Settings) -> str:
    """The online store URL from the settings, or of the embedded Valkey of this home, started if necessary.

    Raises `NotInstalled` if neither is available, `ServerError` if the server does not start, `SettingsError` if it
    answers and the database is that of another tenant.
    """
    if settings.redis_url is None:
        return valkey.url(settings.home.resolve())
    url = settings.redis_url.get_secret_value()
    valkey_tenant.require_own(url, settings.tenant)
    return url


def awaited_valkey_url(settings: Settings) -> str:
    """As `valkey_url`, for a process that runs on: waits for the server of the settings, until it is known whose
    database it is."""
    if settings.redis_url is not None:
        valkey_tenant.await_own(settings.redis_url.get_secret_value(), settings.tenant)
    return valkey_url(settings)


def running_valkey_url(settings: Settings) -> str | None:
    """The URL of the online store, without starting anything: as `running_postgres_url`. Raises as `valkey_url`."""
    if settings.redis_url is not None:
        return valkey_url(settings)
    home = settings.home.resolve()
    return valkey.url(home) if valkey.running(home) is not None else None


def server_status(home: Path) -> list[Status]:
    """Status of this home's embedded servers; starts none."""
    home = home.resolve()
    return [_status(server.NAME, server.running(home)) for server in (postgres, valkey)]


def _status(name: str, found: RunningServer | None) -> Status:
    if found is None:
        return Status(name, running=False, port=None, pid=None)
    socket = None if found.socket is None else str(found.socket)
    return Status(name, running=True, port=found.port, pid=found.pid, socket=socket)


def stop_servers(home: Path) -> list[str]:
    """Stop this home's embedded servers, whichever process started them; returns the names of those stopped."""
    home = home.resolve()
    return [server.NAME for server in (valkey, postgres) if server.stop(home)]


@contextmanager
def temporary_home(prefix: str) -> Iterator[Path]:
    """A home for the block. Its embedded servers are stopped and its files removed afterwards, also by a signal.

    A signal needs `StopSignals` around it: by default it ends the program without running any clean-up.
    """
    home = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield home
    finally:
        with delayed_signals():
            stop_servers(home)
            shutil.rmtree(home, ignore_errors=True)
