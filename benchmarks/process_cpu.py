"""Processor time of a running platform by process: what it has taken, and how much of it a claim takes."""

import asyncio
from collections.abc import Mapping
from typing import Final

import psutil

from benchmarks.platform import BenchPlatform
from core import postgres, valkey

GENERATOR: Final = "load generator"
IDLE_S: Final = 5.0


def cpu_seconds(running: BenchPlatform) -> dict[str, float]:
    """Process → seconds of user and system time since its start, with its descendants, those that have ended too."""
    home = running.stage.home
    found = {name: processes.pid(name) for name, processes in running.processes.items()}
    found |= {postgres.NAME: postgres.process(home), valkey.NAME: valkey.process(home)}
    return {name: _of_tree(pid) for name, pid in found.items() if pid is not None}


def _of_tree(pid: int) -> float:
    try:
        root = psutil.Process(pid)
        return sum(_seconds(one) for one in (root, *root.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0.0


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # its parent has its time
        return 0.0
    # Only Linux counts the time of children that were waited for.
    ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + ended)


def milliseconds(before: Mapping[str, float], after: Mapping[str, float], parts: float) -> dict[str, float]:
    """Process → milliseconds between two moments for each of `parts`: claims or seconds. Missing in one: left out."""
    return {name: round((after[name] - before[name]) * 1_000 / parts, 2) for name in before if name in after}


async def idle_ms_per_s(running: BenchPlatform) -> dict[str, float]:
    """Process → milliseconds of processor time a second while nothing is submitted."""
    before = cpu_seconds(running)
    await asyncio.sleep(IDLE_S)
    return milliseconds(before, cpu_seconds(running), IDLE_S)
