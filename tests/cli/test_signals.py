"""A signal ends a command together with the processes and servers that it started."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from cli.command import ProcessCommand
from cli.demo.platform import GINJA
from cli.tree import COMMANDS, load
from core.embedded import wait_until

STARTING_SECONDS = 120.0


def left_of(folder: Path) -> list[list[str]]:
    """Command lines of running processes that use this folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if any(str(folder) in word for word in [*words, process.info["cwd"] or ""]):
            found.append(words)
    return found


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.path)
def test_a_command_that_starts_processes_ends_them_on_a_signal(entry):
    starts_processes = entry.path.startswith("bench ") or entry.path in ("up", "demo", "doctor")
    assert isinstance(load(entry), ProcessCommand) == starts_processes


def test_a_benchmark_ended_by_a_signal_leaves_no_server_and_no_folder(tmp_path):
    program = subprocess.Popen(
        [GINJA, "bench", "chaos"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until(
        lambda: any(
            "ready" in file.read_text() for file in tmp_path.glob("ginja-bench-*/postgres/data/postmaster.pid")
        ),
        what="its Postgres to be ready",
        seconds=STARTING_SECONDS,
    )
    program.send_signal(signal.SIGTERM)
    assert program.wait(STARTING_SECONDS) == 128 + signal.SIGTERM
    assert left_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
