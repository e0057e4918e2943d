"""Files of secrets: who may read them, how large they are, and that one of several processes makes them."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from core.errors import UnsafeFileError
from core.field_encryption import KEY_FILE, FileKeyProvider
from core.private_files import MAX_BYTES, make_private, prepend_line, read_private
from core.settings import Settings


@pytest.mark.parametrize(
    ("mode", "accepted"),
    [(0o600, True), (0o400, True), (0o440, True), (0o640, True), (0o604, False), (0o660, False), (0o602, False)],
)
def test_a_secret_is_read_only_where_others_cannot_read_or_change_it(tmp_path: Path, mode: int, accepted: bool) -> None:
    path = tmp_path / "secret"
    path.write_text(" s3cret\n")
    path.chmod(mode)
    if accepted:
        assert read_private(path) == "s3cret"
        return
    with pytest.raises(UnsafeFileError, match=f"mode {mode:04o}.*chmod 600 {path}") as refused:
        read_private(path)
    assert "s3cret" not in str(refused.value)


def test_the_limit_of_a_secret_counts_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(0o600)
    path.write_text("a" * MAX_BYTES)
    assert len(read_private(path)) == MAX_BYTES
    path.write_text("a" * (MAX_BYTES + 1))
    with pytest.raises(UnsafeFileError, match="exceeds 65,536 bytes"):
        read_private(path)


def test_a_secret_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(0o600)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UnsafeFileError, match="UTF-8"):
        read_private(path)


def test_of_many_that_make_a_secret_one_does(tmp_path: Path) -> None:
    path, together = tmp_path / "new" / "secret", Barrier(8)

    def make(number: int) -> str:
        together.wait()
        make_private(path, lambda: f"made {number}")
        return read_private(path)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(make, range(8)))) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["secret"]


def test_an_encryption_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    stored = FileKeyProvider(Settings(home=tmp_path)).wrap(b"d" * 32, "c").wrapped
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(UnsafeFileError, match="chmod 600"):
        FileKeyProvider(Settings(home=tmp_path)).unwrap(stored, "c")
    (tmp_path / KEY_FILE).chmod(0o600)
    assert FileKeyProvider(Settings(home=tmp_path)).unwrap(stored, "c") == b"d" * 32


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_line_is_added_to_the_file_that_a_link_leads_to_which_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    target, link = tmp_path / "mounted" / "secret", tmp_path / "secret"
    target.parent.mkdir()
    target.write_text("old\n")
    target.chmod(mode)
    link.symlink_to(target)
    prepend_line(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new\nold\n"
    assert stat.S_IMODE(target.stat().st_mode) == mode
    assert [one.name for one in target.parent.iterdir()] == ["secret"]


_AS_ANOTHER = """
import os, sys
from pathlib import Path
from core.errors import UnsafeFileError
from core.private_files import prepend_line

os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[3]))
try:
    prepend_line(Path(sys.argv[1]), "new")
except UnsafeFileError as error:
    print(error)
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other users, which root may")


@needs_root
def test_a_secret_keeps_its_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old\n")
    path.chmod(0o640)
    os.chown(path, 4_711, 4_712)
    prepend_line(path, "new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (4_711, 4_712, 0o640)
    assert path.read_text() == "new\nold\n"


@needs_root
def test_a_secret_of_another_owner_is_not_changed_by_who_may_not_give_it_back(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp())  # that of a test is closed to other users
    path = folder / "secret"
    try:
        path.write_text("old\n")
        path.chmod(0o640)
        os.chown(path, 4_711, 4_712)
        os.chown(folder, 4_713, 4_712)
        done = subprocess.run(
            [sys.executable, "-c", _AS_ANOTHER, str(path), "4712", "4713"], capture_output=True, text=True, check=False
        )
        assert "belongs to user 4711 and group 4712" in done.stdout, done.stderr
        assert "Run the command as that user, or as root" in done.stdout
        assert path.read_text() == "old\n"
        assert [one.name for one in folder.iterdir()] == ["secret"]
    finally:
        shutil.rmtree(folder)
