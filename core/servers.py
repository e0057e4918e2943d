"""Postgres and Valkey: the servers that are named in the settings, or else the embedded ones of this home."""

from dataclasses import dataclass
from pathlib import Path

from core import postgres, valkey
from core.postgres import create_database, database_url, drop_database
from core.settings import Settings

__all__ = [
    "Status",
    "create_database",
    "database_url",
    "drop_database",
    "postgres_url",
    "running_postgres_url",
    "server_status",
    "stop_servers",
    "valkey_url",
]


@dataclass(frozen=True, slots=True)
class Status:
    """One embedded server, as it is now."""

    name: str
    running: bool
    port: int | None
    pid: int | None


def postgres_url(settings: Settings) -> str:
    """The database's URL. With none in the settings, the embedded Postgres of this home, started if it does not run.

    Raises `NotInstalled` when there is neither, `ServerError` when it does not start.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return postgres.url(settings.home.resolve())


def running_postgres_url(settings: Settings) -> str | None:
    """The database's URL, without starting anything: that of the settings, else of the embedded server if it runs."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    home = settings.home.resolve()
    return postgres.url(home) if postgres.running(home) is not None else None


def valkey_url(settings: Settings) -> str:
    """The feature store's URL. With none in the settings, the embedded Valkey of this home, started if it does not run.

    Raises `NotInstalled` when there is neither, `ServerError` when it does not start.
    """
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    return valkey.url(settings.home.resolve())


def server_status(home: Path) -> list[Status]:
    """What runs of this home's embedded servers; starts nothing."""
    home = home.resolve()
    return [
        Status(name, running is not None, running.port if running else None, running.pid if running else None)
        for name, running in ((server.NAME, server.running(home)) for server in (postgres, valkey))
    ]


def stop_servers(home: Path) -> list[str]:
    """Stop this home's embedded servers, whoever started them; returns the names of those that ran."""
    home = home.resolve()
    return [server.NAME for server in (valkey, postgres) if server.stop(home)]
