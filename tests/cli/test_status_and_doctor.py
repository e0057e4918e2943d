"""`ginja status` and `ginja doctor`, as a user runs them."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from api.migrate import plain_url
from cli.main import main
from cli.platform.doctor import (
    Level,
    check_cores,
    check_disk,
    check_extra,
    check_home,
    check_master_key,
    check_memory,
    check_port,
    check_privacy,
    check_python,
    check_row_security,
    check_signatures,
    check_telemetry,
    check_tls,
)
from core import telemetry
from core.embedded import LOOPBACK, wait_until
from core.errors import PlatformRunningError
from core.settings import Settings
from core.supervision import Processes, ProcessPart, Supervisor, begin_instance, platform_lock

ROOT = Path(__file__).parents[2]
_WITHOUT_MODELS = """
import sys
sys.modules["models"] = None
sys.argv = ["ginja", "status", "--json"]
from cli.main import main
main()
"""
PARTS = ["postgres", "valkey", "scorer", "api", "worker", "tasks", "mlflow"]


def run(home: Path, *words: str, **environment: str):
    return CliRunner().invoke(main, list(words), env={"GINJA_HOME": str(home), **environment})


@contextmanager
def answering(body: dict[str, str]) -> Iterator[int]:
    """A server that answers every request with `body`; gives its port."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((LOOPBACK, 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_status_of_a_fresh_home_reports_that_nothing_runs_and_creates_nothing(tmp_path):
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


def test_status_checks_the_configured_servers_and_shows_no_password(empty_database_url, valkey_url, tmp_path):
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


def test_status_of_a_running_platform_comes_from_its_supervisor(tmp_path):
    """Also where the models are not installed, as in the image of the API."""
    with platform_lock(tmp_path), Processes(tmp_path / "run", {}) as processes:
        part = ProcessPart(processes, "worker", ["-c", "import time; time.sleep(600)"])
        part.start()
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "champion.json").write_text('{"version": "20260301-0123456789"}')
        supervisor = Supervisor(tmp_path, [part])
        supervisor.start()
        wait_until(lambda: supervisor.record()[0].memory_bytes is not None, what="it is measured")
        wait_until(lambda: supervisor.record()[0].state == "ready", what="it is watched")
        without_models = {**os.environ, "GINJA_HOME": str(tmp_path), "GINJA_API_PORT": "1", "GINJA_SCORER_PORT": "1"}
        done = subprocess.run(
            [sys.executable, "-c", _WITHOUT_MODELS], cwd=ROOT, env=without_models, capture_output=True, text=True
        )
        found = json.loads(done.stdout)
        shown = run(tmp_path, "status", GINJA_API_PORT="1", GINJA_SCORER_PORT="1").stdout
        stopped = run(tmp_path, "servers", "stop")
        supervisor.stop([["worker"]], threading.Event())
    assert found["supervisor_pid"] == os.getpid()
    assert found["champion"] == "20260301-0123456789"
    worker = found["parts"]["worker"]
    assert (worker["state"], worker["restarts"], worker["ready"]) == ("ready", 0, True)
    assert worker["pid"] > 0
    assert worker["memory_bytes"] > 1_000_000
    assert found["parts"]["api"]["state"] == "not running"
    assert str(worker["pid"]) in shown
    assert stopped.exit_code == 1
    assert "a platform runs in" in stopped.output


def test_an_answer_from_another_home_s_scorer_is_not_this_home_s(tmp_path, monkeypatch):
    monkeypatch.setenv("GINJA_INSTANCE", "of this home")
    answers = {"instance": "of another home"}
    with answering(answers) as port:

        def scorer() -> dict:
            shown = run(tmp_path, "status", "--json", GINJA_SCORER_PORT=str(port), GINJA_API_PORT="1")
            return json.loads(shown.stdout)["parts"]["scorer"]

        assert scorer()["state"] == "not running"
        begin_instance(tmp_path, "scorer")
        assert scorer()["state"] == "not running"
        answers["instance"] = "of this home"
        assert scorer()["state"] == "ready"


def test_a_port_that_was_set_and_is_taken_ends_up_with_the_name_of_the_setting(tmp_path):
    with socket.create_server((LOOPBACK, 0)) as taken:
        shown = run(tmp_path / "home", "up", GINJA_SCORER_PORT=str(taken.getsockname()[1]))
    assert shown.exit_code == 1
    assert "set GINJA_SCORER_PORT to a free port" in shown.output
    assert f"process {os.getpid()}" in shown.output


def test_a_home_in_which_a_platform_runs_is_refused(tmp_path):
    with platform_lock(tmp_path):
        shown = run(tmp_path, "up")
    assert shown.exit_code == 1
    assert str(PlatformRunningError(tmp_path, str(os.getpid()))) in shown.output


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
def test_every_failed_check_states_what_to_do(check, level):
    assert check.level is level
    assert bool(check.advice) == (level is not Level.OK)


def test_an_api_that_others_reach_without_tls_is_found():
    assert check_tls(Settings(api_host="0.0.0.0")).level is Level.WARNING
    assert check_tls(Settings(api_host="127.0.0.1")).level is Level.OK


def test_signatures_that_are_not_required_are_found():
    assert check_signatures(Settings(signed_requests="accepted")).level is Level.WARNING
    assert check_signatures(Settings(signed_requests="required")).level is Level.OK


def test_telemetry_that_is_on_is_found_by_library(monkeypatch):
    telemetry.turn_off()
    assert check_telemetry().level is Level.OK
    assert check_telemetry().found.count(",") == len(telemetry.switched_off()) - 1
    for name in ("FEAST_USAGE", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GX_ANALYTICS_ENABLED", "true")
    found = check_telemetry()
    assert (found.level, found.found) == (Level.FAILED, "not turned off: Feast, Great Expectations, MLflow")


def test_a_database_without_row_security_is_found(database_url, empty_database_url):
    assert check_row_security(database_url).level is Level.OK
    with psycopg.connect(plain_url(database_url), autocommit=True) as owner:
        owner.execute("ALTER TABLE claims DISABLE ROW LEVEL SECURITY")
    assert check_row_security(database_url).level is Level.FAILED
    assert check_row_security(empty_database_url).level is Level.WARNING


def test_the_master_key_is_where_its_provider_has_it():
    assert "beside the data" in check_master_key(Settings(key_provider="file")).found


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
