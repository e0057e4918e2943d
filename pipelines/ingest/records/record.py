"""A record of a claims file, and an open file of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class Record(NamedTuple):
    """One record; `problem` says why it could not be split into the header's columns."""

    line: int
    values: list[str]
    problem: str | None = None


@dataclass(slots=True)
class SourceTable:
    """An open file: its header, how it is written, and its records, which can be read once."""

    header: list[str]
    delimiter: str
    encoding: str
    records: Iterator[Record]
    position: Callable[[], int]
    """Bytes of the file read so far (compressed bytes, if it is compressed)."""
    size: int
    empty_lines: list[int]
    """Number of empty lines; a list of one number, so that it can change while reading."""
    nested: dict[str, str] = field(default_factory=dict)
    """Column of Parquet that holds several values per row → why it is not read, and what to do."""
