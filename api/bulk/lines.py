"""Lines of a file of claims, and the body of `POST /v1/claims` that each one means."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from api.bulk.records import BulkFormat

COLUMNS: Final = (
    *("member_id", "provider_id", "diagnosis_code", "diagnosis_codes", "procedure_code", "claim_amount", "units"),
    *("service_from", "service_to", "place_of_service", "replaces", "other_payer_paid"),
    "authorization_number",
)
"""Of a CSV file, in any order. A row is a claim of one procedure; `diagnosis_codes` are separated by blanks."""
_REQUIRED: Final = ("member_id", "provider_id", "procedure_code", "claim_amount")
_DIGITS: Final = frozenset("0123456789")


class InvalidFile(ValueError):
    """A file of which no line can be read; the message says why and what to do."""


class InvalidLine(ValueError):
    """A line that is no claim."""

    def __init__(self, code: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class FileLine:
    """A line without its end, and the offset of what follows it; `None` as its text: it was too long."""

    number: int
    text: bytes | None
    ends: int


class LineCutter:
    """Cuts bytes into lines. A line over `longest` bytes is counted and not kept."""

    def __init__(self, offset: int, number: int, longest: int) -> None:
        self._offset = offset
        self._number = number
        self._longest = longest
        self._kept = b""
        self._dropped = 0

    def feed(self, content: bytes) -> Iterator[FileLine]:
        """The lines that end in the next bytes."""
        *ended, rest = content.split(b"\n")
        for piece in ended:
            yield self._line(piece, with_end=1)
        if self._dropped or len(self._kept) + len(rest) > self._longest:
            self._dropped += len(self._kept) + len(rest)
            self._kept = b""
        else:
            self._kept += rest

    def end(self) -> Iterator[FileLine]:
        """The last line, where the file does not end with a line end."""
        if self._kept or self._dropped:
            yield self._line(b"", with_end=0)

    def _line(self, piece: bytes, *, with_end: int) -> FileLine:
        text = self._kept + piece
        length = self._dropped + len(text)
        self._offset += length + with_end
        line = FileLine(self._number, text.rstrip(b"\r") if length <= self._longest else None, self._offset)
        self._number, self._kept, self._dropped = self._number + 1, b"", 0
        return line


def read_header(line: bytes) -> list[str]:
    """The columns of a CSV file. Raises `InvalidFile`."""
    try:
        names = [name.strip() for name in _values(line.removeprefix(b"\xef\xbb\xbf"))]
    except InvalidLine as error:
        raise InvalidFile(f"the header cannot be read: {error.reason}; {error.remedy}") from None
    for number, name in enumerate(names, start=1):
        if name not in COLUMNS or name in names[: number - 1]:
            problem = "is there twice" if name in COLUMNS else "is not one of them"
            raise InvalidFile(
                f"the first line must name the columns, which can be {', '.join(COLUMNS)}; column {number} {problem}: "
                "rename or remove it"
            )
    missing = [name for name in _REQUIRED if name not in names]
    if missing or not {"diagnosis_code", "diagnosis_codes"}.intersection(names):
        needed = ", ".join(missing) or "diagnosis_code or diagnosis_codes"
        raise InvalidFile(f"the header, the first line, has no column {needed}; add it")
    return names


def claim_body(line: bytes, file_format: BulkFormat, header: Sequence[str]) -> bytes:
    """The JSON body of a claim. Raises `InvalidLine`; what is wrong with the claim itself is found by `Intake`."""
    if file_format == "ndjson":
        return line
    values = _values(line)
    if len(values) != len(header):
        reason = f"the row has {len(values)} values where the header has {len(header)}"
        raise InvalidLine("invalid_row", reason, "quote values that contain a comma")
    body: dict[str, object] = {}
    for name, value in zip(header, (value.strip() for value in values), strict=True):
        if not value:
            continue
        if name == "diagnosis_codes":
            body[name] = value.split()
        elif name == "units" and _DIGITS.issuperset(value) and len(value) < 10:
            body[name] = int(value)
        else:
            body[name] = value
    return json.dumps(body, sort_keys=True).encode()


def _values(line: bytes) -> list[str]:
    try:
        rows = list(csv.reader([line.decode()], strict=True))
    except UnicodeDecodeError:
        raise InvalidLine("not_utf8", "the row is not UTF-8", "encode the file as UTF-8") from None
    except csv.Error:
        reason = "a quote is not closed in its line, or not doubled"
        raise InvalidLine("invalid_row", reason, "write a claim on one line, and double quotes in values") from None
    return rows[0] if rows else []
