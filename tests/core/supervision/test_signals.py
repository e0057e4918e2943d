"""Signals end the program, however it was started."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.embedded import wait_until

_PROGRAM = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
for name in sys.argv[2].split():
    signal.signal(getattr(signal, name), signal.SIG_IGN)
from core.supervision import StopSignals
folder = Path(sys.argv[1])
with StopSignals() as signals:
    try:
        (folder / "up").touch()
        time.sleep(600)
    finally:
        (folder / "ending").touch()
        if "wait" in sys.argv:
            signals.forced.wait()
            (folder / "forced").touch()
"""


def started(folder: Path, *, ignored: str = "", words: tuple[str, ...] = ()) -> subprocess.Popen:
    """The program, in the block."""
    command = [sys.executable, "-c", _PROGRAM, str(folder), ignored, *words]
    program = subprocess.Popen(command, cwd=Path(__file__).parents[3], stderr=subprocess.DEVNULL)
    wait_until((folder / "up").exists, what="it runs")
    return program


@pytest.mark.parametrize(
    ("number", "ignored", "code"),
    [
        (signal.SIGINT, "", -signal.SIGINT),
        (signal.SIGINT, "SIGINT SIGHUP", -signal.SIGINT),
        (signal.SIGTERM, "", 143),
        (signal.SIGHUP, "", 129),
    ],
    ids=["Ctrl-C", "SIGINT of a program in the background under nohup", "kill", "the terminal is closed"],
)
def test_a_signal_unwinds_the_program(tmp_path, number, ignored, code):
    program = started(tmp_path, ignored=ignored)
    program.send_signal(number)
    assert program.wait(60) == code
    assert (tmp_path / "ending").exists()


def test_a_program_under_nohup_survives_its_terminal(tmp_path):
    program = started(tmp_path, ignored="SIGHUP")
    program.send_signal(signal.SIGHUP)
    program.send_signal(signal.SIGTERM)
    assert program.wait(60) == 143


def test_a_second_signal_does_not_interrupt_the_clean_up_but_ends_it_at_once(tmp_path):
    program = started(tmp_path, words=("wait",))
    program.send_signal(signal.SIGTERM)
    wait_until((tmp_path / "ending").exists, what="it cleans up")
    program.send_signal(signal.SIGINT)
    assert program.wait(60) == 143
    assert (tmp_path / "forced").exists()


_CLEAN_UP = """
import signal, sys
from pathlib import Path
from core.supervision import StopSignals, delayed_signals
with StopSignals():
    with delayed_signals():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        Path(sys.argv[1]).touch()
    sys.exit("the signal was lost")
"""


def test_a_signal_during_a_clean_up_ends_the_program_after_it(tmp_path):
    command = [sys.executable, "-c", _CLEAN_UP, str(tmp_path / "cleaned")]
    assert subprocess.run(command, cwd=Path(__file__).parents[3], check=False).returncode == 143
    assert (tmp_path / "cleaned").exists()
