"""The salt of an installation's audits: whoever knew it could tell which claims will not be looked into."""

import os
from pathlib import Path

from core.ids import new_id


def salt_of(home: Path) -> str:
    """The salt, made when first asked for, readable by its owner only (`home/loop/salt`)."""
    path = home / "loop" / "salt"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".salt.{os.getpid()}")
    if not path.exists():
        beside.touch(0o600)
        beside.write_text(new_id("salt"))
        try:
            path.hardlink_to(beside)
        except FileExistsError:
            pass  # another process was first; its salt is everyone's
        beside.unlink()
    return path.read_text()
