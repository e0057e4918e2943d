"""A temporary folder is removed at the end of its block, or by the next process after a kill."""

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core.scratch import scratch_folder

_HOLD = """
import sys
from pathlib import Path
from core.scratch import scratch_folder
with scratch_folder("work-", under=Path(sys.argv[1])) as folder:
    (folder / "claims.parquet").write_text("personal data")
    print(folder, flush=True)
    sys.stdin.read()
"""


def _process(under: Path) -> "tuple[subprocess.Popen[str], Path]":
    """A process that keeps a folder until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(under)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_folder_is_private_and_gone_after_the_block(tmp_path: Path) -> None:
    with scratch_folder("work-", under=tmp_path) as folder:
        (folder / "a").write_text("x")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_renamed_stays(tmp_path: Path) -> None:
    with scratch_folder("work-", under=tmp_path) as folder:
        (folder / "a").write_text("x")
        folder.rename(tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_stays(tmp_path: Path) -> None:
    alive, used = _process(tmp_path)
    killed, abandoned = _process(tmp_path)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    other = tmp_path / "another"
    other.mkdir()
    assert abandoned.exists()
    with scratch_folder("work-", under=tmp_path) as folder:
        assert {path.name for path in tmp_path.iterdir()} == {used.name, folder.name, "another"}
        assert (used / "claims.parquet").exists()
    alive.communicate()
    assert alive.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["another"]


def test_a_folder_that_another_process_removes_before_it_is_locked_is_made_again(tmp_path: Path) -> None:
    ended = threading.Event()

    def clean() -> None:
        while not ended.is_set():
            with scratch_folder("work-", under=tmp_path):
                pass

    with ThreadPoolExecutor(3) as others:
        cleaning = [others.submit(clean) for _ in range(3)]
        try:
            for _ in range(1_000):
                with scratch_folder("work-", under=tmp_path) as folder:
                    (folder / "a").write_text("x")
                    assert [path.name for path in folder.iterdir()] == ["a"]
        finally:
            ended.set()
        for one in cleaning:
            one.result()
