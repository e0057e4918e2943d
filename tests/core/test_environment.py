"""The environment variables that the libraries read."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_a_command_prepares_the_environment_before_any_library_is_there():
    code = """
import os, sys
sys.argv = ["ginja", "servers", "show"]
from cli.main import main
try:
    main()
except SystemExit:
    pass
print([os.environ.get(name) for name in ("BENTOML_DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY", "OMP_WAIT_POLICY")])
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BENTOML", "MLFLOW", "OMP"))}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, env=clean, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "['True', 'true', 'PASSIVE']"


def test_variables_set_by_the_user_are_kept(monkeypatch):
    from core import environment

    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    environment.prepare()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
