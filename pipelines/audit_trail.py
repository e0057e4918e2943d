"""The audit trail of promotions: `models/promotions.jsonl`, one entry a line, each with the SHA-256 of the line before.

A changed or removed line breaks the chain, and the next reader reports it.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, cast

from core import clock
from models.artefact import models_folder

Action = Literal[
    "promote", "force", "change_use", "rollback", "threshold", "trust", "challenge", "dismiss", "compare", "sign"
]
_START = "0" * 64


class GateRecord(TypedDict):
    """The result of one gate, as the trail holds it."""

    outcome: str
    passed: bool
    detail: str


class ActionDetails(TypedDict, total=False):
    """What an action adds to its entry."""

    previous: str | None
    """The version before a promotion, a rollback or a new threshold; null: there was none."""
    use: str
    """The name of the use that a home serves from a change of it on."""
    champion: str
    """The version that is challenged, or compared with."""
    claims_from_us: int
    """Receipt of the first claim of a comparison, in microseconds since 1970."""
    claims_until_us: int
    ap_over_champion: float
    """Average precision less the champion's."""
    canary_share: float
    """Share of the claims that the challenger decides."""
    threshold: float
    trusted: list[str]
    """Features, fields and checks whose signs of a leak are trusted."""
    manifest_sha256: str
    """Of the manifest that is signed."""
    gates: Mapping[str, GateRecord]
    """By gate."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of the trail."""

    at: str
    """ISO 8601, UTC."""
    action: Action
    version: str
    by: str
    reason: str
    details: ActionDetails


class AuditTrailError(Exception):
    """The audit trail cannot be read, or was changed."""


def audit_trail_path(home: Path) -> Path:
    """Where the audit trail is kept."""
    return models_folder(home) / "promotions.jsonl"


def record(home: Path, action: Action, *, version: str, by: str, reason: str, **details: Unpack[ActionDetails]) -> None:
    """Append an entry; it is on disk when this returns. Raises `OSError`; the trail is as it was then."""
    path = audit_trail_path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        written = file.read()
        lines = written.splitlines()
        entry = {
            "at": clock.now().isoformat(),
            "action": action,
            "version": version,
            "by": by,
            "reason": reason,
            **details,
            "before": hashlib.sha256(lines[-1]).hexdigest() if lines else _START,
        }
        try:
            _append(file, json.dumps(entry, sort_keys=True).encode() + b"\n")
        except OSError:
            file.truncate(len(written))  # a part of an entry would make the trail unreadable
            raise


def _append(file: FileIO, line: bytes) -> None:
    """Write the whole line, and wait for the disk."""
    while line:
        line = line[file.write(line) :]
    os.fsync(file.fileno())


def read(home: Path) -> list[AuditEntry]:
    """Every entry, oldest first. Raises `AuditTrailError` where the chain is broken or an entry is incomplete."""
    path = audit_trail_path(home)
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    entries, before = [], _START
    for number, line in enumerate(lines, start=1):
        try:
            entry: object = json.loads(line)
        except ValueError:
            raise AuditTrailError(f"{path}, line {number}: invalid entry") from None
        if not isinstance(entry, dict) or entry.get("before") != before:
            raise AuditTrailError(f"{path} was changed before line {number}: the hash of the line above does not match")
        entries.append(_read(path, number, entry))
        before = hashlib.sha256(line).hexdigest()
    return entries


def _read(path: Path, number: int, entry: Mapping[str, Any]) -> AuditEntry:
    common = ("at", "action", "version", "by", "reason")
    missing = [name for name in common if name not in entry]
    if missing:
        raise AuditTrailError(f"{path}, line {number}: the entry has no {missing[0]!r}")
    details = {name: value for name, value in entry.items() if name not in (*common, "before")}
    return AuditEntry(**{name: entry[name] for name in common}, details=cast("ActionDetails", details))
