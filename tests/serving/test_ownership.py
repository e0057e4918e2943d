"""A load generator ends with the benchmark that started it."""

import subprocess
import sys
from pathlib import Path

import psutil

from tests.serving.test_load import server

OWNER = """
import subprocess, sys, time
from benchmarks.ownership import owner_pipe
with owner_pipe() as owner:
    command = [sys.executable, "-m", "benchmarks.load", "--port", sys.argv[1], "--path", "/v1/claims", "--mode"]
    command += ["phases", "--phase", "20:3600", "--bodies", sys.argv[2], *owner.options]
    process = subprocess.Popen(command, pass_fds=[owner.fd])
    print(process.pid, flush=True)
    process.wait()
"""


def test_a_load_generator_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text("{}\n")
    with server() as port:
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(port), str(bodies)], stdout=subprocess.PIPE, text=True
        )
        assert owner.stdout is not None
        generator = psutil.Process(int(owner.stdout.readline()))
        owner.kill()
        owner.communicate()
        gone, alive = psutil.wait_procs([generator], timeout=30)
    assert gone
    assert not alive
