"""The values of a chart as a table, for readers of text and for checking."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChartCell:
    """A cell: its text, and where it links to within the console (empty: nowhere)."""

    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class ChartTable:
    """Names of columns and rows of cells; `numbers` are the columns that are aligned as numbers."""

    heads: Sequence[str]
    rows: Sequence[Sequence[ChartCell]]
    numbers: frozenset[int] = frozenset()


def checked_link(href: str) -> str:
    """A link within the console. Raises `ValueError` for any other address: a chart leads nowhere else."""
    if href and not href.startswith(("/console/", "#")):
        raise ValueError("a link of a chart must begin with /console/ or #")
    return href
