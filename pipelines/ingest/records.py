"""Records of a delimited text file with their line numbers; every line that is not a record is reported."""

import codecs
import csv
import gzip
import io
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ingest.errors import SourceError

MAX_LINE = 1 << 20
"""Maximum length of a line in characters; a longer one is rejected unread."""

MAX_RECORD_LINES = 20
"""Lines that one quoted value may span; a quote still open after that is an error of its first line only."""

_SAMPLE_BYTES = 1 << 20

MAX_RATIO = 250
"""Maximum ratio of decompressed to compressed bytes; claims files reach 5 to 50, zeros 1,000."""

FREE_BYTES = 64 << 20
"""Decompressed bytes that are allowed for any file."""

ROWS_A_BYTE = 32
"""Maximum rows per byte of a Parquet file with over a million rows: with more, they cannot all be claims."""

MAX_PARQUET_VALUE = 1_024
"""Characters kept of a Parquet value; no field is longer. A dictionary value may be repeated in millions of rows."""

_ARCHIVES = (
    *(b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zX", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd", b"Rar!"),
    b"\xd0\xcf\x11\xe0",
)
_TAR_MARK = slice(257, 262)
_NOT_CHARSETS = frozenset(("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"))


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
    """Number of empty lines; a list of one number, so that it can change while reading."""


def _open_bytes(path: Path) -> tuple[IO[bytes], Callable[[], int]]:
    raw, size = path.open("rb"), path.stat().st_size

    def position() -> int:
        return size if raw.closed else raw.tell()

    mark = raw.read(4)
    raw.seek(0)
    if mark.startswith(b"\x1f\x8b"):
        return _bounded(gzip.GzipFile(fileobj=raw), path), position
    if mark != b"PK\x03\x04" and mark.startswith(_ARCHIVES):
        raise SourceError(f"{path} is not text: export a spreadsheet as CSV; an archive must be gzip or zip")
    if mark == b"PK\x03\x04" or path.suffix.lower() == ".zip":
        archive = zipfile.ZipFile(raw)
        if "[Content_Types].xml" in archive.namelist():
            raise SourceError(f"{path} is a spreadsheet; export the sheet with the claims as CSV")
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
        if len(names) != 1:
            raise SourceError(f"{path} must hold one file, but holds {len(names)}; unpack it and name the one meant")
        if archive.getinfo(names[0]).flag_bits & 1:
            raise SourceError(f"{path} is encrypted: the archive has a password; unpack it and name the file in it")
        try:
            return _bounded(archive.open(names[0]), path), position
        except NotImplementedError as error:
            raise SourceError(
                f"{path} cannot be unpacked ({error}); compress the file with gzip or plain zip"
            ) from error
    return raw, position


