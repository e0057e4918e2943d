"""Sections and tables of the PDF of an evidence pack."""

from collections.abc import Sequence
from typing import Final

from reportlab.platypus import CondPageBreak, Flowable

from api.pdf_parts import CELL, HEADER, HEADER_RIGHT, HEADING, NOTE, NUMBER, SUBTITLE, WIDTH, table, text

_NAMES: Final = 0.26
"""Share of the width that names of fields have."""
_ROOM: Final = 76
"""Points below a heading, for the beginning of what follows; with less a page begins."""


class NumberedSections:
    """Numbers the sections in their order."""

    def __init__(self) -> None:
        self._number = 0

    def section(self, title: str, body: Sequence[Flowable]) -> list[Flowable]:
        """A section with its heading, which stays with what follows."""
        self._number += 1
        return [CondPageBreak(_ROOM), text(f"{self._number}. {title}", HEADING), *body]


def part(title: str) -> list[Flowable]:
    """The heading of a part of a section, which stays with what follows."""
    return [CondPageBreak(_ROOM), text(title, SUBTITLE)]


def fields(listed: Sequence[tuple[str, str]]) -> Flowable:
    """Names and values; a value that is empty is said not to be stated."""
    shown = [[text(name, HEADER), text(value or "not stated", CELL)] for name, value in listed]
    return table(shown, (WIDTH * _NAMES, WIDTH * (1 - _NAMES)), header=False)


def rows(
    columns: Sequence[str], listed: Sequence[Sequence[str]], widths: Sequence[float], *, numbers: int = 0
) -> Flowable:
    """A table with a header. `widths` are relative; the last `numbers` columns are aligned right."""
    if not listed:
        return text("none", NOTE)
    first_number = len(columns) - numbers
    header = [text(name, HEADER if place < first_number else HEADER_RIGHT) for place, name in enumerate(columns)]
    body = [[text(one, CELL if place < first_number else NUMBER) for place, one in enumerate(row)] for row in listed]
    total = sum(widths)
    return table([header, *body], [WIDTH * one / total for one in widths])
