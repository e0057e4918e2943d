"""Where MLflow opens: on the experiment that has our runs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cli.demo.stay import addresses_of
from core.settings import Settings
from models import registry
from models.mlflow_store import EXPERIMENT, MlflowStore
from models.registry import RunRecord
from tests.models.stores import new_store

SERVER = "http://127.0.0.1:8602"


def recorded(home: Path) -> MlflowStore:
    store = new_store(home)
    registry.log_run(store, RunRecord(name="evaluate", command="ginja model evaluate"))
    return store


def test_the_page_is_that_of_the_experiment_with_the_runs(tmp_path: Path) -> None:
    store = recorded(tmp_path)
    found = store.experiment_id()
    assert found not in (None, "0"), "0 is the empty one that MLflow makes"
    assert store.experiment_page(SERVER) == f"{SERVER}/#/experiments/{found}"


def test_without_runs_or_records_the_page_is_the_first_one(tmp_path: Path) -> None:
    assert MlflowStore.of(tmp_path).experiment_page(SERVER) == SERVER
    assert not (tmp_path / "mlflow" / "mlflow.db").exists(), "reading makes no store"
    assert new_store(tmp_path).experiment_page(SERVER) == SERVER


def test_what_runs_is_shown_with_the_page_of_the_experiment(tmp_path: Path) -> None:
    found = recorded(tmp_path).experiment_id()
    shown = addresses_of(Settings(home=tmp_path), api_url="http://a", scorer_url="http://s", key="k")
    assert shown["MLflow"] == f"{SERVER}/#/experiments/{found}"


@contextmanager
def answering(status: int, body: object) -> Iterator[tuple[str, list[str]]]:
    """An MLflow at the wire that gives one answer; its address, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_is_asked_for_the_experiment(tmp_path: Path) -> None:
    with answering(200, {"experiment": {"experiment_id": "417"}}) as (url, asked):
        assert MlflowStore.of(tmp_path, url).experiment_page(url) == f"{url}/#/experiments/417"
    assert asked == [f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={EXPERIMENT}"]


@pytest.mark.parametrize(("status", "body"), [(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}), (200, []), (200, {})])
def test_a_server_without_the_experiment_opens_on_its_first_page(tmp_path: Path, status: int, body: object) -> None:
    with answering(status, body) as (url, _):
        assert MlflowStore.of(tmp_path, url).experiment_page(url) == url


def test_a_server_that_does_not_answer_opens_on_its_first_page(tmp_path: Path) -> None:
    assert MlflowStore.of(tmp_path, "http://127.0.0.1:1").experiment_page("http://127.0.0.1:1") == "http://127.0.0.1:1"
