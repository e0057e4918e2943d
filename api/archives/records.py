"""What an archive is, what a run did, and why a claim is left."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from core.errors import CoreError

MANIFEST: Final = "manifest.json"
"""In the folder of each archive."""
SIGNATURE: Final = "manifest.json.sig"
"""The signature of the manifest, beside it."""


class ArchiveError(CoreError):
    """Rows cannot be archived or restored; the message says why and what to do. Nothing was lost."""


class ArchiveRequestError(ArchiveError):
    """What was called for is not allowed; nothing was done."""

    exit_code = 2


class LeftReason(Enum):
    """Why a claim that is old enough is not archived."""

    LEGAL_HOLD = "legal_hold"
    IN_REVIEW = "in_review"
    OPEN_APPEAL = "open_appeal"
    OPEN_CASE = "open_case"
    OPEN_EVENT = "open_event"
    OPEN_FINDING = "open_finding"
    EDIT_SUSPENSION = "edit_suspension"
    AUTHORIZATION = "authorization"
    RECENT_ACTIVITY = "recent_activity"
    BENEFIT_YEAR = "benefit_year"
    RESTORED = "restored"
    RELATED_CLAIM = "related_claim"

    @property
    def meaning(self) -> str:
        """The reason as a sentence."""
        return _MEANINGS[self]


_MEANINGS: Final[Mapping[LeftReason, str]] = {
    LeftReason.LEGAL_HOLD: "the member is under a legal hold",
    LeftReason.IN_REVIEW: "the claim is in review",
    LeftReason.OPEN_APPEAL: "an appeal is not decided",
    LeftReason.OPEN_CASE: "a case about it is open",
    LeftReason.OPEN_EVENT: "an event of it is not handled, or failed and is not resolved",
    LeftReason.OPEN_FINDING: "it is being screened again, or a finding of that is open",
    LeftReason.EDIT_SUSPENSION: "a suspension of an edit rests on its appeal",
    LeftReason.AUTHORIZATION: "it counts towards an authorization that was in force until later",
    LeftReason.RECENT_ACTIVITY: "it was assessed, decided, appealed, labelled or voided later",
    LeftReason.BENEFIT_YEAR: "a benefit year that it counts in can have ended later",
    LeftReason.RESTORED: "it was restored in the last 30 days",
    LeftReason.RELATED_CLAIM: "a claim that it replaces, or that replaces it, is left",
}


class StoredColumn(BaseModel):
    """A column of an archived table."""

    model_config = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")

    name: str
    type: str = Field(description="As PostgreSQL writes it.")


class ArchivedFile(BaseModel):
    """The rows of a table."""

    model_config = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")

    table: str
    file: str = Field(pattern=r"^[a-z_]+\.parquet$")
    rows: int = Field(ge=1)
    size: int = Field(ge=1, description="In bytes.")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    columns: tuple[StoredColumn, ...]
    sealed: tuple[str, ...] = Field(description="Columns that are encrypted; with the member's key they can be read.")
    in_clear: tuple[str, ...] = Field(description="Columns that say whose the claim is, in clear.")


class ArchiveManifest(BaseModel):
    """What every archive says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")

    version: Literal[1] = 1
    archive: str = Field(pattern=r"^[a-z0-9_-]+$", description="Name of its folder.")

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """The manifest in a file. Raises `ValidationError`."""
        return cls.model_validate_json(content)


class Manifest(ArchiveManifest):
    """What an archive of claims has."""

    kind: str
    revision: str = Field(description="Migration revision of the tables.")
    made_at: AwareDatetime
    received_before: AwareDatetime
    first_received_at: AwareDatetime
    last_received_at: AwareDatetime
    claims: int = Field(ge=1)
    files: tuple[ArchivedFile, ...]

    def file_of(self, table: str) -> ArchivedFile | None:
        """The file of a table; `None`: the archive has no row of it."""
        return next((one for one in self.files if one.table == table), None)


@dataclass(frozen=True, slots=True)
class ArchiveRun:
    """What a run archived, or would archive."""

    kind: str
    archives: tuple[str, ...] = ()
    claims: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    """By table."""
    left: Mapping[str, int] = field(default_factory=dict)
    """Claims that are old enough and were left, by reason."""
    discarded: tuple[str, ...] = ()
    """Archives of an interrupted run, whose rows are all still here."""
    set_aside: tuple[str, ...] = ()
    """Folders of those that were whole: under another name, with data in clear."""


@dataclass(frozen=True, slots=True)
class RestoreRun:
    """What was restored from an archive, or would be."""

    archive: str
    claims: int
    rows: Mapping[str, int]
    present: int
    """Claims that are there already."""
    elsewhere: int
    """Claims that were archived again since; the later archive has them."""
    erased: tuple[str, ...]
    """Claims whose member was erased since."""


class ArchiveStep(Enum):
    """The steps of an archive, in their order; between any two the process may end."""

    BEGUN = "begun"
    FILES_WRITTEN = "files written"
    MANIFEST_WRITTEN = "manifest written"
    NAMED = "named"
    VERIFIED = "verified"
    LOCKED = "locked"
    COMPARED = "compared"
    DELETED = "deleted"
    COMMITTED = "committed"
