"""What the supervisor of the scorer gives its workers."""

import subprocess
import sys
from pathlib import Path

from serving.supervisor import worker_environment


def test_a_worker_that_is_killed_leaves_no_temporary_folder(tmp_path):
    temp = tmp_path / "temp"
    temp.mkdir()
    command = "import os, features.feast; from feast import FeatureStore; os.kill(os.getpid(), 9)"
    environment = {**worker_environment(tmp_path / "home"), "TMPDIR": str(temp)}
    killed = subprocess.run(
        [sys.executable, "-c", command], cwd=Path(__file__).parents[2], env=environment, check=False
    )
    assert killed.returncode == -9
    assert list(temp.iterdir()) == []
