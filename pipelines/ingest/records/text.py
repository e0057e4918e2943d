"""Records of a delimited text with their line numbers; every line that is not a record is reported."""

import csv
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from pipelines.ingest.errors import SourceError
from pipelines.ingest.records.record import Record

MAX_LINE = 1 << 20
"""Maximum length of a line in characters; a longer one is rejected unread."""

MAX_RECORD_LINES = 20
"""Lines that one quoted value may span; a quote still open after that is an error of its first line only."""


def read_lines(text: IO[str]) -> Iterator[str]:
    """Lines without line ends; one over `MAX_LINE` is truncated to that length plus a NUL, the rest is skipped."""
    while line := _read(text):
        if len(line) == MAX_LINE and line[-1] not in "\r\n":
            while (rest := _read(text)) and rest[-1] not in "\r\n":
                pass
            yield line + "\0"
        else:
            yield line.rstrip("\r\n")


def _read(text: IO[str]) -> str:
    try:
        return text.readline(MAX_LINE)
    except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
        raise SourceError(f"the file is damaged or truncated ({error}); fetch it again") from error


def _quoted(first: str, delimiter: str, follow: Callable[[int], str | None]) -> tuple[list[str], int] | str:
    """The values of a quoted record and the number of further lines it took, or why it is not a record."""
    text, taken = first, 0
    while True:
        try:
            rows = list(csv.reader([text], delimiter=delimiter, strict=True))
        except csv.Error as error:
            if "unexpected end of data" not in str(error):
                if taken:
                    return "a quote is opened and never closed"
                return "wrong quoting: a quote inside a quoted value must be doubled"
            further = follow(taken) if taken < MAX_RECORD_LINES and len(text) < MAX_LINE else None
            if further is None:
                return "a quote is opened and never closed"
            text, taken = f"{text}\n{further}", taken + 1
            continue
        return (rows[0] if rows else []), taken


def split_records(
    lines: Iterator[str], delimiter: str, width: int, first_line: int, empty: list[int]
) -> Iterator[Record]:
    """Records of `width` values from lines, `first_line` being the number of the first."""
    number = first_line - 1
    ahead: deque[str] = deque()

    def follow(index: int) -> str | None:
        while len(ahead) <= index:
            further = next(lines, None)
            if further is None:
                return None
            ahead.append(further)
        return ahead[index]

    while True:
        line = ahead.popleft() if ahead else next(lines, None)
        if line is None:
            return
        number += 1
        if not line or line.isspace():
            empty[0] += 1
            continue
        if line[-1] == "\0" and len(line) > MAX_LINE:
            yield Record(number, [], f"a line of more than {MAX_LINE} characters")
            continue
        start = number
        if '"' not in line:
            values = line.split(delimiter)
        else:
            parsed = _quoted(line, delimiter, follow)
            if isinstance(parsed, str):
                yield Record(start, [], parsed)
                continue
            values, taken = parsed
            for _ in range(taken):
                ahead.popleft()
            number += taken
        if len(values) == width:
            yield Record(start, values)
        else:
            yield Record(start, [], f"{len(values)} values where the header has {width}")


def read_header(first: str, separator: str, lines: Iterator[str], path: Path) -> tuple[list[str], int]:
    """The names of the columns, and how many more lines they took; a name in quotes may hold a line's end."""
    parsed = _quoted(first, separator, lambda _taken: next(lines, None))
    if isinstance(parsed, str):
        raise SourceError(f"the header of {path} cannot be read: {parsed}")
    names, further = parsed
    return [" ".join(name.split()) for name in names], further
