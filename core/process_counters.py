"""Counters and histograms of a process and those it forks, added up and served by the first one.

The processes write them to files of one folder. Gauges are left out: each process has its own, also after it has ended.
Each process has a file of its own for each type, so the files of those that have ended are merged before each fork, and
the folder holds those of the processes that run and of the last ones that ended, however many there were.
"""

import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_ENDED: Final = "ended"
"""In the name of the file with the sums of processes that have ended, instead of the id of a process."""
_SUMMED: Final = ("counter", "histogram")


class SharedFiles:
    """The folder of files, which one process at a time merges and reads: the one that made this object."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        """Held by who reads all files, so that none is merged meanwhile: it would count twice or not at all."""
        self._owner = os.getpid()

    def merge_ended(self) -> None:
        """Add up the files of processes that have ended, of each type in one file. Nothing in a child."""
        if os.getpid() != self._owner:
            return
        with self.lock:
            ended = [path for path in self.folder.glob("*.db") if _has_ended(path)]
            for kind in _SUMMED:
                if own := [path for path in ended if path.name.startswith(f"{kind}_")]:
                    _merge(own, self.folder / f"{kind}_{_ENDED}.db")
            for path in ended:
                path.unlink(missing_ok=True)  # gauges are not served


def _has_ended(path: Path) -> bool:
    """Whether the process that a file is named after has ended."""
    number = path.stem.rpartition("_")[2]
    if not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # its id has been given to a process of somebody else
        return True
    return False


def _merge(files: list[Path], merged: Path) -> None:
    """Add the values of files to those of `merged`, which is replaced at once, and remove them."""
    from prometheus_client.mmap_dict import MmapedDict

    sums: dict[str, float] = defaultdict(float)
    for path in [*files, *([merged] if merged.exists() else [])]:
        if not path.stat().st_size:
            continue  # killed before its first value
        for key, value, _, _ in MmapedDict.read_all_values_from_file(path):  # type: ignore[no-untyped-call]
            sums[key] += value
    unfinished = merged.with_suffix(".tmp")
    unfinished.unlink(missing_ok=True)
    written = MmapedDict(str(unfinished))  # type: ignore[no-untyped-call]
    for key, value in sums.items():
        written.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    written.close()  # type: ignore[no-untyped-call]
    unfinished.replace(merged)
    for path in files:
        path.unlink()


def share_counters(folder: Path) -> SharedFiles:
    """Let this process and its children write their metrics to `folder`, which is emptied.

    Call it before `prometheus_client` is imported, which reads the environment then. This module does not import it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder.absolute())
    files = SharedFiles(folder.absolute())
    os.register_at_fork(before=files.merge_ended)
    return files


def serve_counters(host: str, port: int, files: SharedFiles) -> None:
    """Serve what `share_counters` shares, in a thread of this process."""
    from prometheus_client import CollectorRegistry, Metric, start_http_server
    from prometheus_client.multiprocess import MultiProcessCollector
    from prometheus_client.registry import Collector

    class SharedCounters(Collector):
        """What is in the folder, without gauges."""

        def __init__(self) -> None:
            self._all = MultiProcessCollector(None)  # type: ignore[no-untyped-call]

        def collect(self) -> Iterator[Metric]:
            with files.lock:
                found = list(self._all.collect())  # type: ignore[no-untyped-call]
            return (one for one in found if one.type != "gauge")

    registry = CollectorRegistry()
    registry.register(SharedCounters())
    server, _ = start_http_server(port, addr=host, registry=registry)
    # A child that outlives this process would keep the port from the next one.
    os.register_at_fork(after_in_child=server.socket.close)
