"""Which model decided when, by the audit trail of promotions, and what of the trail was written before an instant."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pipelines import audit_trail
from pipelines.audit_trail import AuditEntry, audit_trail_path

CHAMPION_ACTIONS: Final = ("promote", "force", "change_use", "rollback")
"""Actions that make a version the champion. A threshold makes a version, which is promoted by itself."""


@dataclass(frozen=True, slots=True)
class ServingPeriod:
    """A version from when it became the champion."""

    version: str
    since: datetime
    until: datetime | None
    """None: it was the champion at the instant."""
    action: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModelHistory:
    """The entries of the trail before an instant, whose chain of hashes was verified."""

    entries: Sequence[AuditEntry]
    later: int
    """Entries from the instant on, which are left out."""
    content: bytes
    """Their lines, as they are in the file: the chain can be verified from them."""

    @property
    def periods(self) -> list[ServingPeriod]:
        """The champions, oldest first."""
        made = [one for one in self.entries if one.action in CHAMPION_ACTIONS]
        times = [at_of(one) for one in made]
        ends = [*times[1:], None] if times else []
        return [
            ServingPeriod(one.version, since, until, one.action, one.by, one.reason)
            for one, since, until in zip(made, times, ends, strict=True)
        ]

    @property
    def champion(self) -> str | None:
        """The version that was the champion at the instant; `None`: there was none."""
        periods = self.periods
        return periods[-1].version if periods else None

    @property
    def challenger(self) -> str | None:
        """The version in trial at the instant."""
        found: str | None = None
        for one in self.entries:
            if one.action == "challenge":
                found = one.version
            elif one.action == "dismiss":
                found = None
        return found

    @property
    def versions(self) -> list[str]:
        """Every version that the entries name, in their order."""
        return list(dict.fromkeys(one.version for one in self.entries))

    def of(self, *actions: str) -> list[AuditEntry]:
        """The entries of some actions."""
        return [one for one in self.entries if one.action in actions]


def model_history(home: Path, until: datetime) -> ModelHistory:
    """The trail as it was before `until`. Raises `AuditTrailError` where its chain is broken."""
    entries = audit_trail.read(home)
    kept = [one for one in entries if at_of(one) < until]
    try:
        lines = audit_trail_path(home).read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        lines = []
    content = b"".join(line for line in lines if datetime.fromisoformat(json.loads(line)["at"]) < until)
    return ModelHistory(kept, len(entries) - len(kept), content)


def at_of(entry: AuditEntry) -> datetime:
    """When an entry was written."""
    return datetime.fromisoformat(entry.at)
