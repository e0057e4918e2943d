"""Where a run keeps the homes of its servers."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")  # a file system, not a predictable file
"""The file system in memory that Linux mounts; containers often limit it to 64 MiB."""
LEAST_BYTES: Final = 6 << 30
"""A run has up to 4 GiB in its homes at a time, of the write-ahead log and of what the demo and the documents make."""


def homes() -> Path:
    """In memory where there is room, else among the temporary files.

    Each test has a database of its own, of a thousand files: making one in memory takes 45 ms, and on a busy disk a
    second.
    """
    if MEMORY.is_mount() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= LEAST_BYTES:
        return MEMORY
    return Path(tempfile.gettempdir())
