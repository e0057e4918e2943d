"""Files of cases as the API returns them."""

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.case_files.records import CaseFile

ScanState = Literal["clean", "infected", "not_scanned"]


class CaseFileAccessOut(BaseModel):
    """The content of a file was sent to someone."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    at: AwareDatetime = Field(description="Recorded before the first byte was sent.")
    actor_id: str = Field(description="Id of the key or user.")
    name: str
    role: str


class CaseFileWithdrawalOut(BaseModel):
    """A file does not count any more; it stays with the case."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    at: AwareDatetime
    actor_id: str = Field(description="Id of the key or user.")
    name: str
    reason: str


class CaseFileOut(BaseModel):
    """A file of a case with its chain of custody; its content is read by its own route."""

    model_config = ConfigDict(frozen=True)

    file_id: str
    case_id: str
    task_id: str | None = Field(description="The records request that it answers.")
    name: str
    obtained_from: str
    obtained_on: date
    media_type: str = Field(description="By its content.")
    size: int = Field(description="In bytes.")
    sha256: str = Field(description="Of the file as it was sent, in hex.")
    added_at: AwareDatetime
    added_by: str = Field(description="Id of the key or user.")
    added_name: str
    scan: ScanState = Field(
        description="What the antivirus scanner said. While there is a scanner, an unscanned file is not sent."
    )
    withdrawal: CaseFileWithdrawalOut | None
    accesses: list[CaseFileAccessOut] = Field(description="The oldest first.")

    @classmethod
    def of(cls, file: CaseFile) -> "CaseFileOut":
        """A file."""
        values = {name: getattr(file, name) for name in cls.model_fields if hasattr(file, name)}
        values |= {
            "scan": scan_state(file),
            "withdrawal": None if file.withdrawal is None else CaseFileWithdrawalOut.model_validate(file.withdrawal),
            "accesses": [CaseFileAccessOut.model_validate(one) for one in file.accesses],
        }
        return cls.model_validate(values)


class CaseFileList(BaseModel):
    """The files of a case."""

    model_config = ConfigDict(frozen=True)

    files: list[CaseFileOut]


def scan_state(file: CaseFile) -> ScanState:
    """What the antivirus scanner said of a file."""
    if file.scan is None:
        return "not_scanned"
    return "clean" if file.scan.signature is None else "infected"
