"""`ginja status` and `ginja doctor`, as a user runs them."""

import json
import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from cli.platform.addresses import Addresses, read, remove
from cli.platform.doctor import (
    Level,
    check_cores,
    check_disk,
    check_extra,
    check_home,
    check_memory,
    check_port,
    check_privacy,
    check_python,
)
from core.embedded import LOOPBACK
from core.settings import Settings

PARTS = ["postgres", "valkey", "scorer", "api", "worker", "mlflow"]


def run(home: Path, *words: str, **environment: str):
    return CliRunner().invoke(main, list(words), env={"GINJA_HOME": str(home), **environment})


def test_status_of_a_fresh_home_says_that_nothing_runs_and_creates_nothing(tmp_path):
    shown = run(tmp_path / "home", "status", "--json", GINJA_API_PORT="1", GINJA_SCORER_PORT="1", GINJA_MLFLOW_PORT="1")
    assert shown.exit_code == 1
    found = json.loads(shown.stdout)
    assert list(found["parts"]) == PARTS
    assert not any(part["running"] or part["ready"] for part in found["parts"].values())
    assert (found["ready"], found["champion"]) == (False, None)
    assert not (tmp_path / "home").exists()


def test_status_shows_the_embedded_servers_and_processes_of_the_home(server_home):
    assert run(server_home, "servers", "start").exit_code == 0
    (server_home / "run" / "worker.pid").write_text(str(os.getpid()))
    found = json.loads(run(server_home, "status", "--json", GINJA_API_PORT="1").stdout)["parts"]
    assert found["postgres"]["ready"]
    assert found["valkey"]["port"] > 0
    assert found["worker"]["pid"] == os.getpid()
    assert not found["api"]["ready"]
    assert "not running" in run(server_home, "status").stdout


def test_status_asks_the_servers_that_the_settings_name_and_shows_no_password(empty_database_url, valkey_url, tmp_path):
    servers = {"GINJA_DATABASE_URL": empty_database_url, "GINJA_REDIS_URL": valkey_url}
    shown = run(tmp_path, "status", "--json", **servers)
    found = json.loads(shown.stdout)["parts"]
    assert found["postgres"]["ready"]
    assert found["valkey"]["ready"]
    for url in servers.values():
        assert url.partition("@")[0].rpartition(":")[2] not in shown.output
    gone = {"GINJA_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d", "GINJA_REDIS_URL": "redis://127.0.0.1:1/0"}
    found = json.loads(run(tmp_path, "status", "--json", **gone).stdout)["parts"]
    assert not found["postgres"]["running"]
    assert not found["valkey"]["running"]


def test_the_addresses_of_a_running_platform_are_read_back(tmp_path):
    (tmp_path / "run").mkdir()
    settings = Settings(home=tmp_path)
    other = Addresses("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
    other.write(tmp_path)
    assert read(settings) == other
    remove(tmp_path)
    assert read(settings) == Addresses.of(settings)


def test_doctor_starts_the_servers_elsewhere_and_creates_no_home(tmp_path):
    shown = run(tmp_path / "home", "doctor", "--json")
    found = {check["name"]: check for check in json.loads(shown.stdout)["checks"]}
    assert found["postgres"]["found"] == found["valkey"]["found"] == "the embedded server starts and stops"
    assert found["python"]["level"] == "ok"
    assert shown.exit_code == int(any(check["level"] == "failed" for check in found.values()))
    assert not (tmp_path / "home").exists()


def test_doctor_fails_where_a_named_server_does_not_answer(tmp_path):
    shown = run(tmp_path, "doctor", GINJA_DATABASE_URL="postgresql://u:p@127.0.0.1:1/d")
    assert shown.exit_code == 1
    assert "correct GINJA_DATABASE_URL" in shown.stdout


@pytest.mark.parametrize(
    ("check", "level"),
    [
        (check_python((3, 10)), Level.FAILED),
        (check_python((3, 13)), Level.OK),
        (check_python((3, 14)), Level.FAILED),
        (check_extra("x", ("json", "no_such_library")), Level.WARNING),
        (check_extra("x", ("json",)), Level.OK),
        (check_disk(10_000_000_000), Level.OK),
        (check_disk(2_000_000_000), Level.WARNING),
        (check_disk(1), Level.FAILED),
        (check_memory(None), Level.OK),
        (check_memory(1), Level.FAILED),
        (check_cores(1), Level.WARNING),
        (check_cores(2), Level.OK),
    ],
    ids=lambda value: "" if isinstance(value, Level) else f"{value.name} {value.found}",
)
def test_every_check_that_is_not_ok_says_what_to_do(check, level):
    assert check.level is level
    assert bool(check.advice) == (level is not Level.OK)


def test_a_port_in_use_is_found():
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        assert check_port("api", port, LOOPBACK, ours=False).level is Level.WARNING
        assert check_port("api", port, LOOPBACK, ours=True).level is Level.OK


def test_a_folder_that_others_can_read_and_a_home_that_is_a_file_are_found(tmp_path):
    folder, file = tmp_path / "data", tmp_path / "claims.csv"
    folder.mkdir(0o700)
    file.touch(0o600)
    assert check_privacy(tmp_path).level is Level.OK
    folder.chmod(0o750)
    file.chmod(0o604)
    found = check_privacy(tmp_path)
    assert found.level is Level.FAILED
    assert found.advice == f"chmod -R go-rwx {file} {folder}"
    assert check_home(file).level is Level.FAILED
    assert check_home(tmp_path / "new").level is Level.OK
