"""The audit trail of promotions: `models/promotions.jsonl`, a line each, each holding the SHA-256 of the line before.

A line that is changed or taken out breaks the chain, and the next reader says so.
"""

import fcntl
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Literal

from core import clock
from models.artefact import models_folder
from pipelines.promote.errors import AuditError

Action = Literal["promote", "force", "rollback", "threshold", "challenge", "dismiss"]
_START = "0" * 64


def trail(home: Path) -> Path:
    """The file."""
    return models_folder(home) / "promotions.jsonl"


def record(home: Path, action: Action, *, version: str, by: str, reason: str, **details: Any) -> dict[str, Any]:
    """Append an entry, on disk before this returns."""
    path = trail(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        lines = file.read().splitlines()
        entry = {
            "at": clock.now().isoformat(),
            "action": action,
            "version": version,
            "by": by,
            "reason": reason,
            **details,
            "before": hashlib.sha256(lines[-1]).hexdigest() if lines else _START,
        }
        file.write(json.dumps(entry, sort_keys=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return entry


def read(home: Path) -> list[dict[str, Any]]:
    """Every entry, oldest first. Raises `AuditError` where the chain is broken."""
    try:
        lines = trail(home).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    entries, before = [], _START
    for number, line in enumerate(lines, start=1):
        try:
            entry: dict[str, Any] = json.loads(line)
        except ValueError:
            raise AuditError(f"{trail(home)}, line {number}, is not an entry") from None
        if entry.get("before") != before:
            raise AuditError(f"{trail(home)} was changed before line {number}: it does not follow the line above")
        entries.append(entry)
        before = hashlib.sha256(line).hexdigest()
    return entries
