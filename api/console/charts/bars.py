"""Horizontal bars, one for each name, each with an optional mark for comparison, such as the mean of peers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from api.console.charts.scales import AxisTick, Unit, least_step, placed_ticks, round_marks, share_of
from api.console.charts.table import ChartCell, ChartTable, checked_link

ROW = 44
"""Height of a bar with its label above it, in CSS pixels."""
AXIS = 24
"""Height of the numbers below the bars."""
THINNEST = 0.4
"""Width of the narrowest bar above 0, in per cent."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. `compared`: the value that its mark shows; `href`: where its name leads within the console."""

    label: str
    value: float
    compared: float | None = None
    href: str = ""


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A bar and where it is: `width` and `mark` in per cent, `y` of its row in CSS pixels."""

    bar: Bar
    value: str
    text: str
    width: float
    mark: float | None
    y: int


@dataclass(frozen=True, slots=True)
class BarChart:
    """What the template draws; `height` in CSS pixels."""

    title: str
    summary: str
    table: ChartTable
    compared: str
    """What the marks are; empty without marks."""
    height: int
    bars: Sequence[PlacedRow]
    ticks: Sequence[AxisTick]
    kind: str = field(default="bars", init=False)


def bar_chart(
    title: str, bars: Sequence[Bar], *, unit: Unit = Unit.COUNT, measure: str, name: str = "Name", compared: str = ""
) -> BarChart:
    """Bars in the order given, from 0.

    `measure` says what their length is, `name` what they stand for, `compared` what their marks are. Raises
    `ValueError` for a value below 0.
    """
    if any(bar.value < 0 or (bar.compared or 0) < 0 for bar in bars):
        raise ValueError("the value of a bar must be 0 or greater")
    longest = max((max(bar.value, bar.compared or 0) for bar in bars), default=0)
    marks = round_marks(0, longest, least=least_step(unit))
    across = share_of(marks[0], marks[-1])
    placed = []
    for row, bar in enumerate(bars):
        checked_link(bar.href)
        width = max(across(bar.value), THINNEST) if bar.value > 0 else 0.0
        mark = None if bar.compared is None else across(bar.compared)
        text = f"{bar.label}: {unit.full(bar.value)}"
        if bar.compared is not None:
            text += f"; {compared}: {unit.full(bar.compared)}"
        placed.append(PlacedRow(bar, unit.full(bar.value), text, width, mark, row * ROW))
    heads = [name, measure, *([compared] if compared else [])]
    rows = [
        [
            ChartCell(one.bar.label, one.bar.href),
            ChartCell(one.value),
            *([ChartCell("–" if one.bar.compared is None else unit.full(one.bar.compared))] if compared else []),
        ]
        for one in placed
    ]
    summary = f"{title}: {len(bars)} bars, {measure}."
    if bars:
        summary += f" Longest: {max(placed, key=lambda one: one.bar.value).text}."
    return BarChart(
        title=title,
        summary=summary,
        table=ChartTable(heads, rows, frozenset({1, 2})),
        compared=compared,
        height=len(bars) * ROW + AXIS,
        bars=placed,
        ticks=placed_ticks(marks, across, unit),
    )
