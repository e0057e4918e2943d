"""Writes that are on disk, and whole, when they return."""

import os
from pathlib import Path


def write_at(descriptor: int, content: bytes, offset: int) -> None:
    """Write all of `content` at `offset`, with one call where the system takes it whole. Raises `OSError`."""
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder: a new or renamed file is found after a loss of power. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
