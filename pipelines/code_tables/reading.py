"""Reading a published table: as CSV or tab-separated text, with or without gzip, or as JSON.

A file is read whole or not at all: an edit that knows a part of its table finds a part of what it should, and nobody
notices. Names, addresses and birth dates of the exclusion list are not read.
"""

import csv
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from claims.code_tables import TableEntry, TableKind
from pipelines.code_tables.layouts import LAYOUTS, SKIPPED, InvalidRow, Layout

MOST_REJECTED = 20
"""Most rejected rows that are kept; the others are counted."""
_PACKAGED_ICD10 = "simple-icd-10-cm"
_GZIP = b"\x1f\x8b"
_HEADER_ROWS = 40
"""The heading may follow a title and a copyright notice of up to so many rows."""
_MAX_CELL = 10_000
"""Characters of a value; the longest published ones, copyright notices, have about 1,000."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that cannot be read: its line, and which column has what, what is allowed and what to do."""

    line: int
    reason: str


class TableFileError(ValueError):
    """A file is not the table that it was given for; `rejected` has its first invalid rows."""

    def __init__(self, message: str, rejected: Sequence[RejectedRow] = ()) -> None:
        super().__init__(message)
        self.rejected = tuple(rejected)


@dataclass(frozen=True, slots=True)
class ReadTable:
    """The entries of a file, sorted and each once; `skipped` rows say nothing that an edit reads."""

    kind: TableKind
    entries: tuple[TableEntry, ...]
    sha256: str
    """Of the file's bytes, in hex."""
    skipped: int = 0


def read_table(kind: TableKind, path: Path) -> ReadTable:
    """Read a file of this kind. Raises `TableFileError` and `OSError`."""
    raw = path.read_bytes()
    sha256 = hashlib.sha256(raw).hexdigest()
    try:
        plain = gzip.decompress(raw) if raw.startswith(_GZIP) else raw
    except (OSError, EOFError) as error:
        raise TableFileError(f"{path.name} is a damaged gzip file ({error}); download it again") from None
    if plain.startswith(b"PK"):
        raise TableFileError(f"{path.name} is a ZIP archive or an Excel file; unpack it, and save sheets as CSV")
    text = _decoded(plain)
    layout = LAYOUTS[kind]
    rows = (
        _json_rows(layout, text, path.name) if text.lstrip()[:1] in ("{", "[") else _csv_rows(layout, text, path.name)
    )
    return _collected(kind, rows, layout.entry, sha256, path.name)


def read_packaged_icd10() -> tuple[ReadTable, str]:
    """The billable ICD-10-CM codes of the installed package `simple-icd-10-cm`, and the package's version."""
    import simple_icd_10_cm as icd

    codes = sorted(code for code in icd.get_all_codes(with_dots=False) if "-" not in code and icd.is_leaf(code))
    sha256 = hashlib.sha256("\n".join(codes).encode()).hexdigest()
    entries = tuple(TableEntry(code) for code in codes)
    return ReadTable(TableKind.ICD10, entries, sha256), version(_PACKAGED_ICD10)


def packaged_release() -> str:
    """The release of the packaged codes: CMS publishes in April and October (`code-list-April-2026.txt`)."""
    from importlib.resources import files

    import simple_icd_10_cm.data as data

    name = next(one.name for one in files(data).iterdir() if one.name.startswith("code-list-"))
    month, year = name.removeprefix("code-list-").removesuffix(".txt").split("-")
    return f"{year}-{datetime.strptime(month, '%B').month:02}"  # noqa: DTZ007  # a month has no time zone


def _decoded(raw: bytes) -> str:
    """CMS publishes some files in UTF-8, and some in the code page of Western Windows."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


_Row = tuple[int, Mapping[str, str]]
"""Line, and the value of each column by the layout's name for it."""


def _csv_rows(layout: Layout, text: str, name: str) -> Iterator[_Row]:
    lines = text.splitlines(keepends=True)  # a quoted value may have several
    places: dict[str, int] | None = None
    reader = csv.reader(lines, delimiter=_delimiter(layout, lines))
    for cells in _cells(reader, name):
        if places is None:
            places = layout.places(cells)
            if places is None and reader.line_num > _HEADER_ROWS:
                break
        elif any(cell.strip() for cell in cells):
            yield (
                reader.line_num,
                {column: cells[at].strip() if at < len(cells) else "" for column, at in places.items()},
            )
    if places is None:
        raise TableFileError(f"{name} has no heading with the columns {layout.described}; give the file as published")


def _delimiter(layout: Layout, lines: Sequence[str]) -> str:
    """The tab, if the heading is one with it."""
    return next(("\t" for line in lines[:_HEADER_ROWS] if layout.places(line.split("\t")) and "\t" in line), ",")


def _cells(reader: Iterator[list[str]], name: str) -> Iterator[list[str]]:
    try:
        for cells in reader:
            # csv's own limit belongs to the process: other readers in it, of ours and of libraries, raise it.
            if any(len(cell) > _MAX_CELL for cell in cells):
                raise csv.Error(f"a value is longer than {_MAX_CELL:,} characters")
            yield cells
    except csv.Error as error:
        raise TableFileError(f"{name} is no text of columns ({error}); give the file as published") from None


def _json_rows(layout: Layout, text: str, name: str) -> Iterator[_Row]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TableFileError(f"{name} is no valid JSON: {error}") from None
    rows = layout.from_json(document)
    if rows is None:
        raise TableFileError(f"{name} is JSON of another form; allowed is {layout.json_form}")
    yield from enumerate(rows, start=1)


def _collected(
    kind: TableKind,
    rows: Iterable[_Row],
    entry_of: Callable[[Mapping[str, str]], TableEntry | None],
    sha256: str,
    name: str,
) -> ReadTable:
    entries: dict[tuple[str, str, str], TableEntry] = {}
    rejected: list[RejectedRow] = []
    invalid = skipped = 0
    for line, row in rows:
        try:
            entry = entry_of(row)
            if entry is SKIPPED:
                skipped += 1
                continue
            assert entry is not None
            key = (entry.code, entry.other, str(entry.first_day or ""))
            if entries.setdefault(key, entry) != entry:
                raise InvalidRow(f"{' '.join(key).strip()} is listed before with other values; keep one of them")
        except InvalidRow as error:
            invalid += 1
            if len(rejected) < MOST_REJECTED:
                rejected.append(RejectedRow(line, str(error)))
    if invalid:
        raise TableFileError(f"{invalid} of {invalid + len(entries) + skipped} rows of {name} are invalid", rejected)
    if not entries:
        raise TableFileError(f"{name} has no entry")
    return ReadTable(kind, tuple(entries[key] for key in sorted(entries)), sha256, skipped)
