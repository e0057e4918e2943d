"""One scorer for a module's tests: a process with its own home, and a connection to its Valkey that can be broken."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from benchmarks.platform import own_ready
from benchmarks.proxy import Fault, Proxy
from core.embedded import free_port
from core.supervision import Processes
from models.artefact import point
from tests.serving.makers import a_claim, fill_store, make_model

SERVE = ["-c", "from cli.main import main; main()", "run", "scorer"]


class Way:
    """A fault proxy on its own thread."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._proxy = Proxy(target)
        self._do(self._proxy.start())
        self.port = self._proxy.port

    def _do(self, work) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def set(self, fault: Fault) -> None:
        """Break the connection, or restore it."""
        self._do(self._proxy.set(fault))

    def stop(self) -> None:
        """Close it."""
        self._do(self._proxy.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)


@dataclass
class RunningScorer:
    """A scorer process and what belongs to it."""

    home: Path
    port: int
    store_url: str
    """Of its Valkey, past the proxy."""
    way: Way
    client: httpx.Client
    log: Path
    pid_file: Path

    def workers(self) -> list[psutil.Process]:
        """Its worker processes."""
        return [
            child
            for child in psutil.Process(int(self.pid_file.read_text())).children()
            if "serving.worker" in " ".join(child.cmdline())
        ]


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory, module_valkey_url: str) -> Iterator[RunningScorer]:
    """A scorer with the model `first` as its champion."""
    home = tmp_path_factory.mktemp("home")
    make_model(home, "first")
    point(home, "first")
    fill_store(module_valkey_url, [a_claim()])
    parts = urlsplit(module_valkey_url)
    assert parts.hostname is not None
    assert parts.port is not None
    way = Way((parts.hostname, parts.port))
    port = free_port()
    environment = {
        "GINJA_HOME": str(home),
        "GINJA_REDIS_URL": module_valkey_url.replace(f":{parts.port}", f":{way.port}"),
        "GINJA_SCORER_PORT": str(port),
    }
    folder = home / "run"
    with Processes(folder, environment) as processes:
        processes.start("scorer", SERVE, ready=own_ready(port))
        processes.wait("scorer")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            yield RunningScorer(
                home, port, module_valkey_url, way, client, folder / "scorer.log", folder / "scorer.pid"
            )
    way.stop()
