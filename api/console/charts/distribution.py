"""A distribution as a histogram, with its percentiles and the value it is compared with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from api.console.charts.scales import AxisTick, Unit, placed_ticks, round_marks, share_of
from api.console.charts.table import ChartCell, ChartTable

HEIGHT = 140
"""Height of the highest column in CSS pixels."""
LABEL = 18
"""Height of a row of labels above the columns: each mark has its own, so that close marks stay legible."""
AXIS = 40
MOST_BINS = 24


@dataclass(frozen=True, slots=True)
class HistogramBin:
    """How many values are at least `low` and below `high` (the last one includes `high`)."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Percentiles:
    """The 50th, 95th and 99th percentile."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class PlacedColumn:
    """A bin and where it is: across in per cent, down in CSS pixels."""

    x: float
    width: float
    y: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class PlacedMark:
    """A vertical line with its label: `x` in per cent, `y` of the label's baseline in CSS pixels."""

    x: float
    y: int
    label: str
    style: str
    side: str


@dataclass(frozen=True, slots=True)
class Distribution:
    """What the template draws; `base` and `height` in CSS pixels."""

    title: str
    summary: str
    table: ChartTable
    measure: str
    columns: Sequence[PlacedColumn]
    marks: Sequence[PlacedMark]
    ticks: Sequence[AxisTick]
    base: int
    height: int
    kind: str = field(default="distribution", init=False)


def bins_of(values: Sequence[float], most: int = MOST_BINS) -> list[HistogramBin]:
    """The values by bins of one round width, at most `most` of them."""
    if not values:
        return []
    marks = round_marks(min(values), max(values), most + 1)
    width = marks[1] - marks[0]
    counts = [0] * (len(marks) - 1)
    for value in values:
        counts[min(max(math.floor((value - marks[0]) / width), 0), len(counts) - 1)] += 1
    return [HistogramBin(marks[at], marks[at + 1], count) for at, count in enumerate(counts)]


def distribution_chart(
    title: str,
    bins: Sequence[HistogramBin],
    percentiles: Percentiles | None = None,
    *,
    here: float | None = None,
    here_label: str = "This claim",
    unit: Unit = Unit.NUMBER,
    measure: str,
    of: str = "claims",
) -> Distribution:
    """The histogram of `bins`, with lines at `percentiles` and at the value `here`.

    `measure` says what the values are, `of` what is counted.
    """
    lines = (
        [] if percentiles is None else [("P50", percentiles.p50), ("P95", percentiles.p95), ("P99", percentiles.p99)]
    )
    marked = [(label, value, "percentile") for label, value in lines]
    if here is not None:
        marked.append((here_label, here, "here"))
    ends = [end for one in bins for end in (one.low, one.high)] + [value for _, value, _ in marked]
    scale = round_marks(min(ends, default=0), max(ends, default=1))
    across = share_of(scale[0], scale[-1])
    base = LABEL * len(marked) + 6 + HEIGHT
    highest = max((one.count for one in bins), default=0)
    columns = []
    for one in bins:
        tall = round(HEIGHT * one.count / highest, 3) if highest else 0.0
        text = f"{unit.full(one.low)} to {unit.full(one.high)}: {one.count:,} {of}"
        x = across(one.low)
        columns.append(PlacedColumn(x, round(across(one.high) - x, 3), round(base - tall, 3), tall, text))
    n = sum(one.count for one in bins)
    rows = [[ChartCell(f"{unit.full(one.low)} to {unit.full(one.high)}"), ChartCell(f"{one.count:,}")] for one in bins]
    rows += [[ChartCell(label), ChartCell(unit.full(value))] for label, value, _ in marked]
    parts = [f"{title}: {measure} of {n:,} {of}", *(f"{label} {unit.full(value)}" for label, value, _ in marked)]
    return Distribution(
        title=title,
        summary="; ".join(parts) + ".",
        table=ChartTable([measure, of.capitalize()], rows, frozenset({1})),
        measure=f"{measure}, n = {n:,}",
        columns=columns,
        marks=[
            PlacedMark(
                x=across(value),
                y=LABEL * row + 13,
                label=f"{label} {unit.full(value)}",
                style=style,
                side="end" if across(value) > 50 else "start",
            )
            for row, (label, value, style) in enumerate(marked)
        ],
        ticks=placed_ticks(scale, across, unit),
        base=base,
        height=base + AXIS,
    )
