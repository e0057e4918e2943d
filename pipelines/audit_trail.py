"""The audit trail of promotions: `models/promotions.jsonl`, one entry a line, each with the SHA-256 of the line before.

A changed or removed line breaks the chain, and the next reader reports it.
"""

import fcntl
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Literal

from core import clock
from models.artefact import models_folder

Action = Literal["promote", "force", "rollback", "threshold", "challenge", "dismiss"]
_START = "0" * 64


class AuditTrailError(Exception):
    """The audit trail cannot be read, or was changed."""


def audit_trail_path(home: Path) -> Path:
    """Where the audit trail is kept."""
    return models_folder(home) / "promotions.jsonl"


def record(home: Path, action: Action, *, version: str, by: str, reason: str, **details: object) -> dict[str, Any]:
    """Append an entry; it is on disk when this returns."""
    path = audit_trail_path(home)
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
    """Every entry, oldest first. Raises `AuditTrailError` where the chain is broken."""
    path = audit_trail_path(home)
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    entries, before = [], _START
    for number, line in enumerate(lines, start=1):
        try:
            entry: dict[str, Any] = json.loads(line)
        except ValueError:
            raise AuditTrailError(f"{path}, line {number}: invalid entry") from None
        if entry.get("before") != before:
            raise AuditTrailError(f"{path} was changed before line {number}: the hash of the line above does not match")
        entries.append(entry)
        before = hashlib.sha256(line).hexdigest()
    return entries
