"""Counters and histograms of a process and those it forks, added up and served by the first one.

The processes write them to files of one folder. Gauges are left out: each process has its own, also after it has ended.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def share_counters(folder: Path) -> None:
    """Let this process and its children write their metrics to `folder`, which is emptied.

    Call it before `prometheus_client` is imported, which reads the environment then. This module does not import it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder.absolute())


def serve_counters(host: str, port: int) -> None:
    """Serve what `share_counters` shares, in a thread of this process."""
    from prometheus_client import CollectorRegistry, Metric, start_http_server
    from prometheus_client.multiprocess import MultiProcessCollector
    from prometheus_client.registry import Collector

    class SharedCounters(Collector):
        """What is in the folder, without gauges."""

        def __init__(self) -> None:
            self._all = MultiProcessCollector(None)  # type: ignore[no-untyped-call]

        def collect(self) -> Iterator[Metric]:
            return (one for one in self._all.collect() if one.type != "gauge")  # type: ignore[no-untyped-call]

    registry = CollectorRegistry()
    registry.register(SharedCounters())
    server, _ = start_http_server(port, addr=host, registry=registry)
    # A child that outlives this process would keep the port from the next one.
    os.register_at_fork(after_in_child=server.socket.close)
