"""The list of erased members, kept beside the database.

A backup that is restored is of before some erasures: they are repeated from this list. Data sets that were made before
an erasure are read without its members by it.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from core.errors import CoreError

FILE: Final = "erasures.ndjson"
"""In the home; a line for each erasure: `member_id` and `erased_at`, no identity."""


class ErasureListError(CoreError):
    """The list of erasures cannot be read; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class ErasedMember:
    """One line of the list."""

    member_id: str
    erased_at: datetime


def read_erasures(file: Path) -> list[ErasedMember]:
    """The members of a list, each once, in the order of their first erasure; a file that does not exist has none.

    Raises `ErasureListError`.
    """
    found: dict[str, ErasedMember] = {}
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            one = ErasedMember(str(entry["member_id"]), datetime.fromisoformat(entry["erased_at"]))
        except (ValueError, KeyError, TypeError):
            raise ErasureListError(
                f"{file}, line {number} must be an object with member_id and erased_at; restore the file from a copy"
            ) from None
        found.setdefault(one.member_id, one)
    return list(found.values())


def add_erasure(home: Path, erased: ErasedMember) -> None:
    """Add a member to the list of a home, unless it is in it. On return it is on the disk. Raises `OSError`."""
    file = home / FILE
    if any(one.member_id == erased.member_id for one in read_erasures(file)):
        return
    line = json.dumps({"member_id": erased.member_id, "erased_at": erased.erased_at.isoformat()})
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a") as opened:
        opened.write(line + "\n")
        opened.flush()
        os.fsync(opened.fileno())
