"""Which start of a part is this home's: the part notes its identity, and readiness answers with it."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from core.settings import INSTANCE_VARIABLE


def begin_instance(home: Path, part: str) -> None:
    """Note the identity of this start of a part, chosen here where no supervisor chose it; children inherit it."""
    token = os.environ.setdefault(INSTANCE_VARIABLE, secrets.token_hex(8))
    for place in _places(home, part):
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.write_text(token)
        except OSError:  # a read-only home, as in a container
            continue
        return


def instance_of(home: Path, part: str) -> str | None:
    """The identity of the last start of a part of this home; `None` where none was noted."""
    for place in _places(home, part):
        try:
            return place.read_text()
        except OSError:
            continue
    return None


def _places(home: Path, part: str) -> tuple[Path, Path]:
    """The home, and a folder of this user for a home that cannot be written."""
    key = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    return home / "run" / f"{part}.instance", Path(tempfile.gettempdir()) / f"ginja-{os.getuid()}-{key}" / part
