"""What a worker does with a file between taking its lease and storing what was done."""

import time
from dataclasses import dataclass, field
from typing import Final

from api.bulk.records import BulkStatus, LineReject
from api.bulk.repository import SliceResult

SLICE_LINES: Final = 200
SLICE_S: Final = 20.0
"""A slice ends after this time, well within its lease: a claim takes a few seconds at most."""


class UndecidedClaims(Exception):
    """Claims cannot be decided now, or the bytes of the file were removed."""


@dataclass(slots=True)
class Slice:
    """What was done since the lease was taken."""

    offset: int
    line: int
    began: float
    accepted: int = 0
    refused: int = 0
    lines: int = 0
    """Lines, or claims of an X12 file, that were submitted."""
    ended: bool = False
    """Nothing of the file is left."""
    position: bytes | None = None
    """Of an X12 file: where its transaction set begins."""
    sha256: str | None = None
    rejects: list[LineReject] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether another file gets its turn."""
        return self.lines >= SLICE_LINES or time.monotonic() - self.began > SLICE_S

    def count(self, reasons: list[LineReject]) -> None:
        """Note what became of a claim: without reasons it was taken."""
        self.accepted += not reasons
        self.refused += bool(reasons)
        self.rejects += reasons

    def result(self, status: BulkStatus, *, failure: str | None = None) -> SliceResult:
        """What is stored."""
        return SliceResult(
            self.offset, self.line, self.accepted, self.refused, status, failure, self.sha256, self.position
        )
