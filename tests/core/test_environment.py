"""The environment variables that the libraries read."""

import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can read as another user")
def test_another_user_reads_nothing_of_a_home():
    """Whatever writes it: our own code, PyArrow, DuckDB, both servers."""
    with tempfile.TemporaryDirectory(prefix="ginja-home-") as folder:
        home = Path(folder) / "home"
        environment = {**os.environ, "GINJA_HOME": str(home)}
        ginja = [sys.executable, "-c", "from cli.main import main; main()"]
        Path(folder).chmod(0o755)
        try:
            for command in (["data", "simulate", "--claims", "2000"], ["servers", "start"], ["run", "migrate"]):
                subprocess.run(
                    [*ginja, *command], cwd=_ROOT, env=environment, umask=0o022, check=True, capture_output=True
                )
            made = sorted(path.name for path in home.iterdir())
            assert {"data", "postgres", "valkey"} <= set(made)
            nobody = pwd.getpwnam("daemon")
            listed = subprocess.run(
                ["find", home, *(home / name for name in made), "-readable"],
                user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert listed.stdout == ""
            assert "Permission denied" in listed.stderr
        finally:
            subprocess.run([*ginja, "servers", "stop"], cwd=_ROOT, env=environment, check=True, capture_output=True)


def test_variables_set_by_the_user_are_kept(monkeypatch):
    from core import environment

    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    environment.prepare()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
