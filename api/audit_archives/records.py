"""What an archive of the audit log says of itself, and what a run did."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, Field

from api.archives import AUDIT_LOG, ArchivedFile, ArchiveManifest

PREFIX: Final = AUDIT_LOG
LOG: Final = "audit_log"
SEALS: Final = "audit_seals"
_HASH: Final = "^[0-9a-f]{64}$"


class AuditManifest(ArchiveManifest):
    """What an archive of the audit log has: the rows of consecutive seals, and these seals."""

    revision: str = Field(description="Migration revision of the tables.")
    made_at: AwareDatetime
    before: AwareDatetime = Field(description="Every row is older.")
    first_seal: int = Field(ge=1)
    last_seal: int = Field(ge=1)
    previous: str = Field(pattern=_HASH, description="Hash of the seal before; zeros for the first.")
    head: str = Field(pattern=_HASH, description="Hash of the last seal.")
    last_audit_id: int
    first_at: AwareDatetime
    last_at: AwareDatetime
    rows: int = Field(ge=1)
    files: tuple[ArchivedFile, ...]

    def file_of(self, table: str) -> ArchivedFile | None:
        """The file of a table."""
        return next((one for one in self.files if one.table == table), None)


@dataclass(frozen=True, slots=True)
class AuditArchiveRequest:
    """What is archived, and where to."""

    before: date
    """Only rows and seals before this day (UTC)."""
    folder: Path
    by: str
    """Name of the operator."""


@dataclass(frozen=True, slots=True)
class AuditArchiveRun:
    """What a run archived, or would archive."""

    archives: tuple[str, ...]
    rows: int
    seals: int
    held_from: int | None
    """The first entry about a member under a legal hold: its seal and later ones are left. `None`: there is none."""
    unknown: tuple[str, ...]
    """Archives in the folder that this database does not have, such as of an interrupted run: no row of theirs was
    removed here."""