class _Bounded(io.RawIOBase):
    """A decompressed stream that raises `SourceError` where it exceeds the size of a claims file."""

    def __init__(self, inner: IO[bytes], path: Path) -> None:
        self._inner = inner
        self._path = path
        self._left = max(FREE_BYTES, MAX_RATIO * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._inner.read(len(buffer))
        self._left -= len(part)
        if self._left < 0:
            raise SourceError(
                f"{self._path} decompresses to more than {MAX_RATIO} times its size; if it is a claims file, unpack it"
            )
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        self._inner.close()
        super().close()


def _bounded(inner: Any, path: Path) -> IO[bytes]:
    return cast(IO[bytes], io.BufferedReader(_Bounded(inner, path), 1 << 16))


def _refuse_binary(path: Path, sample: bytes, encoding: str) -> None:
    """Raise `SourceError` where what would be read as text is an archive within the archive, or no text at all."""
    if sample.startswith(_ARCHIVES) or sample[_TAR_MARK] == b"ustar":
        raise SourceError(
            f"{path} holds an archive or a spreadsheet inside the archive; unpack it and name the file meant"
        )
    try:
        text = sample[:4096].decode(encoding, errors="replace")
    except (LookupError, UnicodeError):
        return  # an unknown encoding is refused by its name
    if "\0" in text:
        raise SourceError(f"{path} is not a text file: it has NUL characters; export the claims as CSV or Parquet")
    if sum(character < " " and character not in "\t\n\r\f\x1a\x1b" for character in text) > len(text) // 20:
        raise SourceError(f"{path} is not a text file: it has control characters; export the claims as CSV or Parquet")


def sniff_encoding(sample: bytes) -> str:
    """UTF-8 or UTF-16 by their marks, or UTF-16 by its zeros, else UTF-8 if the sample is that, else Windows-1252."""
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    # Half the bytes of Latin text in UTF-16 are zero: the second of each pair, or the first.
    for place, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = sample[:4096][place::2]
        if half.count(0) > len(half) // 2:
            return name
    try:
        sample[: sample.rfind(b"\n") + 1 or None].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def sniff_delimiter(header: str) -> str:
    """The separator that occurs most in the header line; a comma if none does."""
    return max(",;\t|", key=header.count)


def _lines(text: IO[str]) -> Iterator[str]:
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


def _header(first: str, separator: str, lines: Iterator[str], path: Path) -> tuple[list[str], int]:
    """The names of the columns, and how many more lines they took; a name in quotes may hold a line's end."""
    parsed = _quoted(first, separator, lambda _taken: next(lines, None))
    if isinstance(parsed, str):
        raise SourceError(f"the header of {path} cannot be read: {parsed}")
    names, further = parsed
    return [" ".join(name.split()) for name in names], further


def is_parquet(path: Path) -> bool:
    """By its first bytes, whatever it is called."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def parquet_table(path: Path) -> Table:
    """A Parquet file as the text a CSV of it would hold. Raises `SourceError`."""
    try:
        file = pq.ParquetFile(path)
        text = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
        file = pq.ParquetFile(path, read_dictionary=text)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"cannot read {path} as Parquet: {str(error).splitlines()[0]}") from error
    check_parquet(path, file)
    read = [0]
    flat = [field.name for field in file.schema_arrow if not pa.types.is_nested(field.type)]

    def records() -> Iterator[Record]:
        line = 1
        for batch in file.iter_batches(columns=flat):
            for values in zip(*map(_texts_of, batch.columns), strict=True):
                line += 1
                yield Record(line, list(values))
            read[0] = min(path.stat().st_size, read[0] + batch.nbytes)

    names = [name.strip() for name in flat]
    return Table(names, "Parquet", "Parquet", records(), lambda: read[0], path.stat().st_size, [0])


def check_parquet(path: Path, file: pq.ParquetFile) -> None:
    """Raise `SourceError` where a Parquet file declares more rows or bytes than its size could hold of claims."""
    size, about = path.stat().st_size, file.metadata
    declared = sum(about.row_group(at).total_byte_size for at in range(about.num_row_groups))
    if about.num_rows > max(1_000_000, ROWS_A_BYTE * size):
        raise SourceError(
            f"{path} declares {about.num_rows:,} rows in {size:,} bytes, which cannot be claims; export it again"
        )
    if declared > max(FREE_BYTES, MAX_RATIO * size):
        raise SourceError(f"{path} decompresses to more than {MAX_RATIO} times its size; export it without compression")


def _texts_of(column: pa.Array) -> Iterator[str]:
    """A column's values as text; those of a dictionary are made once each."""
    if pa.types.is_dictionary(column.type):
        texts = [_text_of(value)[:MAX_PARQUET_VALUE] for value in column.dictionary.to_pylist()]
        return ("" if at is None else texts[at] for at in column.indices.to_pylist())
    return (_text_of(value)[:MAX_PARQUET_VALUE] for value in column.to_pylist())


def _text_of(value: object) -> str:
    """As it would stand in a CSV: a day without the midnight that a time was made of, bytes as UTF-8."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        bare = value.tzinfo is None and value.time() == time.min
        return value.date().isoformat() if bare else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value)


def open_table(path: Path, delimiter: str | None = None, encoding: str | None = None) -> Table:
    """Open a claims file: text with separators, also gzipped, or alone in a zip; or Parquet.

    Bytes that are not of the encoding become lone surrogates, which the field parsers refuse. Raises `SourceError`.
    """
    try:
        if is_parquet(path):
            return parquet_table(path)
        stream, position = _open_bytes(path)
        with stream as probe:
            sample = probe.read(_SAMPLE_BYTES)
        stream, position = _open_bytes(path)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise SourceError(f"cannot read {path}: {error}") from error
    found = encoding or sniff_encoding(sample)
    _refuse_binary(path, sample, found)
    errors = "surrogateescape" if found.startswith("utf-8") else "replace"
    try:
        if codecs.lookup(found).name.replace("-", "_") in _NOT_CHARSETS:
            raise LookupError(found)
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
    header, further = _header(first, separator, lines, path)
    empty = [number - 1]
    records = split_records(lines, separator, len(header), number + 1 + further, empty)
    return Table(header, separator, found, records, position, path.stat().st_size, empty)
