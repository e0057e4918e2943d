"""The embedded servers: started once, found again, recovered, stopped. All against the real binaries."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
import redis

from core import embedded, postgres, valkey
from core.errors import NotInstalled, ServerError
from core.servers import (
    create_database,
    database_url,
    drop_database,
    postgres_url,
    server_status,
    stop_servers,
    valkey_url,
)
from core.settings import Settings

_ASK = """
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from core import postgres, valkey
home = Path(sys.argv[1])
print((postgres.url(home), valkey.url(home)))
"""
_BUSY = """
import sys, psycopg
connection = psycopg.connect(sys.argv[1])
print(connection.info.backend_pid, flush=True)
connection.execute("DO $$ BEGIN LOOP END LOOP; END $$")
"""
_SERVERS = [postgres, valkey]


@pytest.fixture
def home() -> Iterator[Path]:
    """A home without servers, stopped and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="ginja-home-") as folder:
        yield Path(folder)
        stop_servers(Path(folder))


def request_in_a_process(home: Path) -> subprocess.Popen[str]:
    """Another Python process that requests the servers of `home`, prints their URLs, and ends."""
    return subprocess.Popen(
        [sys.executable, "-c", _ASK, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def has_ended(pid: int) -> bool:
    return embedded.command_line(pid) is None


def answers(url: str) -> bool:
    if url.startswith("redis"):
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_both_servers_start_are_shared_by_other_processes_and_stop(home: Path) -> None:
    """Several short-lived processes at once: one server, the same URL for all."""
    asking = [request_in_a_process(home) for _ in range(3)]
    got = {process.communicate(timeout=60)[0] for process in asking}
    mine = (postgres.url(home), valkey.url(home))
    assert got == {f"{mine}\n"}
    assert all(answers(url) for url in mine)
    assert [status.running for status in server_status(home)] == [True, True]
    assert stop_servers(home) == ["valkey", "postgres"]
    assert [status.running for status in server_status(home)] == [False, False]
    assert stop_servers(home) == []


def test_a_server_restarts_at_its_address_with_its_data_after_a_crash(home: Path) -> None:
    """`kill -9` leaves stale pid files behind; nothing that was acknowledged is lost."""
    before = postgres.url(home), valkey.url(home)
    with psycopg.connect(before[0]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS seven")
    with redis.Redis.from_url(before[1]) as client:
        client.set("kept", "7")
    for status in server_status(home):
        assert status.pid is not None
        os.kill(status.pid, signal.SIGKILL)
        embedded.wait_until(partial(has_ended, status.pid), what="it is dead")
    after = postgres.url(home), valkey.url(home)
    assert after == before
    with psycopg.connect(after[0]) as connection:
        assert connection.execute("SELECT seven FROM kept").fetchone() == (7,)
    with redis.Redis.from_url(after[1]) as client:
        assert client.get("kept") == b"7"


def test_postgres_starts_again_although_a_busy_process_outlived_the_killed_one(home: Path) -> None:
    """A backend that computes does not notice that its postmaster is gone, and holds the shared memory."""
    url = postgres.url(home)
    busy = subprocess.Popen(
        [sys.executable, "-c", _BUSY, url], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert busy.stdout is not None
    backend = int(busy.stdout.readline())
    state = "SELECT state FROM pg_stat_activity WHERE pid = %s"
    with psycopg.connect(url, autocommit=True) as connection:
        embedded.wait_until(
            lambda: connection.execute(state, [backend]).fetchone() == ("active",), what="the backend is busy"
        )
    server = postgres.process(home)
    assert server is not None
    os.kill(server, signal.SIGKILL)
    embedded.wait_until(lambda: postgres.process(home) is None, what="the postmaster is dead")
    assert embedded.command_line(backend) is not None
    assert answers(postgres.url(home))
    assert embedded.command_line(backend) is None
    busy.wait()


@pytest.mark.parametrize("server", _SERVERS, ids=lambda server: server.NAME)
def test_a_port_taken_in_the_meantime_is_given_up_for_another(home: Path, server: ModuleType) -> None:
    first = server.url(home)
    port = server.running(home).port
    server.stop(home)
    with socket.create_server((embedded.LOOPBACK, port)):
        second = server.url(home)
        assert second != first
        assert answers(second)


@pytest.mark.parametrize(("server", "file"), [(postgres, "data/postmaster.pid"), (valkey, "pid")])
def test_a_pid_file_that_names_another_program_is_not_accepted(home: Path, server: ModuleType, file: str) -> None:
    server.url(home)
    pid_file = home / server.NAME / file
    text = pid_file.read_text()
    server.stop(home)
    pid_file.write_text(text.replace(text.split()[0], str(os.getpid()), 1))
    assert server.running(home) is None
    assert answers(server.url(home))


def test_the_application_is_no_superuser_and_owns_its_database(postgres_server: str) -> None:
    with psycopg.connect(postgres_server) as connection:
        role = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolreplication FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        owner = connection.execute("SELECT datdba::regrole::text FROM pg_database WHERE datname = 'ginja'").fetchone()
    assert role == (False, False, False, False)
    assert owner == (postgres.ROLE,)


def test_a_server_whose_application_role_is_the_superuser_is_refused_and_left_as_it_is(home: Path) -> None:
    postgres.url(home)
    postgres.stop(home)
    (home / "postgres" / "superuser-password").unlink()
    with pytest.raises(ServerError, match="from an earlier version of Ginja"):
        postgres.url(home)
    assert (home / "postgres" / "data" / "PG_VERSION").exists()


def test_the_servers_require_their_password(postgres_server: str, valkey_server: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(re.sub(r":[^:/]+@", ":guessed@", postgres_server))
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(re.sub(r":[^:/]+@", "", valkey_server)).ping()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's Postgres runs as somebody else")
def test_a_server_can_be_stopped_after_a_folder_above_it_was_closed(home: Path) -> None:
    postgres.url(home)
    home.chmod(0o700)
    assert postgres.stop(home)


def test_named_servers_are_used_and_nothing_is_started(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url="postgresql://127.0.0.1:1/ginja", redis_url="redis://127.0.0.1:2/0")
    assert postgres_url(settings) == "postgresql://127.0.0.1:1/ginja"
    assert valkey_url(settings) == "redis://127.0.0.1:2/0"
    assert list(tmp_path.iterdir()) == []


def test_without_the_wheels_the_error_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find_spec", lambda _name: None)
    with pytest.raises(NotInstalled, match="GINJA_DATABASE_URL"):
        postgres.url(tmp_path)


def test_a_database_requested_concurrently_is_created_once(postgres_server: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        urls = set(pool.map(lambda _: create_database(postgres_server, "made_once"), range(4)))
    assert urls == {database_url(postgres_server, "made_once")}
    assert answers(urls.pop())
    drop_database(postgres_server, "made_once")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        answers(database_url(postgres_server, "made_once"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@h:1/a", "postgresql://u:p@h:1/b"),
        ("postgresql://u:p@h:1/a?sslmode=require", "postgresql://u:p@h:1/b?sslmode=require"),
    ],
)
def test_another_database_of_a_server_keeps_the_rest_of_the_url(url: str, expected: Any) -> None:
    assert database_url(url, "b") == expected
