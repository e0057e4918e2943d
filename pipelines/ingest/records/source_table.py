"""Open a claims file: detect its format, encoding and separator."""

import codecs
import csv
import io
import re
import zipfile
import zlib
from pathlib import Path

from pipelines.ingest.errors import SourceError
from pipelines.ingest.records.archives import open_bytes, refuse_binary
from pipelines.ingest.records.parquet import is_parquet, parquet_table
from pipelines.ingest.records.record import SourceTable
from pipelines.ingest.records.text import MAX_LINE, read_header, read_lines, split_records

_SAMPLE_BYTES = 1 << 20
_QUOTED = re.compile('"(?:[^"]|"")*("|$)')
_DECLARED = re.compile('"?sep=([,;|\t:])"?', re.IGNORECASE)
_NOT_CHARSETS = frozenset(("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"))


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
    """The separator that occurs most in the header line outside quotes; a comma if none does."""
    bare = _QUOTED.sub("", header)
    return max(",;\t|", key=bare.count)


def declared_delimiter(line: str) -> str | None:
    """The separator that a first line such as `sep=;` declares for spreadsheets; None for another line."""
    found = _DECLARED.fullmatch(line.strip(" \r\n"))
    return found.group(1) if found else None


def open_table(path: Path, delimiter: str | None = None, encoding: str | None = None) -> SourceTable:
    """Open a claims file: text with separators, also gzipped, or alone in a zip; or Parquet.

    Bytes that are not of the encoding become lone surrogates, which the field parsers refuse. Raises `SourceError`.
    """
    try:
        if is_parquet(path):
            return parquet_table(path)
        stream, position = open_bytes(path)
        with stream as probe:
            sample = probe.read(_SAMPLE_BYTES)
        stream, position = open_bytes(path)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise SourceError(f"cannot read {path}: {error}") from error
    found = encoding or sniff_encoding(sample)
    refuse_binary(path, sample, found)
    errors = "surrogateescape" if found.startswith("utf-8") else "replace"
    try:
        if codecs.lookup(found).name.replace("-", "_") in _NOT_CHARSETS:
            raise LookupError(found)
        text = io.TextIOWrapper(stream, encoding="utf-8-sig" if found == "utf-8" else found, errors=errors, newline="")
    except LookupError as error:
        raise SourceError(f"unknown encoding {found!r}; use a name such as utf-8, cp1252, utf-16") from error
    csv.field_size_limit(MAX_LINE)
    lines = read_lines(text)
    first = next(lines, None)
    number = 1
    while first is not None and not first.strip():
        first, number = next(lines, None), number + 1
    empty = [number - 1]
    declared = None if first is None else declared_delimiter(first)
    if declared is not None:
        first, number = next(lines, None), number + 1
    if first is None:
        raise SourceError(f"{path} is empty; it needs a header line and rows")
    separator = delimiter or declared or sniff_delimiter(first)
    header, further = read_header(first, separator, lines, path)
    records = split_records(lines, separator, len(header), number + 1 + further, empty)
    return SourceTable(header, separator, found, records, position, path.stat().st_size, empty)
