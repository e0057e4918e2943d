"""No library of the platform reaches beyond this machine by itself: no telemetry, no look-up of versions.

Each action runs in processes that record the names they look up and the addresses they connect to
(`network_guard/sitecustomize.py`), and, where the system allows it, in a network of its own that has loopback alone:
its kernel counts every packet without a route, so libraries that do not use the sockets of Python are seen too.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUARD = Path(__file__).parent / "network_guard"

_PREPARE = "from core import environment; environment.prepare()\n"
_IN_OWN_NETWORK = """
import fcntl, socket, struct, subprocess, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", 0x49))  # SIOCSIFFLAGS: loopback up
done = subprocess.run(sys.argv[1:], check=False)
names, values = [line.split() for line in open("/proc/net/snmp") if line.startswith("Ip:")]
six = dict(line.split() for line in open("/proc/net/snmp6"))
print("without a route:", int(dict(zip(names, values))["OutNoRoutes"]) + int(six["Ip6OutNoRoutes"]))
sys.exit(done.returncode)
"""

MLFLOW = """
from pathlib import Path
import sys
from models.registry import MlflowStore, RunRecord, log_run
store = MlflowStore.of(Path(sys.argv[1]))
print(log_run(store, RunRecord(name="run", command="test", metrics={"loss": 0.5}, texts={"card.md": "text"})))
"""
GREAT_EXPECTATIONS = """
import great_expectations as gx, pandas as pd
context = gx.get_context(mode="ephemeral")
batches = context.data_sources.add_pandas("frames").add_dataframe_asset("claims")
batch = batches.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": pd.DataFrame({"amount": [1]})})
print(batch.validate(gx.expectations.ExpectColumnValuesToBeBetween(column="amount", min_value=0)).success)
"""
BENTOML = """
import os, sys
os.environ["GINJA_HOME"] = sys.argv[1]
from serving.service import ScoringService
print(ScoringService.to_asgi(is_main=True))
"""
FEAST = """
import os, sys
os.environ["GINJA_HOME"] = sys.argv[1]
from cli.main import main
main(["features", "apply"], standalone_mode=False)
"""
CELERY = """
import sys
from pathlib import Path
from api.tasks.broker import TaskBroker, celery_app
from core import valkey
home = Path(sys.argv[1])
try:
    print(TaskBroker(celery_app(valkey.url(home))).waiting())
finally:
    valkey.stop(home)
"""
MODELS = """
import numpy as np, optuna, shap, xgboost
rows = np.arange(40, dtype=np.float32).reshape(20, 2)
trees = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(rows, label=np.arange(20) % 2), 2)
study = optuna.create_study()
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
print(study.best_value)
"""
ACTIONS = {
    "MLflow": MLFLOW,
    "Great Expectations": GREAT_EXPECTATIONS,
    "BentoML": BENTOML,
    "Feast": FEAST,
    "Celery": CELERY,
    "models": MODELS,
}


def own_network() -> list[str]:
    """What a command is put behind to run in a network of its own; empty where the system does not allow that."""
    command = ["unshare", "--map-root-user", "--net", "--"]
    if shutil.which("unshare") is None:
        return []
    allowed = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    return [*command, sys.executable, "-c", _IN_OWN_NETWORK] if allowed else []


OWN_NETWORK = own_network()


def run(script: str, folder: Path) -> tuple[subprocess.CompletedProcess[str], str]:
    """A process that ran a script, and what the guard recorded."""
    log = folder / "connections"
    log.touch()
    environment = {**os.environ, "PYTHONPATH": f"{GUARD}:{ROOT}", "NETWORK_GUARD_LOG": str(log)}
    environment.pop("CI", None)  # with it libraries leave their telemetry out by themselves
    command = [*OWN_NETWORK, sys.executable, "-c", script, str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    return done, log.read_text()


@pytest.mark.parametrize("library", ACTIONS)
def test_a_library_connects_to_nothing_beyond_this_machine(library: str, tmp_path: Path) -> None:
    done, recorded = run(_PREPARE + ACTIONS[library], tmp_path)
    assert done.returncode == 0, done.stderr
    assert recorded == ""
    if OWN_NETWORK:
        assert done.stdout.splitlines()[-1] == "without a route: 0"


@pytest.mark.parametrize(
    "attempt",
    [
        'socket.create_connection(("192.0.2.1", 443), 1)',
        'socket.create_connection(("telemetry.example", 443), 1)',
        'socket.socket(socket.AF_INET6).connect(("2001:db8::1", 443))',
        'socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53))',
        'urllib.request.urlopen("http://telemetry.example/")',
    ],
)
def test_an_attempt_in_a_child_process_is_recorded(attempt: str, tmp_path: Path) -> None:
    lines = f"import socket, urllib.request\ntry:\n    {attempt}\nexcept OSError:\n    pass"
    _, recorded = run(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {lines!r}])", tmp_path)
    assert "192.0.2.1" in recorded or "telemetry.example" in recorded or "2001:db8::1" in recorded


@pytest.mark.skipif(not OWN_NETWORK, reason="the system does not allow a network of one's own")
def test_an_attempt_that_python_does_not_see_is_counted(tmp_path: Path) -> None:
    native = """
import ctypes
libc = ctypes.CDLL(None)
one = libc.socket(2, 2, 0)
address = (2).to_bytes(2, "little") + (443).to_bytes(2, "big") + bytes([192, 0, 2, 1]) + bytes(8)
assert libc.connect(one, address, 16) == -1
"""
    done, recorded = run(native, tmp_path)
    assert (done.returncode, recorded) == (0, "")
    assert done.stdout.splitlines()[-1] == "without a route: 1"


def test_telemetry_is_off_before_a_library_is_imported() -> None:
    shown = 'import os; print([os.environ[name] for name in ("DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY")])'
    unset = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name and "TRACK" not in name}
    done = subprocess.run(
        [sys.executable, "-c", _PREPARE + shown], cwd=ROOT, env=unset, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['true', 'true']"
