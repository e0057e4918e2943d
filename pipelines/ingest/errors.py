"""What can go wrong with reading a source as a whole; a bad row is not an error, it is a reject.

IngestError
├── MappingError   the mapping cannot be read, or does not fit the file's header
└── SourceError    the file cannot be read at all: absent, empty, no header, unknown encoding
    └── NoClaimsError  it has rows, and every one was rejected
"""

from pathlib import Path


class IngestError(ValueError):
    """A source cannot be ingested; the message says what was wrong, where, and what to do."""

    exit_code = 2


class MappingError(IngestError):
    """The mapping is not usable."""


class SourceError(IngestError):
    """The source is not usable."""


class NoClaimsError(SourceError):
    """Every row was rejected; `reject_file` lists them."""

    def __init__(self, message: str, reject_file: Path) -> None:
        super().__init__(message)
        self.reject_file = reject_file
