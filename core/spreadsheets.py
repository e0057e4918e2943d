"""Cells of CSV files, which are opened in spreadsheets."""

import csv
from collections.abc import Iterable
from io import StringIO
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> object:
    """A value as a spreadsheet shows it: a text that it would run as a formula begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def csv_text(rows: Iterable[Iterable[object]], *, line_end: str = "\n") -> str:
    """Rows as CSV, each value as `cell` writes it; an empty cell is null. Browsers save files with CRLF (RFC 4180)."""
    text = StringIO()
    csv.writer(text, lineterminator=line_end).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()
