"""Files that hold a secret: read only while no other user can read or change them, made by one of several processes."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from core.errors import UnsafeFileError

MAX_BYTES: Final = 65_536
"""Largest file of a secret."""
_OTHERS: Final = stat.S_IRWXO | stat.S_IWGRP
"""Permissions that such a file must not give. The group may read it: Kubernetes mounts secrets for the group."""


def read_private(path: Path) -> str:
    """The text of a secret's file, without the line ends around it.

    Raises `UnsafeFileError` where another user can read it or its group can change it, where it is larger than
    `MAX_BYTES`, or where it is not text, and `OSError`, such as `FileNotFoundError`.
    """
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & _OTHERS:
            raise UnsafeFileError(
                f"{path} has mode {mode:04o}: other users can read or change this secret. Run `chmod 600 {path}`; in "
                "a container, mount the secret with mode 0400"
            )
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise UnsafeFileError(f"{path} exceeds {MAX_BYTES:,} bytes, the most that a secret's file may have")
    try:
        return raw.decode().strip()
    except UnicodeDecodeError:
        raise UnsafeFileError(f"{path} must be UTF-8 text") from None


def make_private(path: Path, content: Callable[[], str]) -> None:
    """Make a file with mode 0600 unless it exists; of several processes, one does. Raises `OSError`."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    made = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(content())
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(made)
    except FileExistsError:
        pass  # another process was first
    finally:
        made.unlink()


def prepend_line(path: Path, line: str) -> None:
    """Put a line before those of a file of a secret, in one step; of several processes, one after another does.

    Readers see the file as it was, or with the line. The file keeps its owner, group and mode; of a link, the file that
    it leads to is changed. Raises as `read_private` does, and `UnsafeFileError` where this user may not give a file to
    its owner and group: nothing is changed then.
    """
    path = path.resolve()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        text = f"{line}\n{read_private(path)}\n"
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                _make_alike(file.fileno(), path)
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        os.fsync(folder)
    finally:
        os.close(folder)


def _make_alike(descriptor: int, path: Path) -> None:
    """Give a new file the owner, group and mode of an earlier one: who could read the secret still can, and no other.

    Raises `UnsafeFileError`.
    """
    earlier, made = path.stat(), os.fstat(descriptor)
    if (earlier.st_uid, earlier.st_gid) != (made.st_uid, made.st_gid):
        try:
            os.fchown(descriptor, earlier.st_uid, earlier.st_gid)
        except PermissionError:
            raise UnsafeFileError(
                f"{path} belongs to user {earlier.st_uid} and group {earlier.st_gid}, and this user may make no file "
                "of theirs: the secret was not changed. Run the command as that user, or as root"
            ) from None
    os.fchmod(descriptor, stat.S_IMODE(earlier.st_mode))
