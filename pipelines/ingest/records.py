"""Records of a text file with separators, and the line each begins on; what is no record is said, never swallowed."""

import csv
import gzip
import io
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple, cast

from pipelines.ingest.errors import SourceError

MAX_LINE = 1 << 20
"""Characters of one line beyond which it is rejected unread."""

MAX_RECORD_LINES = 20
"""Lines one quoted value may span; a quote still open after that is a mistake of its first line alone."""

_SAMPLE_BYTES = 1 << 20


class Record(NamedTuple):
    """One record; `problem` says why it could not be split into the header's columns."""

    line: int
    values: list[str]
    problem: str | None = None


@dataclass(slots=True)
class Table:
    """An open file: its header, how it is written, and its records, which can be read once."""

    header: list[str]
    delimiter: str
    encoding: str
    records: Iterator[Record]
    position: Callable[[], int]
    """Bytes of the file read so far (compressed bytes, if it is compressed)."""
    size: int
    empty_lines: list[int]
    """How many lines held nothing; one number, in a list so that it can grow."""


def _open_bytes(path: Path) -> tuple[IO[bytes], Callable[[], int]]:
    raw, size = path.open("rb"), path.stat().st_size

    def position() -> int:
        return size if raw.closed else raw.tell()

    if path.suffix.lower() == ".gz":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw)), position
    if path.suffix.lower() == ".zip":
        archive = zipfile.ZipFile(raw)
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
        if len(names) != 1:
            raise SourceError(f"{path} must hold one file, but holds {len(names)}; unpack it and name the one meant")
        return archive.open(names[0]), position
    return raw, position


def sniff_encoding(sample: bytes) -> str:
    """UTF-8 or UTF-16 by their marks, else UTF-8 if the sample is that, else Windows-1252."""
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    try:
        sample[: sample.rfind(b"\n") + 1 or None].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def sniff_delimiter(header: str) -> str:
    """The separator that occurs most in the header line; a comma if none does."""
    return max(",;\t|", key=header.count)


def _lines(text: IO[str]) -> Iterator[str]:
    """Lines without their ends; one over `MAX_LINE` comes cut to that length plus a NUL, the rest is skipped."""
    while line := text.readline(MAX_LINE):
        if len(line) == MAX_LINE and line[-1] not in "\r\n":
            while (rest := text.readline(MAX_LINE)) and rest[-1] not in "\r\n":
                pass
            yield line + "\0"
        else:
            yield line.rstrip("\r\n")


def _quoted(first: str, delimiter: str, follow: Callable[[int], str | None]) -> tuple[list[str], int] | str:
    """The values of a record with quotes and how many more lines it took, or why it is none."""
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


def open_table(path: Path, delimiter: str | None = None, encoding: str | None = None) -> Table:
    """Open a claims file (`.csv`, also in `.gz`, or alone in a `.zip`).

    Bytes that are not of the encoding become lone surrogates, which the field parsers refuse. Raises `SourceError`.
    """
    try:
        stream, position = _open_bytes(path)
        with stream as probe:
            sample = probe.read(_SAMPLE_BYTES)
        stream, position = _open_bytes(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise SourceError(f"cannot read {path}: {error}") from error
    found = encoding or sniff_encoding(sample)
    errors = "surrogateescape" if found.startswith("utf-8") else "replace"
    try:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig" if found == "utf-8" else found, errors=errors, newline="")
    except LookupError as error:
        raise SourceError(f"unknown encoding {found!r}; use a name such as utf-8, cp1252, utf-16") from error
    csv.field_size_limit(MAX_LINE)
    lines = _lines(text)
    first = next(lines, None)
    number = 1
    while first is not None and not first.strip():
        first, number = next(lines, None), number + 1
    if first is None:
        raise SourceError(f"{path} is empty; it needs a header line and rows")
    separator = delimiter or sniff_delimiter(first)
    header = [name.strip() for name in next(csv.reader([first], delimiter=separator))]
    twice = {name for name in header if header.count(name) > 1 and name}
    if twice:
        raise SourceError(f"{path} has the column {min(twice)!r} twice; rename one")
    empty = [number - 1]
    records = split_records(lines, separator, len(header), number + 1, empty)
    return Table(header, separator, found, records, position, path.stat().st_size, empty)
