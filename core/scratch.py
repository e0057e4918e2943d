"""Temporary folders that outlive no process: what a killed one left behind is removed by the next of the same kind.

A folder is locked for as long as its process lives (`flock`, which the kernel releases on any death), so whether one is
abandoned does not depend on clocks or process ids.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(prefix: str, *, under: Path | None = None) -> Iterator[Path]:
    """A folder for the block, readable by its owner alone; `under` is the system's temporary folder by default.

    Folders of this user whose names begin with `prefix`, and whose process is gone, are removed first. Within the block
    the folder may be renamed: then it stays.
    """
    parent = Path(tempfile.gettempdir()) if under is None else under
    for path in parent.glob(f"{prefix}*"):
        _remove_abandoned(path)
    folder, descriptor = _locked_folder(prefix, parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _locked_folder(prefix: str, parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # another process took it for abandoned before it was opened
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.exists() and os.path.samestat(os.fstat(descriptor), folder.stat()):
            return folder, descriptor
        os.close(descriptor)  # the same, before it was locked


def _remove_abandoned(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # removed meanwhile, another user's, or no folder
        return
    try:
        if os.fstat(descriptor).st_uid == os.getuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
    except BlockingIOError:
        return  # in use
    finally:
        os.close(descriptor)
