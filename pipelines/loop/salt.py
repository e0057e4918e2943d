"""The salt of an installation's random audits: knowing it reveals which claims will not be reviewed."""

import os
from pathlib import Path

from core.ids import new_id


def salt_of(home: Path) -> str:
    """Read the salt (`home/loop/salt`, readable by its owner only), creating it at first use."""
    path = home / "loop" / "salt"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".salt.{os.getpid()}")
    if not path.exists():
        partial.touch(0o600)
        partial.write_text(new_id("salt"))
        try:
            path.hardlink_to(partial)
        except FileExistsError:
            pass  # another process was first; its salt is used
        partial.unlink()
    return path.read_text()
