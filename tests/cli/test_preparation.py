"""`ginja up` prepares in a child process: what that imports, and how it ends, is not the supervisor's."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.demo.preparation import PreparationError, run_in_child
from cli.errors import failure_of
from core.embedded import command_line, wait_until
from core.errors import ServerError, SettingsError

# Python 3.12 and later warn of a fork beside threads, which the test runner has and `ginja up` has not yet.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

INTERRUPTED = """
import os, signal
from cli.demo.preparation import run_in_child
from core.supervision import StopSignals

def work():
    try:
        print(os.getpid(), flush=True)
        signal.pause()
    finally:
        print("cleaned up", flush=True)

with StopSignals():
    run_in_child(work)
"""
SUPERVISOR = """
import sys
from pathlib import Path
import cli.demo.stay, cli.main, api.identity, api.migrate
from cli.demo.platform import Platform, process_part, reserved_ports
from cli.demo.progress import StepLog
from cli.progress import console
from core.settings import Settings
from core.supervision import Processes

with reserved_ports(Settings(home=Path(sys.argv[1])), StepLog(console())) as (settings, ports):
    platform = Platform(settings, StepLog(console()), Processes(settings.home / "run", {}), ports, "up")
    for name in ("api", "scorer", "worker", "mlflow"):
        process_part(platform, name)
print([name for name in ("xgboost", "numba", "pandas", "scipy", "mlflow", "duckdb", "feast") if name in sys.modules])
"""


def test_its_work_is_done_and_what_it_imports_stays_in_the_child(tmp_path: Path) -> None:
    def work() -> None:
        import module_of_a_child  # type: ignore[import-not-found]

        (tmp_path / "done").write_text(module_of_a_child.NAME)

    (tmp_path / "module_of_a_child.py").write_text("NAME = 'imported'")
    sys.path.insert(0, str(tmp_path))
    run_in_child(work)
    sys.path.remove(str(tmp_path))
    assert (tmp_path / "done").read_text() == "imported"
    assert "module_of_a_child" not in sys.modules


def test_the_supervisor_of_a_platform_imports_no_training(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SUPERVISOR, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("error", "message", "exit_code"),
    [
        (ServerError("Valkey did not start"), "Valkey did not start", 1),
        (SettingsError("GINJA_HOME: missing"), "GINJA_HOME: missing", 2),
        (ZeroDivisionError("a defect"), "ZeroDivisionError: a defect", 1),
    ],
    ids=["failure", "its own exit code", "defect"],
)
def test_what_it_raises_ends_the_command_with_the_same_message_and_exit_code(
    error: Exception, message: str, exit_code: int
) -> None:
    def work() -> None:
        raise error

    with pytest.raises(PreparationError) as raised:
        run_in_child(work)
    failure = failure_of(raised.value)
    assert failure is not None
    assert failure.exit_code == exit_code
    assert failure.message.endswith(message)
    assert ("Traceback" in failure.message) == isinstance(error, ZeroDivisionError)


def test_a_child_that_is_killed_is_a_failure() -> None:
    with pytest.raises(PreparationError, match="ended by SIGKILL"):
        run_in_child(lambda: os.kill(os.getpid(), signal.SIGKILL))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_it_ends_with_its_parent(number: signal.Signals) -> None:
    program = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    child = int(program.stdout.readline())
    program.send_signal(number)
    assert program.stdout.read() == "cleaned up\n"
    assert program.wait() == (128 + number if number == signal.SIGTERM else -number)
    wait_until(lambda: command_line(child) is None, what="the child ends")
