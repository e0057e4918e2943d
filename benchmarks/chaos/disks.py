"""Full disks: PostgreSQL's tables, or its write-ahead log, on a file system of its own that has no block left.

The file system is a tmpfs: mounting one needs root, and its size can be set to what is used while it is mounted. The
server itself reports the failure: 53100 for a table that cannot be extended; a full log ends the server.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psycopg

from benchmarks.chaos.databases import held_down
from benchmarks.chaos.scenario import FaultEffect, FaultScenario, ServicesTarget
from core import postgres

_SIZE_MB: Final = 4_096
"""Size of the file system while it is not full; only what is used takes memory."""
_FILL_TRIES: Final = 20
_SEGMENTS: Final = 400
"""Segments of the log that are written to use up those that exist already."""


def disk_faults() -> list[FaultScenario[ServicesTarget]]:
    """A full disk for each folder that grows."""
    return [_full("disk of the tables full", "base"), _full("disk of the write-ahead log full", "pg_wal")]


def _full(name: str, folder: str) -> FaultScenario[ServicesTarget]:
    return FaultScenario(
        name, partial(_filled, folder), FaultEffect.REFUSES, partial(_on_own_disk, folder), mounting_unavailable
    )


@cache
def mounting_unavailable() -> str | None:
    """Why no file system can be mounted here; `None`: it can."""
    if os.geteuid() != 0:
        return "mounting a file system needs root"
    with TemporaryDirectory(prefix="ginja-mount-") as place:
        made = _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", place, check=False)
        if made.returncode != 0:
            return f"mounting a tmpfs failed: {made.stderr.strip()}"
        subprocess.run(["umount", place], check=True)
    return None


def _mount(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["mount", *arguments], check=check, capture_output=True, text=True)


def _disk(target: ServicesTarget) -> Path:
    return target.home / "run" / "own-disk"


def _on_own_disk(folder: str, target: ServicesTarget) -> AbstractAsyncContextManager[None]:
    return _moved(target, target.home / "postgres" / "data" / folder)


@asynccontextmanager
async def _moved(target: ServicesTarget, folder: Path) -> AsyncIterator[None]:
    """The folder is on a file system of its own; the server is restarted before and after."""
    disk = _disk(target)
    try:
        await asyncio.to_thread(_move_to_disk, folder, disk, target.home)
        await target.until_steady()
        yield
    finally:
        await asyncio.to_thread(_move_back, folder, disk, target.home)
        await target.until_steady()


def _move_to_disk(folder: Path, disk: Path, home: Path) -> None:
    disk.mkdir(mode=0o700)
    with held_down(postgres, home, signal.SIGINT):
        _mount("-t", "tmpfs", "-o", f"size={_SIZE_MB}m", "tmpfs", str(disk))
        subprocess.run(["cp", "-a", f"{folder}/.", str(disk)], check=True)
        shutil.copystat(folder, disk)
        owner = folder.stat()
        os.chown(disk, owner.st_uid, owner.st_gid)
        _mount("--bind", str(disk), str(folder))


def _move_back(folder: Path, disk: Path, home: Path) -> None:
    with held_down(postgres, home, signal.SIGINT):
        if not folder.is_mount():
            return
        subprocess.run(["umount", str(folder)], check=True)
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        subprocess.run(["cp", "-a", f"{disk}/.", str(folder)], check=True)
        subprocess.run(["umount", str(disk)], check=True)
        disk.rmdir()


def _resize(disk: Path, size: str) -> None:
    _mount("-o", f"remount,size={size}", str(disk))


def _fill(disk: Path) -> None:
    """Set the size of the file system to what is used; refused, and tried again, if more is used meanwhile."""
    for _ in range(_FILL_TRIES):
        found = os.statvfs(disk)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        if _mount("-o", f"remount,size={used}", str(disk), check=False).returncode == 0:
            return
    raise RuntimeError(f"{disk} grew faster than its size could be set")


def _use_up_segments(home: Path) -> None:
    """Write until the log needs a segment that the disk has no room for, which ends the server."""
    with suppress(psycopg.OperationalError), psycopg.connect(postgres.superuser_url(home), autocommit=True) as session:
        for _ in range(_SEGMENTS):
            session.execute("SELECT pg_logical_emit_message(false, 'chaos', 'full')")
            session.execute("SELECT pg_switch_wal()")


def _filled(folder: str, target: ServicesTarget) -> AbstractAsyncContextManager[None]:
    return _inject(target, target.home / "postgres" / "data" / folder)


@asynccontextmanager
async def _inject(target: ServicesTarget, folder: Path) -> AsyncIterator[None]:
    disk = _disk(target)
    try:
        await asyncio.to_thread(_fill, disk)
        if folder.name == "pg_wal":
            await asyncio.to_thread(_use_up_segments, target.home)
        yield
    finally:
        await asyncio.to_thread(_resize, disk, f"{_SIZE_MB}m")
