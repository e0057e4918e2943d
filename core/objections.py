"""The list of members that object to the training of models, kept beside the database.

Data sets are read without those whose objection is in force. The database is the record; the list is replaced by it
with each export, so an objection that was withdrawn is in it no more.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from core.errors import CoreError

FILE: Final = "training-objections.ndjson"
"""In the home; a line for each objection: `member_id`, `first_day` and `last_day`, no identity."""


class ObjectionListError(CoreError):
    """The list of objections cannot be read; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class TrainingObjection:
    """One line of the list; it is in force from its first to its last day, without one for good."""

    member_id: str
    first_day: date
    last_day: date | None

    def is_in_force(self, day: date) -> bool:
        """Whether the member is left out of what is built on a day."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)


def read_objections(file: Path) -> list[TrainingObjection]:
    """The objections of a list; a file that does not exist has none. Raises `ObjectionListError`."""
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            last_day = entry["last_day"]
            found.append(
                TrainingObjection(
                    str(entry["member_id"]),
                    date.fromisoformat(entry["first_day"]),
                    None if last_day is None else date.fromisoformat(last_day),
                )
            )
        except (ValueError, KeyError, TypeError):
            raise ObjectionListError(
                f"{file}, line {number} must be an object with member_id, first_day and last_day; "
                "`ginja model retrain` writes the file from the database"
            ) from None
    return found


def objections_listed_at(home: Path) -> datetime | None:
    """When the list of a home was last replaced; None: it has none."""
    try:
        return datetime.fromtimestamp((home / FILE).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def replace_objections(home: Path, objections: Iterable[TrainingObjection]) -> None:
    """Replace the list of a home as a whole. On return it is on the disk. Raises `OSError`."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = home / f".{FILE}.partial"
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        for one in objections:
            last_day = None if one.last_day is None else one.last_day.isoformat()
            entry = {"member_id": one.member_id, "first_day": one.first_day.isoformat(), "last_day": last_day}
            opened.write(json.dumps(entry) + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(home / FILE)
