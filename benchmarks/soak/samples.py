"""What a platform uses at one moment: memory, file descriptors and threads by process, and files that come and go."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from core import postgres, valkey
from core.supervision import Processes

BYTES_PER_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """One part at one moment; sums over its processes."""

    at_s: float
    part: str
    processes: int
    own_mb: float
    """Anonymous memory, shared copies counted once: no mapped files, no shared buffers of PostgreSQL, which fill."""
    rss_mb: float
    fds: int
    """File descriptors, without `relation_files`."""
    threads: int
    relation_files: int
    """Files of tables and indexes that a process of PostgreSQL has open, each counted once per process."""


@dataclass(frozen=True, slots=True)
class StorageSample:
    """Files that are not data, at one moment."""

    at_s: float
    temp_files: int
    """In the platform's TMPDIR."""
    temp_mb: float
    run_files: int
    """In `run/`: logs, pid files, locks."""
    log_mb: float


def part_processes(parts: Mapping[str, Processes], home: Path) -> dict[str, list[psutil.Process]]:
    """The processes of each part now: those of the supervisor of the scorer, and of its workers, apart."""
    roots = {name: processes.pid(name) for name, processes in parts.items()}
    roots |= {server.NAME: server.process(home) for server in (postgres, valkey)}
    found: dict[str, list[psutil.Process]] = {}
    for name, pid in roots.items():
        with suppress(psutil.NoSuchProcess):
            if pid is not None:
                root = psutil.Process(pid)
                below = root.children(recursive=True)
                found |= {name: [root], f"{name} workers": below} if name == "scorer" else {name: [root, *below]}
    return found


def sample_processes(at_s: float, parts: Mapping[str, list[psutil.Process]], home: Path) -> Iterator[ProcessSample]:
    """A sample of each part of the platform of a home; a process that has just ended is left out."""
    relations = home.resolve() / postgres.NAME / "data" / "base"
    for part, processes in parts.items():
        own = rss = fds = threads = running = files = 0
        for process in processes:
            with suppress(psutil.Error), process.oneshot():
                own, rss = own + _anonymous_bytes(process.pid), rss + process.memory_info().rss
                counted, of_relations = descriptors(process.pid, relations)
                fds, files = fds + counted, files + of_relations
                threads, running = threads + process.num_threads(), running + 1
        yield ProcessSample(at_s, part, running, own / BYTES_PER_MB, rss / BYTES_PER_MB, fds, threads, files)


def descriptors(pid: int, relations: Path) -> tuple[int, int]:
    """The descriptors of a process that may grow without bound, and how many different files below `relations` it has.

    A process of PostgreSQL opens the file of a table or index when it first needs it and keeps it: the second number is
    bounded by the files there are. A second descriptor of one file, and one of a deleted file, belong to the first.
    Linux only. Raises `psutil.NoSuchProcess`.
    """
    every, files = 0, set[str]()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed in the meantime
                target = str(link.readlink())
                every += 1
                if target.startswith(f"{relations}/") and not target.endswith(" (deleted)"):
                    files.add(target)
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    return every - len(files), len(files)


def _anonymous_bytes(pid: int) -> int:
    """Linux only. Raises `psutil.NoSuchProcess`."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    return next(int(line.split()[1]) * 1_024 for line in lines if line.startswith("Pss_Anon:"))


def sample_storage(at_s: float, home: Path, temp: Path) -> StorageSample:
    """A sample of temporary files and logs."""
    in_temp, in_run = _sizes(temp), _sizes(home / "run", but=temp)
    logs = sum(path.stat().st_size for path in (home / "postgres" / "log", home / "valkey" / "log") if path.exists())
    return StorageSample(
        at_s, len(in_temp), sum(in_temp) / BYTES_PER_MB, len(in_run), (sum(in_run) + logs) / BYTES_PER_MB
    )


def _sizes(folder: Path, *, but: Path | None = None) -> list[int]:
    sizes = []
    for path in folder.rglob("*"):
        if but is not None and path.is_relative_to(but):
            continue
        with suppress(FileNotFoundError):
            if path.is_file():
                sizes.append(path.stat().st_size)
    return sizes
