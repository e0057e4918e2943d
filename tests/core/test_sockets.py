"""Embedded servers that listen at Unix sockets of the home and at no port, and everything that connects to them."""

import asyncio
import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
import redis.asyncio
from sqlalchemy import text
from structlog.testing import capture_logs

from api.database import Database
from api.migrate import plain_url, upgrade
from api.tasks.broker import TaskBroker, celery_app
from core import embedded, postgres, valkey
from core.servers import create_database, database_url, drop_database, server_status, stop_servers
from core.settings import Settings, held
from features.online import connect


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home whose path needs quoting in URLs and settings; its servers are stopped and its files removed."""
    monkeypatch.setenv("GINJA_EMBEDDED_LISTEN", "socket")
    with tempfile.TemporaryDirectory(prefix="ginja '%-") as folder, held(Settings(home=Path(folder))):
        yield Path(folder)
        stop_servers(Path(folder))


def listening(home: Path) -> list[object]:
    pids = [one.pid for one in server_status(home) if one.pid is not None]
    return [one for pid in pids for one in psutil.Process(pid).net_connections("inet") if one.status == "LISTEN"]


def test_the_servers_listen_at_sockets_that_others_cannot_reach_and_at_no_port(home: Path) -> None:
    urls = postgres.url(home), valkey.url(home)
    with psycopg.connect(urls[0]) as connection:
        assert connection.execute("SELECT inet_server_addr()").fetchone() == (None,)
    with redis.Redis.from_url(urls[1]) as client:
        assert client.config_get("port") == {"port": "0"}
    assert listening(home) == []
    for status in server_status(home):
        assert status.socket is not None
        assert status.port is None
        place = Path(status.socket)
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
        assert stat.S_ISSOCK(place.stat().st_mode)
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_the_password_is_required_at_the_socket_too(home: Path) -> None:
    url, cache = postgres.url(home), valkey.url(home)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url.replace(url.split(":")[2].split("@")[0], "guessed"))
    with pytest.raises(redis.AuthenticationError), redis.Redis.from_url(f"unix://{cache.partition('@')[2]}") as client:
        client.ping()


def test_after_a_crash_they_are_at_the_same_address_with_their_data(home: Path) -> None:
    before = postgres.url(home), valkey.url(home)
    with psycopg.connect(before[0]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS seven")
    for status in server_status(home):
        assert status.pid is not None
        os.kill(status.pid, signal.SIGKILL)
        embedded.wait_until(partial(_has_ended, status.pid), what="it is dead")
    assert (postgres.url(home), valkey.url(home)) == before
    with psycopg.connect(before[0]) as connection:
        assert connection.execute("SELECT seven FROM kept").fetchone() == (7,)


def _has_ended(pid: int) -> bool:
    return embedded.command_line(pid) is None


def test_everything_that_connects_takes_their_urls(home: Path) -> None:
    url, cache = postgres.url(home), valkey.url(home)
    upgrade(url)
    for role, one in (("ginja", url), ("ginja_api", postgres.api_url(home)), ("ginja_api", postgres.as_api_role(url))):
        with psycopg.connect(plain_url(one)) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (role,)
    other = create_database(url, "other")
    assert other == database_url(url, "other")
    drop_database(url, "other")
    with psycopg.connect(postgres.superuser_url(home)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("postgres",)
    assert asyncio.run(_read(url)) == 1
    assert Settings(database_url=url, database_api_url=url, redis_url=cache).redis_url is not None
    with connect(cache, deadline_ms=1_000) as client:
        assert client.ping()
    assert asyncio.run(_ping(cache))
    assert set(TaskBroker(celery_app(cache)).waiting().values()) == {0}


async def _read(url: str) -> object:
    database = Database(url, pool_size=1)
    try:
        async with database.reading() as connection:
            return (await connection.execute(text("SELECT 1"))).scalar()
    finally:
        await database.close()


async def _ping(url: str) -> bool:
    async with redis.asyncio.Redis.from_url(url) as client:
        return bool(await client.ping())


@pytest.mark.parametrize("name", ["x" * 120, "a,b"])
def test_a_home_whose_path_cannot_be_that_of_a_socket_has_ports_and_says_so(home: Path, name: str) -> None:
    with capture_logs() as logged:
        try:
            url = valkey.url(home / name)
        finally:
            stop_servers(home / name)
    assert url.startswith("redis://")
    assert [one["most"] for one in logged] == [107]


def test_servers_move_to_ports_and_back_with_the_setting(home: Path) -> None:
    at_socket = postgres.url(home), valkey.url(home)
    stop_servers(home)
    with held(Settings(home=home, embedded_listen="port")):
        at_port = postgres.url(home), valkey.url(home)
        assert [one.port is not None and one.socket is None for one in server_status(home)] == [True, True]
    assert (postgres.url(home), valkey.url(home)) == at_port, "a server that runs stays where it is"
    stop_servers(home)
    assert (postgres.url(home), valkey.url(home)) == at_socket


def test_a_home_that_moves_while_its_valkey_runs_has_one_server_with_its_data(home: Path) -> None:
    (home / "before").mkdir()
    with redis.Redis.from_url(valkey.url(home / "before")) as client:
        client.set("kept", "7")
    earlier = valkey.process(home / "before")
    assert earlier is not None
    (home / "before").rename(home / "after")
    try:
        with redis.Redis.from_url(valkey.url(home / "after")) as client:
            assert client.get("kept") == b"7"
        assert _has_ended(earlier)
    finally:
        stop_servers(home / "after")
        if not _has_ended(earlier):
            os.kill(earlier, signal.SIGKILL)
