"""Cells of tables: shares with intervals, and suppression of small ones."""

import math
from collections.abc import Sequence
from typing import Final

from cli.dossier.document import CellValue, ColumnKind, DossierColumn, DossierTable, Plot, Share, SuppressedCell

SMALLEST_CELL: Final = 11
"""Cases below which a figure about a group is left out: the rule of CMS for its own data, no cell of 10 or less."""
_Z: Final = 1.959964
"""Of a two-sided 95 % interval."""


def share(count: int, of: int) -> Share:
    """A share with its Wilson interval (Wilson, JASA 22, 1927)."""
    if not 0 <= count <= of:
        raise ValueError(f"{count} of {of} is no share")
    if of == 0:
        return Share(count=count, of=of, share=None, low=None, high=None)
    found, spread = count / of, _Z**2 / of
    centre = (found + spread / 2) / (1 + spread)
    arm = _Z * math.sqrt(found * (1 - found) / of + spread / (4 * of)) / (1 + spread)
    low, high = (0.0 if count == 0 else centre - arm), (1.0 if count == of else centre + arm)
    return Share(count=count, of=of, share=found, low=max(low, 0.0), high=min(high, 1.0))


def suppressed(sizes: Sequence[int]) -> list[bool]:
    """Which of the groups that make up a whole are left out: those of 1 to 10 cases, and one more where only one is.

    A single one could be computed from the total. A group without a case is shown: it says nothing about anybody.
    """
    left_out = [0 < size < SMALLEST_CELL for size in sizes]
    if sum(left_out) == 1:
        others = [place for place, size in enumerate(sizes) if size and not left_out[place]]
        if others:
            left_out[min(others, key=lambda place: sizes[place])] = True
    return left_out


def group_shares(counts: Sequence[tuple[int, int]]) -> list[Share | SuppressedCell]:
    """The share of each group of a whole, as (count, of). It is left out where its denominator is small.

    So is one whose count or remainder has 1 to 10 cases in a denominator that others could complete to the total:
    counts are suppressed as denominators are, and the share is shown only where neither is.
    """
    small = suppressed([of for _, of in counts])
    small_counts = suppressed([count for count, _ in counts])
    small_rest = suppressed([of - count for count, of in counts])
    return [
        SuppressedCell() if any(hidden) else share(count, of)
        for (count, of), hidden in zip(counts, zip(small, small_counts, small_rest, strict=True), strict=True)
    ]


def column(name: str, title: str, kind: ColumnKind = "text") -> DossierColumn:
    """A column."""
    return DossierColumn(name=name, title=title, kind=kind)


def table(
    title: str,
    columns: Sequence[DossierColumn],
    rows: Sequence[Sequence[CellValue]],
    *,
    note: str | None = None,
    plot: Plot | None = None,
) -> DossierTable:
    """A table from rows in the order of the columns."""
    names = [one.name for one in columns]
    return DossierTable(
        title=title,
        columns=tuple(columns),
        rows=tuple(dict(zip(names, row, strict=True)) for row in rows),
        note=note,
        plot=plot,
    )
